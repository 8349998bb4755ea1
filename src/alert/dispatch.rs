//! Delivery: every channel has a bounded queue and a task of its own, so that one that hangs, fails or is flooded holds up
//! neither another nor whoever has something to tell.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::Instant,
};
use tracing::{debug, error, warn};

use super::{
    channel::{Channel, SendError},
    notice::Notice,
};
use crate::{
    config::{AlertsConfig, RetryConfig},
    runtime::{retry::Backoff, tasks},
    telemetry::metrics,
};

/// Notices that wait for a channel; further ones are dropped, and counted.
const QUEUE: usize = 64;

/// The first and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How hard a delivery is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// The longest that one try takes.
    pub(super) limit: Duration,
    /// How many tries there are.
    pub(super) attempts: u32,
}

impl From<&AlertsConfig> for Effort {
    fn from(config: &AlertsConfig) -> Self {
        Self { limit: config.timeout, attempts: config.attempts }
    }
}

/// The channels at work.
#[derive(Debug)]
pub(super) struct Dispatch {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    sender: mpsc::Sender<Arc<Notice>>,
    task: JoinHandle<()>,
}

impl Dispatch {
    /// Starts a task for each channel.
    pub(super) fn start(channels: Vec<Channel>, effort: Effort) -> Self {
        let line = |channel: Channel| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            let name = channel.name();
            Line { name, sender, task: tasks::spawn(work(channel, receiver, effort)) }
        };
        Self { lines: channels.into_iter().map(line).collect() }
    }

    /// Gives a notice to every channel. Never waits.
    pub(super) fn tell(&self, notice: Notice) {
        let notice = Arc::new(notice);
        for line in &self.lines {
            match line.sender.try_send(Arc::clone(&notice)) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                    metrics::alert_notice(line.name, "dropped");
                    warn!(channel = line.name, alert = %notice.alert, "too many notices wait for this channel: one is dropped");
                }
            }
        }
    }

    /// Takes nothing more, and waits until what is queued is delivered, for so long at most.
    pub(super) async fn close(self, grace: Duration) {
        let until = Instant::now() + grace;
        let (senders, tasks): (Vec<_>, Vec<_>) =
            self.lines.into_iter().map(|line| (line.sender, (line.name, line.task))).unzip();
        drop(senders);
        for (channel, mut task) in tasks {
            if tokio::time::timeout_at(until, &mut task).await.is_err() {
                task.abort();
                warn!(channel, "not all alerts could be delivered before the end");
            }
        }
    }
}

async fn work(channel: Channel, mut queue: mpsc::Receiver<Arc<Notice>>, effort: Effort) {
    while let Some(notice) = queue.recv().await {
        let name = channel.name();
        match deliver(&channel, &notice, effort).await {
            Ok(()) => {
                metrics::alert_notice(name, "sent");
                debug!(channel = name, alert = %notice.alert, "a notice is delivered");
            }
            Err(problem) => {
                metrics::alert_notice(name, "failed");
                error!(channel = name, alert = %notice.alert, error = %problem.chain(), "a notice could not be delivered");
            }
        }
    }
}

/// Tries until it is delivered, refused for good, or was tried often enough.
pub(super) async fn deliver(
    channel: &Channel,
    notice: &Notice,
    effort: Effort,
) -> Result<(), SendError> {
    let (initial, max) = WAITS;
    // Counted here: none of the waits is the last by itself.
    let mut backoff = Backoff::new(&RetryConfig { initial, max, attempts: 0 });
    for attempt in 1.. {
        let Err(problem) = channel.send(notice, effort.limit).await else { break };
        if attempt >= effort.attempts || !problem.may_pass() {
            return Err(problem);
        }
        let wait = backoff.next_wait().unwrap_or(max).max(problem.after().unwrap_or_default());
        warn!(channel = channel.name(), alert = %notice.alert, error = %problem.chain(), ?wait, "will try again");
        tokio::time::sleep(wait).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::samples,
        config::{ChannelsConfig, Secret, WebhookConfig},
    };

    #[tokio::test]
    async fn a_flood_is_dropped_and_who_hangs_is_not_waited_for() {
        // The kernel takes connections, and nobody answers.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let url = Some(Secret::Inline(url.into()));
        let webhook = WebhookConfig { url, ..WebhookConfig::default() };
        let config = ChannelsConfig { log: false, webhook, ..ChannelsConfig::default() };
        let effort = Effort { limit: Duration::from_secs(600), attempts: 1 };
        let dispatch = Dispatch::start(Channel::configured(&config), effort);
        let begun = Instant::now();
        for _ in 0..QUEUE * 2 {
            dispatch.tell(samples::test());
        }
        assert_eq!(dispatch.lines.first().map(|line| line.sender.capacity()), Some(0));
        dispatch.close(Duration::from_millis(50)).await;
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }
}
