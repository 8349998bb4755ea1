//! The middle of the data flow: takes what the source sends, maps it, writes it in batches, and saves how far the
//! target is durable.
//!
//! The pipeline knows the source, the target and the saved state only by the traits of [`crate::model::port`]. Who
//! wants to watch or steer it (HTTP, alerts, command line) holds a [`handle::Handle`] and nothing else.

pub mod apply;
pub mod batch;
pub mod handle;

mod flight;
mod intake;
mod lanes;
mod ledger;
mod letters;
mod passes;
mod plans;
mod saves;
mod sizing;
mod tables;
mod tally;

pub use apply::{ApplyLoop, Ports, Settings};
pub use handle::Handle;
