//! One table's pass: over all rows or over those that have changed, and from time to time a comparison of both sides.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    Known, Poller,
    tables::{Polled, Stamp},
};
use crate::{
    app::ready::{self, Found},
    config::{Existing, SnapshotWhen},
    model::{
        change::{Mark, Message, SchemaChanged},
        fault::Fault,
        poll::{ClockReading, PollCursor, PollMark, TablePoll, stamp_of_micros},
        port::Checkpoints,
        snapshot::{KeyRange, RangeDone, SnapshotState, TableProgress},
        table::TableSchema,
        write::WriteCounts,
    },
    pipeline::handle::{pending_record, runs::RunKind},
    source::{
        polling::{self, PassJob, read_clock},
        snapshot::{self, Progress, Purpose, SnapshotJob},
    },
};

/// A pass that has ended.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) kind: RunKind,
    pub(super) counts: WriteCounts,
}

/// The clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    reading: ClockReading,
    /// The same moment by a clock that only goes forward.
    at: Instant,
}

/// What is asked of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) kind: RunKind,
    /// Whether the sides are compared, however short a time ago they were.
    pub(super) merges: bool,
    /// Whether only a column that the server itself keeps is trusted to tell changes.
    pub(super) distrusts: bool,
}

impl Poller {
    /// What a pass over a table would read.
    pub(super) fn kind(&self, table: &Polled, known: Option<&Known>, wish: Wish) -> RunKind {
        let (Some(stamp), Some(known)) = (&table.stamp, known) else { return RunKind::Full };
        let cursor = known.poll.cursor.as_ref();
        let is_its =
            |cursor: &PollCursor| table.column().is_some_and(|column| column.name == cursor.column);
        let is_same = same_form(&known.schema, table);
        let is_trusted = stamp.told.is_kept_by_server || !wish.distrusts;
        let can_go_on =
            known.progress.complete && is_same && is_trusted && cursor.is_some_and(is_its);
        if can_go_on { wish.kind } else { RunKind::Full }
    }

    /// Makes a pass. `None` when told to stop.
    pub(super) async fn pass(
        &self,
        table: &Polled,
        wish: Wish,
        progress: &Progress,
    ) -> Result<Option<Passed>, Fault> {
        #[cfg(feature = "failpoints")]
        stand_still_if_asked().await;
        let known = self.known(&table.schema().name);
        let is_new = known.is_none();
        let kind = self.kind(table, known.as_ref(), wish);
        let now = self.clock(table).await?;
        // What a pass that failed has left.
        let _of_before = self.take_counts(table);
        let mut known = match known {
            Some(known) if kind == RunKind::Incremental => known,
            known => {
                let read = self.read_all(table, known, now, progress).await?;
                let Some(known) = read else { return Ok(None) };
                known
            }
        };
        // What has changed while a first copy was read; a later pass over all rows has the next run for that.
        if let (Some(stamp), true) = (&table.stamp, kind == RunKind::Incremental || is_new) {
            let now = if is_new { self.clock(table).await? } else { now };
            if self.read_changed(table, stamp, now, &mut known).await?.is_none() {
                return Ok(None);
            }
        }
        if kind == RunKind::Incremental && (wish.merges || self.is_merge_due(&known)) {
            self.barrier(table).await?;
            if self.merge(table, self.removes(), true).await?.is_none() {
                return Ok(None);
            }
            known.poll.merged_millis = now_millis();
            let at_millis = known.poll.merged_millis;
            self.mark(PollMark::Merged { table: table.schema().name.clone(), at_millis }).await?;
        }
        self.barrier(table).await?;
        self.remember(table, known);
        Ok(Some(Passed { kind, counts: self.take_counts(table) }))
    }

    /// Reads all rows; those of a pass that was not finished are read from where it was.
    async fn read_all(
        &self,
        table: &Polled,
        known: Option<Known>,
        now: Option<Clocks>,
        progress: &Progress,
    ) -> Result<Option<Known>, Fault> {
        let is_new = known.is_none();
        let mut known = self.begin(table, known, now).await?;
        if is_new && self.config.snapshot.when == SnapshotWhen::Never {
            self.skip_copy(table).await?;
        } else {
            let purpose = if is_new { Purpose::Poll } else { Purpose::Renewal };
            self.snapshot(table, &known.progress, purpose, progress).await?;
        }
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        if known.progress.unswept && self.sweep(table).await?.is_none() {
            return Ok(None);
        }
        known.progress = TableProgress { complete: true, ..TableProgress::default() };
        known.read_at = known.read_at.or(now.map(|now| (now.at, now.reading.source)));
        Ok(Some(known))
    }

    /// Begins a pass over all rows, or goes on with one, and says so.
    async fn begin(
        &self,
        table: &Polled,
        before: Option<Known>,
        now: Option<Clocks>,
    ) -> Result<Known, Fault> {
        let schema = table.schema();
        let goes_on = |known: &Known| !known.progress.complete && same_form(&known.schema, table);
        let resumes = before.as_ref().is_some_and(goes_on);
        let known = match before {
            Some(known) if resumes => known,
            before => {
                self.tell_change(table, before.as_ref()).await?;
                let cursor = self.first_cursor(table, now);
                let poll = TablePoll { cursor, merged_millis: now_millis() };
                let unswept = match before {
                    None => self.make_ready(table).await?,
                    Some(_) => self.removes(),
                };
                let progress = TableProgress { unswept, ..TableProgress::default() };
                Known { schema: Arc::clone(schema), poll, progress, read_at: None }
            }
        };
        self.mark(PollMark::Began {
            table: schema.name.clone(),
            schema: Arc::clone(schema),
            poll: known.poll.clone(),
            unswept: known.progress.unswept,
            resumes,
        })
        .await?;
        // Whatever becomes of it, the next pass is over all rows too.
        self.remember(table, known.clone());
        Ok(known)
    }

    /// Tells of a table that is another one than it was.
    async fn tell_change(&self, table: &Polled, before: Option<&Known>) -> Result<(), Fault> {
        let Some(before) = before.filter(|before| !same_form(&before.schema, table)) else {
            return Ok(());
        };
        let statement = format!("ALTER TABLE {} (seen by polling)", before.schema.name);
        let table = Arc::clone(table.schema());
        self.send(Message::SchemaChanged(SchemaChanged { table, statement })).await
    }

    async fn make_ready(&self, table: &Polled) -> Result<bool, Fault> {
        let is_ours = self.recorded.contains(&table.schema().name.to_string());
        let existing = match self.config.snapshot.when {
            SnapshotWhen::Never => Existing::Merge,
            SnapshotWhen::Initial | SnapshotWhen::Always => self.config.snapshot.existing,
        };
        let is_swept =
            ready::make_ready(&self.sink, &table.plan, is_ours, Found::Strangers(existing)).await?;
        // Saved before the first row is: a start behind a kill must not take our own documents for somebody else's.
        let record = pending_record(table.schema().name.to_string());
        self.checkpoints.save_tables(&[record]).await?;
        Ok(is_swept)
    }

    /// The settings say that what is there already is not to be copied.
    async fn skip_copy(&self, table: &Polled) -> Result<(), Fault> {
        let range = KeyRange { low: None, high: None };
        let done = RangeDone { table: table.schema().name.clone(), order: 1, range, rows: 0 };
        self.send(Message::Mark(Mark::Range(done.into()))).await
    }

    async fn snapshot(
        &self,
        table: &Polled,
        begun: &TableProgress,
        purpose: Purpose,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let name = table.schema().name.to_string();
        let mut state = SnapshotState::unplaced();
        let mut begun = begun.clone();
        begun.renumber();
        state.tables.insert(name, begun);
        snapshot::run(SnapshotJob {
            connector: self.connector.clone(),
            config: self.config.snapshot.clone(),
            retry: self.config.retry.clone(),
            tables: vec![Arc::clone(table.schema())],
            state,
            progress: progress.clone(),
            sender: self.sender.clone(),
            rate: self.rate.clone(),
            purpose,
            cancel: self.stop.clone(),
        })
        .await
    }

    /// Removes documents of rows that are gone, behind a pass over all rows.
    async fn sweep(&self, table: &Polled) -> Result<Option<()>, Fault> {
        // Of a row that was sent, and is gone since, the document must be there to be removed.
        self.barrier(table).await?;
        let swept = match table.plan.is_keyless() {
            true => self.sweep_keyless(table).await?,
            false => self.merge(table, true, false).await?,
        };
        if swept.is_some() {
            let table = table.schema().name.clone();
            self.send(Message::Mark(Mark::Swept { table })).await?;
        }
        Ok(swept)
    }

    async fn read_changed(
        &self,
        table: &Polled,
        stamp: &Stamp,
        now: Option<Clocks>,
        known: &mut Known,
    ) -> Result<Option<()>, Fault> {
        let (Some(cursor), Some(now)) = (known.poll.cursor.clone(), now) else {
            return Ok(Some(()));
        };
        let elapsed = known.read_at.filter(|(_, source)| *source == cursor.seen.source);
        let elapsed = elapsed.map(|(at, _)| micros(now.at.saturating_duration_since(at)));
        let lost = now.reading.step_back_since(&cursor.seen, elapsed);
        let lost = Duration::from_micros(u64::try_from(lost).unwrap_or(0));
        if lost > Duration::from_secs(1) {
            tracing::warn!(
                table = %table.schema().name,
                "the source's clock was put back by {}: the pass begins as much earlier",
                humantime::format_duration(Duration::from_secs(lost.as_secs()))
            );
        }
        let Clocks { reading: seen, at } = now;
        let job = PassJob {
            connector: self.connector.clone(),
            retry: self.config.retry.clone(),
            table: Arc::clone(table.schema()),
            column: stamp.told.column,
            index: stamp.index.clone(),
            back: self.config.poll.overlap.saturating_add(lost),
            cursor: cursor.clone(),
            now: seen,
            page_rows: self.config.snapshot.chunk_rows,
            rate: self.rate.clone(),
            sender: self.sender.clone(),
            cancel: self.stop.clone(),
        };
        polling::run(job).await?;
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        let stamp = stamp_of_micros(seen.source);
        known.poll.cursor = Some(PollCursor { stamp, key: None, seen, ..cursor });
        known.read_at = Some((at, seen.source));
        Ok(Some(()))
    }

    fn first_cursor(&self, table: &Polled, now: Option<Clocks>) -> Option<PollCursor> {
        let (column, seen) = (table.column()?, now?.reading);
        let column = column.name.clone();
        Some(PollCursor { column, stamp: stamp_of_micros(seen.source), key: None, seen })
    }

    /// The clocks as the timestamp column shows them; `None` for a table without one.
    async fn clock(&self, table: &Polled) -> Result<Option<Clocks>, Fault> {
        let (Some(column), Some(stamp)) = (table.column(), &table.stamp) else { return Ok(None) };
        let limit = self.connector.config().read_timeout;
        let read = || async {
            let mut connection = self.connector.pooled().await?;
            let at = Instant::now();
            let reading = read_clock(&mut connection, &column.kind, &stamp.zone, limit).await?;
            Ok(Clocks { reading, at })
        };
        self.patience.until_done(read).await
    }

    /// Waits until everything that was sent of a table is durable.
    async fn barrier(&self, table: &Polled) -> Result<(), Fault> {
        let name = &table.schema().name;
        let number = self.barriers.fetch_add(1, Ordering::Relaxed);
        self.mark(PollMark::Barrier { table: name.clone(), number }).await?;
        let reached = self.handle.until_barrier(name, number);
        let counts = self.stop.run_until_cancelled(reached).await.unwrap_or_default();
        self.add_counts(table, counts);
        Ok(())
    }

    fn is_merge_due(&self, known: &Known) -> bool {
        let every = self.config.poll.detect_deletes;
        let since = now_millis().saturating_sub(known.poll.merged_millis);
        let every_millis = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        !every.is_zero() && since >= every_millis
    }

    /// Whether documents that the source has no row of go.
    fn removes(&self) -> bool {
        self.config.snapshot.existing != Existing::Merge
            && self.config.snapshot.when != SnapshotWhen::Never
    }
}

/// Where a test says so, there is time to change something before a table is read.
#[cfg(feature = "failpoints")]
async fn stand_still_if_asked() {
    let millis = fail::eval("before_pass", |wait| wait.and_then(|wait| wait.parse().ok()));
    if let Some(millis) = millis.flatten() {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

/// Whether a table has the columns and the key that it had. Its estimated rows and the like do not matter.
pub(super) fn same_form(before: &TableSchema, table: &Polled) -> bool {
    let now = table.schema();
    before.columns == now.columns && before.key == now.key
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
