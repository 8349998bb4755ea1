//! The vocabulary of alerts: what can be measured, where a limit lies, how urgent it is. Pure.

use std::time::Duration;

macro_rules! metrics {
    ($($variant:ident $name:literal $meaning:literal)+) => {
        /// Something that a rule can be about. A state is 1 or 0.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $meaning] $variant),+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that settings and notices have for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it says.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

metrics! {
    TargetUp "target_up" "Whether the target answers."
    SourceUp "source_up" "Whether the source answers."
    Ready "ready" "Whether the copy is whole and being applied."
    Alive "alive" "Whether the apply loop has turned within the last minute."
    Paused "paused" "Whether nothing is applied on purpose."
    LagSeconds "lag_seconds" "How far behind the source the target is; unknown until the first copy is whole."
    LagTransactions "lag_transactions" "Transactions that the source has and the target has not; unknown without GTIDs."
    BinlogRetentionUsed "binlog_retention_used" "The lag as a part of the time for which the source keeps its binlog: at 1 the position is lost."
    CheckpointAgeSeconds "checkpoint_age_seconds" "How long ago the mark was saved or found unchanged."
    QueueBytes "queue_bytes" "Bytes between source and apply loop."
    EventsPerSecond "events_per_second" "Changes taken a second, over the last seconds."
    PendingOperations "pending_operations" "Operations on their way to the target."
    DeadLetters "dead_letters" "Changes that could not be written and are not settled."
    DeadLettersGrown "dead_letters_grown" "How many more of them there are than when binleaf started, or than there were at the fewest since."
    Errors "errors" "Faults since the start, those that another try has mended among them."
    SnapshotRowsEstimated "snapshot_rows_estimated" "Rows that the server believes the first copy will read."
    SnapshotIdleSeconds "snapshot_idle_seconds" "For how long the first copy has not moved; unknown when there is none, and while paused."
    TablesOverdue "tables_overdue" "Polled tables that were not synced for three intervals; unknown while paused, unscheduled or copying."
    TablesFailing "tables_failing" "Tables whose last pass of polling has failed, and one more where the run itself has."
    EventsTotal "events_total" "Changes received from the source since the start."
    RowsWrittenTotal "rows_written_total" "Operations that are durable in the target, since the start."
    SnapshotRowsTotal "snapshot_rows_total" "Rows that the first copy has read since the start."
    ErrorsTotal "errors_total" "Faults of every class and stage since the start."
    RetriesTotal "retries_total" "Tries after a transient fault, since the start."
    DeadLettersTotal "dead_letters_total" "Changes that went to the dead letters since the start."
    ValuesCoercedTotal "values_coerced_total" "Values that were coerced by policy, since the start."
    SchemaChangesTotal "schema_changes_total" "Schema changes since the start."
}

impl Metric {
    /// The metric of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let name = name.strip_prefix("binleaf_").unwrap_or(name);
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }

    /// Whether it is counted on the metrics page only.
    #[must_use]
    pub fn is_counter(self) -> bool {
        self.name().ends_with("_total")
    }
}

/// How urgent something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked at some day soon.
    Warning,
    /// Somebody must act.
    Error,
}

impl Severity {
    /// The name that settings and notices have for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where a value is no longer good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// When it is larger.
    Above(f64),
    /// When it is smaller.
    Below(f64),
}

impl Limit {
    /// Whether a value is past it.
    #[must_use]
    pub fn is_passed(self, value: f64) -> bool {
        match self {
            Self::Above(limit) => value > limit,
            Self::Below(limit) => value < limit,
        }
    }

    /// `above` or `below`.
    #[must_use]
    pub const fn side(self) -> &'static str {
        match self {
            Self::Above(_) => "above",
            Self::Below(_) => "below",
        }
    }

    /// The value that is just good.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Above(limit) | Self::Below(limit) => limit,
        }
    }
}

/// A rule, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What notices call it.
    pub name: String,
    /// What it is about.
    pub metric: Metric,
    /// Where the metric is no longer good.
    pub limit: Limit,
    /// How long it must not be good before the alert is raised.
    pub held: Duration,
    /// How long it must be good again before the alert is cleared.
    pub clear_after: Duration,
    /// How urgent it is.
    pub severity: Severity,
    /// Whether it says nothing where tables are polled.
    pub of_stream: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_name_and_by_that_of_its_page() {
        for metric in Metric::ALL {
            assert_eq!(Metric::find(metric.name()), Some(*metric));
        }
        assert_eq!(Metric::find("binleaf_lag_seconds"), Some(Metric::LagSeconds));
        assert_eq!(Metric::find("lag"), None);
    }

    #[test]
    fn the_page_of_alerts_tells_every_metric() {
        let page = include_str!("../../docs/alerts.md");
        for metric in Metric::ALL {
            let row = format!("| `{}` | {} |", metric.name(), metric.meaning());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_limit_itself_is_good() {
        assert!(Limit::Above(60.0).is_passed(60.1) && !Limit::Above(60.0).is_passed(60.0));
        assert!(Limit::Below(1.0).is_passed(0.0) && !Limit::Below(1.0).is_passed(1.0));
    }
}
