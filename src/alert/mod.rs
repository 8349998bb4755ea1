//! Alerts: rules over what the pipeline's handle tells, and channels by which people are told.
//!
//! `watch` looks at the handle once a second: `readings` makes values of it, `machine` decides by them what is raised, told
//! again or cleared, `notice` gathers what there is to say, and `dispatch` gives it to the channels, each of which has a
//! bounded queue and a task of its own. Nothing here is awaited by the pipeline, and nothing here reaches into it: a channel
//! that hangs costs its own notices and nobody else's. Both the readings and the machine are pure, and their clock is an
//! argument.
//!
//! What is raised is not remembered over a restart: what is still wrong then is raised again.

mod channel;
mod dispatch;
mod machine;
mod notice;
mod payload;
mod readings;
#[cfg(test)]
mod samples;
mod text;
mod trial;
mod watch;

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use trial::{CHANNELS, Tried, try_channels};
pub use watch::Page;

use self::{
    channel::Channel,
    dispatch::{Dispatch, Effort},
    notice::{Notice, Origin},
    watch::Watch,
};
use crate::{
    config::{Config, alerts::PIPELINE_FAILED},
    model::{alert::Severity, fault::Fault},
    pipeline::Handle,
    runtime::tasks,
};

/// The share of `shutdown.grace` in which what is queued is delivered after a stop that was asked for.
const STOP_SHARE: f64 = 0.2;

/// The same after a fault: nobody waits for the end then, and its reason is worth telling.
const FAULT_SHARE: f64 = 0.5;

/// The alerts of a running pipeline.
#[derive(Debug)]
pub struct Alerts {
    running: Option<Running>,
    grace: Duration,
}

#[derive(Debug)]
struct Running {
    watch: JoinHandle<Watch>,
    handle: Handle,
    stop: CancellationToken,
    end: Option<Severity>,
}

impl Alerts {
    /// Begins to watch a pipeline, unless the settings switch that off. `page` renders its metrics.
    #[must_use]
    pub fn start(config: &Config, handle: &Handle, page: Page) -> Self {
        let grace = config.shutdown.grace;
        let channels = Channel::configured(&config.alerts.channels);
        if !config.alerts.enabled || channels.is_empty() {
            return Self { running: None, grace };
        }
        let dispatch = Dispatch::start(channels, Effort::from(&config.alerts));
        let watch =
            Watch::new(&config.alerts, handle.clone(), page, dispatch, Arc::new(origin(config)));
        let stop = CancellationToken::new();
        let watch = tasks::spawn(watch.run(stop.clone()));
        let end = config.alerts.event(PIPELINE_FAILED);
        Self { running: Some(Running { watch, handle: handle.clone(), stop, end }), grace }
    }

    /// The pipeline has ended: tells of the fault that ended it, and waits a little for what is queued. Of one that was a
    /// single run the fault is what became of that run, which nobody needs to be told twice.
    pub async fn end(self, outcome: &Result<(), Fault>, is_one_run: bool) {
        let Some(running) = self.running else { return };
        running.stop.cancel();
        // A panic of the watch is no reason to lose the outcome of the pipeline.
        let Ok(watch) = running.watch.await else { return };
        let fault = outcome.as_ref().err();
        let is_told = is_one_run && watch.has_told_of_a_failed_run();
        if let Some((fault, severity)) = fault.zip(running.end).filter(|_| !is_told) {
            let report = running.handle.report();
            watch.dispatch.tell(Notice::of_end(fault, severity, &report, &watch.origin));
        }
        let share = if fault.is_some() { FAULT_SHARE } else { STOP_SHARE };
        watch.dispatch.close(self.grace.mul_f64(share)).await;
    }
}

/// Whose notices they are.
fn origin(config: &Config) -> Origin {
    Origin {
        pipeline: config.checkpoint.name.clone(),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        source: config.source.databases.join(", "),
        target: config.target.database.clone(),
    }
}
