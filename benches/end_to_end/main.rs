//! How fast binleaf copies and catches up, beside the bare driver writing the same into the same target in the same run.
//!
//! `eval "$(dev/servers env)"; cargo bench --bench end_to_end` (`-- --short` for a minute's version). An absolute figure
//! says little: the target, the machine and its neighbours decide. The ratio is what counts. The bare driver has its
//! documents ready in memory and takes the best of several batch sizes and numbers of connections; binleaf's time
//! begins with its process and ends when the last row is durable, and the source works on the same machine.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a measurement that cannot go on panics and says why"
)]

mod backlog;
mod bare;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf};
use futures_util::TryStreamExt;
use serde_json::json;
use support::{Launch, Pair};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: u64,
    changes: u64,
    /// Each figure is the best of this many tries, binleaf and the bare driver in turn.
    rounds: usize,
}

const FULL: Size = Size { rows: 400_000, changes: 120_000, rounds: 3 };
const SHORT: Size = Size { rows: 60_000, changes: 20_000, rounds: 1 };

fn main() {
    let size = if std::env::args().any(|argument| argument == "--short") { SHORT } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure(size));
}

async fn measure(size: Size) {
    let pair = Pair::new().await;
    fill(&pair, size.rows).await;
    let (ours, bare) = copy(&pair, size).await;
    tell("snapshot", ours, &bare);
    let (ours_backlog, bare_backlog) = backlog::measure(&pair, size.changes, size.rounds).await;
    tell("backlog", ours_backlog, &bare_backlog);
    pair.assert_equal().await;
    println!(
        "{}",
        json!({
            "snapshot": result(size.rows, ours, &bare),
            "backlog": result(size.changes, ours_backlog, &bare_backlog),
        })
    );
}

fn tell(what: &str, ours: f64, bare: &bare::Best) {
    println!(
        "{what:<9} binleaf {ours:>8.0}/s   bare driver {:>8.0}/s ({} connections, batches of {})   ratio {:.2}",
        bare.rate,
        bare.connections,
        bare.batch,
        ours / bare.rate
    );
}

fn result(operations: u64, ours: f64, bare: &bare::Best) -> serde_json::Value {
    json!({
        "operations": operations, "binleaf_per_second": ours, "bare_per_second": bare.rate,
        "bare_connections": bare.connections, "bare_batch": bare.batch, "ratio": ours / bare.rate,
    })
}

/// An ordinary table of twelve columns; not logged, so that the stream has only the backlog to read.
async fn fill(pair: &Pair, rows: u64) {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    pair.source
        .run_all(&[
            "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, customer INT NOT NULL, version INT NOT NULL, label VARCHAR(40),
             status VARCHAR(20), price DECIMAL(10,2), placed DATETIME(6), changed TIMESTAMP NULL, express TINYINT,
             weight DOUBLE, due DATE, note TEXT)",
            "SET sql_log_bin = 0, cte_max_recursion_depth = 4294967295",
            &format!(
                "INSERT INTO orders {numbers} SELECT i, i % 9973, 0, LEFT(SHA2(i, 256), 32), ELT(1 + i % 3, 'open', 'paid', 'sent'), i / 100,
                 TIMESTAMPADD(SECOND, i, '2020-01-01'), '2026-01-10 14:30:00', i % 2, i / 7, '2026-02-01',
                 CONCAT('cnry ', LEFT(SHA2(i, 256), 40)) FROM n"
            ),
            "ANALYZE TABLE orders",
        ])
        .await;
}

/// `binleaf snapshot` into an empty target, and the bare driver inserting the same documents.
async fn copy(pair: &Pair, size: Size) -> (f64, bare::Best) {
    let (mut ours, mut bare) = (0.0_f64, bare::Best::default());
    for _ in 0..size.rounds {
        pair.target.handle().drop().await.expect("the target answers");
        let begun = Instant::now();
        let ended = Launch::of(pair).command(&["snapshot"]).await;
        let took = begun.elapsed();
        assert_eq!(ended.code, Some(0), "{}", ended.said());
        ours = ours.max(rate(size.rows, took));
        let documents = documents(pair).await;
        assert_eq!(documents.len() as u64, size.rows, "the copy is whole");
        bare = bare.or(bare::inserts(pair, &documents).await);
    }
    (ours, bare)
}

/// All documents of the copy, encoded.
async fn documents(pair: &Pair) -> Vec<RawDocumentBuf> {
    let orders = pair.target.handle().collection::<RawDocumentBuf>("orders");
    let cursor = orders.find(Document::new()).await.expect("the target answers");
    cursor.try_collect().await.expect("documents")
}

/// Operations a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rate(operations: u64, took: Duration) -> f64 {
    operations as f64 / took.as_secs_f64()
}
