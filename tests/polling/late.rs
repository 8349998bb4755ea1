//! What home-made scripts lose: late commits, equal moments, rows without a moment, a clock that is put back.

use std::time::Duration;

use mysql_async::prelude::Queryable;

use super::{counts, launch, poll_once};
use crate::support::{Comparison, Launch, Pair, Spawned, servers};

/// How long a transaction is held open: 20 to see it as the documentation tells it.
fn hold() -> Duration {
    let seconds = std::env::var("TEST_HOLD_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

const TABLE: &str = "CREATE TABLE orders (id INT PRIMARY KEY, n INT, \
     updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at))";

/// Polls by moments alone, with this overlap.
fn by_moments(pair: &Pair, overlap: &str) -> Launch {
    launch(pair).set("poll", "detect_deletes", "\"0s\"").set(
        "poll",
        "overlap",
        &format!("\"{overlap}\""),
    )
}

/// Rows are changed early and committed late; a pass comes in between. The answer is whether the next pass finds them.
async fn finds_what_was_committed_late(launch: &Launch, pair: &Pair) -> bool {
    pair.source.run_all(&[TABLE, "INSERT INTO orders (id, n) VALUES (1, 1), (2, 1)"]).await;
    poll_once(launch).await;
    let mut late = pair.source.connect().await;
    late.query_drop("BEGIN").await.expect("a transaction");
    late.query_drop("UPDATE orders SET n = 2 WHERE id = 1").await.expect("an update");
    late.query_drop("INSERT INTO orders (id, n) VALUES (3, 2)").await.expect("an insert");
    tokio::time::sleep(hold()).await;
    pair.source.run("INSERT INTO orders (id, n) VALUES (4, 1)").await;
    assert_eq!(counts(&poll_once(launch).await)[0], 1, "the one that is committed");
    late.query_drop("COMMIT").await.expect("the end");
    late.disconnect().await.expect("a clean end");
    poll_once(launch).await;
    Comparison::of(pair).is_equal().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_overlap_covers_late_commits_and_without_it_they_are_lost() {
    let (covered, lost) = (Pair::new().await, Pair::new().await);
    assert!(finds_what_was_committed_late(&by_moments(&covered, "30s"), &covered).await);
    let without = by_moments(&lost, "0s");
    assert!(!finds_what_was_committed_late(&without, &lost).await, "the test proves nothing");
    // Comparing keys and moments finds them all the same.
    poll_once(&without.set("poll", "detect_deletes", "\"1ms\"")).await;
    lost.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_moments_across_pages_and_rows_without_a_moment() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "SET cte_max_recursion_depth = 100000",
            "CREATE TABLE same (a INT, b VARCHAR(20), n INT, updated_at DATETIME NULL, PRIMARY KEY (b, a), KEY (updated_at))",
            "INSERT INTO same WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 10000)
             SELECT i, CONCAT('k', i % 7), 0, '2020-01-01' FROM i",
        ])
        .await;
    let launch = by_moments(&pair, "30s").set("snapshot", "chunk_rows", "700");
    poll_once(&launch).await;
    pair.source.run("UPDATE same SET n = 1, updated_at = UTC_TIMESTAMP()").await;
    assert_eq!(counts(&poll_once(&launch).await)[1], 10_000);
    pair.assert_equal().await;

    pair.source.run("UPDATE same SET n = 2, updated_at = NULL WHERE a <= 2000").await;
    pair.source.run("UPDATE same SET n = 3, updated_at = '0000-00-00' WHERE a > 8000").await;
    assert_eq!(counts(&poll_once(&launch).await)[1], 4_000);
    pair.source.run("UPDATE same SET n = 4 WHERE a <= 2000 OR a > 8000").await;
    assert_eq!(counts(&poll_once(&launch).await)[1], 4_000, "each pass looks at them");
    pair.assert_equal().await;

    pair.source.run("UPDATE same SET n = 5, updated_at = '2999-01-01' WHERE a = 5000").await;
    poll_once(&launch).await;
    pair.source.run("UPDATE same SET n = 6 WHERE a = 5000").await;
    poll_once(&launch).await;
    pair.assert_equal().await;
}

/// The server's own clock, under Debian's faketime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_put_back_by_a_minute_loses_nothing() {
    let server = Spawned::mysql_with_clock().await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run_all(&[TABLE, "INSERT INTO orders (id, n) VALUES (1, 1), (2, 1)"]).await;
    let launch = by_moments(&pair, "1s");
    poll_once(&launch).await;
    poll_once(&launch).await;
    let before = pair.source.number("SELECT UNIX_TIMESTAMP()").await;
    server.set_clock("-60");
    assert!(pair.source.number("SELECT UNIX_TIMESTAMP()").await < before - 30, "no faketime");
    pair.source.run("UPDATE orders SET n = 2 WHERE id = 1").await;
    pair.source.run("INSERT INTO orders (id, n) VALUES (3, 3)").await;
    let ended = launch.command(&["poll", "--once", "--json"]).await;
    ended.assert_said(0, &["clock was put back by"]);
    assert_eq!(counts(&ended.json()), [1, 1, 0, 1]);
    pair.assert_equal().await;
    pair.source.run("UPDATE orders SET n = 4 WHERE id = 2").await;
    poll_once(&launch).await;
    pair.assert_equal().await;
}

/// At the end of summer a wall clock shows an hour twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hour_that_a_wall_clock_shows_twice_loses_nothing() {
    let server = Spawned::mysql(&["--default-time-zone=+02:00"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let table = "CREATE TABLE events (id INT PRIMARY KEY, n INT, updated_at DATETIME(3) NOT NULL, KEY (updated_at))";
    let write = |id: u32, zone: &str| {
        [
            format!("SET time_zone = '{zone}'"),
            format!("REPLACE INTO events VALUES ({id}, {id}, NOW(3))"),
        ]
    };
    let [zone, row] = write(1, "+02:00");
    pair.source.run_all(&[table, &zone, &row]).await;
    let launch = by_moments(&pair, "1s");
    poll_once(&launch).await;
    poll_once(&launch).await;
    pair.source.run("SET GLOBAL time_zone = '+01:00'").await;
    for id in 2..5 {
        let [zone, row] = write(id, "+01:00");
        pair.source.run_all(&[&zone, &row]).await;
    }
    poll_once(&launch).await;
    pair.assert_equal().await;
    let [zone, row] = write(2, "+01:00");
    pair.source.run_all(&[&zone, &row]).await;
    poll_once(&launch).await;
    pair.assert_equal().await;
}

/// A wall clock five hours behind the server's, which only the settings know of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_of_another_zone_is_read_by_its_name() {
    let pair = Pair::new().await;
    let touch = |id: u32, n: u32| {
        format!(
            "REPLACE INTO visits VALUES ({id}, {n}, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', '-05:00'))"
        )
    };
    let table =
        "CREATE TABLE visits (id INT PRIMARY KEY, n INT, seen_on DATETIME(6), KEY (seen_on))";
    pair.source.run_all(&[table, &touch(1, 1), &touch(2, 1)]).await;
    let unaware = by_moments(&pair, "1s").set("tables.visits", "timestamp_column", "\"seen_on\"");
    let launch = unaware.clone().set("tables.visits", "timestamp_zone", "\"-05:00\"");
    poll_once(&launch).await;
    for n in 2..4 {
        pair.source.run(touch(1, n)).await;
        assert_eq!(counts(&poll_once(&launch).await)[1], 1);
        pair.assert_equal().await;
    }
    // The cursor goes on by the server's own clock then, and finds nothing.
    poll_once(&unaware).await;
    pair.source.run(touch(2, 9)).await;
    assert_eq!(counts(&poll_once(&unaware).await)[1], 0, "the test proves nothing");
}
