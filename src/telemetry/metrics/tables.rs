//! Counters by table, of a bounded number of tables.
//!
//! The first [`MOST_TABLES`] tables that anything happens to have series of their own; the others share `table="other"`, so
//! that a source of ten thousand tables does not make a page of a hundred thousand lines. Whoever counts in a loop keeps a
//! [`TableMeters`]: finding a table's counters there takes no lock and makes no text.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use metrics::{Counter, counter};
use tracing::info;

use crate::model::{change::ChangeKind, table::TableName};

/// How many tables have series of their own.
pub const MOST_TABLES: usize = 200;

/// The label of all others. A table's own label has a dot in it.
const OTHER: &str = "other";

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::default);

/// The counters of one table, or of all that have none of their own.
#[derive(Debug, Clone)]
pub struct TableCounters {
    read: Counter,
    inserted: Counter,
    updated: Counter,
    deleted: Counter,
    written: Counter,
    copied: Counter,
    dead_letters: Counter,
    coerced: Counter,
    schema_changes: Counter,
}

impl TableCounters {
    fn labelled(table: &str) -> Self {
        let events = |kind: ChangeKind| counter!("binleaf_events_total", "table" => table.to_owned(), "op" => kind.label());
        Self {
            read: events(ChangeKind::Read),
            inserted: events(ChangeKind::Insert),
            updated: events(ChangeKind::Update),
            deleted: events(ChangeKind::Delete),
            written: counter!("binleaf_rows_written_total", "table" => table.to_owned()),
            copied: counter!("binleaf_snapshot_rows_total", "table" => table.to_owned()),
            dead_letters: counter!("binleaf_dead_letters_total", "table" => table.to_owned()),
            coerced: counter!("binleaf_values_coerced_total", "table" => table.to_owned()),
            schema_changes: counter!("binleaf_schema_changes_total", "table" => table.to_owned()),
        }
    }

    /// Counts changes received from the source.
    pub fn events(&self, kind: ChangeKind, count: u64) {
        match kind {
            ChangeKind::Read => &self.read,
            ChangeKind::Insert => &self.inserted,
            ChangeKind::Update => &self.updated,
            ChangeKind::Delete => &self.deleted,
        }
        .increment(count);
    }

    /// Counts operations that are durable in the target.
    pub fn rows_written(&self, count: u64) {
        self.written.increment(count);
    }

    /// Counts values that were coerced by policy, such as zero dates to null.
    pub fn values_coerced(&self, count: u64) {
        self.coerced.increment(count);
    }
}

/// Counts rows that the first copy has read.
pub fn snapshot_rows(table: &TableName, count: u64) {
    REGISTRY.of(table).copied.increment(count);
}

/// Counts a change that went to the dead letters.
pub fn dead_letter(table: &TableName) {
    REGISTRY.of(table).dead_letters.increment(1);
}

/// Counts a schema change.
pub fn schema_change(table: &TableName) {
    REGISTRY.of(table).schema_changes.increment(1);
}

/// Puts the series of all other tables on the page, so that every name stands there from the start.
pub(super) fn begin() {
    drop(REGISTRY.other());
}

/// What has been given out to whom.
#[derive(Debug, Default)]
struct Registry {
    given: RwLock<Given>,
}

#[derive(Debug, Default)]
struct Given {
    own: HashMap<TableName, Arc<TableCounters>>,
    other: Option<Arc<TableCounters>>,
    /// Whether it was told that tables share series.
    is_told: bool,
}

impl Registry {
    /// The table's counters.
    fn of(&self, table: &TableName) -> Arc<TableCounters> {
        let given = self.given.read().unwrap_or_else(PoisonError::into_inner);
        let known = given.own.get(table).cloned();
        drop(given);
        known.unwrap_or_else(|| self.give(table))
    }

    fn give(&self, table: &TableName) -> Arc<TableCounters> {
        let mut given = self.given.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.own.get(table) {
            return Arc::clone(known);
        }
        if given.own.len() >= MOST_TABLES {
            return given.share();
        }
        let counters = Arc::new(TableCounters::labelled(&table.to_string()));
        given.own.insert(table.clone(), Arc::clone(&counters));
        counters
    }

    fn other(&self) -> Arc<TableCounters> {
        self.given.write().unwrap_or_else(PoisonError::into_inner).other()
    }

    /// All tables with counters of their own, once there will be no more of them.
    fn settled(&self) -> Option<HashMap<TableName, Arc<TableCounters>>> {
        let given = self.given.read().unwrap_or_else(PoisonError::into_inner);
        (given.own.len() >= MOST_TABLES).then(|| given.own.clone())
    }
}

impl Given {
    fn other(&mut self) -> Arc<TableCounters> {
        let other = || Arc::new(TableCounters::labelled(OTHER));
        Arc::clone(self.other.get_or_insert_with(other))
    }

    fn share(&mut self) -> Arc<TableCounters> {
        if !std::mem::replace(&mut self.is_told, true) {
            info!(
                "more than {MOST_TABLES} tables: further ones share the metrics of table=\"{OTHER}\""
            );
        }
        self.other()
    }
}

/// The counters that one task has met.
#[derive(Debug)]
pub struct TableMeters {
    registry: &'static Registry,
    known: HashMap<TableName, Arc<TableCounters>>,
    other: Arc<TableCounters>,
    /// Whether a table that is not among the known ones has none of its own.
    is_settled: bool,
}

impl Default for TableMeters {
    fn default() -> Self {
        Self::of_registry(&REGISTRY)
    }
}

impl TableMeters {
    fn of_registry(registry: &'static Registry) -> Self {
        Self { registry, known: HashMap::new(), other: registry.other(), is_settled: false }
    }

    /// The table's counters.
    pub fn of(&mut self, table: &TableName) -> &Arc<TableCounters> {
        if !self.is_settled && !self.known.contains_key(table) {
            self.meet(table);
        }
        self.known.get(table).unwrap_or(&self.other)
    }

    fn meet(&mut self, table: &TableName) {
        let counters = self.registry.of(table);
        match self.registry.settled() {
            Some(all) => {
                self.known = all;
                self.is_settled = true;
            }
            None => drop(self.known.insert(table.clone(), counters)),
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn table(number: usize) -> TableName {
        TableName::new("shop", format!("t{number}"))
    }

    fn leaked() -> &'static Registry {
        Box::leak(Box::default())
    }

    #[test]
    fn the_first_tables_have_series_of_their_own_and_the_others_share_one() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let mut meters = TableMeters::of_registry(leaked());
            for number in (0..MOST_TABLES + 50).chain(0..MOST_TABLES + 50) {
                meters.of(&table(number)).rows_written(1);
            }
        });
        let text = page.render();
        let written = |label: &str| format!("binleaf_rows_written_total{{table=\"{label}\"}}");
        assert_eq!(text.matches("binleaf_rows_written_total{").count(), MOST_TABLES + 1);
        assert!(text.contains(&format!("{} 2\n", written("shop.t199"))), "{text}");
        assert!(text.contains(&format!("{} 100\n", written("other"))), "{text}");
        assert!(!text.contains("shop.t200"), "{text}");
    }

    #[test]
    fn tasks_that_met_other_tables_first_agree_on_who_has_counters_of_its_own() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let registry = leaked();
            let (mut one, mut two) =
                (TableMeters::of_registry(registry), TableMeters::of_registry(registry));
            for number in 0..MOST_TABLES {
                let meters = if number % 2 == 0 { &mut one } else { &mut two };
                meters.of(&table(number));
            }
            for number in 0..MOST_TABLES + 10 {
                assert!(Arc::ptr_eq(one.of(&table(number)), two.of(&table(number))), "{number}");
                let is_shared = Arc::ptr_eq(one.of(&table(number)), &registry.other());
                assert_eq!(is_shared, number >= MOST_TABLES, "{number}");
            }
        });
    }
}
