//! `mode = "auto"`: the stream where it can be had, else polling, with the reason; and back to the stream.

use std::time::Duration;

use super::leave_select_alone;
use crate::support::{Launch, Pair, Spawned, Writer, databases::Source, sakila, servers};

fn auto(pair: &Pair) -> Launch {
    Launch::of(pair).set("poll", "interval", "\"1s\"").set("poll", "detect_deletes", "\"1s\"")
}

/// Polls, keeps up, and says why.
async fn polls_because(pair: &Pair, code: &str, reason: &str) {
    let launch = auto(pair);
    let checked = launch.command(&["check", "--json"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.said());
    let findings = checked.json()["findings"].take();
    let of = |code: &str| {
        findings.as_array().expect("findings").iter().find(|finding| finding["code"] == code)
    };
    assert_eq!(of("polling").expect("the mode")["level"], "warning");
    let cause = of(code).unwrap_or_else(|| panic!("no {code} in {findings:#}"));
    assert_eq!(cause["level"], "warning");
    assert!(cause["remedy"].is_string(), "{cause:#}");

    let mut binleaf = launch.run();
    binleaf.rests().await;
    let status = binleaf.replication().await;
    assert_eq!(status["mode"], "poll");
    assert!(status["mode_reason"].as_str().is_some_and(|why| why.contains(reason)), "{status:#}");
    pair.source.run("UPDATE film SET length = 7 WHERE film_id < 50").await;
    pair.source.run("DELETE FROM payment WHERE payment_id < 30").await;
    equals_in_time(pair).await;
    binleaf.stops().await;
}

async fn equals_in_time(pair: &Pair) {
    for _ in 0..200 {
        if crate::support::Comparison::of(pair).is_equal().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    pair.assert_equal().await;
}

async fn loaded(server: &Spawned) -> Pair {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    pair
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_binlog() {
    let server = Spawned::mysql(&["--skip-log-bin"]).await;
    polls_because(&loaded(&server).await, "log_bin", "writes no binlog").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_statements_in_the_binlog() {
    let server = Spawned::mysql(&["--binlog-format=STATEMENT"]).await;
    let pair = loaded(&server).await;
    polls_because(&pair, "binlog_format", "binlog_format is STATEMENT").await;
}

/// After the grant a restart streams: no new copy, and nothing that happened in between is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_right_and_after_it_was_granted() {
    polls_until_it_may_stream(Pair::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_right_on_mariadb_and_after_it_was_granted() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    polls_until_it_may_stream(pair).await;
}

async fn polls_until_it_may_stream(pair: Pair) {
    sakila::load(&pair.source).await;
    leave_select_alone(&pair).await;
    polls_because(&pair, "grant", "lacks REPLICATION SLAVE").await;

    Writer::over(&pair.source).await.changes(500).await;
    grant(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let mut binleaf = auto(&pair).run();
    binleaf.streams().await;
    assert_eq!(binleaf.replication().await["mode"], "stream");
    let written = writing.finish().await;
    assert!(written.changes > 10, "{written:?}");
    binleaf.catches_up_and_is_equal(&pair).await;
    let created = binleaf.metric("binleaf_rows_written_total").await;
    assert!(created < 20_000.0, "{created} documents were written: a new copy");
    // From now on it is a stream like any other.
    binleaf.pull_the_plug_and_start().await;
    binleaf.streams().await;
    binleaf.assert_no_new_snapshot().await;
    Writer::over(&pair.source).await.changes(300).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// The other way round: a stream loses its right, polls, and streams again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_stream_to_polling_and_back() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = auto(&pair).run();
    binleaf.streams().await;
    Writer::over(&pair.source).await.changes(300).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
    leave_select_alone(&pair).await;
    Writer::over(&pair.source).await.changes(300).await;
    binleaf.start_again();
    binleaf.rests().await;
    equals_in_time(&pair).await;
    binleaf.stops().await;
    grant(&pair.source).await;
    Writer::over(&pair.source).await.changes(300).await;
    binleaf.start_again();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

async fn grant(source: &Source) {
    let user = &source.user;
    let sql = format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `{user}`@`%`");
    source.run(sql).await;
}
