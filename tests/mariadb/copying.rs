//! Sakila and random changes: copied by snapshot and by stream, equal field by field, and shown as they are.

use super::pair;
use crate::support::{Launch, Writer, sakila};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sakila_and_ten_thousand_random_changes() {
    let pair = pair().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let written = Writer::over(&pair.source).await.changes(10_000).await;
    assert!(written.rollbacks > 0);
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_position_is_shown_as_the_server_shows_it_and_can_be_set() {
    let pair = pair().await;
    pair.source.run_all(&["CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"]).await;
    let launch = Launch::of(&pair);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    let status = binleaf.replication().await;
    let told = status["position"]["gtid_set"].as_str().expect("a position").to_owned();
    assert!(told.starts_with("0-") && !told.contains(':'), "{status:#}");
    assert!(status["lag_transactions"].is_u64(), "{status:#}");
    assert!(status["source_position"]["gtid_set"].is_string(), "{status:#}");
    let shown = launch.command(&["status"]).await;
    shown.assert_said(0, &["streaming", &told[..2]]);
    binleaf.stops().await;

    let id = pair.source.value("SELECT @@server_id").await;
    let shown = launch.command(&["checkpoint", "show"]).await;
    shown.assert_said(0, &[&format!("server      {id}/"), "position    0-"]);
    pair.source.run("INSERT INTO t VALUES (2)").await;
    let now = pair.source.executed().await;
    let set = launch.command(&["checkpoint", "set", "--gtid", &now, "--yes"]).await;
    assert_eq!(set.code, Some(0), "{}", set.said());
    let mut binleaf = launch.run();
    pair.source.run("INSERT INTO t VALUES (3)").await;
    binleaf.catches_up().await;
    binleaf.assert_no_new_snapshot().await;
    assert_eq!(pair.target.count("t").await, 2, "what was left out stays out");
}

/// `stream.start = "file:offset"`: the stream goes by file and offset, over a rotation and a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_may_begin_at_a_file_and_an_offset() {
    let pair = pair().await;
    pair.source.run_all(&["CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"]).await;
    let (file, offset) = pair.source.coordinates().await;
    pair.source.run("INSERT INTO t VALUES (2)").await;
    let launch = Launch::of(&pair)
        .set("snapshot", "when", "\"never\"")
        .set("snapshot", "existing", "\"merge\"")
        .set("stream", "start", &format!("\"{file}:{offset}\""));
    let mut binleaf = launch.run();
    binleaf.catches_up_by_file().await;
    assert_eq!(pair.target.count("t").await, 1);
    pair.source.run_all(&["FLUSH BINARY LOGS", "INSERT INTO t VALUES (3)"]).await;
    binleaf.pull_the_plug_and_start().await;
    binleaf.catches_up_by_file().await;
    pair.source.run("INSERT INTO t VALUES (4)").await;
    binleaf.catches_up_by_file().await;
    assert_eq!(pair.target.count("t").await, 3);
    assert!(binleaf.replication().await["position"]["gtid_set"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_without_a_key_hold_every_distinct_row_once() {
    let pair = pair().await;
    let source = &pair.source;
    source
        .run("CREATE TABLE log (a INT, b VARCHAR(30), c DOUBLE, d DATETIME(6), e FLOAT, f DATE)")
        .await;
    source.run("INSERT INTO log VALUES (1, 'cnry', 0.1, NOW(6), 0.1, '0000-00-00'), (2, NULL, NULL, NULL, NULL, NULL)").await;
    source.run("INSERT INTO log SELECT * FROM log").await;
    source.run("INSERT INTO log VALUES (3, 'single', 0.5, '2026-01-10 00:00:00.123456', 1e10, '2023-02-00')").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    for (change, distinct) in [
        ("DELETE FROM log WHERE a = 1 LIMIT 1", 3),
        ("DELETE FROM log WHERE a = 1 LIMIT 1", 2),
        ("UPDATE log SET b = 'other' WHERE a = 2 LIMIT 1", 3),
        ("UPDATE log SET b = 'other' WHERE a = 2 AND b IS NULL", 2),
        ("INSERT INTO log SELECT seq, 'many', seq / 7, NULL, NULL, NULL FROM seq_1_to_500", 502),
        ("DELETE FROM log WHERE b = 'many'", 2),
        ("DELETE FROM log", 0),
    ] {
        source.run(change).await;
        binleaf.catches_up_and_is_equal(&pair).await;
        assert_eq!(pair.target.count("log").await, distinct, "after {change}");
    }
}
