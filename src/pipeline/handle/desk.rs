//! Questions of operators that need the source or the target.
//!
//! Whoever answers them has connections of its own, so that neither the stream nor the apply loop ever waits for one.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::SystemTime};

use serde_json::Value;

use crate::model::{
    audit::AuditEntry,
    fault::Fault,
    table::{TableName, TableSchema},
};

/// An answer that is waited for. It comes or fails within a second, whatever the servers do.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Answers questions. Faults are of the stage of the side that does not answer.
pub trait Desk: fmt::Debug + Send + Sync + 'static {
    /// Connects to the source anew and looks at its tables.
    fn try_source(&self) -> Answer<'_, Arc<SourceSeen>>;

    /// Asks the target whether it answers.
    fn try_target(&self) -> Answer<'_, ()>;

    /// The tables that the settings name, as they are now or were when the source was last asked.
    fn tables(&self) -> Answer<'_, TablesSeen>;

    /// Open dead letters, the newest first.
    fn letters(&self, wish: ListWish) -> Answer<'_, Letters>;

    /// Schema changes, the newest first. Each is an object with the fields of `_sync_schema_changes`, `_id` as `id`.
    fn schema_changes(&self, wish: ListWish) -> Answer<'_, Vec<Value>>;

    /// Keeps that a command was given. Comes back at once; it is written as soon as the target answers.
    fn record(&self, entry: AuditEntry);
}

/// The source, as a new connection finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSeen {
    /// The server that let us in, as `host:port`.
    pub host: String,
    /// The tables that the settings name.
    pub tables: Vec<TableName>,
}

/// Tables, and how old the answer is.
#[derive(Debug)]
pub struct TablesSeen {
    /// The tables.
    pub tables: Arc<Vec<TableView>>,
    /// When the source told of them.
    pub at: SystemTime,
    /// Why nothing newer could be had.
    pub problem: Option<Fault>,
}

/// Which entries of a list are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListWish {
    /// Only those of this table, as `database.table`.
    pub table: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// With the values of rows.
    pub values: bool,
}

/// Open dead letters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Letters {
    /// How many there are of the tables asked for.
    pub total: u64,
    /// Each an object with the fields of `_sync_dead_letters`, `_id` as `id`; `key` and `row` only where values are wanted.
    pub letters: Vec<Value>,
}

/// A table as people see it.
#[derive(Debug, Clone)]
pub struct TableView {
    /// The table with its columns and keys.
    pub schema: Arc<TableSchema>,
    /// The column that tells a row's last change, where one is recognised.
    pub timestamp_column: Option<String>,
    /// `database.collection`; `None` where the table cannot be mapped.
    pub collection: Option<String>,
    /// Why it cannot be copied.
    pub problem: Option<String>,
}
