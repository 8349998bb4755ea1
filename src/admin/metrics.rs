//! The metrics page: what the stations counted, and what the handle says now.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{
    pipeline::Handle,
    telemetry::metrics::{self, LiveGauges},
};

/// Bounds of how long the target takes for a batch, in seconds: a write that takes longer than a minute has been given up.
const WRITE_SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
    30.0, 60.0,
];

/// Bounds of how long a change takes to be seen, in seconds: milliseconds on a quiet day, hours behind a side that was away.
const VISIBLE_SECONDS: &[f64] = &[
    0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0, 14_400.0,
];

/// Bounds of the histogram of batch sizes; a batch grows to four times `batch.operations`.
const OPERATIONS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

/// Renders the page.
#[derive(Clone)]
pub struct MetricsPage {
    recorder: PrometheusHandle,
}

impl std::fmt::Debug for MetricsPage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MetricsPage").finish_non_exhaustive()
    }
}

impl MetricsPage {
    /// Starts counting, for the whole process.
    ///
    /// # Errors
    /// When counting was started before.
    pub fn install() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(whole(metrics::BATCH_WRITE_SECONDS), WRITE_SECONDS)?
            .set_buckets_for_metric(whole(metrics::COMMIT_TO_VISIBLE_SECONDS), VISIBLE_SECONDS)?
            .set_buckets_for_metric(whole(metrics::BATCH_OPERATIONS), OPERATIONS)?
            .install_recorder()?;
        metrics::begin();
        Ok(Self { recorder })
    }

    /// Gives back memory of old samples; called once a second.
    pub fn upkeep(&self) {
        self.recorder.run_upkeep();
    }

    /// The page in the text format of Prometheus.
    #[must_use]
    pub fn render(&self, handle: &Handle) -> String {
        let report = handle.report();
        metrics::live(&LiveGauges {
            source_up: report.source_up,
            target_up: report.target_up,
            lag: report.lag,
            lag_transactions: report.lag_transactions,
            queue_bytes: report.queue_bytes,
            snapshot_rows_estimated: report.snapshot.rows_estimated,
            checkpoint_age: report.checkpoint_age,
            phase: report.phase_name(),
            paused: report.paused,
            started_at: report.started_at,
            dead_letters_open: report.dead_letters(),
            tasks: tokio::runtime::Handle::try_current()
                .map_or(0, |runtime| runtime.metrics().num_alive_tasks()),
        });
        self.recorder.render()
    }
}

fn whole(name: &str) -> Matcher {
    Matcher::Full(name.to_owned())
}
