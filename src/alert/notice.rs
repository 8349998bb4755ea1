//! What is told: everything that a notice knows, before it becomes a text or JSON.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::machine::{Transition, Turn};
use crate::{
    config::alerts::{PIPELINE_FAILED, SCHEMA_CHANGED},
    model::{
        alert::{Limit, Metric, Severity},
        fault::Fault,
    },
    pipeline::handle::{
        LastError, Report,
        runs::{Outcome, Run},
    },
};

/// The name of notices about runs.
pub(super) const RUN: &str = "run";

/// The name of test messages.
pub(super) const TEST: &str = "test";

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// An alert begins.
    Raised,
    /// It lasts.
    Repeated,
    /// It has ended.
    Cleared,
    /// Something has happened that does not last.
    Happened,
    /// Nothing: somebody tries the channel.
    Test,
}

impl Event {
    /// The name that the payload has for it.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Repeated => "repeated",
            Self::Cleared => "cleared",
            Self::Happened => "happened",
            Self::Test => "test",
        }
    }
}

/// Whose notice it is: the same for all of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// `checkpoint.name`.
    pub(super) pipeline: String,
    /// The machine.
    pub(super) host: String,
    /// The databases that are copied.
    pub(super) source: String,
    /// Where to.
    pub(super) target: String,
}

/// A value beside its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) metric: Metric,
    pub(super) value: f64,
    pub(super) limit: Limit,
}

/// A table that a notice names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TableLine {
    pub(super) name: String,
    /// What is with it, in a word.
    pub(super) status: Option<&'static str>,
    /// Documents written or removed, or rows that could not be.
    pub(super) rows: Option<u64>,
    /// How long its pass took, or it was not synced.
    pub(super) took: Option<Duration>,
    pub(super) error: Option<String>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunSummary {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) rows: u64,
    pub(super) successful: usize,
    pub(super) failed: usize,
    pub(super) took: Duration,
}

/// What is known of the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reason {
    pub(super) error: Option<String>,
    pub(super) stage: Option<&'static str>,
    pub(super) hint: Option<String>,
    pub(super) position: Option<String>,
}

/// A notice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    /// The same over all tries to deliver it.
    pub(super) id: String,
    pub(super) event: Event,
    /// The name of its rule.
    pub(super) alert: String,
    pub(super) severity: Severity,
    pub(super) at: SystemTime,
    /// Since when, and for how long, it has been so.
    pub(super) since: Option<(SystemTime, Duration)>,
    pub(super) measured: Option<Measured>,
    pub(super) reason: Reason,
    pub(super) tables: Vec<TableLine>,
    pub(super) run: Option<RunSummary>,
    pub(super) phase: &'static str,
    pub(super) mode: &'static str,
    pub(super) origin: Arc<Origin>,
}

impl Notice {
    fn new(event: Event, alert: &str, severity: Severity, origin: &Arc<Origin>) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            event,
            alert: alert.to_owned(),
            severity,
            at: SystemTime::now(),
            since: None,
            measured: None,
            reason: Reason::default(),
            tables: Vec::new(),
            run: None,
            phase: "",
            mode: "",
            origin: Arc::clone(origin),
        }
    }

    fn seen_in(self, report: &Report) -> Self {
        let mode = if report.schedule.way.polls { "poll" } else { "stream" };
        Self { phase: report.phase_name(), mode, ..self }
    }

    /// A message that says that it is a test.
    pub(super) fn test(origin: &Arc<Origin>) -> Self {
        Self::new(Event::Test, TEST, Severity::Info, origin)
    }

    /// What becomes of an alert.
    pub(super) fn of_transition(
        transition: &Transition,
        report: &Report,
        tables: Vec<TableLine>,
        origin: &Arc<Origin>,
    ) -> Self {
        let Transition { rule, turn, value, since, lasted } = transition;
        let event = match turn {
            Turn::Raised => Event::Raised,
            Turn::Repeated => Event::Repeated,
            Turn::Cleared => Event::Cleared,
        };
        let error = report.last_error.as_ref().filter(|_| *turn != Turn::Cleared);
        let measured = Measured { metric: rule.metric, value: *value, limit: rule.limit };
        Self {
            since: Some((*since, *lasted)),
            measured: Some(measured),
            reason: error
                .filter(|error| is_of(error, *since))
                .map(Reason::from)
                .unwrap_or_default(),
            tables,
            ..Self::new(event, &rule.name, rule.severity, origin).seen_in(report)
        }
    }

    /// A run that has ended.
    pub(super) fn of_run(run: &Run, report: &Report, origin: &Arc<Origin>) -> Self {
        let is_well = run.status() == "success";
        let severity = if is_well { Severity::Info } else { Severity::Error };
        let summary = RunSummary {
            id: run.id.clone(),
            kind: run.kind.label(),
            status: run.status(),
            rows: run.tables.values().map(|table| table.counts).map(rows).sum(),
            successful: run.successful(),
            failed: run.failed(),
            took: run.took(),
        };
        Self {
            reason: Reason { error: run.error.clone(), ..Reason::default() },
            tables: lines(run),
            run: Some(summary),
            ..Self::new(Event::Happened, RUN, severity, origin).seen_in(report)
        }
    }

    /// The pipeline has ended by a fault.
    pub(super) fn of_end(
        fault: &Fault,
        severity: Severity,
        report: &Report,
        origin: &Arc<Origin>,
    ) -> Self {
        let table = fault
            .table
            .as_ref()
            .map(|table| TableLine { name: table.to_string(), ..TableLine::default() });
        Self {
            reason: Reason {
                error: Some(fault.chain()),
                stage: Some(fault.stage.label()),
                hint: fault.hint.as_deref().map(str::to_owned),
                position: fault.position.as_deref().map(str::to_owned),
            },
            tables: table.into_iter().collect(),
            ..Self::new(Event::Happened, PIPELINE_FAILED, severity, origin).seen_in(report)
        }
    }

    /// The schemas of these tables have changed.
    pub(super) fn of_schema_change(
        tables: Vec<String>,
        severity: Severity,
        report: &Report,
        origin: &Arc<Origin>,
    ) -> Self {
        let line = |name| TableLine { name, ..TableLine::default() };
        Self {
            tables: tables.into_iter().map(line).collect(),
            ..Self::new(Event::Happened, SCHEMA_CHANGED, severity, origin).seen_in(report)
        }
    }
}

impl From<&LastError> for Reason {
    fn from(error: &LastError) -> Self {
        let (message, hint) = (error.message.clone(), error.hint.clone());
        Self { error: Some(message), hint, ..Self::default() }
    }
}

/// Whether an error belongs to what has lasted since then. It may have come a little before it.
fn is_of(error: &LastError, since: SystemTime) -> bool {
    const BEFORE: Duration = Duration::from_secs(60);
    error.at + BEFORE >= since
}

const fn rows(counts: crate::model::write::WriteCounts) -> u64 {
    counts.created + counts.updated + counts.deleted
}

fn lines(run: &Run) -> Vec<TableLine> {
    let line = |(name, table): (&String, &crate::pipeline::handle::runs::TableRun)| {
        let (status, error) = match &table.outcome {
            None => ("running", None),
            Some(Outcome::Success) => ("success", None),
            Some(Outcome::Failed { error, .. }) => ("failed", Some(error.clone())),
            Some(Outcome::Skipped { error }) => ("skipped", Some(error.clone())),
        };
        TableLine {
            name: name.clone(),
            status: Some(status),
            rows: Some(rows(table.counts)),
            took: Some(table.took),
            error,
        }
    };
    run.tables.iter().map(line).collect()
}
