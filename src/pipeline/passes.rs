//! What became of the rows that were read from tables, by table, until a barrier asks after it.

use std::collections::HashMap;

use crate::model::{
    change::Origin,
    table::TableName,
    write::{WriteBatch, WriteCounts, WriteReport},
};

/// The account of passes that are under way.
#[derive(Debug, Default)]
pub(super) struct Passes {
    by_table: HashMap<TableName, WriteCounts>,
}

impl Passes {
    /// A batch is durable.
    pub(super) fn landed(&mut self, batch: &WriteBatch, report: &WriteReport) {
        for (group, counts) in batch.groups.iter().zip(&report.by_group) {
            let is_read = |origin: &Origin| matches!(origin, Origin::Snapshot | Origin::Poll);
            if group.operations.last().is_some_and(|last| is_read(&last.origin)) {
                self.add(&group.table.name, *counts);
            }
        }
    }

    /// Documents of rows that are gone were removed.
    pub(super) fn removed(&mut self, table: &TableName, count: usize) {
        let deleted = u64::try_from(count).unwrap_or(u64::MAX);
        self.add(table, WriteCounts { deleted, ..WriteCounts::default() });
    }

    /// What became of a table's rows since the last call.
    pub(super) fn take(&mut self, table: &TableName) -> WriteCounts {
        self.by_table.remove(table).unwrap_or_default()
    }

    fn add(&mut self, table: &TableName, counts: WriteCounts) {
        match self.by_table.get_mut(table) {
            Some(known) => *known += counts,
            None => drop(self.by_table.insert(table.clone(), counts)),
        }
    }
}
