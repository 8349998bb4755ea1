//! A large table of which little has changed costs little, and no memory.

use std::time::Duration;

use super::{counts, launch, poll_once};
use crate::support::{Pair, Spawned, servers};

/// What a run may ever hold.
const MEMORY: u64 = 128 << 20;

/// Five million to see it as the documentation tells it.
fn rows() -> u64 {
    std::env::var("TEST_POLL_ROWS").map_or(200_000, |text| text.parse().expect("a number"))
}

const CHANGED: u64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_reads_an_index_range_and_no_table() {
    let server = Spawned::mysql(&["--skip-log-bin"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let rows = rows();
    pair.source
        .run_all(&[
            "SET cte_max_recursion_depth = 4294967295",
            "CREATE TABLE big (id INT PRIMARY KEY, label VARCHAR(40), updated_at TIMESTAMP(6) NOT NULL, KEY by_moment (updated_at))",
            &format!(
                "INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 SELECT i, CONCAT('cnry ', i), TIMESTAMPADD(SECOND, i % 1000000, '2020-01-01') FROM n"
            ),
            "ANALYZE TABLE big",
        ])
        .await;
    let launch = launch(&pair).set("poll", "detect_deletes", "\"0s\"");
    poll_once(&launch).await;
    pair.source
        .run(format!("UPDATE big SET label = 'cnry', updated_at = UTC_TIMESTAMP(6) WHERE id % ({rows} DIV {CHANGED}) = 0"))
        .await;
    // Of the pass, and of what every run asks before it.
    poll_once(&launch.clone().set("source", "tables", "[\"big\"]")).await;
    let before = rows_read(&pair).await;
    let again = poll_once(&launch).await;
    let of_nothing = rows_read(&pair).await - before;
    assert!(counts(&again)[3] >= CHANGED, "the overlap: {again:#}");
    pair.source
        .run(format!("UPDATE big SET label = 'x', updated_at = UTC_TIMESTAMP(6) WHERE id % ({rows} DIV {CHANGED}) = 0"))
        .await;
    let before = rows_read(&pair).await;
    let running = launch.begin(&["poll", "--once", "--json"]);
    let ended = running.ends().await;
    assert_eq!(counts(&ended.json())[1], CHANGED, "{}", ended.said());
    let read = rows_read(&pair).await - before;
    assert!(read < of_nothing + 5 * CHANGED, "{read} rows were read, {of_nothing} for nothing");
    assert!(read < rows / 4, "{read} rows were read of {rows}: a scan");

    // Without the index it says so, and is right all the same.
    pair.source.run("DROP INDEX by_moment ON big").await;
    let checked = launch.command(&["check"]).await;
    checked.assert_said(0, &["timestamp_index", "CREATE INDEX `by_updated_at`"]);
    pair.source
        .run("UPDATE big SET label = 'y', updated_at = UTC_TIMESTAMP(6) WHERE id < 10")
        .await;
    assert_eq!(counts(&poll_once(&launch).await)[1], 9);
    pair.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comparing_keys_takes_little_memory() {
    let pair = Pair::new().await;
    let rows = rows();
    pair.source
        .run_all(&[
            "SET sql_log_bin = 0, cte_max_recursion_depth = 4294967295",
            "CREATE TABLE big (id INT PRIMARY KEY, updated_at TIMESTAMP(6) NULL, KEY (updated_at))",
            &format!(
                "INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 SELECT i, '2020-01-01' FROM n"
            ),
        ])
        .await;
    let patience = Duration::from_secs(60 + rows / 5_000);
    let mut binleaf = launch(&pair).set("poll", "interval", "\"1h\"").run().patient(patience);
    binleaf.rests().await;
    pair.source.run("DELETE FROM big WHERE id % 100 = 7").await;
    let (code, result) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!((code, counts(&result)[2]), (200, rows / 100), "{result:#}");
    let peak = binleaf.peak_memory();
    println!("peak memory: {} MiB", peak >> 20);
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
    pair.assert_equal().await;
    binleaf.stops().await;
}

/// Rows that the server has read from tables and indexes, over all connections.
async fn rows_read(pair: &Pair) -> u64 {
    pair.source
        .number(
            "SELECT CAST(SUM(VARIABLE_VALUE) AS UNSIGNED) FROM performance_schema.global_status WHERE VARIABLE_NAME IN
             ('Handler_read_first', 'Handler_read_key', 'Handler_read_next', 'Handler_read_rnd', 'Handler_read_rnd_next')",
        )
        .await
}
