//! How fast binleaf copies and catches up, beside the bare driver writing the same into the same target in the same run.
//!
//! `dev/bench` (`--short` for a minute's version) starts the servers and runs it. An absolute figure says little: the
//! target, the machine and its neighbours decide. The ratio is what counts: binleaf's highest median to the bare
//! driver's, both measured in the same batch sizes and numbers of connections, one after the other. The driver has its
//! documents ready in memory; binleaf's time begins with its process and ends when the last row is durable and its
//! position is saved.
//!
//! What binleaf itself costs is measured into a target that only acknowledges, beside the binlog read bare.
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

mod acknowledging;
mod backlog;
mod bare;
mod nothing;
mod rates;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    rates::{Rates, Shape},
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
/// Binleaf as it comes, and as one sets it for bulk work. Measured beforehand: for the driver too a single connection,
/// batches of 500 and more connections are slower.
const SHAPES: [Shape; 3] = [Shape::new(2, 1000), Shape::new(2, 3000), Shape::new(4, 3000)];

const SHORT: Size = Size { rows: 60_000, changes: 20_000, rounds: 1 };

fn main() {
    let is_there = |word: &str| std::env::args().any(|argument| argument == word);
    let size = if is_there("--short") { SHORT } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    if is_there("--nothing") {
        let cost = runtime.block_on(async { nothing::measure(&pair().await, size).await });
        println!("{}", json!({ "into_nothing": cost }));
    } else {
        runtime.block_on(measure(size));
    }
}

async fn pair() -> Pair {
    let pair = Pair::new().await;
    pair.source.run_all(&[ORDERS]).await;
    pair
}

async fn measure(size: Size) {
    let pair = pair().await;
    fill(&pair, size.rows).await;
    let snapshot = copy(&pair, size).await;
    snapshot.tell("snapshot");
    let backlog = backlog::measure(&pair, size).await;
    backlog.tell("backlog");
    let nothing = nothing::measure(&pair, size).await;
    println!(
        "{}",
        json!({ "snapshot": snapshot.json(), "backlog": backlog.json(), "into_nothing": nothing })
    );
}

/// What was measured of one job, in operations a second.
#[derive(Debug, Default)]
struct Result {
    operations: u64,
    ours: Rates,
    bare: Rates,
}

impl Result {
    fn ratio(&self) -> f64 {
        self.ours.best().1 / self.bare.best().1
    }

    fn tell(&self, what: &str) {
        let say = |who: &str, (shape, rate): (Shape, f64)| {
            let Shape { connections, batch } = shape;
            println!("{what:<9} {who:<12} {connections} x {batch:<5} {rate:>8.0}/s");
        };
        self.ours.medians().into_iter().for_each(|one| say("binleaf", one));
        self.bare.medians().into_iter().for_each(|one| say("bare driver", one));
        println!("{what:<9} best to best: {:.2}", self.ratio());
    }

    fn json(&self) -> serde_json::Value {
        let (ours, bare) = (self.ours.json(), self.bare.json());
        json!({ "operations": self.operations, "ratio": self.ratio(), "binleaf": ours, "bare_driver": bare })
    }
}

/// An ordinary table of twelve columns.
const ORDERS: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, customer INT NOT NULL, version INT NOT NULL,
    label VARCHAR(40), status VARCHAR(20), price DECIMAL(10,2), placed DATETIME(6), changed TIMESTAMP NULL,
    express TINYINT, weight DOUBLE, due DATE, note TEXT)";

/// Fills it anew; not logged, so that the stream has only the backlog to read.
async fn fill(pair: &Pair, rows: u64) {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    pair.source
        .run_all(&[
            "SET sql_log_bin = 0, cte_max_recursion_depth = 4294967295",
            "TRUNCATE orders",
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
        for shape in SHAPES {
            pair.target.handle().drop().await.expect("the target answers");
            let begun = Instant::now();
            let ended = launch(pair, shape).command(&["snapshot"]).await;
            let took = begun.elapsed();
            assert_eq!(ended.code, Some(0), "{}", ended.said());
            result.ours.add(shape, rate(size.rows, took));
            let documents = Arc::new(documents(pair).await);
            assert_eq!(documents.len() as u64, size.rows, "the copy is whole");
            pair.target.collection("orders").drop().await.expect("the target answers");
            result.bare.add(shape, bare::inserts(pair, &documents, shape).await);
        }
    }
    result
}

/// All documents of the copy, encoded.
async fn documents(pair: &Pair) -> Vec<RawDocumentBuf> {
    let orders = pair.target.handle().collection::<RawDocumentBuf>("orders");
    let cursor = orders.find(Document::new()).await.expect("the target answers");
    cursor.try_collect().await.expect("documents")
}

/// Binleaf without encryption between it and the source: the bare driver has none either.
fn launch(pair: &Pair, shape: Shape) -> Launch {
    Launch::of(pair)
        .set("source", "tls", "{ mode = \"disabled\" }")
        .set("batch", "operations", &shape.batch.to_string())
        .set("batch", "sizing", "\"fixed\"")
        .set("batch", "lanes", &shape.connections.to_string())
}

/// Operations a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rate(operations: u64, took: Duration) -> f64 {
    operations as f64 / took.as_secs_f64()
}
