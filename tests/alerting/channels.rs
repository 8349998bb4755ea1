//! Webhook and Telegram: what arrives, and how often it is tried.

use std::time::Duration;

use serde_json::json;

use super::{
    ALWAYS, file, filled,
    receiver::{Answer, Receiver},
    rules, told_by_webhook,
};
use crate::support::{Launch, Log, launch::quoted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_tried_again_after_an_error_of_the_server_and_is_signed() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    receiver.answers(&[Answer::Status(500, "oh"), Answer::Status(503, "no")]);
    let launch = told_by_webhook(&pair, &receiver);
    let key = file(&launch, "key", "cnry-key\n");
    let headers = file(&launch, "headers", "Authorization: Bearer cnry-header\nX-More: yes\n");
    let launch = rules(launch, &[ALWAYS])
        .set("alerts", "channels.webhook.secret_file", &key)
        .set("alerts", "channels.webhook.headers_file", &headers)
        .set("alerts", "channels.webhook.headers", "{ X-Team = \"data\" }");
    let mut binleaf = launch.run();
    let all = receiver.until_there_are(3).await;
    let ids: Vec<&str> = all.iter().map(|one| one.header("x-binleaf-delivery")).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "the same notice: {ids:?}");
    for one in &all {
        assert!(one.is("always", "raised"));
        assert_eq!(one.path, "/hook");
        assert_eq!(one.header("content-type"), "application/json");
        assert_eq!(one.header("authorization"), "Bearer cnry-header");
        assert_eq!((one.header("x-team"), one.header("x-more")), ("data", "yes"));
        assert_signed(
            b"cnry-key",
            one.header("x-binleaf-timestamp"),
            one.header("x-binleaf-signature"),
            &one.body,
        );
    }
    binleaf.streams().await;
    binleaf.stops().await;
    assert_eq!(receiver.all().len(), 3, "it has arrived");
}

/// By the other half of the arithmetic.
fn assert_signed(key: &[u8], timestamp: &str, signature: &str, body: &[u8]) {
    let seconds: u64 = timestamp.parse().expect("a timestamp");
    assert!(seconds > 1_700_000_000);
    let digits = signature.strip_prefix("sha256=").expect("a signature");
    let pairs: Vec<&str> = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]).collect();
    let tag: Vec<u8> =
        pairs.iter().map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let signed = [timestamp.as_bytes(), b".", body].concat();
    ring::hmac::verify(&key, &signed, &tag).expect("our signature");
    let other = [b"1".as_slice(), b".", body].concat();
    assert!(ring::hmac::verify(&key, &other, &tag).is_err(), "of another time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_refuses_for_good_is_not_asked_again() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    receiver.answers(&[Answer::Status(404, "nobody here")]);
    let launch = rules(told_by_webhook(&pair, &receiver), &[ALWAYS]);
    let mut binleaf = launch.set("alerts", "repeat", "\"0s\"").run();
    binleaf.streams().await;
    let file = binleaf.launch.log_file();
    let failed = || {
        let lines = Log::read(&file).lines();
        lines.into_iter().find(|line| line["message"] == "a notice could not be delivered")
    };
    binleaf.until("a failed delivery", |_| failed().is_some()).await;
    let line = failed().expect("a line");
    assert_eq!((&line["channel"], &line["level"]), (&json!("webhook"), &json!("error")));
    assert_eq!(line["error"], "it was answered with 404");
    let counted = binleaf.metric("binleaf_alert_notices_total").await;
    assert!(counted >= 2.0, "the log's and the webhook's: {counted}");
    binleaf.stops().await;
    assert_eq!(receiver.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telegram_is_left_alone_for_as_long_as_it_asks() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let busy = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#;
    receiver.answers(&[Answer::Status(429, busy)]);
    let launch = rules(Launch::of(&pair), &[ALWAYS]);
    let token = file(&launch, "token", "123456:cnry-token\n");
    let mut binleaf = launch
        .set("alerts", "channels.telegram.token_file", &token)
        .set("alerts", "channels.telegram.chat_id", "-100123")
        .set("alerts", "channels.telegram.api_url", &quoted(&receiver.url))
        .run();
    let all = receiver.until_there_are(2).await;
    let waited = all[1].at - all[0].at;
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
    for one in &all {
        assert_eq!(one.path, "/bot123456:cnry-token/sendMessage");
        let message = one.json();
        assert_eq!(message["chat_id"], "-100123");
        let text = message["text"].as_str().expect("a text");
        assert!(text.starts_with("ERROR: always: paused is 0, below 1\n"), "{text}");
        assert!(text.contains("pipeline   default on "), "{text}");
    }
    binleaf.streams().await;
    binleaf.stops().await;
}
