//! The figures as tables, for the terminal and for the page, and as JSON.

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    figures::{Spread, float, told, told_spread},
    huge,
    jobs::{Bare, Measured},
    latency,
    machine::Machine,
    many,
    nothing::{self, Costs, Drained},
    plan::Shape,
    soak, watched,
};

/// What binleaf is to reach: its rate to the bare driver's.
const RATIO: f64 = 0.95;
/// The same for single-row transactions, to the bare stream's.
const STREAM_RATIO: f64 = 0.5;
/// Processor seconds a million changes, and a million rows of a snapshot.
const CPU_CHANGES: f64 = 1.5;
const CPU_ROWS: f64 = 2.5;
/// The most memory, in MiB.
const MEMORY_STREAM: f64 = 64.0;
const MEMORY_SNAPSHOT: f64 = 128.0;
/// Of the worst case.
const MEMORY_WORST: f64 = 128.0;
/// Seconds of a start with many tables beyond what the server takes.
const START: f64 = 10.0;
/// The rate of a backlog while its status is asked a thousand times a second, to that while it is not.
const WATCHED: f64 = 0.95;
/// Milliseconds above the bare write.
const P50: f64 = 3.0;
const P99: f64 = 20.0;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Results {
    pub machine: Machine,
    pub short: bool,
    pub jobs: Vec<Measured>,
    pub into_nothing: Option<nothing::Measured>,
    pub latency: Option<latency::Measured>,
    pub watched: Option<watched::Measured>,
    pub many: Option<many::Measured>,
    pub huge: Option<huge::Measured>,
    pub soak: Option<soak::Measured>,
}

/// A table of text.
#[derive(Debug)]
pub struct Sheet {
    pub title: &'static str,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// For the terminal, and below a heading of a page.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(self.headings.clone()).add_rows(self.rows.clone());
        let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
        format!("### {}\n\n{}", self.title, lines.collect::<String>())
    }
}

impl Results {
    /// Of jobs; the other parts are added when they are measured.
    pub const fn new(machine: Machine, short: bool, jobs: Vec<Measured>) -> Self {
        Self {
            machine,
            short,
            jobs,
            into_nothing: None,
            latency: None,
            watched: None,
            many: None,
            huge: None,
            soak: None,
        }
    }

    /// All tables that there is something to tell in.
    pub fn sheets(&self) -> Vec<Sheet> {
        let mut sheets = Vec::new();
        if !self.jobs.is_empty() {
            sheets.extend([self.ratios(), self.shapes()]);
        }
        sheets.extend(self.into_nothing.as_ref().map(costs));
        sheets.extend(self.into_nothing.as_ref().map(streams));
        sheets.extend(self.latency.as_ref().map(latencies));
        sheets.extend(self.watched.as_ref().map(while_watched));
        sheets.extend(self.many.as_ref().map(many_tables));
        sheets.extend(self.huge.as_ref().map(huge_transaction));
        sheets.extend(self.soak.as_ref().map(soaked));
        sheets.push(self.surroundings());
        sheets
    }

    /// What was measured, with what follows from it.
    pub fn json(&self) -> Value {
        let mut all = serde_json::to_value(self).expect("JSON");
        let jobs = self.jobs.iter().map(summary).collect::<Value>();
        let nothing = self.into_nothing.as_ref();
        let nothing = nothing.map(|nothing| json!({ "snapshot": cost_summary(&nothing.snapshot), "single_rows": drained_summary(&nothing.single_rows), "fifties": drained_summary(&nothing.fifties) }));
        all["summary"] = json!({ "jobs": jobs, "into_nothing": nothing });
        all
    }

    fn ratios(&self) -> Sheet {
        let row = |job: &Measured| {
            let (shape, bare) = job.best();
            vec![
                job.job.name(),
                told(float(job.operations)),
                told_spread(&job.ours()),
                told_spread(&job.ours_running()),
                told_spread(&bare),
                format!("{} × {}", shape.connections, shape.batch),
                judged(job.ratio(), job.ratio() >= RATIO),
                judged(job.ratio_running(), job.ratio_running() >= RATIO),
                format!("{:.2} s", job.start().median),
                told(mebibytes(job.peak_memory_bytes())),
            ]
        };
        Sheet {
            title: "Into the target: operations a second, median (lowest–highest)",
            headings: vec![
                "job",
                "operations",
                "binleaf",
                "without its start",
                "bare driver at its best",
                "its shape",
                "ratio",
                "without start",
                "a start",
                "peak MiB",
            ],
            rows: self.jobs.iter().map(row).collect(),
        }
    }

    fn shapes(&self) -> Sheet {
        let row = |job: &Measured| {
            let shape = |bare: &Bare| {
                let (Shape { connections, batch }, rate) = (bare.shape, job.bare(bare));
                format!("{connections} × {batch}: {}", told_spread(&rate))
            };
            let shapes: Vec<String> = job.bare_driver.iter().map(shape).collect();
            vec![job.job.name(), told_bytes(job.document_bytes), shapes.join("; ")]
        };
        Sheet {
            title: "The bare driver in all shapes (connections × batch): operations a second",
            headings: vec!["job", "bytes a document", "rates"],
            rows: self.jobs.iter().map(row).collect(),
        }
    }

    fn surroundings(&self) -> Sheet {
        let rows = self.machine.told().map(|(name, value)| vec![name.to_owned(), value]);
        Sheet { title: "Measured on and with", headings: vec!["", ""], rows: rows.to_vec() }
    }
}

fn costs(nothing: &nothing::Measured) -> Sheet {
    let row = |what: &str, costs: &Costs, cpu: f64, memory: f64| {
        let used = costs.cpu_seconds_a_million();
        let peak = mebibytes(costs.peak_memory_bytes);
        vec![
            what.to_owned(),
            told(float(costs.operations)),
            told_spread(&costs.per_second()),
            format!("{} {}", told_spread(&used), mark(used.median <= cpu)),
            told(cpu),
            judged(peak, peak <= memory),
            told(memory),
        ]
    };
    Sheet {
        title: "Into a target that only acknowledges, without the start",
        headings: vec![
            "job",
            "operations",
            "a second",
            "CPU seconds a million",
            "at most",
            "peak MiB",
            "at most",
        ],
        rows: vec![
            row("snapshot", &nothing.snapshot, CPU_ROWS, MEMORY_SNAPSHOT),
            row(
                "single-row transactions",
                &nothing.single_rows.binleaf,
                CPU_CHANGES,
                MEMORY_STREAM,
            ),
            row("transactions of 50", &nothing.fifties.binleaf, CPU_CHANGES, MEMORY_STREAM),
        ],
    }
}

fn streams(nothing: &nothing::Measured) -> Sheet {
    let row = |what: &str, drained: &Drained, least: f64| {
        vec![
            what.to_owned(),
            told_spread(&drained.binleaf.per_second()),
            told_spread(&drained.bare_stream()),
            told_spread(&drained.mysqlbinlog()),
            judged(drained.ratio(), drained.ratio() >= least),
        ]
    };
    Sheet {
        title: "The same backlogs read bare: changes a second",
        headings: vec![
            "backlog",
            "binleaf",
            "bare stream",
            "mysqlbinlog --raw",
            "binleaf to bare stream",
        ],
        rows: vec![
            row("single-row transactions", &nothing.single_rows, STREAM_RATIO),
            row("transactions of 50", &nothing.fifties, 0.0),
        ],
    }
}

fn latencies(measured: &latency::Measured) -> Sheet {
    let (ours, bare) = (&measured.binleaf, &measured.bare_driver);
    let row = |what: &str, one: &latency::Latency| {
        let cells = [one.min, one.p50, one.p90, one.p99, one.max].map(milliseconds);
        std::iter::once(what.to_owned()).chain(cells).collect::<Vec<_>>()
    };
    let (p50, p99) = (ours.p50 - bare.p50, ours.p99 - bare.p99);
    let more = vec![
        "more".to_owned(),
        milliseconds(ours.min - bare.min),
        format!("{} {}", milliseconds(p50), mark(p50 <= P50)),
        milliseconds(ours.p90 - bare.p90),
        format!("{} {}", milliseconds(p99), mark(p99 <= P99)),
        milliseconds(ours.max - bare.max),
    ];
    let most = vec![
        "at most".to_owned(),
        String::new(),
        told(P50),
        String::new(),
        told(P99),
        String::new(),
    ];
    Sheet {
        title: "Milliseconds until a document is acknowledged, at 200 single-row commits a second",
        headings: vec!["", "min", "p50", "p90", "p99", "max"],
        rows: vec![row("commit to visible", ours), row("bare write", bare), more, most],
    }
}

fn while_watched(measured: &watched::Measured) -> Sheet {
    let of = |values: &[f64]| told_spread(&Spread::of(values.iter().copied()));
    let ratio = measured.ratio();
    Sheet {
        title: "A backlog while nobody looks, and while somebody does: changes a second",
        headings: vec![
            "changes",
            "alone",
            "watched",
            "ratio",
            "at least",
            "looks a second",
            "CPU s a thousand looks take by themselves",
        ],
        rows: vec![vec![
            told(float(measured.changes)),
            told_spread(&measured.alone()),
            told_spread(&measured.watched()),
            judged(ratio, ratio >= WATCHED),
            told(WATCHED),
            of(&measured.looks_a_second),
            of(&measured.cpu_seconds_a_thousand),
        ]],
    }
}

fn many_tables(measured: &many::Measured) -> Sheet {
    let (beyond, peak) = (measured.beyond_server(), mebibytes(measured.peak_memory_bytes));
    Sheet {
        title: "Many tables, into a target that only acknowledges: seconds",
        headings: vec![
            "tables",
            "first start with the copy",
            "a start",
            "of it the server's",
            "beyond it",
            "at most",
            "a change of each",
            "peak MiB",
            "at most",
        ],
        rows: vec![vec![
            told(f64::from(measured.tables)),
            told(measured.copy_seconds),
            told(measured.start_seconds),
            told(measured.server_seconds),
            judged(beyond, beyond <= START),
            told(START),
            told(measured.changes_seconds),
            judged(peak, peak <= MEMORY_WORST),
            told(MEMORY_WORST),
        ]],
    }
}

fn huge_transaction(measured: &huge::Measured) -> Sheet {
    let peak = mebibytes(measured.peak_memory_bytes);
    Sheet {
        title: "One huge transaction, into a target that only acknowledges",
        headings: vec!["rows", "MiB in the binlog", "seconds", "peak MiB", "at most"],
        rows: vec![vec![
            told(float(measured.rows)),
            told(mebibytes(measured.binlog_bytes)),
            told(measured.seconds),
            judged(peak, peak <= MEMORY_WORST),
            told(MEMORY_WORST),
        ]],
    }
}

fn soaked(measured: &soak::Measured) -> Sheet {
    let row = |(name, reading): soak::Reading| {
        let (first, last) = measured.ends(reading);
        vec![name.to_owned(), told_spread(&first), told_spread(&last)]
    };
    let peak = mebibytes(measured.peak_memory_bytes);
    let whole = vec![
        format!("{} minutes, {} changes", measured.minutes, told(float(measured.changes))),
        format!("peak {} MiB", judged(peak, peak <= MEMORY_STREAM)),
        format!("at most {}", told(MEMORY_STREAM)),
    ];
    let rows = soak::READINGS.into_iter().map(row).chain([whole]);
    Sheet {
        title: "Mixed load into the target for long: median (lowest–highest)",
        headings: vec!["", "first third", "last third"],
        rows: rows.collect(),
    }
}

fn summary(job: &Measured) -> Value {
    let (shape, bare) = job.best();
    json!({
        "job": job.job.name(),
        "binleaf_per_second": job.ours(),
        "binleaf_per_second_without_start": job.ours_running(),
        "start_seconds": job.start(),
        "bare_driver_best_shape": shape,
        "bare_driver_per_second": bare,
        "ratio": job.ratio(),
        "ratio_without_start": job.ratio_running(),
        "peak_memory_bytes": job.peak_memory_bytes(),
    })
}

fn cost_summary(costs: &Costs) -> Value {
    json!({ "per_second": costs.per_second(), "cpu_seconds_a_million": costs.cpu_seconds_a_million(), "peak_memory_bytes": costs.peak_memory_bytes })
}

fn drained_summary(drained: &Drained) -> Value {
    json!({ "binleaf": cost_summary(&drained.binleaf), "bare_stream_per_second": drained.bare_stream(), "mysqlbinlog_per_second": drained.mysqlbinlog(), "ratio_to_bare_stream": drained.ratio() })
}

/// A figure and whether it is as it should be.
fn judged(value: f64, reached: bool) -> String {
    format!("{} {}", told(value), mark(reached))
}

const fn mark(reached: bool) -> &'static str {
    if reached { "✓" } else { "✗" }
}

fn milliseconds(value: f64) -> String {
    format!("{value:.2}")
}

fn told_bytes(bytes: u64) -> String {
    if bytes == 0 { "none are sent".to_owned() } else { told(float(bytes)) }
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / f64::from(1 << 20)
}
