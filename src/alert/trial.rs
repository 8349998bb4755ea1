//! A test message to each channel, as `binleaf alerts test` sends it: one try each, side by side.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{
    channel::Channel,
    dispatch::{Effort, deliver},
    notice::Notice,
    origin,
};
use crate::config::Config;

/// The names of all channels.
pub const CHANNELS: [&str; 4] = ["log", "webhook", "email", "telegram"];

/// What became of a test message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The channel's name.
    pub channel: &'static str,
    /// How long it took, or why it did not arrive; free of secrets.
    pub outcome: Result<Duration, String>,
}

/// Tries every channel that the settings name, or only the one of this name. Whether alerts are enabled does not matter.
pub async fn try_channels(config: &Config, only: Option<&str>) -> Vec<Tried> {
    let mut channels = Channel::configured(&config.alerts.channels);
    channels.retain(|channel| only.is_none_or(|name| name == channel.name()));
    let notice = Notice::test(&Arc::new(origin(config)));
    let effort = Effort { attempts: 1, ..Effort::from(&config.alerts) };
    let tried = channels.iter().map(|channel| try_one(channel, &notice, effort));
    join_all(tried).await
}

async fn try_one(channel: &Channel, notice: &Notice, effort: Effort) -> Tried {
    let begun = Instant::now();
    let sent = deliver(channel, notice, effort).await;
    let outcome = sent.map(|()| begun.elapsed()).map_err(|error| error.chain());
    Tried { channel: channel.name(), outcome }
}
