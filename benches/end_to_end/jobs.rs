//! One job: binleaf into the real target, then the bare driver writing the very same documents into it, in turn.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bson::RawDocumentBuf;
use serde::Serialize;

use crate::{
    bare::{self, Write},
    figures::{Spread, float},
    plan::{Job, Shape, Size, Work},
    process::{Watched, reaches},
    support::{Binleaf, Pair},
    table::{self, Backlog, Change, documents, launch},
};

/// What was measured of one job.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub job: Job,
    pub size: Size,
    pub operations: u64,
    /// The mean of the documents that are written; of those that are deleted nothing is sent.
    pub document_bytes: u64,
    pub binleaf: Vec<Ours>,
    pub bare_driver: Vec<Bare>,
}

/// One try of binleaf.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ours {
    /// From the start of the process until the last row is durable and the position is saved.
    pub seconds: f64,
    /// What a start takes that has nothing to do.
    pub start_seconds: f64,
    pub peak_memory_bytes: u64,
}

/// The tries of the bare driver in one shape.
#[derive(Debug, Serialize)]
pub struct Bare {
    pub shape: Shape,
    pub seconds: Vec<f64>,
}

impl Measured {
    fn new(job: Job, size: Size) -> Self {
        let shapes = job.width.shapes().iter();
        let bare_driver = shapes.map(|shape| Bare { shape: *shape, seconds: Vec::new() }).collect();
        let operations = if job.work == Work::Snapshot { size.rows } else { size.changes };
        Self { job, size, operations, document_bytes: 0, binleaf: Vec::new(), bare_driver }
    }

    fn rate(&self, seconds: impl Iterator<Item = f64>) -> Spread {
        Spread::of(seconds.map(|seconds| float(self.operations) / seconds))
    }

    /// Operations a second with the start.
    pub fn ours(&self) -> Spread {
        self.rate(self.binleaf.iter().map(|ours| ours.seconds))
    }

    /// Operations a second without it.
    pub fn ours_running(&self) -> Spread {
        let start = self.start().median;
        self.rate(self.binleaf.iter().map(|ours| (ours.seconds - start).max(0.001)))
    }

    /// Seconds that a start takes.
    pub fn start(&self) -> Spread {
        Spread::of(self.binleaf.iter().map(|ours| ours.start_seconds))
    }

    pub fn bare(&self, bare: &Bare) -> Spread {
        self.rate(bare.seconds.iter().copied())
    }

    /// The shape with the highest median.
    pub fn best(&self) -> (Shape, Spread) {
        let rates = self.bare_driver.iter().map(|bare| (bare.shape, self.bare(bare)));
        rates.max_by(|one, other| one.1.median.total_cmp(&other.1.median)).expect("a shape")
    }

    /// Binleaf's median to the best of the bare driver.
    pub fn ratio(&self) -> f64 {
        self.ours().median / self.best().1.median
    }

    /// The same without the start.
    pub fn ratio_running(&self) -> f64 {
        self.ours_running().median / self.best().1.median
    }

    pub fn peak_memory_bytes(&self) -> u64 {
        self.binleaf.iter().map(|ours| ours.peak_memory_bytes).max().unwrap_or(0)
    }

    async fn bare_round(&mut self, pair: &Pair, before: &[Write], writes: &[Write]) {
        for bare in &mut self.bare_driver {
            bare.seconds.push(bare::writes(pair, before, writes, bare.shape).await);
        }
    }
}

/// Each round anew: the table as it is filled, an empty target.
pub async fn measure(job: Job, size: Size) -> Measured {
    let mut measured = Measured::new(job, size);
    let pair = table::new(job.width).await;
    table::prepare(&pair, job.work, job.width).await;
    for round in 0..size.rounds {
        pair.target.handle().drop().await.expect("the target answers");
        if round == 0 || job.work != Work::Snapshot {
            table::fill(&pair, job.width, size.rows).await;
        }
        match job.work {
            Work::Snapshot => snapshot(&pair, &mut measured).await,
            Work::Inserts | Work::Updates | Work::Deletes | Work::Mix => {
                backlog(&pair, &mut measured).await;
            }
        }
    }
    measured
}

/// `binleaf snapshot` into an empty target, and the bare driver inserting the same documents.
async fn snapshot(pair: &Pair, measured: &mut Measured) {
    let (seconds, peak_memory_bytes) = copy(pair).await;
    pair.assert_equal().await;
    let start_seconds = start(pair).await;
    measured.binleaf.push(Ours { seconds, start_seconds, peak_memory_bytes });
    let documents = documents(pair).await;
    assert_eq!(documents.len() as u64, measured.operations, "the copy is whole");
    measured.document_bytes = mean_bytes(&documents);
    let writes: Vec<Write> = documents.into_iter().map(Write::Insert).collect();
    pair.target.collection("orders").drop().await.expect("the target answers");
    measured.bare_round(pair, &[], &writes).await;
}

/// The seconds and the memory of `binleaf snapshot`.
async fn copy(pair: &Pair) -> (f64, u64) {
    let begun = Instant::now();
    let binleaf = launch(pair).begin(&["snapshot"]).patient(Duration::from_secs(300));
    let watched = Watched::from_now_on(binleaf.process_id());
    let ended = binleaf.ends().await;
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    (seconds, watched.peak())
}

/// A backlog drained by binleaf, and the writes that it amounts to sent by the bare driver.
async fn backlog(pair: &Pair, measured: &mut Measured) {
    copy(pair).await;
    let before: Vec<Write> = documents(pair).await.into_iter().map(Write::Insert).collect();
    let backlog = Backlog::of(measured.size);
    table::churn(pair, backlog).await;
    measured.binleaf.push(drain(pair).await);
    pair.assert_equal().await;
    let after = documents(pair).await;
    pair.target.collection("orders").drop().await.expect("the target answers");
    let writes = writes(after, measured.job.work, backlog);
    measured.document_bytes = mean_bytes(writes.iter().filter_map(|write| match write {
        Write::Insert(document) | Write::Replace(document) => Some(document),
        Write::Delete(_) => None,
    }));
    measured.bare_round(pair, &before, &writes).await;
}

async fn drain(pair: &Pair) -> Ours {
    let (mut binleaf, seconds) = caught_up(pair).await;
    let peak_memory_bytes = binleaf.peak_memory();
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
    Ours { seconds, start_seconds: start(pair).await, peak_memory_bytes }
}

/// The seconds of a start that has nothing to do: all is copied, and all that was committed is written.
async fn start(pair: &Pair) -> f64 {
    let (mut binleaf, seconds) = caught_up(pair).await;
    binleaf.stops().await;
    seconds
}

/// A running binleaf that has written all that was committed, and the seconds since its start.
async fn caught_up(pair: &Pair) -> (Binleaf, f64) {
    let executed = pair.source.executed().await;
    let launch = launch(pair);
    let begun = Instant::now();
    let binleaf = launch.run();
    reaches(&binleaf, &executed).await;
    (binleaf, begun.elapsed().as_secs_f64())
}

/// The changes as writes of the documents that binleaf made of them.
fn writes(after: Vec<RawDocumentBuf>, work: Work, backlog: Backlog) -> Vec<Write> {
    let key = |document: &RawDocumentBuf| document.get_i64("_id").expect("a key");
    let mut after: HashMap<i64, RawDocumentBuf> =
        after.into_iter().map(|document| (key(&document), document)).collect();
    let write = |(change, key): (Change, i64)| match change {
        Change::Delete => Write::Delete(key),
        Change::Insert => Write::Insert(after.remove(&key).expect("an inserted document")),
        Change::Update => Write::Replace(after.remove(&key).expect("a changed document")),
    };
    table::changes(work, backlog).map(write).collect()
}

fn mean_bytes<'a>(documents: impl IntoIterator<Item = &'a RawDocumentBuf>) -> u64 {
    let (mut count, mut bytes) = (0_u64, 0_u64);
    for document in documents {
        count += 1;
        bytes += document.as_bytes().len() as u64;
    }
    bytes.checked_div(count).unwrap_or(0)
}
