//! A message of a Telegram bot. The token is part of the address, so that no error may show one.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{SendError, error::without, secret};
use crate::{
    alert::{notice::Notice, text},
    config::TelegramConfig,
};

const TOKEN_FILE: &str = "alerts.channels.telegram.token_file";
const CA_FILE: &str = "alerts.channels.telegram.ca_file";

/// The most letters of a message, by the Bot API.
const MOST_LETTERS: usize = 4096;

/// The longest that the API may ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Sends messages.
#[derive(Debug)]
pub(in crate::alert) struct Telegram {
    config: TelegramConfig,
}

impl Telegram {
    /// `None` where no token is given.
    pub(super) fn new(config: &TelegramConfig) -> Option<Self> {
        config.token_file.is_some().then(|| Self { config: config.clone() })
    }

    pub(super) async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let missing = SendError::Setting { setting: TOKEN_FILE, reason: "no file is named" };
        let file = self.config.token_file.as_ref().ok_or(missing)?;
        let token = secret::read(TOKEN_FILE, file).await?;
        let token = token.expose_secret();
        // What else it may hold would be read as another part of the address.
        let is_of_a_token = |sign: char| sign.is_ascii_alphanumeric() || ":_-".contains(sign);
        if !token.chars().all(is_of_a_token) {
            let reason = "it is not the token of a bot (123456:ABC…)";
            return Err(SendError::Setting { setting: TOKEN_FILE, reason });
        }
        let client = secret::client(CA_FILE, self.config.ca_file.as_ref()).await?;
        let url = format!("{}/bot{token}/sendMessage", self.config.api_url.trim_end_matches('/'));
        let message: String = text::body(notice).chars().take(MOST_LETTERS).collect();
        let body = json!({
            "chat_id": self.config.chat_id,
            "text": message,
            "link_preview_options": { "is_disabled": true },
        });
        let call = |error| SendError::of_call(error, &[token]);
        let answer = client.post(url).json(&body).send().await.map_err(call)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said: Value = answer.json().await.unwrap_or_default();
        Err(refused(status.as_u16(), &said, token))
    }
}

fn refused(status: u16, said: &Value, token: &str) -> SendError {
    let description =
        said.get("description").and_then(Value::as_str).map(|words| without(words, &[token]));
    let after =
        said.pointer("/parameters/retry_after").and_then(Value::as_u64).map(Duration::from_secs);
    SendError::Refused {
        status,
        said: description,
        after: after.map(|after| after.min(LONGEST_WAIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_its_reason_and_when_to_come_again_but_no_token() {
        let said =
            json!({ "description": "Too Many Requests: 1:a", "parameters": { "retry_after": 7 } });
        let error = refused(429, &said, "1:a");
        assert!(error.may_pass() && error.after() == Some(Duration::from_secs(7)));
        assert_eq!(error.to_string(), "it was answered with 429: Too Many Requests: …");
        let long = json!({ "parameters": { "retry_after": 86_400 } });
        assert_eq!(refused(429, &long, "").after(), Some(LONGEST_WAIT));
    }
}
