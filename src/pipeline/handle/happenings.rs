//! What happens and does not last, for whoever tells people of it; and what is known of the source aside.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Handle;
use crate::model::table::TableName;

/// How many changes wait to be told: where nobody asks the oldest are forgotten.
const MOST_CHANGES: usize = 100;

/// See the module's head.
#[derive(Debug, Default)]
pub(super) struct Happenings {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    schema_changes: VecDeque<String>,
    retention: Option<Duration>,
}

impl Happenings {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// A table's schema has changed.
    pub(in crate::pipeline) fn schema_changed(&self, table: &TableName) {
        let shown = self.shown(&table.to_string());
        let changes = &mut self.shared.happenings.known().schema_changes;
        if changes.len() >= MOST_CHANGES {
            changes.pop_front();
        }
        changes.push_back(shown);
    }

    /// The tables whose schemas have changed since the last call, by the names that people see, the oldest first.
    #[must_use]
    pub fn take_schema_changes(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.happenings.known().schema_changes).into()
    }

    /// For how long the source keeps its binlog.
    pub fn set_retention(&self, kept: Option<Duration>) {
        self.shared.happenings.known().retention = kept;
    }

    pub(super) fn retention(&self) -> Option<Duration> {
        self.shared.happenings.known().retention
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::channel::QueueGauge;

    #[test]
    fn changes_are_told_once_and_the_oldest_are_forgotten() {
        let handle = Handle::new(QueueGauge::default(), false, Some("shop".to_owned()));
        for number in 0..=MOST_CHANGES {
            handle.schema_changed(&TableName::new("shop", format!("t{number}")));
        }
        let told = handle.take_schema_changes();
        assert_eq!((told.len(), told.first().map(String::as_str)), (MOST_CHANGES, Some("t1")));
        assert!(handle.take_schema_changes().is_empty());
    }
}
