//! Counts what is mapped, by table, and tells the metrics in one go: even a counter that is at hand costs more than adding
//! to a number of one's own.

use std::sync::Arc;

use crate::{
    model::{change::ChangeKind, table::TableSchema},
    telemetry::metrics::{TableCounters, TableMeters},
};

const KINDS: [ChangeKind; 4] =
    [ChangeKind::Read, ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete];

/// Changes of one table that are not told yet, and of all since they were last asked for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    meters: TableMeters,
    /// The table that comes now, with its counters.
    table: Option<(Arc<TableSchema>, Arc<TableCounters>)>,
    changes: [u64; KINDS.len()],
    coerced: u64,
    all: u64,
}

impl Tally {
    /// What comes now is of this table.
    pub(super) fn turn_to(&mut self, table: &Arc<TableSchema>) {
        if !self.table.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, table)) {
            self.tell();
            let counters = Arc::clone(self.meters.of(&table.name));
            self.table = Some((Arc::clone(table), counters));
        }
    }

    /// Counts a change.
    pub(super) fn count(&mut self, kind: ChangeKind) {
        let counts = KINDS.iter().zip(&mut self.changes);
        counts.filter(|(known, _)| **known == kind).for_each(|(_, count)| *count += 1);
        self.all += 1;
    }

    /// Counts values that were told as something else than they are.
    pub(super) fn count_coerced(&mut self, values: u32) {
        self.coerced += u64::from(values);
    }

    /// All changes since the last call; the metrics are told of them.
    pub(super) fn take(&mut self) -> u64 {
        self.tell();
        std::mem::take(&mut self.all)
    }

    fn tell(&mut self) {
        let Some((_, counters)) = &self.table else { return };
        for (kind, count) in
            KINDS.into_iter().zip(&mut self.changes).filter(|(_, count)| **count > 0)
        {
            counters.events(kind, std::mem::take(count));
        }
        if self.coerced > 0 {
            counters.values_coerced(std::mem::take(&mut self.coerced));
        }
    }
}
