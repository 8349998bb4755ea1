//! How fast binleaf copies and catches up, beside the bare driver writing the same into the same target in the same run.
//!
//! `eval "$(dev/servers env)"; cargo bench --bench end_to_end` (`-- --short` for a minute's version). An absolute figure
//! says little: the target, the machine and its neighbours decide. The ratio is what counts: binleaf's median to the
//! highest median of the bare driver, which has its documents ready in memory and tries several batch sizes and numbers
//! of connections. Binleaf's time begins with its process and ends when the last row is durable, and the source works on
//! the same machine.
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

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    bare::Rates,
    support::{Launch, Pair},
};
use bson::{Document, RawDocumentBuf};
use futures_util::TryStreamExt;
use serde_json::json;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: u64,
    changes: u64,
    /// Each figure is the median of this many tries, binleaf and the bare driver in turn.
    rounds: usize,
}

const FULL: Size = Size { rows: 1_000_000, changes: 200_000, rounds: 3 };
const SHORT: Size = Size { rows: 60_000, changes: 20_000, rounds: 1 };

fn main() {
    let size = if std::env::args().any(|argument| argument == "--short") { SHORT } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure(size));
}

async fn measure(size: Size) {
    let pair = Pair::new().await;
    fill(&pair, size.rows).await;
    let snapshot = copy(&pair, size).await;
    snapshot.tell("snapshot");
    let backlog = backlog::measure(&pair, size.changes, size.rounds).await;
    backlog.tell("backlog");
    pair.assert_equal().await;
    println!("{}", json!({ "snapshot": snapshot.json(), "backlog": backlog.json() }));
}

/// What was measured of one job, in operations a second.
#[derive(Debug, Default)]
struct Result {
    operations: u64,
    ours: Vec<f64>,
    bare: Rates,
}

impl Result {
    fn ratio(&self) -> f64 {
        median(&self.ours) / self.bare.best().1
    }

    fn tell(&self, what: &str) {
        let (best, bare) = self.bare.best();
        let ours = median(&self.ours);
        println!(
            "{what:<9} binleaf {ours:>8.0}/s   bare driver {bare:>8.0}/s ({} connections, batches of {})   ratio {:.2}",
            best.connections,
            best.batch,
            self.ratio()
        );
    }

    fn json(&self) -> serde_json::Value {
        let shapes = self.bare.medians().into_iter().map(|(shape, rate)| {
            json!({ "connections": shape.connections, "batch": shape.batch, "per_second": rate })
        });
        json!({
            "operations": self.operations, "binleaf_per_second": self.ours, "ratio": self.ratio(),
            "bare_median_per_second": shapes.collect::<Vec<_>>(),
        })
    }
}

/// The middle one of the values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
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
async fn copy(pair: &Pair, size: Size) -> Result {
    let mut result = Result { operations: size.rows, ..Result::default() };
    for _ in 0..size.rounds {
        pair.target.handle().drop().await.expect("the target answers");
        let begun = Instant::now();
        let ended = launch(pair).command(&["snapshot"]).await;
        let took = begun.elapsed();
        assert_eq!(ended.code, Some(0), "{}", ended.said());
        result.ours.push(rate(size.rows, took));
        let documents = documents(pair).await;
        assert_eq!(documents.len() as u64, size.rows, "the copy is whole");
        bare::inserts(pair, &Arc::new(documents), &mut result.bare).await;
    }
    result
}

/// All documents of the copy, encoded.
async fn documents(pair: &Pair) -> Vec<RawDocumentBuf> {
    let orders = pair.target.handle().collection::<RawDocumentBuf>("orders");
    let cursor = orders.find(Document::new()).await.expect("the target answers");
    cursor.try_collect().await.expect("documents")
}

/// Binleaf as it comes, but without encryption between it and the source: the bare driver has none either.
fn launch(pair: &Pair) -> Launch {
    Launch::of(pair).set("source", "tls", "{ mode = \"disabled\" }")
}

/// Operations a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rate(operations: u64, took: Duration) -> f64 {
    operations as f64 / took.as_secs_f64()
}
