//! The target stops answering in the middle of a backlog: the source waits for us, and is not lost by it.

use std::time::{Duration, Instant};

use crate::support::{Launch, Pair, Proxy, databases::Source, servers, servers::Spawned};

/// What a run may ever hold.
const MEMORY: u64 = 128 << 20;

/// Far longer than the server would wait if it were not asked to wait longer; with TEST_STALL_SECONDS as long as one
/// likes.
fn stall() -> Duration {
    let seconds = std::env::var("TEST_STALL_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(8))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_stalls_costs_neither_memory_nor_the_sources_connection() {
    let server = Spawned::mysql(&["--net-write-timeout=1"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run("CREATE TABLE wide (id INT PRIMARY KEY, body VARCHAR(2000))").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    let stream = dump_connection(&pair.source).await;

    to_target.stall();
    // More than channel and sockets hold.
    for block in 0..12 {
        pair.source.run(rows(block * 8000, 8000)).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < stall() {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let status = binleaf.replication().await;
        assert!(status["queue_bytes"].as_u64() < Some(17 << 20), "{status:#}");
    }
    assert_eq!(dump_connection(&pair.source).await, stream, "the source gave it up");
    to_target.fair();
    // For whoever connects from now on: the rows that are compared may take longer to be read than a second.
    pair.source.run("SET GLOBAL net_write_timeout = 60").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(dump_connection(&pair.source).await, stream, "it was not kept");
    let peak = binleaf.peak_memory();
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
    binleaf.stops().await;
}

/// A statement that inserts rows of a kilobyte.
fn rows(first: u32, count: u32) -> String {
    format!(
        "INSERT INTO wide WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {first} + {count} - 1)
         SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ i, REPEAT(LEFT(SHA2(i, 256), 32), 32) FROM n"
    )
}

/// The number of the connection that the source sends its binlog over. It is there a moment after binleaf says that it
/// streams, and may be gone for good: so it is waited for, but not for ever.
async fn dump_connection(source: &Source) -> u64 {
    const QUERY: &str =
        "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'";
    for _ in 0..200 {
        if let Ok(number) = source.value(QUERY).await.parse() {
            return number;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody reads the binlog")
}
