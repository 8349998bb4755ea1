//! From a commit to its document: binleaf follows a paced writer, and the bare driver writes documents one at a time at
//! the same pace. Both write through a tap, and for both the time ends when the target's answer passes there.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use bson::{RawArrayBuf, RawDocumentBuf};
use mongodb::Database;
use mysql_async::{Conn, prelude::Queryable};
use serde::Serialize;

use crate::{
    bare,
    figures::{percentile, sorted},
    plan::Width,
    support::{Binleaf, Pair},
    table::{self, documents, launch},
    tap::Tap,
};

/// 200 a second.
const PACE: Duration = Duration::from_millis(5);
const A_SECOND: u64 = 200;
/// Written first and not counted: connections are opened and statements prepared then.
const WARM_UP: u64 = 20;
/// Binleaf and the bare driver write in turn, each so many slices of so many seconds.
const FULL: (u64, u64) = (3, 10);
const SHORT: (u64, u64) = (1, 5);
/// After this a commit counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub commits_a_second: u64,
    pub binleaf: Latency,
    pub bare_driver: Latency,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub count: usize,
    pub min: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
    pub histogram: Vec<Bin>,
}

/// How many are not above a bound, and above the one before.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Bin {
    pub up_to: f64,
    pub count: usize,
}

/// Ten to a power of ten, from a tenth of a millisecond to ten seconds.
fn bounds() -> impl Iterator<Item = f64> {
    (-10_i32..=40).map(|tenth| 10_f64.powf(f64::from(tenth) / 10.0))
}

impl Latency {
    fn of(latencies: Vec<f64>) -> Self {
        let sorted = sorted(latencies);
        let mut below = 0;
        let bin = |up_to| {
            let count = sorted.partition_point(|latency| *latency <= up_to) - below;
            below += count;
            Bin { up_to, count }
        };
        Self {
            count: sorted.len(),
            histogram: bounds().map(bin).collect(),
            min: sorted[0],
            p50: percentile(&sorted, 50),
            p90: percentile(&sorted, 90),
            p99: percentile(&sorted, 99),
            max: sorted[sorted.len() - 1],
        }
    }
}

/// Half of the writes are inserts, the other half updates of rows that are there; each touches a row of its own.
pub async fn measure(short: bool) -> Measured {
    let (slices, seconds) = if short { SHORT } else { FULL };
    let writes = slices * seconds * A_SECOND + WARM_UP;
    let pair = table::new(Width::Narrow).await;
    table::fill(&pair, Width::Narrow, writes).await;
    let tap = Tap::before(&pair.target.address).await;
    let mut binleaf = launch(&pair).target_at(tap.address()).run();
    binleaf.streams().await;
    let mut committing = Committing::to(&pair, writes).await;
    let writing = Writing::to(&pair, &tap).await;
    // The rows that are updated were written through the tap too.
    tap.forget();
    committing.slice(0..WARM_UP).await;
    writing.slice(0..WARM_UP).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for slice in 0..slices {
        let first = WARM_UP + slice * seconds * A_SECOND;
        let numbers = first..first + seconds * A_SECOND;
        let committed = committing.slice(numbers.clone()).await;
        ours.extend(until_acknowledged(&tap, "orders", committed).await);
        let begun = writing.slice(numbers).await;
        theirs.extend(until_acknowledged(&tap, bare::COLLECTION, begun).await);
    }
    end(&pair, binleaf).await;
    Measured {
        commits_a_second: A_SECOND,
        binleaf: Latency::of(ours),
        bare_driver: Latency::of(theirs),
    }
}

async fn end(pair: &Pair, mut binleaf: Binleaf) {
    pair.target.collection(bare::COLLECTION).drop().await.expect("the target answers");
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf.stops().await;
}

/// Even numbers insert a row, odd ones change one of so many that are there.
fn key(number: u64, rows: u64) -> i64 {
    let key = if number.is_multiple_of(2) { rows + 1 + number } else { 1 + number };
    i64::try_from(key).expect("a key")
}

/// Calls with each number when its time has come; one that is late is followed by the next at once.
async fn paced(numbers: Range<u64>, mut call: impl AsyncFnMut(u64)) {
    let begun = tokio::time::Instant::now();
    for (turn, number) in (0..).zip(numbers) {
        tokio::time::sleep_until(begun + PACE * turn).await;
        call(number).await;
    }
}

/// Commits single rows on the source.
struct Committing {
    connection: Conn,
    rows: u64,
}

impl Committing {
    async fn to(pair: &Pair, rows: u64) -> Self {
        Self { connection: pair.source.connect().await, rows }
    }

    /// The keys, each with the moment when its commit had returned.
    async fn slice(&mut self, numbers: Range<u64>) -> Vec<(i64, Instant)> {
        let mut committed = Vec::new();
        paced(numbers, async |number| {
            let key = key(number, self.rows);
            self.commit(number, key).await;
            committed.push((key, Instant::now()));
        })
        .await;
        committed
    }

    async fn commit(&mut self, number: u64, key: i64) {
        const INSERT: &str = "INSERT INTO orders SELECT ?, customer, version, label, status, price, placed, changed, express,
            weight, due, note FROM orders WHERE id = ?";
        const UPDATE: &str = "UPDATE orders SET version = version + 1 WHERE id = ?";
        let done = match number.is_multiple_of(2) {
            true => self.connection.exec_drop(INSERT, (key, 1 + number)).await,
            false => self.connection.exec_drop(UPDATE, (key,)).await,
        };
        done.expect("a commit");
    }
}

/// Writes single documents through the tap.
struct Writing {
    database: Database,
    documents: Vec<RawDocumentBuf>,
    rows: u64,
}

impl Writing {
    /// With a copy of the documents beside binleaf's.
    async fn to(pair: &Pair, tap: &Tap) -> Self {
        let uri = tap.address().mongodb_uri();
        let client = mongodb::Client::with_uri_str(uri).await.expect("the tap's address");
        let database = client.database(&pair.target.database);
        let mut documents = documents(pair).await;
        documents.sort_by_key(|document| document.get_i64("_id").expect("a key"));
        for documents in documents.chunks(1000) {
            let documents: RawArrayBuf = documents.iter().cloned().collect();
            bare::run(&database, bare::command("insert", "documents", documents)).await;
        }
        Self { database, rows: documents.len() as u64, documents }
    }

    /// The keys, each with the moment when its writing began.
    async fn slice(&self, numbers: Range<u64>) -> Vec<(i64, Instant)> {
        let mut begun = Vec::new();
        paced(numbers, async |number| {
            let key = key(number, self.rows);
            let command = self.command(number, key);
            begun.push((key, Instant::now()));
            bare::run(&self.database, command).await;
        })
        .await;
        begun
    }

    fn command(&self, number: u64, key: i64) -> RawDocumentBuf {
        let like = &self.documents[usize::try_from(number).expect("an index")];
        let document = with_key(like, key);
        let mut operations = RawArrayBuf::new();
        match number.is_multiple_of(2) {
            true => {
                operations.push(document);
                bare::command("insert", "documents", operations)
            }
            false => {
                operations.push(bare::replacement(&document));
                bare::command("update", "updates", operations)
            }
        }
    }
}

/// A document of the same size with this key, and another version.
fn with_key(like: &RawDocumentBuf, key: i64) -> RawDocumentBuf {
    let mut copy = RawDocumentBuf::new();
    for element in like.iter_elements().flatten() {
        match element.key().as_str() {
            "_id" | "id" => copy.append(element.key(), key),
            "version" => copy.append(element.key(), 1),
            _ => copy.append(element.key(), bson::RawBson::from(element.value().expect("a value"))),
        }
    }
    copy
}

/// Milliseconds from each moment until the target had acknowledged the document.
async fn until_acknowledged(tap: &Tap, collection: &str, begun: Vec<(i64, Instant)>) -> Vec<f64> {
    let waiting = Instant::now();
    let mut latencies = Vec::new();
    for (key, begun) in begun {
        let acknowledged = loop {
            if let Some(acknowledged) = tap.acknowledged(collection, key) {
                break acknowledged;
            }
            assert!(waiting.elapsed() < PATIENCE, "key {key} of {collection} never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        latencies.push(milliseconds(begun, acknowledged));
    }
    latencies
}

/// Negative where the stream was faster than the answer to the commit.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    let (forth, back) = (to.saturating_duration_since(from), from.saturating_duration_since(to));
    (forth.as_secs_f64() - back.as_secs_f64()) * 1e3
}
