//! What a supervisor is told by way of sd_notify(3): ready, alive, stopping, and a line of status. Nothing where none listens.
//!
//! *Ready* is a run whose settings are read, whose two sides have answered and whose apply loop turns; that the copy is
//! whole, which may take hours, is what `/health/ready` says. *Alive* is said only while the apply loop turns, however well
//! everything else does: a supervisor that hears nothing starts the process anew, which is harmless. A supervisor that does
//! not listen holds nothing up: messages are sent beside the runtime, one at a time, and left out while one is stuck.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    pipeline::{
        Handle,
        handle::{Phase, Report},
    },
    runtime::tasks,
};

/// How often the status is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The longest that a message is waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// The run has begun.
pub(super) fn ready() {
    if is_supervised() {
        drop(send(NotifyState::Ready.to_string()));
    }
}

/// Tells the supervisor until `end`, if there is one; `stop` is the wish to stop.
pub(super) fn start(
    handle: &Handle,
    stop: &CancellationToken,
    end: &CancellationToken,
) -> Option<JoinHandle<()>> {
    let watchdog = sd_notify::watchdog_enabled();
    let link = Link { handle: handle.clone(), watchdog, status: String::new(), sending: None };
    is_supervised().then(|| tasks::spawn(link.keep(stop.clone(), end.clone())))
}

#[expect(clippy::disallowed_methods, reason = "a supervisor's socket is not a setting")]
fn is_supervised() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// What the supervisor knows.
struct Link {
    handle: Handle,
    /// The longest that it waits for a sign of life.
    watchdog: Option<Duration>,
    /// What it was told last.
    status: String,
    /// The message that is on its way.
    sending: Option<JoinHandle<()>>,
}

impl Link {
    async fn keep(mut self, stop: CancellationToken, end: CancellationToken) {
        // A third of what it waits for: a sign may come late.
        let step = self.watchdog.map_or(LOOK, |longest| LOOK.min(longest / 3));
        let mut is_stopping = false;
        while !end.is_cancelled() {
            self.look().await;
            tokio::select! {
                biased;
                () = end.cancelled() => {}
                () = stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    self.tell(&NotifyState::Stopping).await;
                }
                () = tokio::time::sleep(step) => {}
            }
        }
        if !is_stopping {
            self.tell(&NotifyState::Stopping).await;
        }
        self.look().await;
    }

    /// Says that the loop turns, if it does, and the status, if it is another.
    async fn look(&mut self) {
        if self.watchdog.is_some() && self.handle.is_alive() {
            self.tell(&NotifyState::Watchdog).await;
        }
        let status = status(&self.handle.report());
        if status != self.status && self.tell(&NotifyState::Status(&status)).await {
            self.status = status;
        }
    }

    /// Sends a message, unless the one before is stuck. Whether it was sent.
    async fn tell(&mut self, state: &NotifyState<'_>) -> bool {
        if !self.is_sent().await {
            return false;
        }
        self.sending = Some(send(state.to_string()));
        self.is_sent().await
    }

    async fn is_sent(&mut self) -> bool {
        let Some(sending) = &mut self.sending else { return true };
        let is_sent = tokio::time::timeout(LIMIT, sending).await.is_ok();
        if is_sent {
            self.sending = None;
        }
        is_sent
    }
}

/// The socket's own call may wait for the other end. A supervisor that is gone has nothing to act upon.
fn send(message: String) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = sd_notify::notify(&[NotifyState::Custom(&message)]) {
            debug!(%error, "the supervisor does not listen");
        }
    })
}

/// The line that `systemctl status` shows: the phase, and how far behind.
fn status(report: &Report) -> String {
    let phase = report.phase_name();
    let paused = if report.paused { ", paused" } else { "" };
    let copy = &report.snapshot;
    let detail = match (report.phase, report.lag.as_secs()) {
        (Phase::Starting | Phase::Polling | Phase::Stopped | Phase::Failed, _) => String::new(),
        (Phase::Snapshot, _) => {
            format!(", {} of some {} rows copied", copy.rows_done, copy.rows_estimated)
        }
        (Phase::CatchingUp | Phase::Streaming | Phase::Idle, 0) => ", current".to_owned(),
        (Phase::CatchingUp | Phase::Streaming | Phase::Idle, behind) => {
            format!(", {behind} s behind")
        }
    };
    format!("{phase}{paused}{detail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pipeline::handle::{Side, SnapshotProgress},
        runtime::channel::QueueGauge,
    };

    #[test]
    fn the_status_is_a_line_for_people() {
        let handle = Handle::new(QueueGauge::default(), false, None);
        assert_eq!(status(&handle.report()), "starting");
        handle.set_phase(Phase::Snapshot);
        let copy = SnapshotProgress { rows_done: 5, rows_estimated: 9, ..Default::default() };
        handle.set_snapshot(copy);
        assert_eq!(status(&handle.report()), "snapshot, 5 of some 9 rows copied");
        handle.set_phase(Phase::Streaming);
        assert_eq!(status(&handle.report()), "streaming, current");
        handle.set_away(Side::Target, true);
        handle.control(|control| control.paused = true);
        let report = Report { lag: Duration::from_millis(42_900), ..handle.report() };
        assert_eq!(status(&report), "retrying, paused, 42 s behind");
    }
}
