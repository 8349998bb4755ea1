//! Tables without a key: the target holds every distinct row once.

use crate::support::{Comparison, Launch, Pair};

const LOG: &str = "CREATE TABLE log (a INT, b VARCHAR(30), c DOUBLE, d DATETIME(6))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_distinct_row_is_there_once() {
    let pair = Pair::new().await;
    let source = &pair.source;
    source.run(LOG).await;
    source.run("INSERT INTO log VALUES (1, 'cnry', 0.1, NOW(6)), (2, NULL, NULL, NULL)").await;
    source.run("INSERT INTO log SELECT * FROM log").await;
    source.run("INSERT INTO log VALUES (3, 'single', 0.5, '2026-01-10 00:00:00.123456')").await;

    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.target.count("log").await, 3);

    for (change, distinct) in [
        ("INSERT INTO log VALUES (3, 'single', 0.5, '2026-01-10 00:00:00.123456')", 3),
        ("DELETE FROM log WHERE a = 1 LIMIT 1", 3),
        ("DELETE FROM log WHERE a = 1 LIMIT 1", 2),
        ("UPDATE log SET b = 'other' WHERE a = 2 LIMIT 1", 3),
        ("UPDATE log SET b = 'other' WHERE a = 2 AND b IS NULL", 2),
        ("DELETE FROM log", 0),
        (
            "INSERT INTO log VALUES (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL), (7, '', 0, NULL)",
            2,
        ),
    ] {
        source.run(change).await;
        binleaf.catches_up_and_is_equal(&pair).await;
        assert_eq!(pair.target.count("log").await, distinct, "after {change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_left_out_or_refused_where_that_is_wished() {
    let pair = Pair::new().await;
    pair.source.run_all(&[LOG, "INSERT INTO log VALUES (1, 'cnry', 1, NULL)"]).await;
    pair.source.run_all(&["CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"]).await;

    let refused = Launch::of(&pair).set("target", "keyless", "\"stop\"").command(&["run"]).await;
    refused.assert_said(1, &["log"]);
    assert!(pair.target.collections().await.is_empty(), "something was written");

    let mut binleaf = Launch::of(&pair).set("target", "keyless", "\"skip\"").run();
    binleaf.streams().await;
    pair.source.run("INSERT INTO log VALUES (2, 'cnry', 1, NULL)").await;
    binleaf.catches_up().await;
    Comparison::of(&pair).without("log").assert_equal().await;
}
