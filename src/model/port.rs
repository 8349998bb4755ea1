//! The traits at which the stations meet. The pipeline knows the source, the target and the state only by these.

use std::{future::Future, sync::Arc};

use super::{
    change::RowBlock,
    fault::Fault,
    key::{Cursor, SqlValue},
    letter::{DeadLetter, LetterKey},
    position::Transaction,
    state::{State, StatePart, TableRecord},
    table::TableSchema,
    write::{Target, WriteBatch, WriteReport},
};

/// The target: takes batches and answers only once they are durable.
pub trait Sink: Send + Sync + 'static {
    /// Makes ready for a table: its collection and, where rows are told apart by fields, its unique index.
    fn prepare(&self, target: &Target) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes a batch. `Ok` means that every operation that is not in the report's `rejected` is durable under the
    /// configured write concern.
    ///
    /// # Errors
    /// `Transient` when the outcome of some operation is unknown or the target is away: the whole batch may be sent
    /// again, and a command that may still be running is known to be dead first. `Fatal` when no try can help.
    fn write(
        &self,
        batch: Arc<WriteBatch>,
    ) -> impl Future<Output = Result<WriteReport, Fault>> + Send;
}

/// Asks the source about rows, where an event does not say enough.
pub trait RowReader: Send + Sync + 'static {
    /// Whether the table holds a row equal to this one in all columns (null-safe), read when the source already
    /// shows the transaction.
    fn equal_row_left(
        &self,
        table: &TableSchema,
        row: &[SqlValue],
        transaction: &Transaction,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Reads the row of a key anew, when the source already shows the transaction, if one is named: one row at most that
    /// counts, but perhaps one whose key the column's collation only holds for equal. `columns` are those of the key as
    /// positions in the table. `None` where the table is gone.
    fn reread(
        &self,
        table: &Arc<TableSchema>,
        columns: &[usize],
        key: &Cursor,
        transaction: Option<&Transaction>,
    ) -> impl Future<Output = Result<Option<Box<dyn RowBlock>>, Fault>> + Send;
}

/// The saved state.
pub trait Checkpoints: Send + Sync + 'static {
    /// Saves a part of the state under the same write concern as the data. Fails with `Fatal` when another instance
    /// has taken the pipeline over.
    fn save(
        &self,
        state: &State,
        part: StatePart,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Saves what is shown of tables.
    fn save_tables(&self, tables: &[TableRecord])
    -> impl Future<Output = Result<(), Fault>> + Send;

    /// Keeps dead letters; keeping one again changes nothing. Durable when it answers.
    fn keep_letters(
        &self,
        letters: &[DeadLetter],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Removes the letters of rows that have since been written well or deleted.
    fn settle_letters(&self, keys: &[LetterKey]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Records a schema change in `_sync_schema_changes`.
    fn record_schema_change(
        &self,
        change: &SchemaRecord,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What `_sync_schema_changes` says of one change.
#[derive(Debug, Clone)]
pub struct SchemaRecord {
    /// The table's schema before; `None` for a new table.
    pub before: Option<Arc<TableSchema>>,
    /// The table's schema after.
    pub after: Arc<TableSchema>,
    /// The statement's verb and object; no values.
    pub statement: String,
    /// The position, as people read it.
    pub position: String,
    /// What was done about it.
    pub action: &'static str,
}
