//! The composition root: builds the stations, starts them in the order of the data flow, waits, and lets them drain in
//! that order again.
//!
//! A run is: HTTP first, so that a process that waits for its servers can be seen waiting; then target and saved state,
//! source and preflight; then the decision where to begin (`start`); then the apply loop and, feeding it, the source.
//! On a signal the source stops at the next event, the loop drains what was sent, flushes, saves the last mark, and the
//! window closes last. Whatever is left undone when the time for that is over is done again after the restart.

mod audit;
mod check;
mod desk;
mod feed;
mod notify;
mod patience;
mod polling;
mod prepare;
mod progress;
mod ready;
mod replay;
mod settle;
mod signals;
mod start;
mod supervise;
mod sweep;
mod tables;
mod watchers;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use check::check;
pub use signals::on_signals;
pub use start::Goal;
pub use tables::tables;

use desk::FrontDesk;
use start::Anew;

use crate::{
    admin::{self, Certificate, MetricsPage, Pages, Window},
    alert::Alerts,
    config::{Config, OnPurged},
    model::fault::{Class, Fault, Stage},
    pipeline::{
        Handle,
        handle::{Phase, runs::Run},
    },
    runtime::{channel::QueueGauge, tasks},
};

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// The fault that ended it, if one did.
    pub outcome: Result<(), Fault>,
    /// The last run of polling, where there was one.
    pub last_run: Option<Run>,
}

/// Runs the pipeline until the goal is reached or `stop` is cancelled.
pub async fn run(config: Arc<Config>, goal: Goal, stop: CancellationToken) -> Ended {
    let handle =
        Handle::new(QueueGauge::default(), config.start_paused, config.source.single_database());
    let outcome = run_behind_window(config, goal, handle.clone(), stop).await;
    Ended { outcome, last_run: handle.last_run() }
}

async fn run_behind_window(
    config: Arc<Config>,
    goal: Goal,
    handle: Handle,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let page = MetricsPage::install().map_err(|error| {
        Fault::fatal(Stage::Runtime, "metrics cannot be counted").caused_by(error)
    })?;
    let close_window = CancellationToken::new();
    let (entries, waiting) = audit::open();
    let desk = FrontDesk::new(&config, entries);
    let keeping = tasks::spawn(audit::keep(desk.clone(), waiting, close_window.clone()));
    let alerts = watch(&config, &handle, &page);
    let is_one_run = goal != Goal::Forever;
    let supervised = notify::start(&handle, &stop, &close_window);
    let window = open_window(&config, &handle, &page, desk, &close_window).await;
    let (window, outcome) = match window {
        Ok(window) => {
            let context = Context { config, goal, handle: handle.clone(), page, stop };
            (window, run_until_done(&context).await)
        }
        Err(fault) => (None, Err(fault)),
    };
    tell_end(&handle, &outcome);
    alerts.end(&outcome, is_one_run).await;
    close_window.cancel();
    if let Some(supervised) = supervised {
        drop(supervised.await);
    }
    if let Some(window) = window {
        drop(window.await);
    }
    drop(keeping.await);
    outcome
}

/// Watches the pipeline, so that people are told what goes wrong.
fn watch(config: &Config, handle: &Handle, page: &MetricsPage) -> Alerts {
    let (shown, page) = (handle.clone(), page.clone());
    Alerts::start(config, handle, Arc::new(move || page.render(&shown)))
}

/// What every part of a run goes by.
#[derive(Debug)]
struct Context {
    config: Arc<Config>,
    goal: Goal,
    handle: Handle,
    page: MetricsPage,
    stop: CancellationToken,
}

/// Starts over where tables are to be copied anew: because somebody asks for it, or where the settings allow it after the
/// position was lost.
async fn run_until_done(context: &Context) -> Result<(), Fault> {
    let mut anew = Anew::Nothing;
    loop {
        let may_copy_anew = context.config.stream.on_purged == OnPurged::Snapshot;
        let may_copy_anew = may_copy_anew && anew != Anew::Everything;
        anew = match supervise::run_once(context, &anew).await {
            Ok(()) => match context.handle.take_copy() {
                Some(tables) if !context.stop.is_cancelled() => Anew::Tables(tables),
                _ => return Ok(()),
            },
            Err(fault) if fault.class == Class::PositionLost && may_copy_anew => {
                warn!(error = %fault.chain(), "the position is lost: copying anew, as stream.on_purged says");
                Anew::Everything
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn open_window(
    config: &Arc<Config>,
    handle: &Handle,
    page: &MetricsPage,
    desk: FrontDesk,
    close: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<Result<(), Fault>>>, Fault> {
    if config.http.listen.is_empty() {
        return Ok(None);
    }
    let token = config.http.token_file.as_deref().map(admin::read_token).transpose()?;
    let certificate = Certificate::read(&config.http).await?;
    let listener = admin::bind(&config.http.listen).await?;
    let window = Window {
        handle: handle.clone(),
        metrics: page.clone(),
        pages: Pages::default(),
        token,
        desk: Arc::new(desk),
        database: config.source.databases.join(","),
        target_database: config.target.database.clone(),
    };
    Ok(Some(tasks::spawn(admin::serve(listener, window, certificate, close.clone()))))
}

fn tell_end(handle: &Handle, outcome: &Result<(), Fault>) {
    match outcome {
        Ok(()) => {
            handle.set_phase(Phase::Stopped);
            info!(operation = "stopped", "stopped");
        }
        Err(fault) => {
            handle.set_error(fault);
            handle.set_phase(Phase::Failed);
            error!(
                operation = "stopped",
                table = fault.table.as_ref().map(ToString::to_string),
                position = fault.position.as_deref(),
                error = %fault.chain(),
                hint = fault.hint.as_deref(),
                "stopped by a fault"
            );
        }
    }
}
