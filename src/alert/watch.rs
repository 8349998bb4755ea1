//! The watch: looks at the pipeline's handle once a second, and tells what is to be told. It reads the handle only, and
//! never waits for a channel.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    dispatch::Dispatch,
    machine::{Machine, Moment, Transition},
    notice::{Notice, Origin, TableLine},
    readings::{Health, Memory, Seen},
};
use crate::{
    config::{AlertsConfig, alerts::SCHEMA_CHANGED},
    model::alert::{Metric, Severity},
    pipeline::{Handle, handle::Report},
};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Renders the metrics page.
pub type Page = Arc<dyn Fn() -> String + Send + Sync>;

/// Looks, compares and tells.
pub(super) struct Watch {
    handle: Handle,
    page: Page,
    machine: Machine,
    memory: Memory,
    every_run: bool,
    schema_changes: Option<Severity>,
    last_run: Option<String>,
    pub(super) dispatch: Dispatch,
    pub(super) origin: Arc<Origin>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(
        config: &AlertsConfig,
        handle: Handle,
        page: Page,
        dispatch: Dispatch,
        origin: Arc<Origin>,
    ) -> Self {
        Self {
            handle,
            page,
            machine: Machine::new(config.all_rules(), config.repeat),
            memory: Memory::default(),
            every_run: config.every_run,
            schema_changes: config.event(SCHEMA_CHANGED),
            last_run: None,
            dispatch,
            origin,
        }
    }

    /// Looks until told to stop, and once more then: what a short run came to is told too.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut beat = interval(INTERVAL);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ticked = stop.run_until_cancelled(beat.tick()).await;
            self.look(Moment::now());
            if ticked.is_none() {
                return self;
            }
        }
    }

    fn look(&mut self, now: Moment) {
        let report = self.handle.report();
        self.look_at_runs(&report, now);
        self.look_at_schemas(&report);
        let page = if self.needs_page() { (self.page)() } else { String::new() };
        let health = Health { alive: self.handle.is_alive(), ready: self.handle.is_ready() };
        let seen = Seen { report: &report, health, page: &page, now: now.instant };
        self.memory.note(&seen);
        let memory = &self.memory;
        let transitions = self.machine.look(|rule| memory.value(rule, &seen), now);
        for transition in &transitions {
            let tables = self.tables(transition, &report, now);
            let notice = Notice::of_transition(transition, &report, tables, &self.origin);
            self.dispatch.tell(self.with_run_error(notice, transition));
        }
    }

    fn look_at_runs(&mut self, report: &Report, now: Moment) {
        // What has ended is only copied where something has.
        for run in self.handle.runs_ended_since(self.last_run.as_deref()) {
            self.memory.run_ended(&run, now.instant);
            if self.every_run {
                self.dispatch.tell(Notice::of_run(&run, report, &self.origin));
            }
            self.last_run = Some(run.id);
        }
    }

    fn look_at_schemas(&self, report: &Report) {
        let changed = self.handle.take_schema_changes();
        if let Some(severity) = self.schema_changes.filter(|_| !changed.is_empty()) {
            let notice = Notice::of_schema_change(changed, severity, report, &self.origin);
            self.dispatch.tell(notice);
        }
    }

    /// Whether the last run has failed and was told: by itself, or by an alert that is raised.
    pub(super) fn has_told_of_a_failed_run(&self) -> bool {
        self.memory.failures() > 0
            && (self.every_run || self.machine.is_raised(Metric::TablesFailing))
    }

    fn needs_page(&self) -> bool {
        self.machine.rules().any(|rule| rule.metric.is_counter())
    }

    /// The tables that an alert is about.
    fn tables(&self, transition: &Transition, report: &Report, now: Moment) -> Vec<TableLine> {
        match transition.rule.metric {
            Metric::DeadLetters | Metric::DeadLettersGrown => {
                let diverged = report.tables.iter().filter(|(_, table)| table.diverged > 0);
                let line = |(name, table): (&String, &crate::pipeline::handle::TableStatus)| {
                    let (rows, status) = (Some(table.diverged), Some("not written"));
                    TableLine { rows, status, ..called(name) }
                };
                diverged.map(line).collect()
            }
            Metric::TablesOverdue => {
                let line = |(name, age): (&String, Duration)| TableLine {
                    took: Some(age),
                    status: Some("not synced for"),
                    ..called(name)
                };
                self.memory.overdue(now.instant).map(line).collect()
            }
            Metric::TablesFailing => {
                let line = |(name, error): (&String, &String)| TableLine {
                    error: Some(error.clone()),
                    status: Some("failed"),
                    ..called(name)
                };
                self.memory.failing().iter().map(line).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Where a run has failed as a whole that is the reason.
    fn with_run_error(&self, mut notice: Notice, transition: &Transition) -> Notice {
        if transition.rule.metric == Metric::TablesFailing
            && let Some(error) = self.memory.run_error()
        {
            notice.reason.error = Some(error.to_owned());
        }
        notice
    }
}

fn called(name: &str) -> TableLine {
    TableLine { name: name.to_owned(), ..TableLine::default() }
}
