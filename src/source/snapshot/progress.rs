//! How far the reading is, for status, metrics, log lines and progress bars.
//!
//! Counts what was read, not what is durable: that is told by the saved progress.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::info;

use crate::{
    model::{
        snapshot::SnapshotState,
        table::{TableName, TableSchema},
    },
    telemetry::metrics,
};

/// The reading of all tables. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    tables: Arc<Mutex<BTreeMap<TableName, TableReading>>>,
}

/// The reading of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableReading {
    /// Rows read, those of earlier starts that were saved included.
    pub rows: u64,
    /// How many rows there may be: the server's estimate, which can be far off, until more were read.
    pub estimated: u64,
    /// When its first range of this start was taken.
    pub started: Option<Instant>,
    /// Whether all of it has been read.
    pub finished: bool,
    /// How long this start's reading took, once it is finished.
    pub took: Duration,
}

impl Progress {
    /// The progress at a start.
    #[must_use]
    pub fn new(tables: &[Arc<TableSchema>], state: &SnapshotState) -> Self {
        let readings = tables.iter().map(|table| {
            let saved = state.tables.get(&table.name.to_string());
            let rows = saved.map_or(0, |progress| progress.rows);
            let reading = TableReading {
                rows,
                estimated: table.estimated_rows.max(rows),
                finished: saved.is_some_and(|progress| progress.complete),
                ..TableReading::default()
            };
            (table.name.clone(), reading)
        });
        Self { tables: Arc::new(Mutex::new(readings.collect())) }
    }

    /// All tables now.
    #[must_use]
    pub fn tables(&self) -> BTreeMap<TableName, TableReading> {
        self.lock().clone()
    }

    /// A range is about to be read; the table's first one begins it.
    pub(super) fn begin(&self, table: &TableName) {
        self.on(table, |reading| {
            if reading.started.is_none() {
                reading.started = Some(Instant::now());
                let TableReading { rows, estimated, .. } = reading;
                info!(operation = "table_started", %table, records_processed = rows, estimated, "reading the table");
            }
        });
    }

    pub(super) fn count(&self, table: &TableName, rows: u64) {
        metrics::snapshot_rows(table, rows);
        self.on(table, |reading| {
            reading.rows += rows;
            reading.estimated = reading.estimated.max(reading.rows);
        });
    }

    /// Takes back rows of a range that will be read again.
    pub(super) fn take_back(&self, table: &TableName, rows: u64) {
        self.on(table, |reading| reading.rows = reading.rows.saturating_sub(rows));
    }

    /// All ranges of the table have been read and sent.
    pub(super) fn finish(&self, table: &TableName) {
        self.on(table, |reading| {
            reading.finished = true;
            reading.estimated = reading.rows;
            reading.took = reading.started.map_or(Duration::ZERO, |started| started.elapsed());
            info!(
                operation = "table_completed",
                %table,
                records_processed = reading.rows,
                duration_seconds = reading.took.as_secs_f64(),
                "the table is read"
            );
        });
    }

    /// A log line for every table that is being read.
    pub(super) fn log(&self) {
        let tables = self.tables();
        let open =
            tables.iter().filter(|(_, reading)| reading.started.is_some() && !reading.finished);
        for (table, TableReading { rows, estimated, .. }) in open {
            info!(operation = "progress", %table, records_processed = rows, estimated, "reading the table");
        }
    }

    fn on(&self, table: &TableName, change: impl FnOnce(&mut TableReading)) {
        if let Some(reading) = self.lock().get_mut(table) {
            change(reading);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TableName, TableReading>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{position::Position, snapshot::TableProgress};

    #[test]
    fn a_range_read_again_is_counted_once() {
        let name = TableName::new("shop", "orders");
        let table = Arc::new(TableSchema { estimated_rows: 8, ..TableSchema::named(name.clone()) });
        let saved = TableProgress { rows: 3, ..TableProgress::default() };
        let tables = BTreeMap::from([(name.to_string(), saved)]);
        let state =
            SnapshotState { start: Position::default(), reads_from: None, end: None, tables };
        let progress = Progress::new(&[table], &state);
        progress.begin(&name);
        progress.count(&name, 4);
        progress.take_back(&name, 4);
        progress.count(&name, 6);
        let reading = &progress.tables()[&name];
        assert_eq!((reading.rows, reading.estimated, reading.finished), (9, 9, false));
        progress.finish(&name);
        assert!(progress.tables()[&name].finished);
    }
}
