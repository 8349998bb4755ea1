//! `binleaf alerts test`, and settings that are refused.

use super::{
    filled,
    mail::{Certificate, secure_web},
    receiver::{Answer, Receiver},
    rules, told_by_webhook,
};
use crate::support::{Launch, launch::quoted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_channel_is_tried_and_one_that_fails_fails_the_command() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver);
    let ended = launch.command(&["alerts", "test"]).await;
    ended.assert_said(0, &["log: sent in ", "webhook: sent in "]);
    let test = receiver.until("test", |one| one.is("test", "test")).await.json();
    assert_eq!(test["summary"], "this is a test: nothing is wrong");
    assert_eq!(test["severity"], "info");

    receiver.answers(&[Answer::Status(500, "")]);
    let ended = launch.command(&["alerts", "test"]).await;
    ended.assert_said(1, &["log: sent", "webhook: failed: it was answered with 500"]);
    assert_eq!(receiver.all().len(), 2, "it is tried once");

    let ended = launch.command(&["alerts", "test", "--channel", "log"]).await;
    assert_eq!((ended.code, ended.output.lines().count()), (Some(0), 1), "{}", ended.said());
    launch
        .command(&["alerts", "test", "--channel", "email"])
        .await
        .assert_said(1, &["email: not configured"]);
    launch.command(&["alerts", "test", "--channel", "pigeon"]).await.assert_said(2, &["pigeon"]);
    assert_eq!(receiver.all().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_over_tls_is_posted_to_where_its_certificate_is_trusted() {
    let pair = filled().await;
    let certificate = Certificate::new();
    let (port, serving) = secure_web(&certificate).await;
    let url = quoted(&format!("https://localhost:{port}/hook"));
    let launch = Launch::of(&pair).set("alerts", "channels.webhook.url", &url);
    launch
        .command(&["alerts", "test"])
        .await
        .assert_said(1, &["webhook: failed: it cannot be reached", "certificate"]);
    let file = quoted(&certificate.file().display().to_string());
    let launch = launch.set("alerts", "channels.webhook.ca_file", &file);
    launch.command(&["alerts", "test"]).await.assert_said(0, &["webhook: sent"]);
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_settings_are_all_told_and_nothing_is_sent() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = rules(
        told_by_webhook(&pair, &receiver),
        &[r#"{ name = "late", metric = "lag_secnds", above = 1 }"#, r#"{ name = "own" }"#],
    )
    .set("alerts", "channels.webhok.url", "\"\"")
    .set("alerts", "channels.email.smtp_host", "\"mail\"")
    .set("alerts", "channels.telegram.chat_id", "\"1\"");
    launch.command(&["alerts", "test"]).await.assert_said(
        2,
        &[
            "rule late: metric: unknown metric, did you mean lag_seconds?",
            "rule own: a metric is expected",
            "did you mean alerts.channels.webhook?",
            "alerts.channels.email.from: must be given",
            "alerts.channels.email.to: must be given",
            "alerts.channels.telegram.token_file: must be given together with alerts.channels.telegram.chat_id",
        ],
    );
    assert!(receiver.all().is_empty());
}
