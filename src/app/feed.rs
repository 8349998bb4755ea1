//! The source's side of a run, into one channel: the copy, where one is due, then the stream; or polling.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{patience::Patience, polling::Poller, progress, settle, start::Goal, sweep::Sweeper};
use crate::{
    config::Config,
    model::{
        change::{Mark, Message},
        fault::{Fault, Stage},
        position::Position,
        snapshot::SnapshotState,
        table::{TableName, TableSchema},
    },
    pipeline::{
        Handle,
        handle::{Phase, Side},
    },
    runtime::channel::Sender,
    source::{
        binlog::{self, Link, StreamJob},
        connect::Connector,
        schema::TableFilter,
        snapshot::{self, Purpose, RateLimit, SnapshotJob},
    },
};

/// What feeding takes.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) config: Arc<Config>,
    pub(super) connector: Connector,
    pub(super) handle: Handle,
    pub(super) sender: Sender,
    pub(super) stop: CancellationToken,
    pub(super) sweeper: Sweeper,
    pub(super) patience: Patience,
}

/// What is to be fed.
#[derive(Debug)]
pub(super) enum Work {
    /// The binlog, behind a copy where one is due.
    Stream {
        /// The copy to make first, with its saved progress and its tables.
        copy: Option<(Arc<SnapshotState>, Vec<Arc<TableSchema>>)>,
        /// The tables whose collections are to be swept behind it.
        sweep: Vec<Arc<TableSchema>>,
        /// What follows.
        stream: Stream,
    },
    /// Tables, on a schedule.
    Poll,
    /// Tables once more, then the binlog.
    HandOver {
        /// What follows.
        stream: Stream,
    },
}

/// Where the stream begins and what it needs to know.
#[derive(Debug)]
pub(super) struct Stream {
    /// Where it starts.
    pub(super) position: Position,
    /// The schemas as of that position.
    pub(super) schemas: Vec<Arc<TableSchema>>,
    /// Which tables are ours.
    pub(super) filter: TableFilter,
    /// The position right before the first copy's first read, where that is known already.
    pub(super) copied_to: Option<Position>,
    /// Tables that were read later than the position: their changes up to there are passed over.
    pub(super) fresh: Vec<(TableName, Position)>,
}

/// Feeds until told to stop, or until the goal is reached.
pub(super) async fn run(feed: Feed, work: Work, poller: Poller, goal: Goal) -> Result<(), Fault> {
    match work {
        Work::Poll => poller.run(goal).await,
        Work::Stream { copy: tables, sweep: unswept, mut stream } => {
            if let Some((state, tables)) = tables {
                feed.handle.set_phase(Phase::Snapshot);
                stream.copied_to = settle::settle(&feed, &state).await?;
                copy(&feed, state, tables).await?;
                sweep(&feed, &unswept).await?;
            }
            follow(feed, stream).await
        }
        Work::HandOver { mut stream } => {
            stream.copied_to = poller.hand_over(&feed, &stream.position).await?;
            drop(poller);
            follow(feed, stream).await
        }
    }
}

/// Follows the binlog until told to stop.
async fn follow(feed: Feed, stream: Stream) -> Result<(), Fault> {
    if feed.stop.is_cancelled() {
        return Ok(());
    }
    let Stream { position, schemas, filter, copied_to, fresh } = stream;
    info!(operation = "sync_started", position = %position, "the stream begins");
    send(&feed, Mark::StreamStarted { position: Box::new(position.clone()) }).await?;
    let (link, changes) = watch::channel(Link::default());
    let job = StreamJob {
        connector: feed.connector,
        config: feed.config.source.clone(),
        event_limit: feed.config.limits.event,
        start: position,
        schemas,
        fresh,
        copied_to,
        filter,
        retry: feed.config.retry.clone(),
        sender: feed.sender,
        cancel: feed.stop.clone(),
        link,
    };
    tokio::select! {
        outcome = binlog::run(job) => outcome,
        never = follow_link(feed.handle, changes) => never,
    }
}

async fn copy(
    feed: &Feed,
    state: Arc<SnapshotState>,
    tables: Vec<Arc<TableSchema>>,
) -> Result<(), Fault> {
    let progress = snapshot::Progress::new(&tables, &state);
    let job = SnapshotJob {
        connector: feed.connector.clone(),
        config: feed.config.snapshot.clone(),
        retry: feed.config.retry.clone(),
        tables,
        state: Arc::unwrap_or_clone(state),
        progress: progress.clone(),
        sender: feed.sender.clone(),
        rate: RateLimit::new(feed.config.snapshot.read_rate),
        purpose: Purpose::Stream,
        cancel: feed.stop.clone(),
    };
    tokio::select! {
        outcome = snapshot::run(job) => {
            progress::show_once(&feed.handle, &progress);
            outcome
        }
        never = progress::show(&feed.handle, &progress) => never,
    }
}

/// Removes what the source does not have.
async fn sweep(feed: &Feed, tables: &[Arc<TableSchema>]) -> Result<(), Fault> {
    #[cfg(feature = "failpoints")]
    if fail::eval("before_sweep", |_| ()).is_some() {
        std::future::pending::<()>().await;
    }
    for table in tables {
        if feed.sweeper.sweep(table, &feed.patience).await?.is_none() {
            return Ok(());
        }
        send(feed, Mark::Swept { table: table.name.clone() }).await?;
    }
    Ok(())
}

/// Sends a mark to the apply loop.
pub(super) async fn send(feed: &Feed, mark: Mark) -> Result<(), Fault> {
    feed.sender
        .send(Message::Mark(mark))
        .await
        .map_err(|closed| Fault::fatal(Stage::Runtime, "the apply loop is gone").caused_by(closed))
}

/// Tells the handle whether the stream's own connection stands.
async fn follow_link(handle: Handle, mut changes: watch::Receiver<Link>) -> Result<(), Fault> {
    while changes.changed().await.is_ok() {
        let link = changes.borrow_and_update().clone();
        if let Link::Retrying { message, hint } = &link {
            handle.set_last_error(message.clone(), hint.clone());
        }
        handle.set_away(Side::Stream, matches!(link, Link::Retrying { .. }));
    }
    std::future::pending().await
}
