//! The values of all metrics at one moment, out of the handle's report and what it said before. Pure.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    model::alert::{Metric, Rule},
    pipeline::handle::{
        Phase, Report,
        runs::{Outcome, Run},
    },
};

/// A polled table is overdue when it was not synced for so many intervals.
const INTERVALS: u32 = 3;

/// The error of a run that was told to stop, which is no failure.
const STOPPED: &str = "stopped";

/// What is seen at one moment.
#[derive(Debug)]
pub(super) struct Seen<'s> {
    /// What the handle tells.
    pub(super) report: &'s Report,
    /// Whether the apply loop turns, and whether the copy is ready.
    pub(super) health: Health,
    /// The metrics page; empty where no rule asks for counters.
    pub(super) page: &'s str,
    /// The clock that only goes forward.
    pub(super) now: Instant,
}

/// What the health routes say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    pub(super) alive: bool,
    pub(super) ready: bool,
}

/// What is remembered from look to look.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The fewest dead letters seen.
    fewest_letters: Option<u64>,
    /// How far the copy was when it last moved, and when that was seen.
    copied: Option<((u64, usize), Instant)>,
    /// When each polled table was last synced.
    synced: BTreeMap<String, Instant>,
    /// Since when runs begin by themselves.
    scheduled_since: Option<Instant>,
    /// What went wrong with tables in their last passes.
    failing: BTreeMap<String, String>,
    /// What went wrong with the last run as a whole.
    run_error: Option<String>,
    /// How long a table may go unsynced.
    patience: Duration,
}

impl Memory {
    /// A run of polling has ended.
    pub(super) fn run_ended(&mut self, run: &Run, now: Instant) {
        if run.error.as_deref() == Some(STOPPED) {
            return;
        }
        self.run_error.clone_from(&run.error);
        for (name, table) in &run.tables {
            match &table.outcome {
                Some(Outcome::Success) => {
                    self.failing.remove(name);
                    self.synced.insert(name.clone(), now);
                }
                Some(Outcome::Failed { error, .. } | Outcome::Skipped { error }) => {
                    self.failing.insert(name.clone(), error.clone());
                    self.synced.entry(name.clone()).or_insert(now);
                }
                None => {}
            }
        }
        if run.whole && run.error.is_none() {
            // Tables that are gone from the source, or from the settings, are nobody's any more.
            self.failing.retain(|name, _| run.tables.contains_key(name));
            self.synced.retain(|name, _| run.tables.contains_key(name));
        }
    }

    /// Tables that failed in their last passes, and the last run if it failed as a whole.
    pub(super) fn failures(&self) -> usize {
        self.failing.len() + usize::from(self.run_error.is_some())
    }

    /// Notes what is to be remembered of a moment.
    pub(super) fn note(&mut self, seen: &Seen<'_>) {
        let Seen { report, now, .. } = *seen;
        if report.phase != Phase::Starting {
            let letters = report.dead_letters();
            self.fewest_letters =
                Some(self.fewest_letters.map_or(letters, |least| least.min(letters)));
        }
        self.copied = is_copying(report).then(|| {
            let progress = (report.snapshot.rows_done, report.snapshot.tables_done);
            match self.copied {
                Some((before, at)) if before == progress => (before, at),
                _ => (progress, now),
            }
        });
        self.scheduled_since = is_scheduled(report).then(|| self.scheduled_since.unwrap_or(now));
        self.patience = report.schedule.interval.saturating_mul(INTERVALS);
    }

    /// The value of a rule's metric; `None` where it is not known.
    pub(super) fn value(&self, rule: &Rule, seen: &Seen<'_>) -> Option<f64> {
        if rule.of_stream && seen.report.schedule.way.polls {
            return None;
        }
        self.metric(rule.metric, seen)
    }

    fn metric(&self, metric: Metric, seen: &Seen<'_>) -> Option<f64> {
        let Seen { report, health, page, now } = *seen;
        Some(match metric {
            Metric::TargetUp => flag(report.target_up),
            Metric::SourceUp => flag(report.source_up),
            Metric::Ready => flag(health.ready),
            Metric::Alive => flag(health.alive),
            Metric::Paused => flag(report.paused),
            Metric::LagSeconds if is_whole(report) => report.lag.as_secs_f64(),
            Metric::LagSeconds => return None,
            Metric::LagTransactions => number(report.lag_transactions?),
            Metric::BinlogRetentionUsed => retention_used(report)?,
            Metric::CheckpointAgeSeconds => report.checkpoint_age.as_secs_f64(),
            Metric::QueueBytes => count(report.queue_bytes),
            Metric::EventsPerSecond => report.changes_per_second,
            Metric::PendingOperations => number(report.pending_operations),
            Metric::DeadLetters => number(report.dead_letters()),
            Metric::DeadLettersGrown => {
                number(report.dead_letters().saturating_sub(self.fewest_letters?))
            }
            Metric::Errors => number(report.errors),
            Metric::SnapshotRowsEstimated => number(report.snapshot.rows_estimated),
            Metric::SnapshotIdleSeconds => {
                now.saturating_duration_since(self.copied?.1).as_secs_f64()
            }
            Metric::TablesOverdue => {
                self.scheduled_since?;
                count(self.overdue(now).count())
            }
            Metric::TablesFailing => count(self.failures()),
            Metric::EventsTotal
            | Metric::RowsWrittenTotal
            | Metric::SnapshotRowsTotal
            | Metric::ErrorsTotal
            | Metric::RetriesTotal
            | Metric::DeadLettersTotal
            | Metric::ValuesCoercedTotal
            | Metric::SchemaChangesTotal => sum(page, metric.name()),
        })
    }

    /// Polled tables that were not synced in time, and for how long not.
    pub(super) fn overdue(&self, now: Instant) -> impl Iterator<Item = (&String, Duration)> {
        let begin = self.scheduled_since.unwrap_or(now);
        let age = move |at: Instant| now.saturating_duration_since(at.max(begin));
        let ages = self.synced.iter().map(move |(name, at)| (name, age(*at)));
        ages.filter(|(_, age)| *age > self.patience)
    }

    /// Tables whose last passes have failed, and why.
    pub(super) const fn failing(&self) -> &BTreeMap<String, String> {
        &self.failing
    }

    /// Why the last run has failed as a whole.
    pub(super) fn run_error(&self) -> Option<&str> {
        self.run_error.as_deref()
    }
}

/// Whether the first copy is whole: before that lag says nothing.
const fn is_whole(report: &Report) -> bool {
    matches!(report.phase, Phase::Streaming | Phase::Polling | Phase::Idle)
}

fn is_copying(report: &Report) -> bool {
    report.phase == Phase::Snapshot && !report.paused
}

/// Whether runs begin by themselves, and every table has its turn in them.
fn is_scheduled(report: &Report) -> bool {
    report.schedule.is_on && !report.paused && matches!(report.phase, Phase::Polling | Phase::Idle)
}

fn retention_used(report: &Report) -> Option<f64> {
    let kept = report.retention.filter(|kept| !kept.is_zero())?;
    (report.phase != Phase::Starting).then(|| report.lag.as_secs_f64() / kept.as_secs_f64())
}

/// The sum over all labels of a counter of the metrics page.
fn sum(page: &str, name: &str) -> f64 {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix("binleaf_")?.strip_prefix(name)?;
        let value = rest.strip_prefix(' ').or_else(|| rest.strip_prefix('{')?.rsplit(' ').next());
        value?.trim().parse().ok()
    };
    page.lines().filter_map(value).fold(0.0, |sum, value| sum + value)
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "it is compared with a limit; 53 bits are plenty")]
const fn number(number: u64) -> f64 {
    number as f64
}

fn count(count: usize) -> f64 {
    number(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
