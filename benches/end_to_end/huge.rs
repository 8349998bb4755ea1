//! One transaction of two gigabytes through the stream, into a target that only acknowledges: what it takes, and the memory.

use std::time::Instant;

use mysql_async::prelude::Queryable;
use serde::Serialize;

use crate::{
    acknowledging,
    plan::Width,
    process::reaches,
    support::Pair,
    table::{self, launch},
};

/// Rows of a kilobyte.
const FULL: u64 = 2_000_000;
const SHORT: u64 = 100_000;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub rows: u64,
    /// What the transaction took in the binlog.
    pub binlog_bytes: u64,
    /// From a start until it is written.
    pub seconds: f64,
    pub peak_memory_bytes: u64,
}

/// Commits it while nobody reads, and lets a new process read it.
pub async fn measure(short: bool) -> Measured {
    let rows = if short { SHORT } else { FULL };
    let pair = table::new(Width::Narrow).await;
    pair.source.run("CREATE TABLE huge (id BIGINT PRIMARY KEY, body VARCHAR(2000))").await;
    let nothing = acknowledging::before(&pair.target.address).await;
    let mut binleaf = launch(&pair).target_at(&nothing.address).run();
    binleaf.streams().await;
    binleaf.stops().await;
    pair.source.run("FLUSH BINARY LOGS").await;
    let (first, _) = pair.source.coordinates().await;
    pair.source
        .run_all(&[
            "SET cte_max_recursion_depth = 4294967295",
            &format!(
                "INSERT INTO huge WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 SELECT i, REPEAT(LEFT(SHA2(i, 256), 32), 32) FROM n"
            ),
        ])
        .await;
    let executed = pair.source.executed().await;
    let begun = Instant::now();
    binleaf.start_again();
    reaches(&binleaf, &executed).await;
    let seconds = begun.elapsed().as_secs_f64();
    let peak_memory_bytes = binleaf.peak_memory();
    binleaf.stops().await;
    let binlog_bytes = binlog_bytes(&pair, &first).await;
    Measured { rows, binlog_bytes, seconds, peak_memory_bytes }
}

/// The bytes of a binlog file and of those behind it: a transaction is never cut in two, and the next begins a new file.
async fn binlog_bytes(pair: &Pair, first: &str) -> u64 {
    let mut connection = pair.source.administrator().await;
    let files: Vec<(String, u64, String)> =
        connection.query("SHOW BINARY LOGS").await.expect("the binlog's files");
    files.iter().filter(|(name, ..)| name.as_str() >= first).map(|(_, bytes, _)| bytes).sum()
}
