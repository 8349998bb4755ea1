//! Every metric that binleaf has, as functions; names and units as the documentation lists them. A series that may be
//! asked for stands on the page from the start, at zero: a rate needs two readings, and the first fault is the one to see.
#![expect(clippy::disallowed_macros, reason = "this module is the one place that names metrics")]

mod tables;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::model::fault::{Class, Stage};

pub use tables::{
    MOST_TABLES, TableCounters, TableMeters, dead_letter, schema_change, snapshot_rows,
};

/// The histogram of operations a batch.
pub const BATCH_OPERATIONS: &str = "binleaf_batch_operations";
/// The histogram of how long the target took for a batch.
pub const BATCH_WRITE_SECONDS: &str = "binleaf_batch_write_seconds";
/// The histogram of how long a change took to be seen.
pub const COMMIT_TO_VISIBLE_SECONDS: &str = "binleaf_commit_to_visible_seconds";

/// Notes a batch that is durable: its operations and how long the target took.
pub fn batch(operations: usize, took: Duration) {
    histogram!(BATCH_OPERATIONS).record(u32::try_from(operations).map_or(f64::MAX, f64::from));
    histogram!(BATCH_WRITE_SECONDS).record(took);
}

/// Notes how long a change took from its commit to being visible in the target.
pub fn commit_to_visible(took: Duration) {
    histogram!(COMMIT_TO_VISIBLE_SECONDS).record(took);
}

/// Counts faults by what they lead to and where they arose.
pub fn error(class: Class, stage: Stage) {
    errors(class, stage).increment(1);
}

fn errors(class: Class, stage: Stage) -> metrics::Counter {
    counter!("binleaf_errors_total", "class" => class.label(), "stage" => stage.label())
}

/// Counts tries after a transient fault.
pub fn retry(stage: Stage) {
    retries(stage).increment(1);
}

fn retries(stage: Stage) -> metrics::Counter {
    counter!("binleaf_retries_total", "stage" => stage.label())
}

/// Counts notices by channel and by what became of them: `sent`, `failed`, `dropped`.
pub fn alert_notice(channel: &'static str, outcome: &'static str) {
    counter!("binleaf_alert_notices_total", "channel" => channel, "outcome" => outcome)
        .increment(1);
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
    /// Whether the source answers.
    pub source_up: bool,
    /// Whether the target answers.
    pub target_up: bool,
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
    /// Whether nothing is applied on purpose.
    pub paused: bool,
    /// Dead letters that are open.
    pub dead_letters_open: u64,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// When this process started.
    pub started_at: SystemTime,
}

/// Sets the gauges that are read on demand.
pub fn live(gauges: &LiveGauges) {
    gauge!("binleaf_up", "side" => "source").set(as_flag(gauges.source_up));
    gauge!("binleaf_up", "side" => "target").set(as_flag(gauges.target_up));
    gauge!("binleaf_lag_seconds").set(gauges.lag.as_secs_f64());
    if let Some(transactions) = gauges.lag_transactions {
        gauge!("binleaf_lag_transactions").set(as_float(transactions));
    }
    gauge!("binleaf_queue_bytes")
        .set(as_float(u64::try_from(gauges.queue_bytes).unwrap_or(u64::MAX)));
    gauge!("binleaf_snapshot_rows_estimated").set(as_float(gauges.snapshot_rows_estimated));
    gauge!("binleaf_checkpoint_age_seconds").set(gauges.checkpoint_age.as_secs_f64());
    gauge!("binleaf_paused").set(as_flag(gauges.paused));
    gauge!("binleaf_dead_letters_open").set(as_float(gauges.dead_letters_open));
    gauge!("binleaf_tasks").set(as_float(u64::try_from(gauges.tasks).unwrap_or(u64::MAX)));
    let started = gauges.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!("binleaf_start_time_seconds").set(started.as_secs_f64());
    for phase in PHASES {
        gauge!("binleaf_phase", "phase" => phase).set(as_flag(phase == gauges.phase));
    }
}

fn as_flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double; 53 bits are plenty")]
const fn as_float(number: u64) -> f64 {
    number as f64
}

/// Says what every metric means, for the page's HELP lines, and puts those on the page that nothing has happened to yet.
pub fn begin() {
    describe_counters();
    describe_histograms();
    describe_gauges();
    tables::begin();
    for stage in Stage::ALL {
        retries(stage).increment(0);
        Class::ALL.into_iter().for_each(|class| errors(class, stage).increment(0));
    }
    for name in [BATCH_OPERATIONS, BATCH_WRITE_SECONDS, COMMIT_TO_VISIBLE_SECONDS] {
        drop(histogram!(name));
    }
    gauge!("binleaf_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn describe_counters() {
    describe_counter!("binleaf_events_total", "Changes received from the source.");
    describe_counter!("binleaf_rows_written_total", "Operations that are durable in the target.");
    describe_counter!("binleaf_snapshot_rows_total", "Rows that the first copy has read.");
    describe_counter!("binleaf_errors_total", "Faults by what they lead to and where they arose.");
    describe_counter!("binleaf_retries_total", "Tries after a transient fault.");
    describe_counter!("binleaf_dead_letters_total", "Changes that could not be written.");
    describe_counter!("binleaf_values_coerced_total", "Values that were coerced by policy.");
    describe_counter!("binleaf_schema_changes_total", "Schema changes seen.");
    describe_counter!(
        "binleaf_alert_notices_total",
        "Notices of alerts, by channel and by what became of them."
    );
}

fn describe_histograms() {
    describe_histogram!(BATCH_OPERATIONS, "Operations of a batch.");
    describe_histogram!(BATCH_WRITE_SECONDS, "How long the target took for a batch.");
    describe_histogram!(
        COMMIT_TO_VISIBLE_SECONDS,
        "From the commit in the source to being visible in the target, for the oldest change of each batch."
    );
}

fn describe_gauges() {
    describe_gauge!("binleaf_up", "Whether a side answers.");
    describe_gauge!("binleaf_lag_seconds", "How far behind the source the target is.");
    describe_gauge!(
        "binleaf_lag_transactions",
        "Transactions that the source has and the target has not."
    );
    describe_gauge!("binleaf_queue_bytes", "Bytes between source and apply loop.");
    describe_gauge!(
        "binleaf_snapshot_rows_estimated",
        "Rows that the server believes the first copy will read."
    );
    describe_gauge!(
        "binleaf_checkpoint_age_seconds",
        "How long ago the mark was saved or found unchanged."
    );
    describe_gauge!("binleaf_phase", "1 for the phase that the pipeline is in.");
    describe_gauge!("binleaf_paused", "Whether nothing is applied on purpose.");
    describe_gauge!("binleaf_dead_letters_open", "Dead letters that are open.");
    describe_gauge!("binleaf_tasks", "Tasks of the runtime that have not ended.");
    describe_gauge!(
        "binleaf_start_time_seconds",
        "When the process started, in seconds since 1970."
    );
    describe_gauge!("binleaf_build_info", "1, with the version of the program.");
}
