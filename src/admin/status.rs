//! The status as JSON. Names and shapes are a promise to scripts: fields may be added, never renamed.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use utoipa::ToSchema;

use super::form::{Time, modes, phases, rounded, sync_types};
use crate::{
    model::{position::Position, state::SyncType},
    pipeline::handle::{LastError, Report, Side, SnapshotProgress, TableStatus},
};

/// Everything about the pipeline, its tables and its schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Whether changes are applied: not while it is paused.
    sync_enabled: bool,
    /// When the newest run of polling ended, or where the binlog is followed, when something was last applied.
    #[schema(required)]
    last_sync: Option<Time>,
    /// When the next run of polling begins by itself.
    #[schema(required)]
    next_sync: Option<Time>,
    /// From the beginning of a run of polling to that of the next one; null where the binlog is followed.
    #[schema(required)]
    sync_interval_minutes: Option<f64>,
    /// Tables that are copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    tables_synced: Option<Vec<String>>,
    sync_metrics: SyncMetrics,
    scheduler: Scheduler,
    sync_data: SyncData,
    replication: Replication,
    /// False where no instance runs and this is what the last one saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<bool>,
}

/// Sums over all tables.
#[derive(Debug, Serialize, ToSchema)]
struct SyncMetrics {
    /// Documents written since the first copy began.
    total_records: u64,
    /// `hh:mm:ss` of the last run of polling, or of the slowest table of the first copy.
    #[schema(examples("00:02:15"))]
    last_sync_duration: String,
    /// The share of documents that are no open dead letters, in percent.
    success_rate: f64,
}

/// What is due, where tables are polled.
#[derive(Debug, Serialize, ToSchema)]
struct Scheduler {
    /// Whether runs begin by themselves.
    running: bool,
    #[schema(required)]
    interval_seconds: Option<u64>,
    jobs: Vec<Job>,
}

/// Something that is done again and again.
#[derive(Debug, Serialize, ToSchema)]
struct Job {
    id: &'static str,
    name: &'static str,
    #[schema(required)]
    next_run_time: Option<Time>,
}

/// All tables.
#[derive(Debug, Serialize, ToSchema)]
struct SyncData {
    total_tables: usize,
    /// By `table`, or with several databases by `database.table`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<BTreeMap<String, TableState>>,
}

/// What was written of one table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TableState {
    #[schema(required)]
    last_sync_time: Option<Time>,
    /// What wrote last.
    #[schema(schema_with = sync_types)]
    sync_type: &'static str,
    records_synced: u64,
    /// `pending`, `running`, `success`, `failed`, or `diverged` with the number of open dead letters.
    status: String,
    duration_seconds: f64,
}

/// The pipeline.
#[derive(Debug, Serialize, ToSchema)]
struct Replication {
    /// How changes are had.
    #[schema(schema_with = modes)]
    mode: &'static str,
    /// Why tables are polled, where the settings leave it open.
    #[schema(required)]
    mode_reason: Option<String>,
    #[schema(schema_with = phases)]
    phase: &'static str,
    /// `source` or `target`: the side that does not answer, while one does not.
    #[schema(required)]
    waiting_for: Option<&'static str>,
    paused: bool,
    /// How far the target is behind the source: 0 when all that was committed can be read.
    lag_seconds: f64,
    /// Transactions that the source has and the target does not; null where the source counts none.
    #[schema(required)]
    lag_transactions: Option<u64>,
    /// What is durable in the target; null until the first copy is whole and the position at its end has been passed.
    #[schema(required)]
    position: Option<AppliedPlace>,
    /// Where the source was when last asked.
    #[schema(required)]
    source_position: Option<Place>,
    /// Between source and apply loop.
    queue_bytes: usize,
    events_per_second: f64,
    snapshot: Snapshot,
    /// Changes that could not be written and are kept aside.
    dead_letters: u64,
    /// How long the state has gone unsaved although it changed, or since it was last saved.
    checkpoint_age_seconds: f64,
    #[schema(required)]
    last_error: Option<ErrorSeen>,
    version: &'static str,
    started_at: Time,
}

/// The side as the API names it.
const fn side(side: Side) -> &'static str {
    match side {
        Side::Source | Side::Stream => "source",
        Side::Target => "target",
    }
}

/// A place in the source's binlog.
#[derive(Debug, Serialize, ToSchema)]
struct Place {
    /// Null where the source has no GTIDs.
    #[schema(required, examples("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"))]
    gtid_set: Option<String>,
    #[schema(examples("binlog.000004"))]
    file: String,
    offset: u64,
}

/// A place up to which everything is durable.
#[derive(Debug, Serialize, ToSchema)]
struct AppliedPlace {
    #[serde(flatten)]
    place: Place,
    #[schema(required)]
    applied_at: Option<Time>,
    /// XA transactions that are prepared and not yet committed or rolled back.
    prepared_xa: usize,
}

/// How far the first copy is.
#[derive(Debug, Serialize, ToSchema)]
struct Snapshot {
    tables_done: usize,
    tables_total: usize,
    rows_done: u64,
    /// As the source guesses.
    rows_estimated: u64,
    #[schema(required)]
    eta_seconds: Option<u64>,
}

/// The last thing that went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorSeen {
    message: String,
    /// What to do about it.
    #[schema(required)]
    hint: Option<String>,
    at: Time,
}

/// The body of `GET /health/ready` while it is not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotReady {
    #[schema(schema_with = phases)]
    status: &'static str,
    paused: bool,
    snapshot: Snapshot,
    lag_seconds: f64,
    #[schema(required)]
    last_error: Option<ErrorSeen>,
}

impl Status {
    /// As it is at this moment.
    #[must_use]
    pub fn of(report: Report) -> Self {
        let is_synced = |(_, table): &(&String, &TableStatus)| is_synced(table);
        let synced = report.tables.iter().filter(is_synced).map(|(name, _)| name.clone()).collect();
        let interval = report.schedule.way.polls.then_some(report.schedule.interval);
        let last_run = report.schedule.last_run.map(|(at, _)| at);
        Self {
            sync_enabled: !report.paused,
            last_sync: last_run.or(report.applied_at).map(Time::from),
            next_sync: report.schedule.next_run.map(Time::from),
            sync_interval_minutes: interval.map(|span| rounded(span.as_secs_f64() / 60.0)),
            tables_synced: Some(synced),
            sync_metrics: SyncMetrics::of(&report),
            scheduler: Scheduler::of(&report, interval),
            replication: Replication::of(&report),
            sync_data: SyncData {
                total_tables: report.tables.len(),
                tables: Some(
                    report.tables.into_iter().map(|(name, it)| (name, (&it).into())).collect(),
                ),
            },
            running: None,
        }
    }

    /// Without the tables one by one, for whoever asks often: there may be ten thousand.
    #[must_use]
    pub fn without_tables(mut self) -> Self {
        self.tables_synced = None;
        self.sync_data.tables = None;
        self
    }

    /// As an instance that no longer runs has saved it.
    #[must_use]
    pub fn saved(report: Report) -> Self {
        Self { running: Some(false), ..Self::of(report) }
    }
}

impl Scheduler {
    fn of(report: &Report, interval: Option<Duration>) -> Self {
        let running = interval.is_some() && report.schedule.is_on;
        let job = || Job {
            id: "sync_job",
            name: "MySQL to MongoDB sync",
            next_run_time: report.schedule.next_run.map(Time::from),
        };
        let jobs = running.then(job).into_iter().collect();
        Self { running, interval_seconds: interval.map(|span| span.as_secs()), jobs }
    }
}

impl SyncMetrics {
    fn of(report: &Report) -> Self {
        let total: u64 = report.tables.values().map(|table| table.record.records_synced).sum();
        let each = report.tables.values().map(|table| table.record.duration_seconds);
        let longest = match &report.schedule.last_run {
            Some((_, took)) => took.as_secs_f64(),
            None => each.fold(0.0, f64::max),
        };
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let success_rate = if total == 0 {
            100.0
        } else {
            100.0 * total.saturating_sub(report.dead_letters()) as f64 / total as f64
        };
        Self {
            total_records: total,
            last_sync_duration: clock(Duration::try_from_secs_f64(longest).unwrap_or_default()),
            success_rate: rounded(success_rate),
        }
    }
}

impl Replication {
    fn of(report: &Report) -> Self {
        Self {
            mode: if report.schedule.way.polls { "poll" } else { "stream" },
            mode_reason: report.schedule.way.reason.clone(),
            phase: report.phase_name(),
            paused: report.paused,
            lag_seconds: report.lag.as_secs_f64(),
            waiting_for: report.away.map(side),
            lag_transactions: report.lag_transactions,
            position: report.position.as_ref().map(|position| AppliedPlace {
                place: position.into(),
                applied_at: report.applied_at.map(Time::from),
                prepared_xa: position.open_xa.as_ref().map_or(0, |open| open.prepared.len()),
            }),
            source_position: report.source_position.as_ref().map(Place::from),
            queue_bytes: report.queue_bytes,
            events_per_second: rounded(report.changes_per_second),
            snapshot: report.snapshot.into(),
            dead_letters: report.dead_letters(),
            checkpoint_age_seconds: report.checkpoint_age.as_secs_f64(),
            last_error: report.last_error.as_ref().map(ErrorSeen::from),
            version: env!("CARGO_PKG_VERSION"),
            started_at: report.started_at.into(),
        }
    }
}

impl From<&Report> for NotReady {
    fn from(report: &Report) -> Self {
        Self {
            status: report.phase_name(),
            paused: report.paused,
            snapshot: report.snapshot.into(),
            lag_seconds: report.lag.as_secs_f64(),
            last_error: report.last_error.as_ref().map(ErrorSeen::from),
        }
    }
}

impl From<&TableStatus> for TableState {
    fn from(status: &TableStatus) -> Self {
        let record = &status.record;
        Self {
            last_sync_time: (record.last_sync_millis > 0)
                .then(|| Time::of_millis(record.last_sync_millis)),
            sync_type: match record.sync_type {
                SyncType::Full => "full",
                SyncType::Incremental => "incremental",
                SyncType::Stream => "stream",
            },
            records_synced: record.records_synced,
            status: record.status.clone(),
            duration_seconds: rounded(record.duration_seconds),
        }
    }
}

impl From<&Position> for Place {
    fn from(at: &Position) -> Self {
        Self {
            gtid_set: at.gtid_set.as_ref().map(ToString::to_string),
            file: at.file.to_string(),
            offset: at.offset,
        }
    }
}

impl From<SnapshotProgress> for Snapshot {
    fn from(progress: SnapshotProgress) -> Self {
        Self {
            tables_done: progress.tables_done,
            tables_total: progress.tables_total,
            rows_done: progress.rows_done,
            rows_estimated: progress.rows_estimated,
            eta_seconds: progress.eta.map(|left| left.as_secs()),
        }
    }
}

impl From<&LastError> for ErrorSeen {
    fn from(error: &LastError) -> Self {
        Self { message: error.message.clone(), hint: error.hint.clone(), at: error.at.into() }
    }
}

fn is_synced(table: &TableStatus) -> bool {
    table.record.status == "success" || table.record.status.starts_with("diverged")
}

fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
