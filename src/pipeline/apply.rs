//! The apply loop.
//!
//! It takes rows from the channel and maps them into the open batches of their lanes. It sends a batch when one is full,
//! or when nothing more is waiting. It notes what became durable, and saves the mark that this covers. It stops when the
//! source is gone and everything is saved, or when something cannot be mended.
//!
//! While a lane's batch is on its way its next one is filled.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    flight::{self, Crew, Flight, Landed},
    handle::{Handle, Phase},
    intake::Intake,
    lanes::{Lanes, Supply},
    ledger::Ledger,
    letters::OpenLetters,
    passes::Passes,
    plans::Plans,
    saves::Saves,
    tables::TableBook,
};
use crate::{
    config::{BatchConfig, RecordPolicy, RetryConfig},
    mapping::RuleBook,
    model::{
        change::{Mark, Message, SchemaChanged},
        fault::{Fault, Stage},
        letter::LetterKey,
        poll::PollMark,
        port::{Checkpoints, RowReader, SchemaRecord, Sink},
        state::{Control, State, StatePart, TableRecord},
        table::TableName,
    },
    runtime::channel::{Envelope, Receiver, Share},
    telemetry::metrics::{self, TableMeters},
};

/// The stations on the other side of the ports.
#[derive(Debug)]
pub struct Ports<S, C, R> {
    /// The target.
    pub sink: Arc<S>,
    /// The saved state.
    pub checkpoints: Arc<C>,
    /// The source, for questions about rows.
    pub reader: Arc<R>,
}

/// How many messages are taken before the loop looks for anything else: a turn costs more than a message.
const MESSAGES_A_TURN: usize = 64;

/// How many rows are mapped before whoever waits for the thread has it: a batch that was sent is written out by a task of
/// its own, and the target has nothing to do as long as the next rows are mapped first.
const ROWS_A_BREATH: usize = 128;

/// What the loop goes by.
#[derive(Debug)]
pub struct Settings {
    /// Sizes of batches.
    pub batch: BatchConfig,
    /// Waits between tries.
    pub retry: RetryConfig,
    /// What becomes of changes that cannot be written.
    pub record: RecordPolicy,
    /// How often the mark is saved at most.
    pub checkpoint_interval: Duration,
    /// The full names of collections whose rows depend on each other: they have unique indexes besides their keys.
    pub one_lane: HashSet<String>,
    /// How tables are mapped.
    pub rules: RuleBook,
    /// The saved state to go on from.
    pub state: State,
    /// The saved records of tables.
    pub records: Vec<TableRecord>,
    /// Letters that are open.
    pub letters: Vec<LetterKey>,
}

/// Work that runs beside the loop.
#[derive(Debug)]
enum Done {
    Landed(Landed),
    /// Whether what was saved says that the copy is consistent.
    Saved(bool),
    Settled,
}

/// How far it is known that the copy is consistent. It is shown once that is saved: from then on no restart copies anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consistency {
    Open,
    /// To be saved at once: what the first copy took long for shall not hang on one more interval.
    Reached,
    Saved,
}

/// The loop's state.
#[derive(Debug)]
pub struct ApplyLoop<S, C, R> {
    crew: Arc<Crew<S, C>>,
    reader: Arc<R>,
    receiver: Receiver,
    handle: Handle,
    intake: Intake,
    plans: Plans,
    lanes: Lanes,
    ledger: Ledger,
    letters: OpenLetters,
    tables: TableBook,
    passes: Passes,
    work: JoinSet<Result<Done, Fault>>,
    saving: bool,
    consistency: Consistency,
    source_gone: bool,
    saves: Saves,
    control: watch::Receiver<Control>,
    meters: TableMeters,
    /// Rows that were mapped since the thread was given away.
    in_a_row: usize,
}

impl<S: Sink, C: Checkpoints, R: RowReader> ApplyLoop<S, C, R> {
    /// Makes a loop that reads from a channel. `abandon` ends waits between tries when the time for draining is over.
    #[must_use]
    pub fn new(
        ports: Ports<S, C, R>,
        settings: Settings,
        receiver: Receiver,
        handle: Handle,
        abandon: CancellationToken,
    ) -> Self {
        let crew = Crew {
            sink: ports.sink,
            checkpoints: ports.checkpoints,
            retry: settings.retry,
            policy: settings.record,
            handle: handle.clone(),
            abandon,
        };
        let consistency =
            if settings.state.consistent { Consistency::Saved } else { Consistency::Open };
        let letters = OpenLetters::new(settings.letters);
        let mut tables = TableBook::new(settings.records, &settings.state, &letters);
        let ledger = Ledger::new(settings.state);
        handle.turned();
        handle.show_tables(tables.take_changed(&letters));
        Self {
            crew: Arc::new(crew),
            reader: ports.reader,
            receiver,
            intake: Intake::default(),
            plans: Plans::new(settings.rules, settings.one_lane),
            lanes: Lanes::new(settings.batch),
            ledger,
            letters,
            tables,
            passes: Passes::default(),
            work: JoinSet::new(),
            saving: false,
            consistency,
            source_gone: false,
            saves: Saves::every(settings.checkpoint_interval),
            control: handle.controls(),
            meters: TableMeters::default(),
            in_a_row: 0,
            handle,
        }
    }

    /// Runs until the source is gone and everything is saved, or the time for draining is over.
    ///
    /// # Errors
    /// The fault that stopped it. Whatever is durable by then is saved all the same.
    pub async fn run(mut self) -> Result<(), Fault> {
        let ended = self.turn_until_done().await;
        let saved = self.finish().await;
        ended.and(saved)
    }

    async fn turn_until_done(&mut self) -> Result<(), Fault> {
        loop {
            self.handle.turned();
            #[cfg(feature = "failpoints")]
            flight::stand_still_if_asked("turn").await;
            self.fill().await?;
            if self.is_finished() {
                return Ok(());
            }
            let wants_more = self.wants_more();
            let deadline = self.lanes.deadline().filter(|_| !self.is_paused());
            tokio::select! {
                biased;
                () = self.crew.abandon.cancelled() => return Ok(()),
                Some(done) = self.work.join_next() => self.work_done(done)?,
                () = self.saves.due() => self.save(),
                () = sleep_until(deadline) => {}
                _ = self.control.changed() => self.note_control(),
                envelope = self.receiver.recv(), if wants_more => self.take(envelope)?,
            }
        }
    }

    /// Takes one message. Rows are opened; marks and schemas are noted behind the rows before them.
    fn take(&mut self, envelope: Option<Envelope>) -> Result<(), Fault> {
        let Some(envelope) = envelope else {
            self.source_gone = true;
            return Ok(());
        };
        let (message, share): (Message, Option<Share>) = envelope.open();
        match message {
            Message::Rows(rows) => {
                if let Some(plan) = self.plans.plan(&rows, &self.lanes)? {
                    self.intake.open(rows, plan, share);
                }
            }
            Message::Mark(mark) => self.note_mark(mark),
            Message::SchemaChanged(change) => self.note_schema(change),
        }
        Ok(())
    }

    /// Maps open rows into batches until there are no more or some batch cannot take any; sends what should go.
    async fn fill(&mut self) -> Result<(), Fault> {
        loop {
            self.map().await?;
            for _ in 0..MESSAGES_A_TURN {
                let message = if self.wants_more() { self.receiver.try_recv() } else { None };
                if message.is_none() {
                    break;
                }
                self.take(message)?;
                self.map().await?;
            }
            self.handle.add_changes(self.intake.take_count());
            match self.lanes.due(self.supply()) {
                Some(lane) if !self.is_paused() => self.send(lane),
                _ => return Ok(()),
            }
            self.breathe().await;
        }
    }

    /// Maps open rows as long as the lanes take them.
    async fn map(&mut self) -> Result<(), Fault> {
        while self.intake.route().is_some_and(|route| self.lanes.take(route)) {
            let Self { lanes, reader, crew, letters, .. } = self;
            self.intake.next(lanes, &**reader, crew, letters).await?;
            self.lanes.enter_opened(&mut self.ledger);
            self.in_a_row += 1;
            if self.in_a_row >= ROWS_A_BREATH {
                self.breathe().await;
            }
        }
        Ok(())
    }

    /// Gives the thread to whoever waits for it.
    async fn breathe(&mut self) {
        self.in_a_row = 0;
        tokio::task::yield_now().await;
    }

    /// Sends a lane's open batch.
    fn send(&mut self, lane: usize) {
        let Some((number, ready)) = self.lanes.depart(lane) else { return };
        let flight = Flight {
            lane,
            number,
            batch: Arc::new(ready.writes),
            letters: ready.letters,
            oldest_commit_micros: ready.oldest_commit_micros,
        };
        self.saves.note_work();
        let crew = Arc::clone(&self.crew);
        self.work.spawn(async move { flight::fly(crew, flight).await.map(Done::Landed) });
    }

    /// Work beside the loop has ended.
    fn work_done(
        &mut self,
        done: Result<Result<Done, Fault>, tokio::task::JoinError>,
    ) -> Result<(), Fault> {
        let done = done.map_err(|_| Fault::fatal(Stage::Runtime, "a write task panicked"))?;
        match done? {
            Done::Landed(landed) => self.landed(landed),
            Done::Saved(is_consistent) => {
                self.saving = false;
                if is_consistent {
                    self.consistency = Consistency::Saved;
                }
                self.handle.saved();
                self.show();
            }
            Done::Settled => {}
        }
        Ok(())
    }

    /// A batch is durable: the account moves, and the world is told.
    fn landed(&mut self, landed: Landed) {
        self.passes.landed(&landed.batch, &landed.report);
        self.ledger.batch_landed(landed.number);
        self.note_reached();
        self.tables.landed(&landed.batch, &landed.report);
        landed.letters.iter().for_each(|it| self.tables.letters_changed(&it.table.to_string()));
        let settled = self.letters.landed(&landed.batch, &landed.report.rejected, &landed.letters);
        self.settle(settled);
        self.show();
        landed.observe(&mut self.meters);
        self.lanes.landed(landed.lane, Arc::into_inner(landed.batch), landed.took);
        if self.is_at_rest() && self.receiver.is_empty() {
            self.saves.note_rest();
        }
    }

    /// Saves the mark, if it has moved and no save is on its way.
    fn save(&mut self) {
        if self.saving {
            return;
        }
        let part = self.ledger.take_dirty();
        if part.is_some_and(|part| part >= StatePart::Progress) {
            self.tables.progressed(self.ledger.state());
        }
        let records = self.tables.take_dirty();
        self.show();
        if part.is_none() && records.is_empty() {
            self.handle.saved();
            return;
        }
        self.saving = true;
        let is_consistent = part.is_some() && self.ledger.state().consistent;
        let (crew, state) =
            (Arc::clone(&self.crew), part.map(|part| (self.ledger.state().clone(), part)));
        self.work.spawn(async move {
            crew.save(state, &records).await.map(|()| Done::Saved(is_consistent))
        });
    }

    /// Lets everything land that is on its way, and saves a last time.
    async fn finish(mut self) -> Result<(), Fault> {
        let landed = self.await_work().await;
        self.saving = false;
        self.save();
        let saved = self.await_work().await;
        info!(operation = "stopping", position = %self.place(), "what was written is saved");
        landed.and(saved)
    }

    async fn await_work(&mut self) -> Result<(), Fault> {
        let mut outcome = Ok(());
        while let Some(done) = self.work.join_next().await {
            outcome = outcome.and(self.work_done(done));
        }
        outcome
    }

    fn note_mark(&mut self, mark: Mark) {
        if let Mark::StreamStarted { .. } = &mark {
            self.handle.set_phase(Phase::CatchingUp);
        }
        match mark {
            Mark::Poll(mark) => match *mark {
                PollMark::Removed { table, filters } => self.removed(&table, filters),
                PollMark::Ended { table, sync_type, status, seconds } => {
                    self.tables.pass_ended(&table.to_string(), sync_type, status, seconds);
                }
                mark => self.ledger.note_mark(Mark::Poll(mark.into())),
            },
            mark => self.ledger.note_mark(mark),
        }
        self.note_reached();
    }

    /// Documents of rows that are gone were removed.
    fn removed(&mut self, table: &TableName, filters: Vec<Vec<u8>>) {
        self.passes.removed(table, filters.len());
        let settled = self.letters.gone(table, filters);
        self.settle(settled);
    }

    /// Tells what the durable rows have made true.
    fn note_reached(&mut self) {
        for (table, number) in self.ledger.take_barriers() {
            let counts = self.passes.take(&table);
            self.handle.barrier_reached(table, number, counts);
        }
        self.note_consistency();
    }

    fn note_control(&mut self) {
        let control = *self.control.borrow_and_update();
        self.ledger.note_control(control);
    }

    fn note_consistency(&mut self) {
        if self.consistency == Consistency::Open && self.ledger.is_consistent() {
            self.consistency = Consistency::Reached;
            self.saves.hurry();
        }
    }

    fn note_schema(&mut self, change: SchemaChanged) {
        let before = self.ledger.state().schemas.get(&change.table.name.to_string()).cloned();
        let record = SchemaRecord {
            before,
            after: Arc::clone(&change.table),
            statement: change.statement,
            position: self.place(),
            action: "refreshed",
        };
        self.handle.schema_changed(&change.table.name);
        metrics::schema_change(&change.table.name);
        info!(operation = "schema_changed", table = %change.table.name, position = record.position, "{}", record.statement);
        self.ledger.note_schema(change.table);
        let crew = Arc::clone(&self.crew);
        self.work.spawn(async move {
            crew.persist(|| crew.checkpoints.record_schema_change(&record))
                .await
                .map(|()| Done::Settled)
        });
    }

    fn settle(&mut self, keys: Vec<LetterKey>) {
        if keys.is_empty() {
            return;
        }
        let crew = Arc::clone(&self.crew);
        self.work.spawn(async move {
            crew.persist(|| crew.checkpoints.settle_letters(&keys)).await.map(|()| Done::Settled)
        });
    }

    fn show(&mut self) {
        let state = self.ledger.state();
        let is_consistent = state.consistent && self.consistency == Consistency::Saved;
        self.handle.durable(state.position.as_ref(), state.applied_micros, is_consistent);
        self.handle.show_tables(self.tables.take_changed(&self.letters));
    }

    fn place(&self) -> String {
        self.ledger.state().position.as_ref().map_or_else(String::new, ToString::to_string)
    }

    fn is_paused(&self) -> bool {
        self.control.borrow().paused
    }

    fn supply(&self) -> Supply {
        match self.intake.route() {
            Some(route) if !self.lanes.take(route) => Supply::Blocked,
            None if self.receiver.is_empty() => Supply::Nothing,
            _ => Supply::More,
        }
    }

    fn wants_more(&self) -> bool {
        !self.source_gone && !self.intake.has_rows() && !self.is_paused()
    }

    fn is_finished(&self) -> bool {
        self.source_gone && self.is_at_rest()
    }

    /// Whether all that was taken is written.
    fn is_at_rest(&self) -> bool {
        !self.intake.has_rows() && self.lanes.are_empty() && !self.lanes.are_flying()
    }
}

/// Sleeps until then; for ever where there is no such moment.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
