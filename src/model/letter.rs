//! Dead letters: changes that cannot be written, kept with their reason.

use super::{position::Transaction, table::TableName};

/// A change that could not be written.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The table that the row belongs to.
    pub table: TableName,
    /// The filter document that would have found the row (BSON), the letter's key.
    pub key: Vec<u8>,
    /// What was to be done: `insert`, `replace` or `delete`.
    pub operation: &'static str,
    /// The transaction; `None` for a row of the first copy.
    pub transaction: Option<std::sync::Arc<Transaction>>,
    /// Why it cannot be written, without values.
    pub reason: String,
    /// The target's error code, or 0.
    pub code: i32,
    /// The row as a BSON document, as far as [`DeadLetter::MAX_ROW_BYTES`] goes.
    pub row: Vec<u8>,
    /// Whether the row was read again because of a letter that it has: then that one is brought up to date.
    pub is_again: bool,
}

impl DeadLetter {
    /// The most that is kept of a row, in bytes.
    pub const MAX_ROW_BYTES: usize = 1 << 20;

    /// What names this letter.
    #[must_use]
    pub fn name(&self) -> LetterKey {
        LetterKey { table: self.table.to_string(), key: self.key.clone() }
    }
}

/// Names an open letter: the row that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LetterKey {
    /// The table as `database.table`.
    pub table: String,
    /// The filter document (BSON).
    pub key: Vec<u8>,
}
