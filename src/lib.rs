//! binleaf copies MySQL into MongoDB and keeps the copy current within milliseconds: one resumable, parallel, lock-free
//! snapshot, then the row-based binlog, for ever; or timestamp columns on a schedule, where the binlog cannot be had.
//!
//! This page is the map. Each folder is a station of the data flow, in this order:
//!
//! ```text
//! config → source (snapshot | binlog | polling) → channel (bounded in bytes) → mapping → apply loop (batch) → sink → checkpoint
//!                          admin (HTTP), alert and telemetry read the pipeline's handle only
//! ```
//!
//! | module | its sole responsibility |
//! |---|---|
//! | [`model`] | the vocabulary: cells, tables, changes, positions, writes, faults, and the traits between stations. Pure |
//! | [`config`] | the settings, from file and environment, all errors told at once. The only reader of the environment |
//! | [`codec`] | bytes ↔ plain Rust: charsets, decimals, JSON, geometry, dates. Pure |
//! | [`source`] | MySQL: connecting, preflight, schemas, the snapshot, the binlog, polling, and questions about single rows |
//! | [`runtime`] | the channel, tasks, waits between tries, calls over HTTP. Knows no station |
//! | [`mapping`] | a row's cells straight into the bytes of a BSON document, by a plan compiled once a table version. Pure |
//! | [`pipeline`] | the apply loop: map, batch, write, and account for what is durable |
//! | [`sink`] | MongoDB: raw commands, and what their errors mean |
//! | [`checkpoint`] | the state documents in the target |
//! | [`alert`] | rules over what the handle tells, and the channels by which people are told |
//! | [`admin`], [`telemetry`] | the HTTP window; log lines and metrics |
//! | [`app`], [`cli`] | build, start, wait, drain; the command line |
//!
//! # What travels
//!
//! The channel carries [`model::change::Message`]: *rows* (a block of encoded rows with the schema that they were written
//! under), *schema changed*, and *mark*. A mark follows the rows that it covers, is emitted only at a transaction's end,
//! a DDL, the end of a snapshot range or of a page of polling, and is saved only after the target said *durable* for
//! everything before it. Nothing else moves a position. That one rule is the whole guarantee: whatever is killed, whenever, the restart reads
//! again from a place that the target is known to have passed, and since every write replaces, sets fields or deletes by
//! key, and never makes a document of fields alone, reading again is harmless.
//!
//! # Invariants
//!
//! * **One value, two decoders.** The snapshot (binary protocol) and the binlog (row image) both produce
//!   [`model::value::Value`], and only the mapping makes documents of it. So the same row is the same document by every
//!   road.
//! * **Nothing is gathered.** Memory is bounded by the channel's bytes, the batch, and the largest single event; a
//!   transaction flows through in pieces, and its mark comes last. Only the rows of an XA transaction wait for its end,
//!   the greater part of them in a file.
//! * **Order per key.** Within a batch a key stands once, the last change winning; batches of the stream are written one
//!   after another.
//! * **A fault has a consequence, not an origin**: [`model::fault::Class`] says whether to try again, keep a dead letter,
//!   or stop. A fault never holds a row value or a secret.
//! * **`model`, `codec` and `mapping` do no I/O**, know no driver and no clock. The pipeline knows the source and the
//!   target only by the traits of [`model::port`]. Tests enforce who may import whom.
//! * **Bytes from the network are hostile.** They are read with checked lengths; there is no `unsafe` and no indexing.
//!
//! # Stopping
//!
//! One token. On a signal the source ends at the next event and drops its sender; the loop drains the channel, writes
//! what is left, saves the last covered mark; then the window closes. What cannot be written in the time allowed is read
//! again after the restart.

pub mod admin;
pub mod alert;
pub mod app;
pub mod checkpoint;
pub mod cli;
pub mod codec;
pub mod config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod mapping;
pub mod model;
pub mod pipeline;
pub mod runtime;
pub mod sink;
pub mod source;
pub mod telemetry;
