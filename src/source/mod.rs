//! The source: connecting, finding out what is there, and reading it.
//!
//! Everything that knows MySQL's SQL and protocol lives here; what leaves is the vocabulary of [`crate::model`].

mod answer;
mod ask;
pub mod binlog;
pub mod connect;
pub mod error;
mod flavour;
mod literal;
mod password;
pub mod polling;
pub mod position;
pub mod preflight;
mod protocol;
pub mod reader;
pub mod schema;
pub mod settled;
pub mod snapshot;
mod tls;
pub mod watch;
mod wire;
mod xid;

pub use connect::Connector;
pub use error::SourceError;
