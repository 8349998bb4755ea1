//! The pipeline as others see it: status out, pause in. Never blocks the apply loop.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;

use crate::{
    model::{
        fault::{Fault, Stage},
        position::Position,
        state::{State, SyncType, TableRecord},
        write::WriteCounts,
    },
    runtime::channel::QueueGauge,
};

pub mod desk;
mod happenings;
mod lag;
pub mod replays;
mod report;
pub mod runs;
mod steering;
mod waits;

use lag::{Core, Reading};

pub use report::Report;
pub use steering::{Schedule, Way};
pub use waits::CopyWish;

/// The apply loop counts as stuck when it has not turned for this long.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// What the pipeline is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting, checking, loading the state.
    Starting,
    /// The first copy is being read.
    Snapshot,
    /// The stream has not yet passed the position at the snapshot's end.
    CatchingUp,
    /// The copy is consistent and kept current.
    Streaming,
    /// A run of polling is under way.
    Polling,
    /// Waiting for the next run of polling.
    Idle,
    /// Ended on purpose.
    Stopped,
    /// Ended by a fault.
    Failed,
}

impl Phase {
    /// Whether both sides were reached and nothing has ended.
    pub(super) const fn is_up(self) -> bool {
        !matches!(self, Self::Starting | Self::Stopped | Self::Failed)
    }
}

/// What is known of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableStatus {
    /// What `_sync_metadata` says of it.
    pub record: TableRecord,
    /// What became of its documents since this start.
    pub counts: WriteCounts,
    /// Open dead letters.
    pub diverged: u64,
}

/// How far the first copy is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SnapshotProgress {
    /// Tables copied.
    pub tables_done: usize,
    /// Tables to copy.
    pub tables_total: usize,
    /// Rows read.
    pub rows_done: u64,
    /// Rows that the server believes there are.
    pub rows_estimated: u64,
    /// Time left at the present rate; `None` when unknown.
    pub eta: Option<Duration>,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What happened, with its causes; free of values and secrets.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// When.
    pub at: SystemTime,
}

/// A side that is away and being tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// MySQL, as asked once a second.
    Source,
    /// MySQL, as the stream's own connection finds it.
    Stream,
    /// MongoDB.
    Target,
}

#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    queue: QueueGauge,
    started: (Instant, SystemTime),
    turned_millis: AtomicU64,
    saved_millis: AtomicU64,
    flying: AtomicU64,
    steering: steering::Steering,
    happenings: happenings::Happenings,
    consistent: watch::Sender<bool>,
    single_database: Option<String>,
}

/// The pipeline's handle. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// A handle of a pipeline that is starting. With a single database its name is left out of the tables' names.
    #[must_use]
    pub fn new(queue: QueueGauge, paused: bool, single_database: Option<String>) -> Self {
        let now = Instant::now();
        let shared = Shared {
            core: Mutex::new(Core::new(now)),
            queue,
            started: (now, SystemTime::now()),
            turned_millis: AtomicU64::new(0),
            saved_millis: AtomicU64::new(0),
            flying: AtomicU64::new(0),
            steering: steering::Steering::new(paused),
            happenings: happenings::Happenings::default(),
            consistent: watch::Sender::new(false),
            single_database,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The handle of a pipeline that is not running, as it was last saved.
    #[must_use]
    pub fn of_saved(
        state: &State,
        records: Vec<TableRecord>,
        single_database: Option<String>,
    ) -> Self {
        let handle = Self::new(QueueGauge::default(), false, single_database);
        handle.durable(state.position.as_ref(), state.applied_micros, state.consistent);
        let table = |record: TableRecord| {
            let counts = WriteCounts::default();
            (record.table.clone(), TableStatus { record, counts, diverged: 0 })
        };
        handle.show_tables(records.into_iter().map(table));
        handle.set_phase(Phase::Stopped);
        handle
    }

    /// The gauge that the channel counts in.
    #[must_use]
    pub fn queue(&self) -> QueueGauge {
        self.shared.queue.clone()
    }

    /// Waits until the stream has passed the end of the first copy, and that is saved.
    pub async fn until_consistent(&self) {
        let mut consistent = self.shared.consistent.subscribe();
        if consistent.wait_for(|known| *known).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the apply loop has turned lately, or waits for its first turn because a side does not answer yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let turned = self.since(&self.shared.turned_millis);
        turned < STUCK_AFTER || self.core().phase == Phase::Starting
    }

    /// Whether the copy is whole and being applied.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let core = self.core();
        let applies = matches!(core.phase, Phase::Streaming | Phase::Polling | Phase::Idle);
        core.consistent && applies && core.away().is_none()
    }

    /// Everything at this moment.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut core = self.core();
        let polled = self.shared.steering.age(self.shared.started.0);
        let lag = polled.unwrap_or_else(|| core.lag());
        Report {
            phase: core.phase,
            away: core.away(),
            source_up: !core.source_away && !core.stream_away,
            target_up: !core.target_away,
            paused: self.shared.steering.is_paused(),
            schedule: self.shared.steering.schedule(),
            position: core.position.clone().filter(|_| core.consistent),
            source_position: core.reading.as_ref().map(|reading| reading.position.clone()),
            applied_at: core.applied_at,
            lag,
            lag_transactions: core.lag_transactions(),
            queue_bytes: self.shared.queue.bytes(),
            changes_per_second: core.rate,
            snapshot: core.snapshot,
            tables: core
                .tables
                .iter()
                .map(|(name, table)| (self.shown(name), table.clone()))
                .collect(),
            last_error: core.last_error.clone(),
            errors: core.errors,
            pending_operations: self.shared.flying.load(Ordering::Relaxed),
            started_at: self.shared.started.1,
            checkpoint_age: self.since(&self.shared.saved_millis),
            retention: self.retention(),
        }
    }

    /// The pipeline goes over to another phase.
    pub fn set_phase(&self, phase: Phase) {
        let mut core = self.core();
        core.phase = phase;
        if matches!(phase, Phase::Stopped | Phase::Failed) {
            self.give_up_wait("it has stopped");
        }
    }

    /// The first copy has come this far.
    pub fn set_snapshot(&self, progress: SnapshotProgress) {
        self.core().snapshot = progress;
    }

    /// A fault that ended or held up something.
    pub fn set_error(&self, fault: &Fault) {
        self.set_last_error(fault.chain(), fault.hint.as_deref().map(str::to_owned));
    }

    /// What held something up, in words that are free of values and secrets.
    pub fn set_last_error(&self, message: String, hint: Option<String>) {
        let mut core = self.core();
        core.last_error = Some(LastError { message, hint, at: SystemTime::now() });
        core.errors += 1;
    }

    /// A side is away, or is back.
    pub fn set_away(&self, side: Side, is_away: bool) {
        let mut core = self.core();
        match side {
            Side::Source => core.source_away = is_away,
            Side::Stream => core.stream_away = is_away,
            Side::Target => core.target_away = is_away,
        }
    }

    /// The source's own position was read; `asked_at` is when the question was sent.
    pub fn source_read(&self, asked_at: Instant, position: Position) {
        let mut core = self.core();
        core.note_covered();
        core.reading = Some(Reading { at: asked_at, position });
        core.note_covered();
        self.settle_wait(&core);
    }

    /// Refreshes the rate of changes; called once a second.
    pub fn tick(&self) {
        let mut core = self.core();
        let (at, count) = core.rated;
        let elapsed = at.elapsed().as_secs_f64();
        if elapsed > 0.0 {
            let fresh = u32::try_from(core.changes - count).map_or(f64::MAX, f64::from) / elapsed;
            core.rate =
                if fresh == 0.0 && core.rate < 0.1 { 0.0 } else { core.rate * 0.5 + fresh * 0.5 };
            core.rated = (Instant::now(), core.changes);
        }
    }

    /// The apply loop has turned.
    pub(super) fn turned(&self) {
        self.stamp(&self.shared.turned_millis);
    }

    /// The state is saved.
    pub(super) fn saved(&self) {
        self.stamp(&self.shared.saved_millis);
    }

    /// Operations are on their way to the target.
    pub(super) fn departed(&self, operations: usize) {
        self.shared.flying.fetch_add(as_count(operations), Ordering::Relaxed);
    }

    /// Operations that were on their way are durable.
    pub(super) fn landed(&self, operations: usize) {
        self.shared.flying.fetch_sub(as_count(operations), Ordering::Relaxed);
    }

    /// Changes were taken.
    pub(super) fn add_changes(&self, count: u64) {
        self.core().changes += count;
    }

    /// The target is durable up to here.
    pub(super) fn durable(
        &self,
        position: Option<&Position>,
        committed_micros: u64,
        consistent: bool,
    ) {
        let mut core = self.core();
        if core.position.as_ref() != position {
            core.position = position.cloned();
            core.applied_at = Some(SystemTime::now());
        }
        core.last_commit_micros = committed_micros;
        core.consistent = consistent;
        if consistent && core.phase == Phase::CatchingUp {
            core.phase = Phase::Streaming;
        }
        core.note_covered();
        self.settle_wait(&core);
        drop(core);
        self.shared
            .consistent
            .send_if_modified(|known| std::mem::replace(known, consistent) != consistent);
    }

    /// What is new of tables.
    pub(super) fn show_tables(&self, tables: impl IntoIterator<Item = (String, TableStatus)>) {
        self.core().tables.extend(tables);
    }

    /// Whether anything is known of a table, named as `database.table`.
    #[must_use]
    pub fn knows(&self, table: &str) -> bool {
        self.core().tables.contains_key(table)
    }

    /// A table's name as people see it.
    #[must_use]
    pub fn shown(&self, table: &str) -> String {
        let database = self.shared.single_database.as_deref();
        let bare = database.and_then(|database| table.strip_prefix(database)?.strip_prefix('.'));
        bare.unwrap_or(table).to_owned()
    }

    /// The table that people call so, as `database.table`.
    #[must_use]
    pub fn full_name(&self, shown: &str) -> String {
        match self.shared.single_database.as_deref() {
            Some(database) if self.shown(shown) == shown => format!("{database}.{shown}"),
            _ => shown.to_owned(),
        }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.shared.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self, millis: &AtomicU64) {
        let elapsed = self.shared.started.0.elapsed().as_millis();
        millis.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn since(&self, millis: &AtomicU64) -> Duration {
        self.shared
            .started
            .0
            .elapsed()
            .saturating_sub(Duration::from_millis(millis.load(Ordering::Relaxed)))
    }
}

fn as_count(operations: usize) -> u64 {
    u64::try_from(operations).unwrap_or(u64::MAX)
}

/// The record of a table of which nothing was written yet.
#[must_use]
pub fn pending_record(table: String) -> TableRecord {
    TableRecord {
        table,
        sync_type: SyncType::Full,
        records_synced: 0,
        status: "pending".to_owned(),
        duration_seconds: 0.0,
        last_sync_millis: 0,
    }
}

/// The side that a fault's stage belongs to.
#[must_use]
pub const fn side_of(stage: Stage) -> Side {
    match stage {
        Stage::Sink | Stage::Checkpoint => Side::Target,
        Stage::Config
        | Stage::Source
        | Stage::Snapshot
        | Stage::Binlog
        | Stage::Mapping
        | Stage::Runtime => Side::Source,
    }
}

#[cfg(test)]
mod tests;
