//! What binleaf itself costs: into a target that only acknowledges (N), beside the source's binlog read bare (S).

use std::time::Instant;

use futures_util::StreamExt;
use mysql_async::{BinlogStreamRequest, prelude::Queryable};
use serde::Serialize;

use crate::{
    acknowledging,
    figures::{Spread, float},
    plan::{Size, Width, Work},
    process::{cpu_seconds, reaches},
    support::{Binleaf, Pair, mysqlbinlog},
    table::{self, Backlog, launch},
};

/// A million rows are what the memory of a snapshot is promised for.
const FULL: Size = Size { rows: 1_000_000, changes: 600_000, rounds: 3 };
const SHORT: Size = Size { rows: 60_000, changes: 60_000, rounds: 1 };

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub size: Size,
    pub snapshot: Costs,
    pub single_rows: Drained,
    pub fifties: Drained,
}

/// A backlog: ours, and the same binlog read bare.
#[derive(Debug, Default, Serialize)]
pub struct Drained {
    pub binleaf: Costs,
    /// Seconds of the bare `BinlogStream`, and of `mysqlbinlog --raw`.
    pub bare_stream_seconds: Vec<f64>,
    pub mysqlbinlog_seconds: Vec<f64>,
}

/// The tries of one job, each without what a start costs that has nothing to do.
#[derive(Debug, Default, Serialize)]
pub struct Costs {
    pub operations: u64,
    pub seconds: Vec<f64>,
    pub cpu_seconds: Vec<f64>,
    pub peak_memory_bytes: u64,
}

impl Costs {
    fn add(&mut self, cost: Cost, start: Cost) {
        self.seconds.push((cost.seconds - start.seconds).max(0.001));
        self.cpu_seconds.push(cost.cpu_seconds - start.cpu_seconds);
        self.peak_memory_bytes = self.peak_memory_bytes.max(cost.peak_memory_bytes);
    }

    pub fn per_second(&self) -> Spread {
        rate(self.operations, &self.seconds)
    }

    pub fn cpu_seconds_a_million(&self) -> Spread {
        let operations = float(self.operations);
        Spread::of(self.cpu_seconds.iter().map(|seconds| seconds / operations * 1e6))
    }
}

impl Drained {
    pub fn bare_stream(&self) -> Spread {
        rate(self.binleaf.operations, &self.bare_stream_seconds)
    }

    pub fn mysqlbinlog(&self) -> Spread {
        rate(self.binleaf.operations, &self.mysqlbinlog_seconds)
    }

    /// Our rate to that of the bare stream.
    pub fn ratio(&self) -> f64 {
        self.binleaf.per_second().median / self.bare_stream().median
    }
}

fn rate(operations: u64, seconds: &[f64]) -> Spread {
    Spread::of(seconds.iter().map(|seconds| float(operations) / seconds))
}

/// What a running binleaf has used until now: time, processor time of all threads, memory at its highest.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
    peak_memory_bytes: u64,
}

impl Cost {
    fn of(binleaf: &Binleaf, begun: Instant) -> Self {
        Self {
            seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds(binleaf.process_id()),
            peak_memory_bytes: binleaf.peak_memory(),
        }
    }
}

/// The table copied, then backlogs drained, all into nothing; and the same binlog read by a bare stream and by
/// mysqlbinlog.
pub async fn measure(short: bool) -> Measured {
    let size = if short { SHORT } else { FULL };
    let costs = |operations| Costs { operations, ..Costs::default() };
    let drained = || Drained { binleaf: costs(size.changes), ..Drained::default() };
    let mut measured =
        Measured { size, snapshot: costs(size.rows), single_rows: drained(), fifties: drained() };
    let pair = table::new(Width::Narrow).await;
    table::fill(&pair, Width::Narrow, size.rows).await;
    table::prepare(&pair, Work::Mix, Width::Narrow).await;
    let nothing = acknowledging::before(&pair.target.address).await;
    let launch = launch(&pair).target_at(&nothing.address);
    let mut binleaf = launch.run();
    let mut start = snapshot(&pair, &mut binleaf, &mut measured.snapshot).await;
    for _ in 1..size.rounds {
        pair.target.handle().drop().await.expect("the target answers");
        binleaf = launch.run();
        start = snapshot(&pair, &mut binleaf, &mut measured.snapshot).await;
    }
    let mut first = 0;
    for _ in 0..size.rounds {
        let backlogs = [(&mut measured.single_rows, 1), (&mut measured.fifties, 50)];
        for (drained, together) in backlogs {
            let backlog = Backlog { first, changes: size.changes, rows: size.rows, together };
            drain(&pair, &mut binleaf, backlog, drained, start).await;
            first += size.changes;
        }
    }
    measured
}

/// Of a binleaf that was just started on an empty target; returns what a start costs that has nothing to do.
async fn snapshot(pair: &Pair, binleaf: &mut Binleaf, costs: &mut Costs) -> Cost {
    let begun = Instant::now();
    binleaf.streams().await;
    let cost = Cost::of(binleaf, begun);
    binleaf.stops().await;
    let executed = pair.source.executed().await;
    let begun = Instant::now();
    binleaf.start_again();
    reaches(binleaf, &executed).await;
    let start = Cost::of(binleaf, begun);
    binleaf.stops().await;
    costs.add(cost, start);
    start
}

async fn drain(
    pair: &Pair,
    binleaf: &mut Binleaf,
    backlog: Backlog,
    drained: &mut Drained,
    start: Cost,
) {
    let place = table::churn(pair, backlog).await;
    let executed = pair.source.executed().await;
    let begun = Instant::now();
    binleaf.start_again();
    reaches(binleaf, &executed).await;
    drained.binleaf.add(Cost::of(binleaf, begun), start);
    binleaf.stops().await;
    drained.bare_stream_seconds.push(read_bare(pair, &place).await);
    drained.mysqlbinlog_seconds.push(read_by_mysqlbinlog(pair, &place).await);
}

/// S: the binlog behind a place read by the bare transport, to its end.
async fn read_bare(pair: &Pair, (file, offset): &(String, u64)) -> f64 {
    let mut connection = pair.source.administrator().await;
    connection.query_drop("SET @source_binlog_checksum = 'CRC32'").await.expect("a setting");
    let request = BinlogStreamRequest::new(4_000_000_001)
        .with_non_blocking()
        .with_filename(file.as_bytes())
        .with_pos(*offset);
    let begun = Instant::now();
    let mut stream = connection.get_binlog_stream(request).await.expect("a stream");
    while let Some(event) = stream.next().await {
        event.expect("an event");
    }
    begun.elapsed().as_secs_f64()
}

/// The same by the server's own program.
async fn read_by_mysqlbinlog(pair: &Pair, (file, offset): &(String, u64)) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (
        format!("--start-position={offset}"),
        format!("--result-file={}/", folder.path().display()),
    );
    let begun = Instant::now();
    mysqlbinlog::run(&pair.source, &["--raw", &from, &to, file]).await;
    begun.elapsed().as_secs_f64()
}
