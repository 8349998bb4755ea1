//! The target's side: writes batches to MongoDB, or to what speaks its protocol, and says when they are durable.
//!
//! Commands are raw: their bodies are written once as bytes and carry the write concern and a comment of their own.
//! Every error of every document is read. What is answered `Ok` is durable; what cannot be written is reported with
//! its reason; a write of unknown outcome is never overtaken by a later one.

mod body;
mod codes;
mod command;
mod compare;
mod errors;
mod link;
mod mongo;
mod pages;
pub mod preflight;
mod prepare;
mod redact;
mod reply;
mod round;
mod secret;
mod settle;
#[cfg(test)]
pub(crate) mod testing;

pub use codes::Consequence;
pub use errors::{Problem, SinkError};
pub use link::Link;
pub use mongo::MongoSink;
pub(crate) use pages::first_batch;
pub use prepare::Identified;
pub(crate) use reply::number;
