//! The binlog: every change of the source, in commit order, from a position on.
//!
//! Transport, guarding, parsing and decoding are ours, because a wrong value and a lost transaction must both be
//! impossible without an error, and because the driver's transport copies what it gives several times and inflates a
//! compressed transaction as large as that says it is. Rows leave still encoded and are decoded by whoever takes them.
//!
//! Invariants: a mark is sent behind all rows of its transaction and only when the transaction came whole; an event that
//! is not understood stops the stream unless the protocol marks it ignorable; no bytes from the network cause a panic.

mod alter;
mod arena;
mod cell;
mod defaults;
mod dump;
mod error;
mod event;
#[cfg(test)]
mod fixture;
mod fresh;
mod grown;
mod held;
mod idle;
mod kind;
mod layout;
mod mariadb;
#[cfg(any(feature = "fuzzing", feature = "bench"))]
#[doc(hidden)]
pub mod offline;
mod partial;
mod payload;
mod place;
mod raw;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod recorded;
mod request;
mod rows;
mod statement;
mod stream;
mod table_map;
mod tables;
mod token;
mod transaction;
#[cfg(test)]
mod types_of_mariadb;
mod versioned;

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::wire;
pub use super::wire::Malformed;
pub use error::BinlogError;
pub use held::HELD_IN_MEMORY;

use crate::{
    config::{RetryConfig, SourceConfig},
    model::{
        fault::Fault,
        position::Position,
        table::{TableName, TableSchema},
    },
    runtime::channel::Sender,
    source::{connect::Connector, schema::TableFilter},
};

/// What streaming takes.
#[derive(Debug)]
pub struct StreamJob {
    /// Makes the connections.
    pub connector: Connector,
    /// The source's settings: heartbeat and replica id.
    pub config: SourceConfig,
    /// `limits.event`: the largest event accepted, in bytes.
    pub event_limit: u64,
    /// The position behind which the stream begins; verified by the caller.
    pub start: Position,
    /// The tables that are copied, as they were at that position.
    pub schemas: Vec<Arc<TableSchema>>,
    /// Tables among them that were copied at a later position, taken before their copy's first read: their changes up to
    /// there are in the copy and are passed over.
    pub fresh: Vec<(TableName, Position)>,
    /// The position right before the first copy's first read: an XA transaction that was prepared before the stream
    /// begins and committed up to there is in the copy. `None` where nothing was copied.
    pub copied_to: Option<Position>,
    /// Which other tables are copied once they appear.
    pub filter: TableFilter,
    /// How long to wait between tries.
    pub retry: RetryConfig,
    /// Takes rows, schemas and marks.
    pub sender: Sender,
    /// Ends the stream at the next event.
    pub cancel: CancellationToken,
    /// Is told how the connection is.
    pub link: watch::Sender<Link>,
}

/// How the stream's connection is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// Nothing has come yet.
    #[default]
    Connecting,
    /// Events come, heartbeats at least.
    Connected,
    /// It broke and is being made anew.
    Retrying {
        /// What broke it, with its causes; no values, no secrets.
        message: String,
        /// What the user can do about it.
        hint: Option<String>,
    },
}

/// Streams from the position until cancelled, mending the connection by itself.
///
/// # Errors
/// `Fatal` or `PositionLost` when nothing but a person can help; `Transient` only when `retry.attempts` are used up.
pub async fn run(job: StreamJob) -> Result<(), Fault> {
    let mut tables = tables::Tables::new(job.filter, job.schemas);
    tables.fresh = fresh::Fresh::new(job.fresh);
    let parts = transaction::Parts {
        tables,
        describe: stream::AskSource(job.connector.clone()),
        sender: job.sender,
        event_limit: job.event_limit,
        start: job.start,
        copied_to: job.copied_to,
    };
    let session = stream::Session {
        connector: job.connector,
        replica: request::Replica::new(job.config.server_id),
        config: job.config,
        retry: job.retry,
        assembler: transaction::Assembler::new(parts),
        cancel: job.cancel,
        link: job.link,
    };
    session.run().await
}
