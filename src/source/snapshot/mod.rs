//! The first copy: lock-free, parallel, resumable.
//!
//! # Why it is right
//!
//! Let *S* be the position that was taken before the first read, and *E* the one taken after the last. Every row read
//! is written as a replace by key; every change of the stream from *S* on is a replace or a delete by key, or sets fields
//! by key where its image does not hold the whole row, applied in commit order. Look at any key when the stream has
//! passed *E*:
//!
//! * **No transaction behind *S* touched it.** Then it is as it was at *S*. *S* covers only commits that are visible to
//!   every later read (a GTID enters `gtid_executed` after its commit; without GTIDs the stream starts at the head of
//!   the current file, since a rotation waits for the commits before it), so the read of its range, which is one
//!   statement with a read view of its own, saw the row if there was one. It was written; nothing else touches it.
//! * **Some did.** Whatever the copy saw of it, or missed, was committed before *E*: the stream holds each of its
//!   changes from *S* to *E*, the last of them among them, and applies it after the copy's write. That last one decides.
//!   Between, the target may show the row older or newer than its neighbours; the pipeline says `catching_up` until *E*.
//!   Where the last one sets fields, look at each column instead. One that changed behind *S* has its last change in the
//!   stream, which decides. One that did not is as it was at *S*, and so it is in whatever made the document: the copy's
//!   read, an INSERT, a row that was read again. There is such a document: a row that the copy missed was put in,
//!   deleted or given another key behind *S*, and each of these is a whole document or a delete in the stream. Fields set
//!   before that find nothing, and nothing is lost, since what comes later is whole.
//!   A row that is read again for the stream is as it was at some later time; what happened in between is still to come.
//!
//! **XA transactions.** *S* also covers those that are prepared, whose rows no read sees and no later part of the stream
//! holds. Whoever starts a first copy waits until the ones that are prepared at *S* are committed or rolled back; behind
//! *S* the stream holds the rows back until the commit, and that commit is the change that counts above. One that is
//! still open when *E* is taken is as invisible in the target as it is in the source: *E* is passed without it.
//!
//! Nothing in this needs a lock, a transaction over several statements, or that a row be read only once. Hence:
//!
//! * **A range may be read again**, after a lost connection or a crash: its rows are replaced by themselves or by
//!   newer ones, and the stream still starts at *S*.
//! * **A restart goes on.** A saved range was read after *S* and is durable; that is all that the argument asks of it.
//!   So *S* stays, saved ranges are never read again, and *E* is taken when the last range of the last start is read.
//! * **Workers need no order.** Ranges of one table are disjoint by key (`low < key <= high`, compared by the server in
//!   the index' own collation and order) and leave nothing out: each begins where another ends, the first and the last
//!   are open. A row whose key moves from a range to another during the copy is a change behind *S*: the second case.
//! * **A table without a key** is one range, its rows told apart by their content; of equal rows the target has one.
//!
//! A mark follows the rows that it covers, as everywhere: a range's mark is sent behind its last row, and the marks of a
//! table in key order.
//!
//! # How it stays small and fast
//!
//! A splitter cuts ranges ahead of the workers, a bounded number of them: by arithmetic where the key is a number and the
//! numbers lie close together, else by walking the key, never by OFFSET. So all workers can read one big table. A range is one streamed statement; a worker holds a block, its connection a packet, and what
//! the channel has no room for stays with the server.

pub(super) mod block;
pub(super) mod cell;
pub(super) mod error;
pub(super) mod form;
pub(super) mod link;
mod lookup;
mod progress;
mod rate;
pub(super) mod read;
mod sequence;
pub(super) mod shape;
mod split;
pub(super) mod sql;
mod steps;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;

pub(super) use link::prepared;
pub use lookup::Lookup;
pub(super) use lookup::read_key;
pub use progress::{Progress, TableReading};
pub use rate::RateLimit;

use self::{
    link::Link, read::Finished, read::Worker, sequence::Sequence, split::Splitter, sql::TableSql,
};
use crate::{
    config::{RetryConfig, SnapshotConfig},
    model::{
        change::{Mark, Message, Origin},
        fault::{Fault, Stage},
        snapshot::{KeyRange, SnapshotState, TableProgress},
        table::{Column, TableSchema},
    },
    runtime::{channel::Sender, retry::Backoff, tasks::Tasks},
    source::{connect::Connector, error::SourceError, position},
};

/// How often a log line tells of every table that is being read.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// A copy to be made, or to be finished.
#[derive(Debug)]
pub struct SnapshotJob {
    /// How to reach the source.
    pub connector: Connector,
    /// The settings.
    pub config: SnapshotConfig,
    /// Waits between tries.
    pub retry: RetryConfig,
    /// The tables to copy. A table that was altered since its schema was read is noticed by the types of its columns.
    pub tables: Vec<Arc<TableSchema>>,
    /// The copy's start, and what is in the target already.
    pub state: SnapshotState,
    /// How far the reading is, for others to see.
    pub progress: Progress,
    /// Where rows and marks go.
    pub sender: Sender,
    /// The most rows a second, over all that read by it.
    pub rate: RateLimit,
    /// Who the rows are read for.
    pub purpose: Purpose,
    /// Ends it at once.
    pub cancel: CancellationToken,
}

/// Who the rows are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A first copy that a stream follows: the position behind the last read is told.
    Stream,
    /// A first copy that polling follows.
    Poll,
    /// A pass of polling over what was copied before.
    Renewal,
}

impl Purpose {
    const fn origin(self) -> Origin {
        match self {
            Self::Stream | Self::Poll => Origin::Snapshot,
            Self::Renewal => Origin::Poll,
        }
    }
}

/// What splitter and workers share.
#[derive(Debug)]
struct Shared {
    connector: Connector,
    retry: RetryConfig,
    chunk_rows: usize,
    rate: RateLimit,
    origin: Origin,
    progress: Progress,
    sender: Sender,
    stop: CancellationToken,
}

impl Shared {
    fn link(&self) -> Link {
        Link::new(self.connector.clone(), self.retry.clone(), self.stop.clone())
    }

    fn read_timeout(&self) -> Duration {
        self.connector.config().read_timeout
    }
}

/// A table to read.
#[derive(Debug)]
struct Source {
    schema: Arc<TableSchema>,
    sql: TableSql,
    /// What is not in the target yet, in key order, each stretch with the number of its first range.
    left: Vec<(u64, KeyRange)>,
    finished: Mutex<Sequence<Finished>>,
}

impl Source {
    fn new(schema: Arc<TableSchema>, state: &SnapshotState) -> Self {
        let progress = state.tables.get(&schema.name.to_string());
        let left = left_to_read(&progress.cloned().unwrap_or_default());
        let sql = TableSql::new(&schema);
        Self { schema, sql, left, finished: Mutex::new(Sequence::default()) }
    }

    fn key_columns(&self) -> impl Iterator<Item = &Column> {
        let parts = self.schema.key.as_ref().map_or(&[][..], |key| &key.columns);
        parts.iter().filter_map(|part| self.schema.columns.get(part.column))
    }
}

/// The stretches of a table that are not in the target yet. Nothing that was saved is among them.
fn left_to_read(progress: &TableProgress) -> Vec<(u64, KeyRange)> {
    let numbered = progress.gaps().into_iter().enumerate();
    let numbered = numbered.map(|(gap, stretch)| (TableProgress::first_order(gap), stretch));
    numbered.filter(|(_, stretch)| stretch.low.is_none() || stretch.low != stretch.high).collect()
}

/// Reads the tables and, where a stream follows, sends [`Mark::SnapshotEnded`] behind them. Ends without it, and without a fault, when cancelled.
///
/// # Errors
/// A fault that only a person can mend, or that was tried as often as the settings allow. The first one ends all.
pub async fn run(job: SnapshotJob) -> Result<(), Fault> {
    let stop = job.cancel.child_token();
    let shared = Arc::new(Shared {
        connector: job.connector,
        retry: job.retry,
        chunk_rows: job.config.chunk_rows.max(1),
        rate: job.rate,
        origin: job.purpose.origin(),
        progress: job.progress,
        sender: job.sender,
        stop: stop.clone(),
    });
    let sources = biggest_first(job.tables, &job.state);
    let read = read_all(&shared, sources, job.config.workers.max(1)).await;
    if job.cancel.is_cancelled() {
        return Ok(());
    }
    read?;
    if job.purpose != Purpose::Stream {
        return Ok(());
    }
    match stop.run_until_cancelled(end(&shared)).await {
        Some(ended) => ended,
        None => Ok(()),
    }
}

/// The tables that are not read to their end. The biggest first, so that no worker is left alone with one.
fn biggest_first(tables: Vec<Arc<TableSchema>>, state: &SnapshotState) -> Vec<Arc<Source>> {
    let sources = tables.into_iter().map(|table| Arc::new(Source::new(table, state)));
    let mut sources: Vec<_> = sources.filter(|source| !source.left.is_empty()).collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.schema.estimated_rows));
    sources
}

/// Splits and reads, side by side.
async fn read_all(
    shared: &Arc<Shared>,
    sources: Vec<Arc<Source>>,
    worker_count: usize,
) -> Result<(), Fault> {
    let mut running = Tasks::default();
    let (sender, receiver) = mpsc::channel(worker_count);
    let receiver = Arc::new(Mutex::new(receiver));
    let run_ahead = worker_count * 2 + 2;
    running.spawn("splitter", Splitter::new(Arc::clone(shared), run_ahead, sender).run(sources));
    for _ in 0..worker_count {
        running.spawn("reader", Worker::new(Arc::clone(shared), Arc::clone(&receiver)).run());
    }
    drop(receiver);
    wait(shared, &mut running).await
}

/// Waits for all; the first fault stops the others.
async fn wait(shared: &Shared, running: &mut Tasks) -> Result<(), Fault> {
    let mut outcome = Ok(());
    let mut lines = interval_at(Instant::now() + LOG_INTERVAL, LOG_INTERVAL);
    loop {
        tokio::select! {
            ended = running.next() => match ended {
                None => return outcome,
                Some(ended) => if ended.result.is_err() {
                    shared.stop.cancel();
                    outcome = outcome.and(ended.result);
                }
            },
            _ = lines.tick() => shared.progress.log(),
        }
    }
}

/// Takes the position behind the last read.
async fn end(shared: &Shared) -> Result<(), Fault> {
    let mut backoff = Backoff::new(&shared.retry);
    let end = loop {
        let error = match current_position(&shared.connector).await {
            Ok(end) => break end,
            Err(error) => error,
        };
        let fault = Fault::from(error);
        if !fault.is_transient() {
            return Err(fault);
        }
        let Some(wait) = backoff.next_wait() else { return Err(fault.given_up()) };
        tracing::warn!(operation = "retrying", error = %fault.chain(), wait_seconds = wait.as_secs_f64(), "will ask for the position again");
        tokio::time::sleep(wait).await;
    };
    let mark = Message::Mark(Mark::SnapshotEnded { end: Box::new(end) });
    shared
        .sender
        .send(mark)
        .await
        .map_err(|closed| Fault::fatal(Stage::Runtime, "the apply loop is gone").caused_by(closed))
}

async fn current_position(
    connector: &Connector,
) -> Result<crate::model::position::Position, SourceError> {
    let mut connection = connector.connect().await?;
    let position = position::current(&mut connection).await?;
    if let Err(error) = connection.disconnect().await {
        tracing::debug!(error = %SourceError::from(error), "closing a connection to the source");
    }
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{key::SqlValue, snapshot::RangeDone, table::TableName};

    const FIRST: i64 = i64::MIN;
    const LAST: i64 = i64::MAX;

    fn range(low: i64, high: i64) -> KeyRange {
        let end = |key: i64, none: i64| (key != none).then(|| vec![SqlValue::Int(key)]);
        KeyRange { low: end(low, FIRST), high: end(high, LAST) }
    }

    /// What is left after these ranges, numbered in key order, ended in this order.
    fn check(done: &[(u64, i64, i64)], expected: &[(i64, i64)]) {
        let mut progress = TableProgress::default();
        for &(order, low, high) in done {
            let table = TableName::new("shop", "orders");
            progress.add(&RangeDone { table, range: range(low, high), rows: 1, order });
        }
        let left: Vec<KeyRange> =
            left_to_read(&progress).into_iter().map(|(_, range)| range).collect();
        let expected: Vec<KeyRange> =
            expected.iter().map(|(low, high)| range(*low, *high)).collect();
        assert_eq!(left, expected, "after {done:?}");
    }

    #[test]
    fn a_table_that_has_not_begun_is_read_whole() {
        check(&[], &[(FIRST, LAST)]);
    }

    #[test]
    fn saved_ranges_are_never_read_again() {
        check(&[(1, FIRST, 10)], &[(10, LAST)]);
        check(&[(1, FIRST, 10), (2, 10, 20)], &[(20, LAST)]);
        check(&[(1, FIRST, 10), (3, 20, 30)], &[(10, 20), (30, LAST)]);
        check(&[(2, 10, 20)], &[(FIRST, 10), (20, LAST)]);
        check(&[(4, 30, 40), (2, 10, 20), (1, FIRST, 10)], &[(20, 30), (40, LAST)]);
        check(&[(2, 10, 20), (3, 20, 30)], &[(FIRST, 10), (30, LAST)]);
    }

    #[test]
    fn a_saved_end_of_the_table_is_not_read_again_either() {
        check(&[(1, FIRST, 10), (3, 20, LAST)], &[(10, 20)]);
        check(&[(1, FIRST, 10), (3, 20, LAST), (2, 10, 20)], &[]);
        check(&[(1, FIRST, LAST)], &[]);
    }
}
