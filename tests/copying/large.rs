//! A million rows and a transaction of 200 MB, with the default settings: read side by side, in little memory.

use std::{collections::BTreeMap, time::Duration};

use crate::support::{Binleaf, Launch, Pair, databases::Source, evidence};

/// What a run may ever hold.
const MEMORY: u64 = 128 << 20;
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_rows_and_a_large_transaction_take_little_memory() {
    let (rows, wide_rows) =
        (super::size("TEST_LARGE_ROWS", 1_000_000), super::size("TEST_WIDE_ROWS", 200_000));
    let pair = Pair::new().await;
    fill(&pair.source, rows).await;

    let mut binleaf = Launch::of(&pair).run().patient(PATIENCE);
    assert_side_by_side(&binleaf, &pair.source, rows / 50).await;
    binleaf.streams().await;
    binleaf.catches_up().await;
    assert_peak(&binleaf, "the first copy");

    pair.source.run(wide(wide_rows)).await;
    binleaf.catches_up().await;
    assert_peak(&binleaf, "the large transaction");
    pair.assert_equal().await;
    assert_eq!(pair.target.count("big").await, rows);
    binleaf.stops().await;
}

/// The rows of the large table are not logged: no other stream has to read them.
async fn fill(source: &Source, rows: u64) {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    source
        .run_all(&[
            "CREATE TABLE big (id INT NOT NULL PRIMARY KEY, customer INT UNSIGNED, label VARCHAR(40), price DECIMAL(8,2), at DATETIME(3))",
            "CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, body VARCHAR(2000) CHARACTER SET latin1)",
            "SET sql_log_bin = 0, cte_max_recursion_depth = 4294967295",
            &format!(
                "INSERT INTO big {numbers} SELECT i * 3, i % 9973, CONCAT('cnry ', LEFT(SHA2(i, 256), 32)), i / 100 % 100000,
                 TIMESTAMPADD(SECOND, i, '2020-01-01') FROM n"
            ),
            "ANALYZE TABLE big",
        ])
        .await;
}

/// One statement that inserts rows of 1 KB.
fn wide(rows: u64) -> String {
    format!(
        "INSERT INTO wide SELECT id, REPEAT(LEFT(SHA2(id, 256), 32), 32) FROM big ORDER BY id LIMIT {rows}"
    )
}

/// Waits for two moments of the copy between which at least two connections have each been sent rows of the one table,
/// and many in all.
async fn assert_side_by_side(binleaf: &Binleaf, source: &Source, many: u64) {
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for _ in 0..1200 {
        let now = evidence::rows_sent_by_connection(source).await;
        let growing = now.iter().filter(|(connection, rows)| {
            **rows > many && seen.get(connection).is_some_and(|before| before < rows)
        });
        if growing.count() >= 2 {
            return;
        }
        seen = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let status = binleaf.replication().await;
        assert!(status.is_null() || status["phase"] != "streaming", "one by one: {seen:?}");
    }
    panic!("no two connections read at once: {seen:?}");
}

fn assert_peak(binleaf: &Binleaf, of: &str) {
    let peak = binleaf.peak_memory();
    println!("peak memory after {of}: {} MiB", peak >> 20);
    assert!(peak < MEMORY, "{of} took {} MiB", peak >> 20);
}
