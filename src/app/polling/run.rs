//! One run: which tables there are, and a pass over each.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{
    Poller,
    pass::{Passed, Wish},
    tables::{self, Polled},
};
use crate::{
    app::{check, progress},
    model::{
        fault::{Fault, Stage},
        poll::PollMark,
        state::SyncType,
        table::{TableName, TableSchema},
        write::WriteCounts,
    },
    pipeline::handle::{
        Phase,
        runs::{Outcome, Run, RunKind, RunRequest},
    },
    runtime::retry::Backoff,
    source::{polling::Leading, snapshot::Progress},
};

/// Connections that are not for reading tables.
const OTHER_CONNECTIONS: usize = 2;

/// How often a pass that fails is tried again within a run, where the settings name no number.
const USUAL_TRIES: u32 = 2;

/// Everything that a pass goes by.
#[derive(Debug, Clone, Copy)]
struct Turn<'r> {
    run: &'r str,
    wish: Wish,
    by_hand: bool,
    progress: &'r Progress,
}

impl Poller {
    /// Makes a run. `None` when told to stop before it was done.
    ///
    /// # Errors
    /// What ends polling as a whole: nobody takes the rows.
    pub(super) async fn run_one(
        &self,
        request: RunRequest,
        by_hand: bool,
    ) -> Result<Option<Run>, Fault> {
        let wish = Wish { kind: request.kind, merges: false, distrusts: false };
        self.handle.run_begins(&request.id, request.kind);
        let begun = Clock::now();
        let ended = self.run_tables(&request, wish, by_hand).await;
        let error = match &ended {
            Err(fault) if fault.stage == Stage::Runtime => return ended.map(|_| None),
            Err(fault) => {
                self.handle.set_error(fault);
                error!(operation = "sync_completed", error = %fault.chain(), hint = fault.hint.as_deref(), "the run has failed");
                Some(fault.chain())
            }
            Ok(_) if self.stop.is_cancelled() => Some("stopped".to_owned()),
            Ok(()) => None,
        };
        let Some(run) = self.handle.run_ends(&request.id, error) else { return Ok(None) };
        if run.error.is_none() {
            self.tell(&run);
            self.note_whole(&run, &request, begun).await?;
        }
        self.rests();
        Ok((!self.stop.is_cancelled()).then_some(run))
    }

    async fn run_tables(
        &self,
        request: &RunRequest,
        wish: Wish,
        by_hand: bool,
    ) -> Result<(), Fault> {
        let found = self.patience.until_done(|| self.discover()).await?;
        let Some((schemas, indexes)) = found else { return Ok(()) };
        let schemas = chosen(schemas, request.tables.as_deref())?;
        info!(operation = "sync_started", tables = schemas.len(), "a run begins");
        self.pass_all(&request.id, &schemas, &indexes, wish, by_hand).await
    }

    /// Makes a pass over each table, several side by side.
    pub(super) async fn pass_all(
        &self,
        run: &str,
        schemas: &[Arc<TableSchema>],
        indexes: &Leading,
        wish: Wish,
        by_hand: bool,
    ) -> Result<(), Fault> {
        let first: Vec<Arc<TableSchema>> = schemas
            .iter()
            .filter(|table| self.known(&table.name).is_none_or(|known| !known.progress.complete))
            .cloned()
            .collect();
        let is_first = !first.is_empty();
        self.handle.set_phase(if is_first { Phase::Snapshot } else { Phase::Polling });
        let progress = Progress::new(&first, &self.saved_progress());
        let turn = Turn { run, wish, by_hand, progress: &progress };
        // Those that read ranges, and the one that cuts them.
        let of_table = self.config.snapshot.workers.max(1) + 1;
        let connections = self.connector.config().pool.max.saturating_sub(OTHER_CONNECTIONS);
        let side_by_side = (connections / of_table).max(1);
        let owned = schemas.to_vec();
        let passes = stream::iter(owned).map(|schema| self.turn(schema, indexes, turn));
        let all = passes.buffer_unordered(side_by_side).collect::<Vec<Result<(), Fault>>>();
        let ended = if is_first {
            tokio::select! {
                ended = all => ended,
                never = progress::show(&self.handle, &progress) => return never,
            }
        } else {
            all.await
        };
        if is_first {
            progress::show_once(&self.handle, &progress);
        }
        ended.into_iter().collect()
    }

    /// A table's turn. Only what ends polling as a whole is an error.
    async fn turn(
        &self,
        schema: Arc<TableSchema>,
        indexes: &Leading,
        turn: Turn<'_>,
    ) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Ok(());
        }
        let name = &schema.name;
        let rests = self
            .book()
            .circuits
            .get(name)
            .and_then(|circuit| circuit.open(turn.by_hand, Instant::now()).map(str::to_owned));
        if let Some(error) = rests {
            let ended = (Outcome::Skipped { error }, WriteCounts::default(), Duration::ZERO);
            self.handle.table_ends(turn.run, name, ended);
            return Ok(());
        }
        let begun = Clock::now();
        match self.pass_with_patience(&schema, indexes, turn).await {
            Ok(Some(passed)) => self.passed(name, turn, &passed, begun.elapsed()).await,
            Ok(None) => Ok(()),
            Err(fault) if fault.stage == Stage::Runtime => Err(fault),
            Err(fault) => self.failed(name, turn, &fault, begun.elapsed()).await,
        }
    }

    /// Tries again what fails, a few times.
    async fn pass_with_patience(
        &self,
        schema: &Arc<TableSchema>,
        indexes: &Leading,
        turn: Turn<'_>,
    ) -> Result<Option<Passed>, Fault> {
        let mut retry = self.config.retry.clone();
        if retry.attempts == 0 {
            retry.attempts = USUAL_TRIES;
        }
        let mut backoff = Backoff::new(&retry);
        loop {
            let table = Polled::new(schema, (&self.config, &self.rules), indexes)?;
            let known = self.known(&schema.name);
            let kind = self.kind(&table, known.as_ref(), turn.wish);
            self.handle.table_begins(turn.run, &schema.name, kind);
            let fault = match self.pass(&table, turn.wish, turn.progress).await {
                Err(fault) if fault.stage != Stage::Runtime => fault,
                ended => return ended,
            };
            let Some(wait) = backoff.next_wait() else { return Err(fault) };
            warn!(operation = "retrying", table = %schema.name, error = %fault.chain(), hint = fault.hint.as_deref(), wait = ?wait, "will try again");
            if self.stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return Ok(None);
            }
        }
    }

    async fn passed(
        &self,
        table: &TableName,
        turn: Turn<'_>,
        passed: &Passed,
        took: Duration,
    ) -> Result<(), Fault> {
        let Passed { kind, counts } = *passed;
        self.book().circuits.remove(table);
        self.handle.table_ends(turn.run, table, (Outcome::Success, counts, took));
        info!(
            operation = "table_completed",
            %table,
            records_processed = counts.created + counts.updated + counts.unchanged,
            records_created = counts.created,
            records_updated = counts.updated,
            records_deleted = counts.deleted,
            duration_seconds = took.as_secs_f64(),
            "the {} pass is done",
            kind.label()
        );
        self.tell_state(table, kind, "success".to_owned(), took).await
    }

    async fn failed(
        &self,
        table: &TableName,
        turn: Turn<'_>,
        fault: &Fault,
        took: Duration,
    ) -> Result<(), Fault> {
        let (error, hint) = (fault.chain(), fault.hint.as_deref().map(str::to_owned));
        let rest = {
            let mut book = self.book();
            book.counts.remove(table);
            book.circuits.entry(table.clone()).or_default().failed(error.clone(), Instant::now())
        };
        self.handle.set_error(fault);
        let rests = rest.map(|rest| {
            format!("; the table is left alone for {}", humantime::format_duration(rest))
        });
        error!(operation = "table_completed", %table, error, hint, "the pass has failed{}", rests.as_deref().unwrap_or_default());
        let outcome = Outcome::Failed { error: error.clone(), hint };
        self.handle.table_ends(turn.run, table, (outcome, WriteCounts::default(), took));
        self.tell_state(table, turn.wish.kind, format!("failed: {error}"), took).await
    }

    async fn tell_state(
        &self,
        table: &TableName,
        kind: RunKind,
        status: String,
        took: Duration,
    ) -> Result<(), Fault> {
        let sync_type = match kind {
            RunKind::Full => SyncType::Full,
            RunKind::Incremental => SyncType::Incremental,
        };
        let (table, seconds) = (table.clone(), took.as_secs_f64());
        self.mark(PollMark::Ended { table, sync_type, status, seconds }).await
    }

    fn tell(&self, run: &Run) {
        let (created, updated, deleted) = Self::told_runs(run);
        info!(
            operation = "sync_completed",
            records_created = created,
            records_updated = updated,
            records_deleted = deleted,
            errors = run.failed(),
            duration_seconds = run.took().as_secs_f64(),
            "the run is done"
        );
    }

    /// A run over all tables that went well makes the copy whole, as of its beginning.
    async fn note_whole(&self, run: &Run, request: &RunRequest, begun: Clock) -> Result<(), Fault> {
        if request.tables.is_some() || run.failed() > 0 || self.stop.is_cancelled() {
            return Ok(());
        }
        self.handle.set_as_of(begun);
        let was_whole = std::mem::replace(&mut self.book().is_whole, true);
        if was_whole { Ok(()) } else { self.mark(PollMark::Whole).await }
    }

    /// The tables that the settings name, as they are now. One that is as it was keeps its schema, and so its plan.
    pub(super) async fn discover(&self) -> Result<(Vec<Arc<TableSchema>>, Leading), Fault> {
        let found = check::tables(&self.connector, &self.config).await?;
        let found = check::without_skipped(found, &self.rules);
        let indexes = tables::indexes(&self.connector, &found).await?;
        let book = self.book();
        let same = |table: Arc<TableSchema>| match book.tables.get(&table.name) {
            Some(known) if *known.schema == *table => Arc::clone(&known.schema),
            _ => table,
        };
        Ok((found.into_iter().map(same).collect(), indexes))
    }

    fn saved_progress(&self) -> crate::model::snapshot::SnapshotState {
        let mut state = crate::model::snapshot::SnapshotState::unplaced();
        let tables = self.book().tables.clone();
        let tables = tables.into_iter().map(|(name, known)| (name.to_string(), known.progress));
        state.tables = tables.collect();
        state
    }
}

/// Those tables that a run is asked for.
fn chosen(
    found: Vec<Arc<TableSchema>>,
    wanted: Option<&[String]>,
) -> Result<Vec<Arc<TableSchema>>, Fault> {
    let Some(wanted) = wanted else { return Ok(found) };
    let is_called = |table: &TableSchema, name: &String| {
        table.name.table == *name || table.name.to_string() == *name
    };
    if let Some(unknown) =
        wanted.iter().find(|name| !found.iter().any(|table| is_called(table, name)))
    {
        return Err(Fault::fatal(Stage::Source, format!("there is no table {unknown}"))
            .with_hint("`binleaf tables` lists those that the settings name"));
    }
    let is_wanted = |table: &Arc<TableSchema>| wanted.iter().any(|name| is_called(table, name));
    Ok(found.into_iter().filter(is_wanted).collect())
}
