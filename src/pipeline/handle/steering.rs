//! Steering: pause, interval and schedule, which are kept over a restart; runs of polling, and whoever waits for them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, watch};

use super::{
    Handle,
    replays::Replay,
    runs::{Outcome, Refusal, Run, RunBook, RunKind, RunRequest, TableRun},
    waits::{CopyWish, Wait},
};
use crate::model::{
    state::Control,
    table::{TableName, is_called},
    write::WriteCounts,
};

/// How changes are had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Way {
    /// Whether tables are polled; else the binlog is followed.
    pub polls: bool,
    /// Why they are, where the settings leave it open.
    pub reason: Option<String>,
}

/// What can be seen of the schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// How changes are had.
    pub way: Way,
    /// Whether runs begin by themselves.
    pub is_on: bool,
    /// From the beginning of a run to that of the next one.
    pub interval: Duration,
    /// When the next run begins by itself.
    pub next_run: Option<SystemTime>,
    /// When the newest run that has ended did so, and how long it took.
    pub last_run: Option<(SystemTime, Duration)>,
}

type Reached = BTreeMap<TableName, (u64, WriteCounts)>;

#[derive(Debug)]
pub(super) struct Steering {
    control: watch::Sender<Control>,
    barriers: watch::Sender<Reached>,
    /// Counts runs that have ended.
    ended: watch::Sender<u64>,
    requests: mpsc::Sender<RunRequest>,
    /// Tables that are to be copied anew.
    pub(super) copies: watch::Sender<Option<CopyWish>>,
    /// Dead letters that are to be tried again.
    pub(super) replays: watch::Sender<Option<Replay>>,
    book: Mutex<Book>,
}

#[derive(Debug)]
pub(super) struct Book {
    way: Way,
    pub(super) runs: RunBook,
    /// Whoever waits for the stream.
    pub(super) wait: Option<Wait>,
    next_run: Option<SystemTime>,
    interval: Duration,
    /// What the target holds is at least as new as this, where tables are polled.
    as_of: Option<Instant>,
    /// Until whoever polls takes it.
    receiver: Option<mpsc::Receiver<RunRequest>>,
}

impl Steering {
    pub(super) fn new(paused: bool) -> Self {
        let (requests, receiver) = mpsc::channel(1);
        let book = Book {
            way: Way::default(),
            runs: RunBook::default(),
            wait: None,
            next_run: None,
            interval: Duration::ZERO,
            as_of: None,
            receiver: Some(receiver),
        };
        Self {
            control: watch::Sender::new(Control { paused, ..Control::default() }),
            barriers: watch::Sender::default(),
            ended: watch::Sender::default(),
            requests,
            copies: watch::Sender::default(),
            replays: watch::Sender::default(),
            book: Mutex::new(book),
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.control.borrow().paused
    }

    /// Wakes whoever waits for the end of a run.
    pub(super) fn run_has_ended(&self) {
        self.ended.send_modify(|count| *count += 1);
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How old what the target holds may be; `None` where that is not told by polling.
    pub(super) fn age(&self, started: Instant) -> Option<Duration> {
        let book = self.book();
        book.way.polls.then(|| book.as_of.unwrap_or(started).elapsed())
    }

    pub(super) fn schedule(&self) -> Schedule {
        let control = *self.control.borrow();
        let book = self.book();
        Schedule {
            way: book.way.clone(),
            is_on: book.way.polls && !control.unscheduled,
            interval: control.interval_seconds.map_or(book.interval, Duration::from_secs),
            next_run: book.next_run.filter(|_| !control.paused && !control.unscheduled),
            last_run: book.runs.last_ended().and_then(|run| run.end),
        }
    }
}

impl Handle {
    /// Watches what was set at run time.
    #[must_use]
    pub fn controls(&self) -> watch::Receiver<Control> {
        self.shared.steering.control.subscribe()
    }

    /// Sets what is set at run time.
    pub fn control(&self, change: impl FnOnce(&mut Control)) {
        self.shared.steering.control.send_if_modified(|control| {
            let before = *control;
            change(control);
            *control != before
        });
    }

    /// What was set in an earlier run counts again. A start that is to be paused stays so.
    pub fn restore(&self, saved: Control) {
        self.control(|control| {
            *control = Control { paused: control.paused || saved.paused, ..saved }
        });
    }

    /// How changes are had, and how often where they are polled.
    pub fn set_way(&self, way: Way, interval: Duration) {
        let mut book = self.shared.steering.book();
        (book.way, book.interval) = (way, interval);
    }

    /// What can be seen of the schedule.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        self.shared.steering.schedule()
    }

    /// When the next run begins by itself.
    pub fn set_next_run(&self, at: Option<SystemTime>) {
        self.shared.steering.book().next_run = at;
    }

    /// What the target holds is at least as new as that.
    pub fn set_as_of(&self, at: Instant) {
        self.shared.steering.book().as_of = Some(at);
    }

    /// Asks for a run; the answer is its name. Where the binlog is followed an incremental one ends once everything that
    /// was committed before this call is durable in the target, and a full one once the tables are copied anew.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn trigger(
        &self,
        id: String,
        kind: RunKind,
        tables: Option<Vec<String>>,
    ) -> Result<String, Refusal> {
        self.check_tables(tables.as_deref())?;
        // Always locked in this order.
        let core = self.core();
        let mut book = self.shared.steering.book();
        if !book.way.polls && !core.phase.is_up() {
            return Err(Refusal::NotReady);
        }
        if self.shared.steering.is_paused() {
            return Err(Refusal::Paused);
        }
        if let Some(run) = book.runs.current() {
            return Err(Refusal::Busy { run_id: run.id.clone() });
        }
        let run = Run::begins(id.clone(), kind);
        let mut run = if tables.is_some() { run.of_some() } else { run };
        if book.way.polls {
            let request = RunRequest { id: id.clone(), kind, tables };
            self.shared.steering.requests.try_send(request).map_err(|_| Refusal::NotReady)?;
        } else {
            let wait = Wait::new(id.clone(), kind, tables.as_deref(), &core.tables);
            run.tables = wait.tables(|table| self.shown(table));
            book.wait = Some(wait);
            if kind == RunKind::Full {
                self.shared.steering.copies.send_replace(Some(tables));
            }
        }
        book.runs.begin(run);
        Ok(id)
    }

    fn check_tables(&self, tables: Option<&[String]>) -> Result<(), Refusal> {
        let core = self.core();
        let is_known = |name: &&String| core.tables.keys().any(|known| is_called(known, name));
        match tables.unwrap_or_default().iter().find(|name| !is_known(name)) {
            Some(name) => Err(Refusal::UnknownTable(name.clone())),
            None => Ok(()),
        }
    }

    /// The requests for runs, for whoever polls; `None` where somebody has them.
    #[must_use]
    pub fn take_requests(&self) -> Option<mpsc::Receiver<RunRequest>> {
        self.shared.steering.book().receiver.take()
    }

    /// A run begins that nobody asked for.
    pub fn run_begins(&self, id: &str, kind: RunKind) {
        let mut book = self.shared.steering.book();
        if book.runs.find(id).is_none() {
            book.runs.begin(Run::begins(id.to_owned(), kind));
        }
    }

    /// A table's pass begins.
    pub fn table_begins(&self, run: &str, table: &TableName, kind: RunKind) {
        let begun =
            TableRun { kind, outcome: None, counts: WriteCounts::default(), took: Duration::ZERO };
        self.on_run(run, |run, shown| drop(run.tables.insert(shown, begun)), table);
    }

    /// A table's pass has ended.
    pub fn table_ends(
        &self,
        run: &str,
        table: &TableName,
        (outcome, counts, took): (Outcome, WriteCounts, Duration),
    ) {
        let end = |run: &mut Run, shown: String| {
            let kind = run.kind;
            let entry = run.tables.entry(shown);
            let new = || TableRun { kind, outcome: None, counts, took };
            let table = entry.or_insert_with(new);
            (table.outcome, table.counts, table.took) = (Some(outcome), counts, took);
        };
        self.on_run(run, end, table);
    }

    fn on_run(&self, id: &str, change: impl FnOnce(&mut Run, String), table: &TableName) {
        let shown = self.shown(&table.to_string());
        if let Some(run) = self.shared.steering.book().runs.find_mut(id) {
            change(run, shown);
        }
    }

    /// A run has ended; the answer is what became of it.
    pub fn run_ends(&self, id: &str, error: Option<String>) -> Option<Run> {
        let ended = {
            let mut book = self.shared.steering.book();
            let run = book.runs.find_mut(id)?;
            run.ends(error);
            run.clone()
        };
        self.shared.steering.run_has_ended();
        Some(ended)
    }

    /// A run by its name.
    #[must_use]
    pub fn run(&self, id: &str) -> Option<Run> {
        self.shared.steering.book().runs.find(id).cloned()
    }

    /// The newest run that has ended.
    #[must_use]
    pub fn last_run(&self) -> Option<Run> {
        self.shared.steering.book().runs.last_ended().cloned()
    }

    /// The runs that have ended since the one of this name did, the oldest first.
    #[must_use]
    pub fn runs_ended_since(&self, id: Option<&str>) -> Vec<Run> {
        self.shared.steering.book().runs.ended_since(id)
    }

    /// The last runs, the newest first.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.shared.steering.book().runs.all().cloned().collect()
    }

    /// What went wrong with tables the last time that they were polled, by the name that people see.
    #[must_use]
    pub fn table_errors(&self) -> BTreeMap<String, String> {
        let book = self.shared.steering.book();
        let mut last: BTreeMap<&String, &Outcome> = BTreeMap::new();
        for (name, table) in book.runs.all().flat_map(|run| &run.tables) {
            if let Some(outcome) = &table.outcome {
                last.entry(name).or_insert(outcome);
            }
        }
        let error = |(name, outcome): (&String, &Outcome)| match outcome {
            Outcome::Success => None,
            Outcome::Failed { error, .. } | Outcome::Skipped { error } => {
                Some((name.clone(), error.clone()))
            }
        };
        last.into_iter().filter_map(error).collect()
    }

    /// Waits until a run has ended; `None` where there is none of this name.
    pub async fn until_run_ends(&self, id: &str) -> Option<Run> {
        let mut ended = self.shared.steering.ended.subscribe();
        loop {
            let run = self.run(id)?;
            if run.end.is_some() {
                return Some(run);
            }
            ended.changed().await.ok()?;
        }
    }

    /// Everything of a table before a barrier is durable.
    pub(in crate::pipeline) fn barrier_reached(
        &self,
        table: TableName,
        number: u64,
        counts: WriteCounts,
    ) {
        self.shared.steering.barriers.send_modify(|reached| {
            reached.insert(table, (number, counts));
        });
    }

    /// Waits until everything of a table before a barrier is durable; what became of its documents since the last one.
    pub async fn until_barrier(&self, table: &TableName, number: u64) -> WriteCounts {
        let mut barriers = self.shared.steering.barriers.subscribe();
        let is_reached = |reached: &Reached| {
            reached.get(table).filter(|(last, _)| *last == number).map(|(_, counts)| *counts)
        };
        let reached = barriers.wait_for(|reached| is_reached(reached).is_some()).await;
        reached.ok().and_then(|reached| is_reached(&reached)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::channel::QueueGauge;

    fn polling() -> Handle {
        let handle = Handle::new(QueueGauge::default(), false, None);
        handle.set_way(Way { polls: true, reason: None }, Duration::from_secs(300));
        handle
    }

    fn trigger(handle: &Handle, id: &str) -> Result<String, Refusal> {
        handle.trigger(id.to_owned(), RunKind::Full, None)
    }

    #[tokio::test]
    async fn one_run_at_a_time() {
        let handle = polling();
        assert_eq!(trigger(&handle, "a"), Ok("a".to_owned()));
        assert_eq!(trigger(&handle, "b"), Err(Refusal::Busy { run_id: "a".to_owned() }));
        let mut requests = handle.take_requests().unwrap();
        assert_eq!(requests.recv().await.unwrap().id, "a");
        let waiting = handle.clone();
        let waiting =
            crate::runtime::tasks::spawn(async move { waiting.until_run_ends("a").await });
        handle.run_ends("a", None);
        assert_eq!(waiting.await.unwrap().unwrap().status(), "success");
        assert_eq!(trigger(&handle, "b"), Ok("b".to_owned()));
        assert_eq!(handle.runs().len(), 2);
    }

    #[test]
    fn nothing_runs_before_the_start_and_unknown_tables_are_told() {
        let handle = Handle::new(QueueGauge::default(), false, None);
        assert_eq!(trigger(&handle, "a"), Err(Refusal::NotReady));
        let unknown = Some(vec!["nobody".to_owned()]);
        let refused = polling().trigger("a".to_owned(), RunKind::Full, unknown);
        assert_eq!(refused, Err(Refusal::UnknownTable("nobody".to_owned())));
    }

    #[test]
    fn what_was_set_is_kept_and_a_paused_start_stays_paused() {
        let handle = Handle::new(QueueGauge::default(), true, None);
        handle.restore(Control { interval_seconds: Some(7), ..Control::default() });
        let control = *handle.controls().borrow();
        assert!(control.paused && !control.unscheduled);
        assert_eq!(control.interval_seconds, Some(7));
        assert_eq!(handle.schedule().interval, Duration::from_secs(7));
    }

    #[tokio::test]
    async fn barriers_bring_the_counts_of_their_table() {
        let handle = polling();
        let table = TableName::new("shop", "orders");
        let counts = WriteCounts { created: 3, ..WriteCounts::default() };
        handle.barrier_reached(table.clone(), 1, WriteCounts::default());
        let waiting = (handle.clone(), table.clone());
        let waiting =
            crate::runtime::tasks::spawn(
                async move { waiting.0.until_barrier(&waiting.1, 2).await },
            );
        tokio::task::yield_now().await;
        handle.barrier_reached(table, 2, counts);
        assert_eq!(waiting.await.unwrap(), counts);
    }
}
