//! What `_sync_metadata` and the status page say of each table.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    handle::{TableStatus, pending_record},
    letters::OpenLetters,
};
use crate::model::{
    change::Origin,
    snapshot::TableProgress,
    state::{State, SyncType, TableRecord},
    write::{WriteBatch, WriteCounts, WriteReport},
};

/// The tables' records, and which of them have changed since they were last saved.
#[derive(Debug)]
pub(super) struct TableBook {
    tables: BTreeMap<String, Entry>,
    /// Those that are not shown as they are.
    changed: BTreeSet<String>,
}

#[derive(Debug)]
struct Entry {
    record: TableRecord,
    counts: WriteCounts,
    begun: Option<Instant>,
    dirty: bool,
}

impl TableBook {
    /// The records that an earlier run left.
    pub(super) fn new(records: Vec<TableRecord>, state: &State, letters: &OpenLetters) -> Self {
        let entry = |record: TableRecord| (record.table.clone(), Entry::new(record, false));
        let tables: BTreeMap<_, _> = records.into_iter().map(entry).collect();
        let changed = tables.keys().cloned().collect();
        let mut book = Self { tables, changed };
        book.progressed(state);
        letters.tables().for_each(|table| book.letters_changed(table));
        book
    }

    /// Rows of a batch are durable.
    pub(super) fn landed(&mut self, batch: &WriteBatch, report: &WriteReport) {
        for (index, group) in batch.groups.iter().enumerate() {
            let Some(last) = group.operations.last() else { continue };
            let is_stream = matches!(last.origin, Origin::Stream(_));
            let name = group.table.name.to_string();
            let entry = self.entry(&name);
            let written = group.operations.len().saturating_sub(report.unwritten(index));
            entry.record.records_synced += u64::try_from(written).unwrap_or(u64::MAX);
            entry.counts += report.by_group.get(index).copied().unwrap_or_default();
            entry.record.last_sync_millis = now_millis();
            if is_stream {
                entry.record.sync_type = SyncType::Stream;
            }
            entry.dirty = true;
            self.changed.insert(name);
        }
    }

    /// Brings the records in line with the progress of the first copy.
    pub(super) fn progressed(&mut self, state: &State) {
        for (name, progress) in state.snapshot.iter().flat_map(|snapshot| &snapshot.tables) {
            let entry = self.entry(name);
            if entry.progressed(progress) {
                self.changed.insert(name.clone());
            }
        }
    }

    /// A pass over a table has ended.
    pub(super) fn pass_ended(
        &mut self,
        table: &str,
        sync_type: SyncType,
        status: String,
        seconds: f64,
    ) {
        let entry = self.entry(table);
        entry.record.sync_type = sync_type;
        entry.record.duration_seconds = seconds;
        entry.record.last_sync_millis = now_millis();
        entry.record.status = status;
        entry.dirty = true;
        self.changed.insert(table.to_owned());
    }

    /// A table's letters are others than before.
    pub(super) fn letters_changed(&mut self, table: &str) {
        self.entry(table);
        self.changed.insert(table.to_owned());
    }

    /// The records that changed since the last call.
    pub(super) fn take_dirty(&mut self) -> Vec<TableRecord> {
        let take =
            |entry: &mut Entry| std::mem::take(&mut entry.dirty).then(|| entry.record.clone());
        self.tables.values_mut().filter_map(take).collect()
    }

    /// For the status page: what is not as it was at the last call.
    pub(super) fn take_changed(&mut self, letters: &OpenLetters) -> Vec<(String, TableStatus)> {
        let changed = std::mem::take(&mut self.changed);
        let status = |name: String| {
            let (entry, diverged) = (self.tables.get_mut(&name)?, letters.count(&name));
            entry.diverged(diverged);
            Some((
                name,
                TableStatus { record: entry.record.clone(), counts: entry.counts, diverged },
            ))
        };
        changed.into_iter().filter_map(status).collect()
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        let new = || Entry::new(pending_record(name.to_owned()), true);
        self.tables.entry(name.to_owned()).or_insert_with(new)
    }
}

impl Entry {
    fn new(record: TableRecord, dirty: bool) -> Self {
        Self { record, counts: WriteCounts::default(), begun: None, dirty }
    }

    /// Whether that is new.
    fn progressed(&mut self, progress: &TableProgress) -> bool {
        if self.record.status == "pending" && (progress.rows > 0 || progress.complete) {
            self.begun = Some(Instant::now());
            self.set_status("running".to_owned());
        }
        if self.record.status != "running" {
            return false;
        }
        if let Some(begun) = self.begun {
            self.record.duration_seconds = begun.elapsed().as_secs_f64();
        }
        if progress.complete {
            self.set_status("success".to_owned());
        }
        true
    }

    fn diverged(&mut self, letters: u64) {
        match letters {
            0 if self.record.status.starts_with("diverged") => {
                self.set_status("success".to_owned());
            }
            0 => {}
            count => self.set_status(format!("diverged: {count}")),
        }
    }

    fn set_status(&mut self, status: String) {
        self.dirty |= self.record.status != status;
        self.record.status = status;
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
