//! Every metric that binleaf has, as functions; names and units as the documentation lists them.
#![expect(clippy::disallowed_macros, reason = "this module is the one place that names metrics")]

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::model::fault::{Class, Stage};

/// Counts changes received from the source, by table and kind.
pub fn events(table: &str, operation: &'static str, count: u64) {
    counter!("binleaf_events_total", "table" => table.to_owned(), "op" => operation)
        .increment(count);
}

/// Counts operations that are durable in the target, by table.
pub fn rows_written(table: &str, count: u64) {
    counter!("binleaf_rows_written_total", "table" => table.to_owned()).increment(count);
}

/// Notes a batch that is durable: its operations and how long the target took.
pub fn batch(operations: usize, took: Duration) {
    histogram!("binleaf_batch_operations")
        .record(u32::try_from(operations).map_or(f64::MAX, f64::from));
    histogram!("binleaf_batch_write_seconds").record(took);
}

/// Notes how long a change took from its commit to being visible in the target.
pub fn commit_to_visible(took: Duration) {
    histogram!("binleaf_commit_to_visible_seconds").record(took);
}

/// Counts rows that the first copy has read.
pub fn snapshot_rows(table: &str, count: u64) {
    counter!("binleaf_snapshot_rows_total", "table" => table.to_owned()).increment(count);
}

/// Counts faults by what they lead to and where they arose.
pub fn error(class: Class, stage: Stage) {
    counter!("binleaf_errors_total", "class" => class.label(), "stage" => stage.label())
        .increment(1);
}

/// Counts tries after a transient fault.
pub fn retry(stage: Stage) {
    counter!("binleaf_retries_total", "stage" => stage.label()).increment(1);
}

/// Counts changes that went to the dead letters.
pub fn dead_letters(table: &str, count: u64) {
    counter!("binleaf_dead_letters_total", "table" => table.to_owned()).increment(count);
}

/// Counts values that were coerced by policy, such as zero dates to null.
pub fn values_coerced(table: &str, count: u64) {
    counter!("binleaf_values_coerced_total", "table" => table.to_owned()).increment(count);
}

/// Counts schema changes seen.
pub fn schema_change(table: &str) {
    counter!("binleaf_schema_changes_total", "table" => table.to_owned()).increment(1);
}

/// Counts notices by channel and by what became of them: `sent`, `failed`, `dropped`.
pub fn alert_notice(channel: &'static str, outcome: &'static str) {
    counter!("binleaf_alert_notices_total", "channel" => channel, "outcome" => outcome)
        .increment(1);
}

/// Says whether a side (`source`, `target`) answers.
pub fn up(side: &'static str, is_up: bool) {
    gauge!("binleaf_up", "side" => side).set(f64::from(u8::from(is_up)));
}

/// The phases that `binleaf_phase` has a series for.
pub const PHASES: [&str; 9] = [
    "starting",
    "snapshot",
    "catching_up",
    "streaming",
    "polling",
    "idle",
    "retrying",
    "stopped",
    "failed",
];

/// What is read when the page is asked for rather than counted.
#[derive(Debug, Clone, Copy)]
pub struct LiveGauges {
    /// How far behind the source the target is.
    pub lag: Duration,
    /// Transactions behind; `None` without GTIDs.
    pub lag_transactions: Option<u64>,
    /// Bytes between source and apply loop.
    pub queue_bytes: usize,
    /// Rows that the first copy will have to read.
    pub snapshot_rows_estimated: u64,
    /// How long ago the mark was saved.
    pub checkpoint_age: Duration,
    /// The phase, one of [`PHASES`].
    pub phase: &'static str,
    /// Tasks that have not ended.
    pub tasks: usize,
}

/// Sets the gauges that are read on demand.
pub fn live(gauges: &LiveGauges) {
    gauge!("binleaf_lag_seconds").set(gauges.lag.as_secs_f64());
    if let Some(transactions) = gauges.lag_transactions {
        gauge!("binleaf_lag_transactions").set(as_float(transactions));
    }
    gauge!("binleaf_queue_bytes")
        .set(as_float(u64::try_from(gauges.queue_bytes).unwrap_or(u64::MAX)));
    gauge!("binleaf_snapshot_rows_estimated").set(as_float(gauges.snapshot_rows_estimated));
    gauge!("binleaf_checkpoint_age_seconds").set(gauges.checkpoint_age.as_secs_f64());
    gauge!("binleaf_tasks").set(as_float(u64::try_from(gauges.tasks).unwrap_or(u64::MAX)));
    for phase in PHASES {
        gauge!("binleaf_phase", "phase" => phase).set(f64::from(u8::from(phase == gauges.phase)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double; 53 bits are plenty")]
const fn as_float(number: u64) -> f64 {
    number as f64
}

/// Says what every metric means, for the page's HELP lines.
pub fn describe() {
    describe_counter!("binleaf_events_total", "Changes received from the source.");
    describe_counter!("binleaf_rows_written_total", "Operations that are durable in the target.");
    describe_histogram!("binleaf_batch_operations", "Operations of a batch.");
    describe_histogram!("binleaf_batch_write_seconds", "How long the target took for a batch.");
    describe_histogram!(
        "binleaf_commit_to_visible_seconds",
        "From the commit in the source to being visible in the target, for the oldest change of each batch."
    );
    describe_counter!("binleaf_snapshot_rows_total", "Rows that the first copy has read.");
    describe_gauge!(
        "binleaf_snapshot_rows_estimated",
        "Rows that the server believes the first copy will read."
    );
    describe_counter!("binleaf_errors_total", "Faults by what they lead to and where they arose.");
    describe_counter!("binleaf_retries_total", "Tries after a transient fault.");
    describe_counter!("binleaf_dead_letters_total", "Changes that could not be written.");
    describe_counter!("binleaf_values_coerced_total", "Values that were coerced by policy.");
    describe_counter!("binleaf_schema_changes_total", "Schema changes seen.");
    describe_counter!(
        "binleaf_alert_notices_total",
        "Notices of alerts, by channel and by what became of them."
    );
    describe_gauge!("binleaf_up", "Whether a side answers.");
    describe_gauge!("binleaf_lag_seconds", "How far behind the source the target is.");
    describe_gauge!(
        "binleaf_lag_transactions",
        "Transactions that the source has and the target has not."
    );
    describe_gauge!("binleaf_queue_bytes", "Bytes between source and apply loop.");
    describe_gauge!(
        "binleaf_checkpoint_age_seconds",
        "How long ago the mark was saved or found unchanged."
    );
    describe_gauge!("binleaf_tasks", "Tasks of the runtime that have not ended.");
    describe_gauge!("binleaf_phase", "1 for the phase that the pipeline is in.");
}
