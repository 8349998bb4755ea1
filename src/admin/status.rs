//! The status as JSON. Names and shapes are a promise to scripts: fields may be added, never renamed.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::{
    model::{position::Position, state::SyncType},
    pipeline::handle::{Report, SnapshotProgress, TableStatus},
};

/// The body of `GET /api/sync/status`.
#[must_use]
pub fn status(report: &Report) -> Value {
    let synced: Vec<&String> =
        report.tables.iter().filter(|(_, table)| is_synced(table)).map(|(name, _)| name).collect();
    let interval = report.schedule.way.polls.then_some(report.schedule.interval);
    json!({
        "sync_enabled": !report.paused,
        "last_sync": last_sync(report).map(time),
        "next_sync": report.schedule.next_run.map(time),
        "sync_interval_minutes": interval.map(minutes),
        "tables_synced": synced,
        "sync_metrics": sync_metrics(report),
        "scheduler": scheduler(report, interval),
        "sync_data": { "total_tables": report.tables.len(), "tables": tables(report) },
        "replication": replication(report),
    })
}

fn last_sync(report: &Report) -> Option<SystemTime> {
    report.schedule.last_run.map(|(at, _)| at).or(report.applied_at)
}

fn minutes(interval: Duration) -> f64 {
    rounded(interval.as_secs_f64() / 60.0)
}

/// What is due, where tables are polled.
fn scheduler(report: &Report, interval: Option<Duration>) -> Value {
    let Some(interval) = interval else {
        return json!({ "running": false, "interval_seconds": null, "jobs": [] });
    };
    let job = json!({
        "id": "sync_job",
        "name": "MySQL to MongoDB sync",
        "next_run_time": report.schedule.next_run.map(time),
    });
    let jobs = if report.schedule.is_on { vec![job] } else { Vec::new() };
    json!({
        "running": report.schedule.is_on,
        "interval_seconds": interval.as_secs(),
        "jobs": jobs,
    })
}

/// The body of `GET /health/ready` while it is not.
#[must_use]
pub fn not_ready(report: &Report) -> Value {
    json!({
        "status": report.phase_name(),
        "paused": report.paused,
        "snapshot": snapshot(&report.snapshot),
        "lag_seconds": report.lag.as_secs_f64(),
        "last_error": last_error(report),
    })
}

fn replication(report: &Report) -> Value {
    json!({
        "mode": if report.schedule.way.polls { "poll" } else { "stream" },
        "mode_reason": report.schedule.way.reason,
        "phase": report.phase_name(),
        "paused": report.paused,
        "lag_seconds": report.lag.as_secs_f64(),
        "lag_transactions": report.lag_transactions,
        "position": report.position.as_ref().map(|position| applied_position(position, report.applied_at)),
        "source_position": report.source_position.as_ref().map(position),
        "queue_bytes": report.queue_bytes,
        "events_per_second": rounded(report.changes_per_second),
        "snapshot": snapshot(&report.snapshot),
        "dead_letters": report.dead_letters(),
        "checkpoint_age_seconds": report.checkpoint_age.as_secs_f64(),
        "last_error": last_error(report),
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": time(report.started_at),
    })
}

fn sync_metrics(report: &Report) -> Value {
    let total: u64 = report.tables.values().map(|table| table.record.records_synced).sum();
    let longest = match &report.schedule.last_run {
        Some((_, took)) => took.as_secs_f64(),
        None => {
            report.tables.values().map(|table| table.record.duration_seconds).fold(0.0, f64::max)
        }
    };
    let diverged = report.dead_letters();
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let success_rate = if total == 0 {
        100.0
    } else {
        100.0 * total.saturating_sub(diverged) as f64 / total as f64
    };
    json!({
        "total_records": total,
        "last_sync_duration": clock(Duration::try_from_secs_f64(longest).unwrap_or_default()),
        "success_rate": rounded(success_rate),
    })
}

fn tables(report: &Report) -> Map<String, Value> {
    report.tables.iter().map(|(name, status)| (name.clone(), table(status))).collect()
}

pub(super) fn table(status: &TableStatus) -> Value {
    let record = &status.record;
    json!({
        "last_sync_time": (record.last_sync_millis > 0).then(|| millis(record.last_sync_millis)),
        "sync_type": match record.sync_type {
            SyncType::Full => "full",
            SyncType::Incremental => "incremental",
            SyncType::Stream => "stream",
        },
        "records_synced": record.records_synced,
        "status": record.status,
        "duration_seconds": rounded(record.duration_seconds),
    })
}

fn is_synced(table: &TableStatus) -> bool {
    table.record.status == "success" || table.record.status.starts_with("diverged")
}

fn applied_position(at: &Position, applied_at: Option<SystemTime>) -> Value {
    let mut value = position(at);
    if let Some(object) = value.as_object_mut() {
        object.insert("applied_at".to_owned(), applied_at.map(time).into());
        let prepared = at.open_xa.as_ref().map_or(0, |open| open.prepared.len());
        object.insert("prepared_xa".to_owned(), prepared.into());
    }
    value
}

fn position(at: &Position) -> Value {
    json!({
        "gtid_set": at.gtid_set.as_ref().map(ToString::to_string),
        "file": at.file,
        "offset": at.offset,
    })
}

fn snapshot(progress: &SnapshotProgress) -> Value {
    json!({
        "tables_done": progress.tables_done,
        "tables_total": progress.tables_total,
        "rows_done": progress.rows_done,
        "rows_estimated": progress.rows_estimated,
        "eta_seconds": progress.eta.map(|left| left.as_secs()),
    })
}

fn last_error(report: &Report) -> Value {
    match &report.last_error {
        None => Value::Null,
        Some(error) => {
            json!({ "message": error.message, "hint": error.hint, "at": time(error.at) })
        }
    }
}

pub(super) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| String::new(), |stamp| format!("{stamp:.3}"))
}

fn millis(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| String::new(), |stamp| format!("{stamp:.3}"))
}

fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

pub(super) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
