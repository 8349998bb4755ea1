//! Mails: encrypted before anything is said, and not sent at all where that cannot be had.

use super::{
    ALWAYS, file, filled,
    mail::{Certificate, MailServer, Manner, PASSWORD},
    rules,
};
use crate::support::{Launch, launch::quoted};

fn mailing(launch: Launch, server: &MailServer, tls: &str) -> Launch {
    launch
        .set("alerts", "channels.email.smtp_host", "\"localhost\"")
        .set("alerts", "channels.email.smtp_port", &server.port.to_string())
        .set("alerts", "channels.email.tls", &quoted(tls))
        .set("alerts", "channels.email.from", "\"binleaf <binleaf@example.org>\"")
        .set("alerts", "channels.email.to", "[\"ops@example.org\", \"dba@example.org\"]")
}

fn trusting(launch: Launch, certificate: &Certificate) -> Launch {
    let path = certificate.file().display().to_string();
    launch.set("alerts", "channels.email.ca_file", &quoted(&path))
}

fn logged_in(launch: Launch) -> Launch {
    let password = file(&launch, "password", PASSWORD);
    launch.set("alerts", "channels.email.user", "\"binleaf\"").set(
        "alerts",
        "channels.email.password_file",
        &password,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_mailed_behind_starttls_and_a_login() {
    let pair = filled().await;
    let server = MailServer::start(Manner::Starttls).await;
    let launch = rules(mailing(Launch::of(&pair), &server, "starttls"), &[ALWAYS]);
    let mut binleaf = logged_in(trusting(launch, &server.certificate)).run();
    let mail = server.mail("mail", |_| true).await;
    assert!(mail.is_secured && mail.is_logged_in, "{mail:#?}");
    assert_eq!(mail.recipients, ["RCPT TO:<ops@example.org>", "RCPT TO:<dba@example.org>"]);
    let text = &mail.text;
    assert!(text.contains("ERROR: always: paused is 0, below 1"), "{text}");
    assert!(text.contains("Subject: [binleaf default@"), "{text}");
    assert!(text.contains("From: ") && text.contains("<binleaf@example.org>"), "{text}");
    let in_the_clear = server.lines().into_iter().take_while(|line| line != "STARTTLS");
    assert_eq!(in_the_clear.count(), 1, "EHLO only: {:?}", server.lines());
    binleaf.streams().await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_from_the_first_byte_works_and_none_where_it_is_asked_for() {
    let pair = filled().await;
    let server = MailServer::start(Manner::Implicit).await;
    let launch = mailing(Launch::of(&pair), &server, "implicit");
    let launch = logged_in(trusting(launch, &server.certificate));
    launch.command(&["alerts", "test"]).await.assert_said(0, &["email: sent"]);
    let mail = server.mail("mail", |_| true).await;
    assert!(mail.is_secured && mail.is_logged_in && mail.text.contains("TEST: test: "));

    let server = MailServer::start(Manner::Plain).await;
    let launch = mailing(Launch::of(&pair), &server, "none");
    launch.command(&["alerts", "test"]).await.assert_said(0, &["email: sent"]);
    assert!(!server.mail("mail", |_| true).await.is_secured);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_trusted_or_not_encrypted_gets_nothing() {
    let pair = filled().await;
    let server = MailServer::start(Manner::Starttls).await;
    let strange = logged_in(mailing(Launch::of(&pair), &server, "starttls"));
    strange.command(&["alerts", "test"]).await.assert_said(1, &["email: failed", "certificate"]);
    let server_without = MailServer::start(Manner::Plain).await;
    let launch = logged_in(mailing(Launch::of(&pair), &server_without, "starttls"));
    launch.command(&["alerts", "test"]).await.assert_said(1, &["email: failed"]);
    for server in [server, server_without] {
        assert_eq!(server.count(), 0);
        let told = server.lines().into_iter().find(|line| line.starts_with("AUTH"));
        assert_eq!(told, None, "a login was tried");
    }
}
