//! The vocabulary that flows from the source to the target: cells, tables, changes, positions, writes, faults,
//! and the traits at which the stations meet.
//!
//! Pure by rule: no I/O, no driver, no clock of its own. Nothing here knows MySQL's wire formats or BSON.

pub mod alert;
pub mod audit;
pub mod change;
mod charset;
pub mod fault;
pub mod finding;
pub mod gtid;
pub mod key;
pub mod letter;
pub mod poll;
pub mod port;
pub mod position;
pub mod snapshot;
pub mod state;
pub mod table;
pub mod value;
pub mod write;
