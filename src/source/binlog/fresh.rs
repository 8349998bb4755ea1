//! Tables that were copied at a later position than the stream begins at.
//!
//! What happened to such a table before its copy is in the copy already. Applying it again would not be harmless: rows
//! that a TRUNCATE took away would come back, and rows of an older layout could not be read. So the table's changes are
//! passed over until the stream reaches the position that was taken before the copy's first read.

use crate::model::{
    position::{Position, Transaction, file_number},
    table::TableName,
};

/// The tables with the positions taken before their copies' first reads.
#[derive(Debug, Default)]
pub(super) struct Fresh(Vec<(TableName, Position)>);

impl Fresh {
    pub(super) const fn new(tables: Vec<(TableName, Position)>) -> Self {
        Self(tables)
    }

    /// Whether the table's copy holds what this transaction did to it.
    pub(super) fn holds(&self, table: &TableName, transaction: &Transaction) -> bool {
        self.0.iter().any(|(name, position)| name == table && is_before(transaction, position))
    }

    /// Forgets the tables whose copies the stream has reached.
    pub(super) fn pass(&mut self, reached: &Position) {
        self.0.retain(|(_, position)| !reached.covers(position));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether the transaction is covered by the position.
pub(super) fn is_before(transaction: &Transaction, position: &Position) -> bool {
    match (&position.gtid_set, &transaction.gtid) {
        (Some(set), Some(gtid)) => set.contains(gtid),
        _ => {
            let place = (file_number(&transaction.file), transaction.offset);
            place < (file_number(&position.file), position.offset)
        }
    }
}
