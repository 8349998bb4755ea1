//! What is saved in the target so that a restart knows where it was.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{poll::TablePoll, position::Position, snapshot::SnapshotState, table::TableSchema};

/// The state of one pipeline; one document in `_sync_metadata`.
/// What is large and moves seldom is shared: a copy is made for every save.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// What is durable in the target; `None` until the stream has begun.
    pub position: Option<Position>,
    /// When the newest applied transaction was committed, in microseconds since the Unix epoch.
    pub applied_micros: u64,
    /// The first copy; `None` where none was ever begun.
    pub snapshot: Option<Arc<SnapshotState>>,
    /// Whether the stream has passed the position of the snapshot's end, so that the copy is consistent.
    pub consistent: bool,
    /// The schema of every copied table as of `position`, by `database.table`: with
    /// `binlog_row_metadata=MINIMAL` nothing else tells what an old event's columns were called.
    pub schemas: Arc<BTreeMap<String, Arc<TableSchema>>>,
    /// The polling of every table that is polled, by `database.table`; empty where the binlog is followed.
    pub polls: Arc<BTreeMap<String, TablePoll>>,
    /// What was set at run time; `None` where nothing was.
    pub control: Option<Control>,
}

/// What can be set at run time, and is kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Control {
    /// Whether nothing is to be applied.
    pub paused: bool,
    /// Whether passes begin by themselves; by hand they always can.
    pub unscheduled: bool,
    /// Seconds between the beginnings of two passes, where it is not the setting's.
    pub interval_seconds: Option<u64>,
}

impl State {
    /// The first copy, to be changed.
    pub fn snapshot_mut(&mut self) -> Option<&mut SnapshotState> {
        self.snapshot.as_mut().map(Arc::make_mut)
    }

    /// This is a table's schema from here on.
    pub fn remember(&mut self, table: &Arc<TableSchema>) {
        Arc::make_mut(&mut self.schemas).insert(table.name.to_string(), Arc::clone(table));
    }
}

/// Which part of the state changed, so that only that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatePart {
    /// `position` and `applied_micros`.
    Position,
    /// That, and `snapshot` and `consistent`.
    Progress,
    /// Everything.
    All,
}

/// What `_sync_metadata` says of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// `database.table`.
    pub table: String,
    /// `full` while and after the first copy, `stream` once changes have come by the binlog.
    pub sync_type: SyncType,
    /// Rows and changes written since the copy began.
    pub records_synced: u64,
    /// `pending`, `running`, `success`, or `diverged: n` with n open dead letters.
    pub status: String,
    /// How long the first copy of it took.
    pub duration_seconds: f64,
    /// When something was last written, in milliseconds since the Unix epoch; 0 for never.
    pub last_sync_millis: i64,
}

/// How a table was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncType {
    /// By a full copy.
    Full,
    /// By polling.
    Incremental,
    /// By the binlog.
    Stream,
}
