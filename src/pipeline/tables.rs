//! What `_sync_metadata` and the status page say of each table.

use std::{
    collections::BTreeMap,
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
    write::WriteBatch,
};

/// The tables' records, and which of them have changed since they were last saved.
#[derive(Debug)]
pub(super) struct TableBook {
    tables: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    record: TableRecord,
    begun: Option<Instant>,
    dirty: bool,
}

impl TableBook {
    /// The records that an earlier run left.
    pub(super) fn new(records: Vec<TableRecord>) -> Self {
        let entry = |record: TableRecord| {
            (record.table.clone(), Entry { record, begun: None, dirty: false })
        };
        Self { tables: records.into_iter().map(entry).collect() }
    }

    /// Rows of a batch are durable.
    pub(super) fn landed(&mut self, batch: &WriteBatch, refused: impl Fn(usize) -> usize) {
        for (index, group) in batch.groups.iter().enumerate() {
            let Some(last) = group.operations.last() else { continue };
            let is_stream = matches!(last.origin, Origin::Stream(_));
            let entry = self.entry(&group.table.name.to_string());
            let written = group.operations.len().saturating_sub(refused(index));
            entry.record.records_synced += u64::try_from(written).unwrap_or(u64::MAX);
            entry.record.last_sync_millis = now_millis();
            if is_stream {
                entry.record.sync_type = SyncType::Stream;
            }
            entry.dirty = true;
        }
    }

    /// Brings every record in line with the progress of the first copy and the open letters.
    pub(super) fn refresh(&mut self, state: &State, letters: &OpenLetters) {
        for (name, progress) in state.snapshot.iter().flat_map(|snapshot| &snapshot.tables) {
            self.entry(name).progressed(progress);
        }
        for (name, entry) in &mut self.tables {
            let is_diverged = entry.record.status.starts_with("diverged");
            match letters.count(name) {
                0 if is_diverged => entry.set_status("success".to_owned()),
                0 => {}
                count => entry.set_status(format!("diverged: {count}")),
            }
        }
    }

    /// The records that changed since the last call.
    pub(super) fn take_dirty(&mut self) -> Vec<TableRecord> {
        let take =
            |entry: &mut Entry| std::mem::take(&mut entry.dirty).then(|| entry.record.clone());
        self.tables.values_mut().filter_map(take).collect()
    }

    /// All tables for the status page.
    pub(super) fn statuses(&self, letters: &OpenLetters) -> BTreeMap<String, TableStatus> {
        let status = |(name, entry): (&String, &Entry)| {
            (
                name.clone(),
                TableStatus { record: entry.record.clone(), diverged: letters.count(name) },
            )
        };
        self.tables.iter().map(status).collect()
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        let new = || Entry { record: pending_record(name.to_owned()), begun: None, dirty: true };
        self.tables.entry(name.to_owned()).or_insert_with(new)
    }
}

impl Entry {
    fn progressed(&mut self, progress: &TableProgress) {
        if self.record.status == "pending" && (progress.rows > 0 || progress.complete) {
            self.begun = Some(Instant::now());
            self.set_status("running".to_owned());
        }
        if self.record.status != "running" {
            return;
        }
        if let Some(begun) = self.begun {
            self.record.duration_seconds = begun.elapsed().as_secs_f64();
        }
        if progress.complete {
            self.set_status("success".to_owned());
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
