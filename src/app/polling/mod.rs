//! Polling: runs over all tables, on a schedule, by hand, or once.
//!
//! A run finds out anew which tables there are and what they are like, since no event tells of it, and makes a pass over
//! each, several side by side. Rows and marks go the way of every other change: through the channel to the apply loop,
//! which maps, compares, writes and saves. So a cursor is saved only once the target has all that lies before it.
//!
//! What a run needs to know of a table is kept here as the apply loop will have saved it; a pass that fails leaves it as it
//! was before.

mod circuit;
mod findings;
mod handover;
mod keyless;
mod merge;
mod pass;
mod run;
mod schedule;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::SystemTime,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::{circuit::Circuit, schedule::Schedule, tables::Polled};
use super::{feed::Feed, patience::Patience, start::Goal};
use crate::{
    checkpoint::MongoCheckpoints,
    config::{Config, SnapshotWhen},
    mapping::RuleBook,
    model::{
        change::Message,
        fault::{Fault, Stage},
        finding::Finding,
        poll::TablePoll,
        snapshot::TableProgress,
        state::State,
        table::{TableName, TableSchema},
        write::WriteCounts,
    },
    pipeline::{
        Handle,
        handle::{
            Phase,
            runs::{Run, RunKind, RunRequest},
        },
    },
    runtime::channel::Sender,
    sink::MongoSink,
    source::{Connector, polling::Leading, snapshot::RateLimit},
};

/// What polling takes.
#[derive(Debug)]
pub(super) struct Poller {
    config: Arc<Config>,
    connector: Connector,
    sink: Arc<MongoSink>,
    checkpoints: Arc<MongoCheckpoints>,
    rules: RuleBook,
    handle: Handle,
    sender: Sender,
    stop: CancellationToken,
    patience: Patience,
    rate: RateLimit,
    /// Tables whose collections were filled by an earlier run, by full name.
    recorded: BTreeSet<String>,
    barriers: AtomicU64,
    book: Mutex<Book>,
}

/// What is known of the tables.
#[derive(Debug, Default)]
struct Book {
    tables: BTreeMap<TableName, Known>,
    circuits: BTreeMap<TableName, Circuit>,
    counts: HashMap<TableName, WriteCounts>,
    is_whole: bool,
}

/// What is known of a table that was begun.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// What it was like at its last pass.
    schema: Arc<TableSchema>,
    poll: TablePoll,
    progress: TableProgress,
    /// When, by a clock that only goes forward, the source's clock of that pass was read, and what it was.
    read_at: Option<(Instant, i64)>,
}

impl Poller {
    /// Goes on from a saved state. `recorded` are the tables whose collections are ours.
    pub(super) fn new(
        feed: &Feed,
        checkpoints: &Arc<MongoCheckpoints>,
        state: &State,
        recorded: BTreeSet<String>,
    ) -> Self {
        let progress = state.snapshot.iter().flat_map(|snapshot| &snapshot.tables);
        let known = progress.filter_map(|(name, progress)| {
            let schema = Arc::clone(state.schemas.get(name)?);
            let poll = state.polls.get(name).cloned().unwrap_or_default();
            let progress = progress.clone();
            Some((schema.name.clone(), Known { schema, poll, progress, read_at: None }))
        });
        let is_whole = state.consistent && !state.polls.is_empty();
        let book = Book { tables: known.collect(), is_whole, ..Book::default() };
        Self {
            config: Arc::clone(&feed.config),
            connector: feed.connector.clone(),
            sink: Arc::clone(&feed.sweeper.sink),
            checkpoints: Arc::clone(checkpoints),
            rules: feed.sweeper.rules.clone(),
            handle: feed.handle.clone(),
            sender: feed.sender.clone(),
            stop: feed.stop.clone(),
            patience: feed.patience.clone(),
            rate: RateLimit::new(feed.config.snapshot.read_rate),
            recorded,
            barriers: AtomicU64::new(1),
            book: Mutex::new(book),
        }
    }

    /// Polls until told to stop, or until what was asked for is done.
    ///
    /// # Errors
    /// Where one run was asked for, that not all of it went well.
    pub(super) async fn run(self, goal: Goal) -> Result<(), Fault> {
        match goal {
            Goal::Forever => self.serve().await,
            Goal::Poll { tables } => self.once(RunKind::Incremental, tables).await,
            Goal::Copy { tables, .. } => self.once(RunKind::Full, tables).await,
        }
    }

    async fn serve(self) -> Result<(), Fault> {
        let mut controls = self.handle.controls();
        let mut requests = self.handle.take_requests();
        let mut schedule = Schedule::every(self.config.poll.interval);
        let mut always = self.config.snapshot.when == SnapshotWhen::Always;
        loop {
            let control = *controls.borrow_and_update();
            let next = schedule.next(control, Instant::now());
            self.handle.set_next_run(next.map(on_the_wall));
            let request = async {
                match &mut requests {
                    Some(requests) => requests.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                Some(request) = request => drop(self.run_one(request, true).await?),
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    schedule.begins(Instant::now(), fastrand::f64());
                    let kind = if always { RunKind::Full } else { RunKind::Incremental };
                    let run = self.run_one(scheduled(kind, None), false).await?;
                    always &= run.is_none_or(|run| run.failed() > 0);
                }
                _ = controls.changed() => {}
            }
        }
    }

    async fn once(self, kind: RunKind, tables: Option<Vec<String>>) -> Result<(), Fault> {
        let Some(run) = self.run_one(scheduled(kind, tables), true).await? else { return Ok(()) };
        if let Some(error) = run.error {
            return Err(Fault::fatal(Stage::Source, error));
        }
        match run.failed() {
            0 => Ok(()),
            failed => {
                let all = run.tables.len();
                let message = format!("{failed} of {all} tables could not be read");
                Err(Fault::fatal(Stage::Source, message).with_hint("the lines above say why"))
            }
        }
    }

    async fn send(&self, message: Message) -> Result<(), Fault> {
        self.sender.send(message).await.map_err(|closed| {
            Fault::fatal(Stage::Runtime, "the apply loop is gone").caused_by(closed)
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, table: &TableName) -> Option<Known> {
        self.book().tables.get(table).cloned()
    }

    fn remember(&self, table: &Polled, mut known: Known) {
        known.schema = Arc::clone(table.schema());
        self.book().tables.insert(table.schema().name.clone(), known);
    }

    fn add_counts(&self, table: &Polled, counts: WriteCounts) {
        *self.book().counts.entry(table.schema().name.clone()).or_default() += counts;
    }

    fn take_counts(&self, table: &Polled) -> WriteCounts {
        self.book().counts.remove(&table.schema().name).unwrap_or_default()
    }

    /// Between two runs.
    fn rests(&self) {
        if !self.stop.is_cancelled() {
            self.handle.set_phase(Phase::Idle);
        }
    }

    fn told_runs(run: &Run) -> (u64, u64, u64) {
        let sum = |count: fn(&WriteCounts) -> u64| {
            run.tables.values().map(|table| count(&table.counts)).sum::<u64>()
        };
        (sum(|counts| counts.created), sum(|counts| counts.updated), sum(|counts| counts.deleted))
    }
}

fn scheduled(kind: RunKind, tables: Option<Vec<String>>) -> RunRequest {
    RunRequest { id: uuid::Uuid::new_v4().to_string(), kind, tables }
}

fn on_the_wall(at: Instant) -> SystemTime {
    SystemTime::now() + at.saturating_duration_since(Instant::now())
}

/// What `check` tells of tables that are polled.
pub(super) async fn check(
    connector: &Connector,
    config: &Config,
    tables: &[Arc<TableSchema>],
) -> Vec<Finding> {
    let rules = RuleBook::new(config);
    let indexes: Leading = match tables::indexes(connector, tables).await {
        Ok(indexes) => indexes,
        Err(error) => {
            let fault = Fault::from(error);
            return vec![Finding::error("not_checked", "indexes", fault.chain())];
        }
    };
    findings::findings(tables, (config, &rules), &indexes)
}
