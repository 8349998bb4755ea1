//! The ways by which notices reach people. Each reads its secrets from their files at every delivery, so that they can be
//! changed while binleaf runs, and none of them ever puts one into an error.

mod email;
mod error;
mod log;
mod secret;
mod signature;
mod telegram;
mod webhook;

use std::time::Duration;

pub(super) use error::SendError;

use self::{email::Email, telegram::Telegram, webhook::Webhook};
use super::notice::Notice;
use crate::config::ChannelsConfig;

/// A way to tell a notice.
#[derive(Debug)]
pub(super) enum Channel {
    /// A line of the log.
    Log,
    /// A POST of JSON.
    Webhook(Webhook),
    /// A mail.
    Email(Email),
    /// A message of a bot.
    Telegram(Telegram),
}

impl Channel {
    /// Those that the settings name.
    pub(super) fn configured(config: &ChannelsConfig) -> Vec<Self> {
        let log = config.log.then_some(Self::Log);
        let webhook = Webhook::new(&config.webhook).map(Self::Webhook);
        let email = Email::new(&config.email).map(Self::Email);
        let telegram = Telegram::new(&config.telegram).map(Self::Telegram);
        [log, webhook, email, telegram].into_iter().flatten().collect()
    }

    /// The name that settings and metrics have for it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook(_) => "webhook",
            Self::Email(_) => "email",
            Self::Telegram(_) => "telegram",
        }
    }

    /// Tries once to deliver a notice, for so long at most.
    pub(super) async fn send(&self, notice: &Notice, limit: Duration) -> Result<(), SendError> {
        let sent = async {
            match self {
                Self::Log => {
                    log::write(notice);
                    Ok(())
                }
                Self::Webhook(webhook) => webhook.send(notice).await,
                Self::Email(email) => email.send(notice, limit).await,
                Self::Telegram(telegram) => telegram.send(notice).await,
            }
        };
        match tokio::time::timeout(limit, sent).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::Timeout(limit)),
        }
    }
}
