//! Half an hour of mixed load into the real target, while memory, open files, tasks and lag are looked at: whatever leaks
//! or falls behind does not stay flat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mysql_async::{Conn, prelude::Queryable};
use serde::Serialize;

use crate::{
    figures::{Spread, float},
    plan::Width,
    process::open_files,
    support::{Binleaf, binleaf::memory, databases::Source},
    table::{self, launch},
};

/// Each turn commits three transactions: an insert, an update, a delete.
const TURN: Duration = Duration::from_millis(10);
/// Rows of the table, which stay as many.
const ROWS: u64 = 50_000;
/// Now and then a statement changes a tenth of them at once.
const BURST: Duration = Duration::from_secs(30);
/// How often the process is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Not counted: buffers and caches grow to their size.
const WARM_UP: Duration = Duration::from_secs(30);

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub minutes: u64,
    pub transactions: u64,
    pub changes: u64,
    pub peak_memory_bytes: u64,
    pub samples: Vec<Sample>,
}

/// One look at the process.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    pub seconds: f64,
    pub resident_bytes: u64,
    pub open_files: usize,
    pub tasks: f64,
    pub lag_seconds: f64,
}

/// A reading of samples that should not move, with what it is called.
pub type Reading = (&'static str, fn(&Sample) -> f64);

/// All readings.
pub const READINGS: [Reading; 4] = [
    ("memory, MiB", |sample| float(sample.resident_bytes) / f64::from(1 << 20)),
    ("open files", |sample| float(sample.open_files as u64)),
    ("tasks", |sample| sample.tasks),
    ("lag, seconds", |sample| sample.lag_seconds),
];

impl Measured {
    /// A reading in the first and in the last third of the time.
    pub fn ends(&self, reading: fn(&Sample) -> f64) -> (Spread, Spread) {
        let third = (self.samples.len() / 3).max(1);
        let of = |samples: &[Sample]| Spread::of(samples.iter().map(reading));
        (of(&self.samples[..third]), of(&self.samples[self.samples.len() - third..]))
    }
}

/// Runs for so many minutes, and a little longer until everything is warm.
pub async fn measure(short: bool) -> Measured {
    let minutes = if short { 1 } else { 30 };
    let pair = table::new(Width::Narrow).await;
    table::fill(&pair, Width::Narrow, ROWS).await;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(pair.source.clone(), Arc::clone(&stop)));
    tokio::time::sleep(WARM_UP).await;
    let samples = look(&binleaf, Duration::from_secs(minutes * 60)).await;
    stop.store(true, Ordering::Relaxed);
    let (transactions, changes) = writing.await.expect("the writer");
    binleaf.catches_up_and_is_equal(&pair).await;
    let peak_memory_bytes = binleaf.peak_memory();
    binleaf.stops().await;
    Measured { minutes, transactions, changes, peak_memory_bytes, samples }
}

async fn look(binleaf: &Binleaf, span: Duration) -> Vec<Sample> {
    let (begun, mut samples) = (Instant::now(), Vec::new());
    let mut turns = tokio::time::interval(LOOK);
    while begun.elapsed() < span {
        turns.tick().await;
        let status = binleaf.replication().await;
        let process = binleaf.process_id();
        samples.push(Sample {
            seconds: begun.elapsed().as_secs_f64(),
            resident_bytes: memory(process, "VmRSS:").expect("a process"),
            open_files: open_files(process),
            tasks: binleaf.metric("binleaf_tasks").await,
            lag_seconds: status["lag_seconds"].as_f64().expect("a lag"),
        });
    }
    samples
}

/// Writes until it is told to stop; returns transactions and changes.
async fn write(source: Source, stop: Arc<AtomicBool>) -> (u64, u64) {
    let mut connection = source.connect().await;
    let (mut transactions, mut changes) = (0, 0);
    let (mut turns, mut bursts) = (tokio::time::interval(TURN), tokio::time::interval(BURST));
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        tokio::select! {
            _ = turns.tick() => {
                turn(&mut connection, number).await;
                (transactions, changes, number) = (transactions + 3, changes + 3, number + 1);
            }
            _ = bursts.tick() => {
                let tenth = format!("UPDATE orders SET version = version + 1 WHERE id % 10 = {}", number % 10);
                connection.query_drop(tenth).await.expect("a burst");
                (transactions, changes) = (transactions + 1, changes + connection.affected_rows());
            }
        }
    }
    (transactions, changes)
}

/// A new row, a change of one in the middle, the end of the oldest.
async fn turn(connection: &mut Conn, number: u64) {
    const INSERT: &str = "INSERT INTO orders SELECT ?, customer, version, label, status, price, placed, changed, express,
        weight, due, note FROM orders WHERE id = ?";
    let (newest, oldest) = (ROWS + 1 + number, 1 + number);
    let middle = oldest + 1 + number * 7919 % (ROWS - 1);
    connection.exec_drop(INSERT, (newest, middle)).await.expect("an insert");
    let update = "UPDATE orders SET version = version + 1 WHERE id = ?";
    connection.exec_drop(update, (middle,)).await.expect("an update");
    connection.exec_drop("DELETE FROM orders WHERE id = ?", (oldest,)).await.expect("a delete");
}
