//! Everything that the handle tells at one moment.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{LastError, Phase, Schedule, Side, SnapshotProgress, TableStatus};
use crate::model::position::Position;

/// Everything that a status page says, at one moment.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it is doing; a side that is away does not change it.
    pub phase: Phase,
    /// The side that is away, if one is.
    pub away: Option<Side>,
    /// Whether the source answers.
    pub source_up: bool,
    /// Whether the target answers.
    pub target_up: bool,
    /// Whether nothing is applied on purpose.
    pub paused: bool,
    /// How changes are had, and when.
    pub schedule: Schedule,
    /// What is durable in the target; `None` until the first copy is whole and its end was passed.
    pub position: Option<Position>,
    /// The source's own position at the last reading.
    pub source_position: Option<Position>,
    /// When something was last applied.
    pub applied_at: Option<SystemTime>,
    /// How far behind the source the target is.
    pub lag: Duration,
    /// Transactions that the source has and the target does not; `None` without GTIDs.
    pub lag_transactions: Option<u64>,
    /// Bytes between source and apply loop.
    pub queue_bytes: usize,
    /// Changes taken a second, over the last seconds.
    pub changes_per_second: f64,
    /// How far the first copy is.
    pub snapshot: SnapshotProgress,
    /// The tables by `database.table`, or by `table` where there is one database only.
    pub tables: BTreeMap<String, TableStatus>,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
    /// How many things have gone wrong since the start, those that were mended by another try among them.
    pub errors: u64,
    /// Operations on their way to the target.
    pub pending_operations: u64,
    /// When this instance started.
    pub started_at: SystemTime,
    /// How long the state has gone unsaved although it changed, or since it was last saved.
    pub checkpoint_age: Duration,
    /// For how long the source keeps its binlog; `None` where that is for ever, or not known.
    pub retention: Option<Duration>,
}

impl Report {
    /// Open dead letters over all tables.
    #[must_use]
    pub fn dead_letters(&self) -> u64 {
        self.tables.values().map(|table| table.diverged).sum()
    }

    /// The phase as the API names it.
    #[must_use]
    pub const fn phase_name(&self) -> &'static str {
        match (self.phase, self.away) {
            (Phase::Stopped, _) => "stopped",
            (Phase::Failed, _) => "failed",
            (_, Some(_)) => "retrying",
            (Phase::Starting, None) => "starting",
            (Phase::Snapshot, None) => "snapshot",
            (Phase::CatchingUp, None) => "catching_up",
            (Phase::Streaming, None) => "streaming",
            (Phase::Polling, None) => "polling",
            (Phase::Idle, None) => "idle",
        }
    }
}
