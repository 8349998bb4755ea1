//! At `trace` too, no log holds what a channel is let in by: not when all is well, not when it is refused, not when nobody
//! is there.

use super::{
    ALWAYS, file, filled,
    mail::{MailServer, Manner},
    receiver::{Answer, Receiver},
    rules,
};
use crate::support::{Launch, Log, launch::quoted, ports};

/// All channels, each with secrets that begin as the canary does, at these addresses.
fn all_channels(launch: Launch, web: &str, bot: &str, mail: &MailServer, password: &str) -> Launch {
    let token = file(&launch, "token", "123:cnry-token");
    let key = file(&launch, "key", "cnry-key");
    let password = file(&launch, "password", password);
    let url = file(&launch, "url", &format!("{web}/cnry-path?token=cnry-query"));
    rules(launch, &[ALWAYS])
        .level("trace")
        .set("alerts", "attempts", "2")
        .set("alerts", "channels.webhook.url_file", &url)
        .set("alerts", "channels.webhook.secret_file", &key)
        .set("alerts", "channels.webhook.headers", "{ Authorization = \"Bearer cnry-header\" }")
        .set("alerts", "channels.telegram.token_file", &token)
        .set("alerts", "channels.telegram.chat_id", "\"@ops\"")
        .set("alerts", "channels.telegram.api_url", &quoted(bot))
        .set("alerts", "channels.email.smtp_host", "\"localhost\"")
        .set("alerts", "channels.email.smtp_port", &mail.port.to_string())
        .set(
            "alerts",
            "channels.email.ca_file",
            &quoted(&mail.certificate.file().display().to_string()),
        )
        .set("alerts", "channels.email.user", "\"binleaf\"")
        .set("alerts", "channels.email.password_file", &password)
        .set("alerts", "channels.email.from", "\"binleaf@example.org\"")
        .set("alerts", "channels.email.to", "[\"ops@example.org\"]")
}

/// Fails unless each of the three has failed, and no text holds a secret.
fn assert_failed_discreetly(log: &Log) {
    let lines = log.lines();
    for channel in ["webhook", "telegram", "email"] {
        let is_told = |line: &&serde_json::Value| {
            line["channel"] == channel && line["message"] == "a notice could not be delivered"
        };
        assert!(lines.iter().any(|line| is_told(&line)), "{channel} in:\n{}", log.tail(20));
    }
    assert!(!log.text().contains("cnry"), "{}", log.tail(40));
}

async fn run_until_failed(launch: &Launch) -> Log {
    let mut binleaf = launch.run();
    let failed = "a notice could not be delivered";
    let all_failed = || Log::read(&launch.log_file()).text().matches(failed).count() >= 3;
    binleaf.until("three failed deliveries", |_| all_failed()).await;
    binleaf.stops().await;
    binleaf.log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_refuses_is_told_without_what_was_refused() {
    let pair = filled().await;
    let (web, bot) = (Receiver::start().await, Receiver::start().await);
    let mail = MailServer::start(Manner::Starttls).await;
    web.answers(&[Answer::Status(500, "cnry-path cnry-key"), Answer::Status(403, "cnry-header")]);
    bot.answers(&[Answer::Status(401, r#"{"description":"Unauthorized: 123:cnry-token"}"#)]);
    let launch = all_channels(Launch::of(&pair), &web.url, &bot.url, &mail, "cnry-wrong");
    let log = run_until_failed(&launch).await;
    assert_failed_discreetly(&log);
    assert!(log.text().contains("535"), "the mail server's own words:\n{}", log.tail(20));
    assert!(log.text().contains("it was answered with 401: Unauthorized: …"));
    assert_eq!((web.all().len(), bot.all().len(), mail.count()), (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_nobody_listens_on_is_not_told() {
    let pair = filled().await;
    let mut mail = MailServer::start(Manner::Starttls).await;
    let nobody = format!("http://127.0.0.1:{}", ports::free());
    mail.port = ports::free();
    let launch = all_channels(Launch::of(&pair), &nobody, &nobody, &mail, "cnry-mail");
    let log = run_until_failed(&launch).await;
    assert_failed_discreetly(&log);
    assert!(log.text().contains("it cannot be reached: "), "{}", log.tail(20));
    let ended = launch.command(&["alerts", "test"]).await;
    ended.assert_said(1, &["webhook: failed: it cannot be reached", "log: sent"]);
    assert!(!ended.said().contains("cnry"), "{}", ended.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_not_told_either() {
    let pair = filled().await;
    let (web, bot) = (Receiver::start().await, Receiver::start().await);
    let mail = MailServer::start(Manner::Starttls).await;
    let launch = all_channels(Launch::of(&pair), &web.url, &bot.url, &mail, super::mail::PASSWORD);
    let ended = launch.command(&["alerts", "test"]).await;
    ended.assert_said(0, &["log: sent", "webhook: sent", "email: sent", "telegram: sent"]);
    assert!(!ended.said().contains("cnry"), "{}", ended.said());
    assert_eq!(web.all()[0].path, "/cnry-path");
}
