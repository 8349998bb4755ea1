//! What the channel between source and apply loop carries, in order.
//!
//! A mark follows the rows that it covers. It is emitted only at a transaction's end, a DDL or a range's end, and is
//! saved only after the sink said *durable* for everything before it. That one rule is promise P1.

use std::{fmt, sync::Arc};

use super::{
    fault::Fault,
    poll::PollMark,
    position::{Position, Transaction},
    snapshot::RangeDone,
    table::{TableName, TableSchema},
    value::Value,
};

/// One thing that the channel carries.
#[derive(Debug)]
pub enum Message {
    /// Rows of one table, still encoded.
    Rows(Rows),
    /// A table has a new schema (or is new); the rows behind this message are written under it.
    SchemaChanged(SchemaChanged),
    /// Everything before this is covered by the mark once it is durable.
    Mark(Mark),
}

/// A block of rows of one table, still in the form that the source gave them.
#[derive(Debug)]
pub struct Rows {
    /// The schema that they were written under.
    pub table: Arc<TableSchema>,
    /// Where they come from.
    pub origin: Origin,
    /// The rows; consumed one change at a time.
    pub block: Box<dyn RowBlock>,
    /// What the block holds in memory, in bytes.
    pub bytes: usize,
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Read from the table by the first copy.
    Snapshot,
    /// Read from the table by polling: most of these rows are in the target as they are.
    Poll,
    /// Changed by a transaction.
    Stream(Arc<Transaction>),
    /// To be read again because they have dead letters: what finds their documents is all that is told of them, and the
    /// block is empty.
    Again(Arc<[Vec<u8>]>),
}

/// The block of rows of which nothing is told.
#[derive(Debug, Clone, Copy)]
pub struct NoRows;

impl RowBlock for NoRows {
    fn next_change(&mut self, _: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        Ok(None)
    }
}

/// Encoded rows that are decoded one change at a time.
pub trait RowBlock: Send + Sync + fmt::Debug {
    /// Shows the cells of the next change to the visitor, the before image first, each image in column order, and
    /// moves past it. `None` at the end of the block.
    ///
    /// # Errors
    /// A fault of class `Fatal` when the bytes are not what the table says.
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault>;
}

/// Takes the cells of a change.
pub trait RowVisitor {
    /// Takes one cell. A cell that cannot be mapped is remembered by the visitor; the row is walked to its end.
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>);

    /// Takes the place of a cell that the image does not hold (`binlog_row_image` other than FULL).
    fn absent(&mut self, image: Image, column: usize, absence: Absence);
}

/// What is known of a cell that an image does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The change left it as it was.
    Unchanged,
    /// It may have changed, or its value is not known: only the table itself tells it.
    Untold,
}

/// Which side of a change a cell belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// The row as it was (update, delete).
    Before,
    /// The row as it is (insert, update, read).
    After,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Found by the first copy or by polling.
    Read,
    /// Inserted.
    Insert,
    /// Updated: both images.
    Update,
    /// Deleted: the before image only.
    Delete,
}

impl ChangeKind {
    /// The label that metrics carry.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A table whose schema is new.
#[derive(Debug, Clone)]
pub struct SchemaChanged {
    /// The schema from here on.
    pub table: Arc<TableSchema>,
    /// The verb and object of the statement that changed it, such as `ALTER TABLE shop.orders`; no values.
    pub statement: String,
}

/// A place that may be saved once everything before it is durable. What is rare is boxed: a transaction's mark is moved
/// from hand to hand, and should be small.
#[derive(Debug, Clone)]
pub enum Mark {
    /// XA transactions that were prepared before the first copy's start are settled, and reading begins.
    ReadingBegins {
        /// The position now: everything up to here is visible to all reads of the copy.
        from: Box<Position>,
    },
    /// A range of the first copy has been read.
    Range(Box<RangeDone>),
    /// What the source does not have has been removed from a table's collection.
    Swept {
        /// The table.
        table: TableName,
    },
    /// What a pass of polling tells.
    Poll(Box<PollMark>),
    /// All tables have been read; the position now.
    SnapshotEnded {
        /// Once the stream has passed this, the copy is consistent.
        end: Box<Position>,
    },
    /// The stream begins at this position.
    StreamStarted {
        /// The position.
        position: Box<Position>,
    },
    /// A transaction ended, whether or not it touched a table of ours.
    Transaction {
        /// Which one.
        transaction: Arc<Transaction>,
        /// The offset behind its last event.
        end_offset: u64,
    },
    /// The stream goes on from another server of the same group: file and offset are that server's from here on.
    Server {
        /// Which one, as a position names it.
        server_uuid: String,
    },
    /// An XA transaction was prepared: its rows are held back, and the position leaves it out until it is settled.
    Prepared {
        /// Which one.
        transaction: Arc<Transaction>,
        /// The offset behind its last event.
        end_offset: u64,
    },
    /// A prepared XA transaction was committed, its rows standing before this, or rolled back.
    Settled {
        /// The one that was prepared.
        prepared: Arc<Transaction>,
        /// The one that committed it or rolled it back.
        transaction: Arc<Transaction>,
        /// The offset behind its last event.
        end_offset: u64,
    },
    /// The stream has passed everything up to here, outside a transaction: file heads, rotations, idle times. Moves
    /// file and offset only.
    Passed {
        /// The binlog file.
        file: Arc<str>,
        /// The offset in it, in bytes.
        offset: u64,
    },
}
