//! What runs beside the data flow: the owner's heartbeat, the reading of the source's position, the ticker.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Context, prepare::Session, start::Goal};
use crate::{
    admin::MetricsPage,
    checkpoint::MongoCheckpoints,
    model::fault::Fault,
    pipeline::{Handle, handle::Side},
    runtime::tasks::Tasks,
    source::watch::{self as source_watch, SourceSeen},
};

/// How often the source's own position is read.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// How often the owner says that it is alive.
const OWNER_HEARTBEAT: Duration = Duration::from_secs(10);

/// How often rates are refreshed.
const TICK: Duration = Duration::from_secs(1);

/// Starts them. `aside` ends them; `stop` is cancelled when the goal is reached. `follows`: whether the binlog is followed,
/// so that the source's position means something.
pub(super) fn start(
    tasks: &mut Tasks,
    context: &Context,
    session: &Session,
    (stop, aside): (&CancellationToken, &CancellationToken),
    follows: bool,
) {
    tasks.spawn("heartbeat", heartbeat(Arc::clone(&session.checkpoints), aside.clone()));
    tasks.spawn("ticker", ticker(context.handle.clone(), context.page.clone(), aside.clone()));
    if !follows {
        return;
    }
    let (seen, seeing) = watch::channel(SourceSeen {
        asked_at: std::time::Instant::now(),
        asked_wall: std::time::SystemTime::now(),
        result: Err("not asked yet".to_owned()),
        kept: None,
    });
    let (connector, aside_of_watch) = (session.connector.clone(), aside.clone());
    tasks.spawn("watch", async move {
        source_watch::watch(connector, WATCH_INTERVAL, seen, aside_of_watch).await;
        Ok(())
    });
    tasks.spawn("readings", readings(context.handle.clone(), seeing, aside.clone()));
    let (handle, stop, aside) = (context.handle.clone(), stop.clone(), aside.clone());
    if context.goal == Goal::Forever {
        tasks.spawn("copies", end_when(copy_is_asked(handle), stop, aside));
    } else {
        // Where the goal is a copy.
        let consistent = async move { handle.until_consistent().await };
        tasks.spawn("goal", end_when(consistent, stop, aside));
    }
}

/// Says in the state that this instance is alive; ends with a fault when another has taken over.
async fn heartbeat(
    checkpoints: Arc<MongoCheckpoints>,
    aside: CancellationToken,
) -> Result<(), Fault> {
    let mut beat = interval_at(Instant::now() + OWNER_HEARTBEAT, OWNER_HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = aside.cancelled() => return Ok(()),
            _ = beat.tick() => {}
        }
        match checkpoints.heartbeat().await.map_err(Fault::from) {
            Err(fault) if !fault.is_transient() => return Err(fault),
            _ => {}
        }
    }
}

/// Passes the readings of the source's position on to the handle.
async fn readings(
    handle: Handle,
    mut seeing: watch::Receiver<SourceSeen>,
    aside: CancellationToken,
) -> Result<(), Fault> {
    loop {
        let seen = tokio::select! {
            () = aside.cancelled() => return Ok(()),
            changed = seeing.changed() => match changed {
                Ok(()) => seeing.borrow_and_update().clone(),
                Err(_) => return Ok(()),
            },
        };
        let SourceSeen { asked_at, result, kept, .. } = seen;
        handle.set_retention(kept);
        handle.set_away(Side::Source, result.is_err());
        if let Ok(position) = result {
            handle.source_read(asked_at, position);
        }
    }
}

/// Ends this life when that has come to pass.
async fn end_when(
    reached: impl Future<Output = ()> + Send,
    stop: CancellationToken,
    aside: CancellationToken,
) -> Result<(), Fault> {
    if aside.run_until_cancelled(reached).await.is_some() {
        stop.cancel();
    }
    Ok(())
}

/// Tables are to be copied anew, by the next life.
async fn copy_is_asked(handle: Handle) {
    handle.until_copy_is_asked().await;
    info!(
        operation = "sync_started",
        "tables are copied anew, as asked for: what was read is written first"
    );
}

/// Refreshes rates.
async fn ticker(handle: Handle, page: MetricsPage, aside: CancellationToken) -> Result<(), Fault> {
    loop {
        tokio::select! {
            () = aside.cancelled() => return Ok(()),
            () = tokio::time::sleep(TICK) => {}
        }
        handle.tick();
        page.upkeep();
    }
}
