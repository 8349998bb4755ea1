//! A POST of JSON, signed where a key is given.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};

use super::{SendError, secret, signature::sign};
use crate::{
    alert::{notice::Notice, payload::payload},
    config::{Secret, WebhookConfig},
};

const URL_FILE: &str = "alerts.channels.webhook.url_file";
const HEADERS_FILE: &str = "alerts.channels.webhook.headers_file";
const SECRET_FILE: &str = "alerts.channels.webhook.secret_file";
const CA_FILE: &str = "alerts.channels.webhook.ca_file";

/// The longest that a receiver may ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Posts notices.
#[derive(Debug)]
pub(in crate::alert) struct Webhook {
    config: WebhookConfig,
    url: Secret,
}

impl Webhook {
    /// `None` where no address is given.
    pub(super) fn new(config: &WebhookConfig) -> Option<Self> {
        let url = config.url.clone()?;
        Some(Self { config: config.clone(), url })
    }

    pub(super) async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let client = secret::client(CA_FILE, self.config.ca_file.as_ref()).await?;
        let (url, mut headers) = (self.url().await?, self.headers().await?);
        let body = payload(notice).to_string();
        add(&mut headers, CONTENT_TYPE.as_str(), "application/json")?;
        add(&mut headers, "x-binleaf-delivery", &notice.id)?;
        if let Some(file) = &self.config.secret_file {
            let (key, timestamp) = (secret::read(SECRET_FILE, file).await?, now());
            let signature = sign(key.expose_secret().as_bytes(), &timestamp, body.as_bytes());
            add(&mut headers, "x-binleaf-timestamp", &timestamp)?;
            add(&mut headers, "x-binleaf-signature", &signature)?;
        }
        let request = client.post(url.expose_secret()).headers(headers);
        let answer = request.body(body).send().await;
        answered(&answer.map_err(|error| SendError::of_call(error, &[url.expose_secret()]))?)
    }

    async fn url(&self) -> Result<SecretString, SendError> {
        match &self.url {
            Secret::Inline(url) => Ok(url.clone()),
            Secret::File(path) => secret::read(URL_FILE, path).await,
            Secret::Command(_) => {
                Err(SendError::Setting { setting: URL_FILE, reason: "a file is expected" })
            }
        }
    }

    async fn headers(&self) -> Result<HeaderMap, SendError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.config.headers {
            add(&mut headers, name, value.expose_secret())?;
        }
        if let Some(file) = &self.config.headers_file {
            let text = secret::read(HEADERS_FILE, file).await?;
            for line in text.expose_secret().lines().filter(|line| !line.trim().is_empty()) {
                let (name, value) = line.split_once(':').ok_or(NO_HEADER)?;
                add(&mut headers, name.trim(), value.trim())?;
            }
        }
        Ok(headers)
    }
}

const NO_HEADER: SendError =
    SendError::Setting { setting: HEADERS_FILE, reason: "a line in it is not `Name: value`" };

fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), SendError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NO_HEADER)?;
    let mut value = HeaderValue::from_str(value).map_err(|_| NO_HEADER)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// The receiver's own words are not kept: it may repeat what it was sent.
fn answered(answer: &reqwest::Response) -> Result<(), SendError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = seconds.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let after = after.map(|after| after.min(LONGEST_WAIT));
    Err(SendError::Refused { status: status.as_u16(), said: None, after })
}

/// Seconds since 1970.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().to_string()
}
