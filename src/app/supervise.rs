//! One life of the pipeline: prepared, started, watched, drained.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Context,
    feed::{self, Feed, Work},
    notify,
    patience::Patience,
    polling::Poller,
    prepare::{self, Prepared, Session},
    replay::Replayer,
    start::{Anew, Goal},
    sweep::Sweeper,
    watchers,
};
use crate::{
    model::fault::{Fault, Stage},
    pipeline::{ApplyLoop, Handle, Ports, Settings, handle::Phase},
    runtime::{channel, tasks::Tasks},
    source::reader::SourceRowReader,
};

/// The share of the grace period after which draining is given up; the rest is for saving.
const DRAIN_SHARE: f64 = 0.7;

/// Prepares, runs and drains the pipeline once.
pub(super) async fn run_once(context: &Context, anew: &Anew) -> Result<(), Fault> {
    context.handle.set_phase(Phase::Starting);
    let Some(session) = prepare::connect(context).await? else { return Ok(()) };
    let outcome = match prepare::begin(context, &session, anew).await {
        Ok(prepared) => live(context, &session, prepared).await,
        Err(fault) => Err(fault),
    };
    session.close().await;
    outcome
}

/// Starts everything and waits until all of it has ended.
async fn live(context: &Context, session: &Session, prepared: Prepared) -> Result<(), Fault> {
    let mut life = Life {
        tasks: Tasks::default(),
        stop: context.stop.child_token(),
        abandon: CancellationToken::new(),
        aside: CancellationToken::new(),
        handle: context.handle.clone(),
        ending: context.stop.clone(),
        grace: context.config.shutdown.grace,
    };
    life.start(context, session, prepared);
    notify::ready();
    let outcome = life.wait().await;
    life.aside.cancel();
    while let Some(ended) = life.tasks.next().await {
        drop(ended);
    }
    outcome
}

/// The running tasks and the ways to end them.
struct Life {
    tasks: Tasks,
    /// Ends the source at its next event.
    stop: CancellationToken,
    /// Ends draining.
    abandon: CancellationToken,
    /// Ends what only watches.
    aside: CancellationToken,
    handle: Handle,
    /// Cancelled when there is to be no other life.
    ending: CancellationToken,
    grace: Duration,
}

impl Life {
    fn start(&mut self, context: &Context, session: &Session, prepared: Prepared) {
        let config = &context.config;
        let recorded = prepared.recorded();
        let follows = !matches!(prepared.work, Work::Poll);
        let queue_bytes = usize::try_from(config.limits.queue_bytes).unwrap_or(usize::MAX);
        let (sender, receiver) = channel::bounded(queue_bytes, &context.handle.queue());
        let reader = SourceRowReader::new(session.connector.clone());
        let ports = Ports {
            sink: Arc::clone(&session.sink),
            checkpoints: Arc::clone(&session.checkpoints),
            reader: Arc::new(reader),
        };
        let Prepared { state, records, letters, work } = prepared;
        let settings = Settings {
            batch: config.batch.clone(),
            retry: config.retry.clone(),
            record: config.errors.record,
            checkpoint_interval: config.checkpoint.interval,
            one_lane: session.one_lane.clone(),
            rules: session.rules.clone(),
            state: state.clone(),
            records,
            letters,
        };
        let handle = context.handle.clone();
        let apply = ApplyLoop::new(ports, settings, receiver, handle, self.abandon.clone());
        self.tasks.spawn("apply", apply.run());
        let patience = Patience { stop: self.stop.clone(), ..Patience::from(context) };
        if context.goal == Goal::Forever {
            let replayer = Replayer::new(context, session, &sender, &patience);
            self.tasks.spawn("replays", replayer.run());
        }
        let feed = Feed {
            config: Arc::clone(config),
            connector: session.connector.clone(),
            handle: context.handle.clone(),
            sender,
            stop: self.stop.clone(),
            sweeper: Sweeper {
                connector: session.connector.clone(),
                sink: Arc::clone(&session.sink),
                rules: session.rules.clone(),
            },
            patience,
        };
        let poller = Poller::new(&feed, &session.checkpoints, &state, recorded);
        let feeding = feed::run(feed, work, poller, context.goal.clone());
        self.tasks.spawn("source", feeding);
        watchers::start(&mut self.tasks, context, session, (&self.stop, &self.aside), follows);
    }

    /// Waits until the apply loop has ended; the first fault counts.
    async fn wait(&mut self) -> Result<(), Fault> {
        let mut outcome = Ok(());
        let far = Instant::now() + Duration::from_secs(365 * 86_400);
        let (mut give_up, mut end) = (far, far);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.tasks.next() => {
                    let is_loop = ended.name == "apply";
                    if ended.result.is_err() {
                        self.stop.cancel();
                        outcome = outcome.and(ended.result);
                    }
                    if is_loop || self.tasks.is_empty() {
                        self.stop.cancel();
                        return outcome;
                    }
                }
                () = until_hurried(&self.stop, &self.ending, &self.handle, outcome.is_err()), if end == far => {
                    give_up = Instant::now() + self.grace.mul_f64(DRAIN_SHARE);
                    end = Instant::now() + self.grace;
                }
                () = sleep_until(give_up), if !self.abandon.is_cancelled() => {
                    warn!(operation = "stopping", "not all that was read could be written in time: it will be read again");
                    self.abandon.cancel();
                }
                () = sleep_until(end) => {
                    info!(operation = "stopping", "the time for stopping is over");
                    self.tasks.abort().await;
                    return outcome.and(Err(Fault::transient(Stage::Runtime, "the target did not answer in time")));
                }
            }
        }
    }
}

/// Waits until this life is to end within the time that a stop may take. One that ends so that tables are copied anew in
/// the next one waits for the target as long as it takes.
async fn until_hurried(
    stop: &CancellationToken,
    ending: &CancellationToken,
    handle: &Handle,
    has_failed: bool,
) {
    stop.cancelled().await;
    if handle.is_copy_asked() && !has_failed {
        ending.cancelled().await;
    }
}
