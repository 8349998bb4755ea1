//! Killed at any moment: it goes on at the saved cursor, and reads no page twice beyond the overlap.

use std::time::Duration;

use super::launch;
use crate::support::{
    Comparison, Pair, Proxy, Spawned, Writer, evidence, proxy::Ending, sakila, servers,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulled_plugs_lose_nothing() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let launch =
        launch(&pair).set("poll", "interval", "\"1s\"").set("snapshot", "chunk_rows", "400");
    let mut binleaf = launch.run();
    let writing = Writer::over(&pair.source).await.keep_writing();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..1500))).await;
        binleaf.pull_the_plug_and_start().await;
    }
    writing.finish().await;
    equals_in_time(&pair).await;
}

/// Runs follow each other every second.
async fn equals_in_time(pair: &Pair) {
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if Comparison::of(pair).is_equal().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    pair.assert_equal().await;
}

/// Rows of the table that is read, and of a page.
const ROWS: u64 = 20_000;
const PAGE: u64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_goes_on_where_it_was() {
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source
        .run_all(&[
            "SET cte_max_recursion_depth = 100000",
            "CREATE TABLE orders (id INT PRIMARY KEY, n INT, updated_at DATETIME(6) NOT NULL, KEY (updated_at))",
            &format!(
                "INSERT INTO orders WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS}) SELECT i, 0, '2020-01-01' FROM i"
            ),
        ])
        .await;
    let launch = launch(&pair)
        .set("poll", "detect_deletes", "\"0s\"")
        .set("poll", "overlap", "\"0s\"")
        .set("snapshot", "chunk_rows", &PAGE.to_string());
    super::poll_once(&launch).await;
    // Moments of their own, from now on into the future: a pass has something to go on by.
    pair.source
        .run("UPDATE orders SET n = 1, updated_at = TIMESTAMPADD(MICROSECOND, id, UTC_TIMESTAMP(6) - INTERVAL 0.1 SECOND)")
        .await;
    let sent_before = evidence::rows_sent(&pair.source, "orders").await;
    let slow = launch.clone().set("snapshot", "read_rate", "4000");
    let mut kills = 0;
    loop {
        let mut running = slow.begin(&["poll", "--once"]);
        tokio::time::sleep(Duration::from_millis(1800)).await;
        if kills == 2 {
            let ended = running.ends().await;
            assert_eq!(ended.code, Some(0), "{}", ended.said());
            break;
        }
        running.pull_the_plug().await;
        kills += 1;
    }
    pair.assert_equal().await;
    let sent = evidence::rows_sent(&pair.source, "orders").await - sent_before;
    // What was on its way, and what the position had not been saved of, comes again.
    let again = kills * (2 * PAGE + 4000);
    assert!(sent >= ROWS && sent <= ROWS + again, "{sent} rows were sent for {ROWS}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_are_borne() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let (to_source, to_target) =
        (Proxy::to(&pair.source.address).await, Proxy::to(&pair.target.address).await);
    let launch = launch(&pair)
        .source_at(&to_source.address)
        .target_at(&to_target.address)
        .set("poll", "interval", "\"1s\"")
        .set("poll", "detect_deletes", "\"1s\"");
    let mut binleaf = launch.run();
    let writing = Writer::over(&pair.source).await.keep_writing();
    for ending in [Ending::Cut, Ending::Reset, Ending::HalfPacket] {
        for proxy in [&to_source, &to_target] {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(300..1500))).await;
            proxy.end(ending);
        }
    }
    to_source.close();
    binleaf.until("an error", |status| status["last_error"]["message"].is_string()).await;
    to_source.fair();
    writing.finish().await;
    equals_in_time(&pair).await;
    binleaf.stops().await;
}

/// Killed before anything but the first rows is saved: they are binleaf's own all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_copy_that_is_killed_at_once_is_begun_again() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE words (id INT PRIMARY KEY, updated_at TIMESTAMP NULL)",
            "INSERT INTO words (id) VALUES (1), (2), (3)",
        ])
        .await;
    let launch = launch(&pair);
    // The position would be saved long after the rows.
    let never_saved = launch.clone().set("checkpoint", "interval", "\"1h\"");
    let mut standing = never_saved.environment("FAILPOINTS", "after_write=return").run();
    for _ in 0..500 {
        if pair.target.count("words").await == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    standing.pull_the_plug().await;
    assert_eq!(pair.target.count("words").await, 3);
    pair.source.run("DELETE FROM words WHERE id = 2").await;
    super::poll_once(&launch).await;
    pair.assert_equal().await;
}

/// A table whose changes no column tells is read whole each time, from where the last start was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_over_all_rows_goes_on_where_it_was() {
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source
        .run_all(&[
            "SET cte_max_recursion_depth = 100000",
            "CREATE TABLE plain (id INT PRIMARY KEY, n INT)",
            &format!(
                "INSERT INTO plain WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS}) SELECT i, 0 FROM i"
            ),
        ])
        .await;
    let launch = launch(&pair).set("snapshot", "chunk_rows", &PAGE.to_string());
    super::poll_once(&launch).await;
    pair.source.run_all(&["UPDATE plain SET n = 1", "DELETE FROM plain WHERE id % 100 = 0"]).await;
    let left = ROWS - ROWS / 100;
    let sent_before = evidence::rows_sent(&pair.source, "plain").await;
    let mut running =
        launch.clone().set("snapshot", "read_rate", "4000").begin(&["poll", "--once"]);
    // Some of it is durable and saved.
    for _ in 0..1000 {
        if saved_rows(&pair).await.is_some_and(|rows| rows > 4 * PAGE) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let saved = saved_rows(&pair).await.expect("progress");
    assert!(saved > 4 * PAGE && saved < left, "{saved} rows are saved");
    running.pull_the_plug().await;
    let result = super::poll_once(&launch).await;
    assert_eq!(super::kind(&result, "plain"), "full");
    assert!(super::counts(&result)[1] <= left - saved, "{result:#}");
    pair.assert_equal().await;
    // The rows, what was on its way, and the keys of the target twice: of all, and of those that are gone.
    let sent = evidence::rows_sent(&pair.source, "plain").await - sent_before;
    assert!(sent < 2 * left + 4000, "{sent} rows were sent for {left}");
}

/// Rows that the saved progress of the pass has.
async fn saved_rows(pair: &Pair) -> Option<u64> {
    let saved = pair.target.checkpoint().await?;
    let tables = saved.get_document("snapshot").ok()?.get_document("tables").ok()?;
    let progress = tables.values().next()?.as_document()?;
    // Until the pass has begun it is the last one's.
    let is_under_way = !progress.get_bool("complete").ok()?;
    is_under_way.then_some(())?;
    u64::try_from(progress.get_i64("rows").ok()?).ok()
}
