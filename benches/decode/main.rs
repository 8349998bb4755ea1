//! What a row costs from the binlog's bytes to BSON bytes, beside mysql_common's decoder on the same bytes in the same run.
//!
//! `cargo bench --features bench --bench decode` (`-- --short` for a second's version). Twelve columns of mixed types,
//! recorded from a real server, about 300 bytes a row. mysql_common decodes into values of its own and no further. The
//! median of the rounds counts, and they alternate, so that a busy neighbour disturbs both alike. That nothing is
//! allocated is a test: `cargo test --features bench --test allocations`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot go on panics and says why"
)]

mod recorded;

use std::{hint::black_box, time::Instant};

use allocation_counter::measure;

use self::recorded::{Binleaf, Recorded, mysql_common};

/// What is measured of one way to decode.
struct Measured {
    what: &'static str,
    /// Nanoseconds a row, of each round.
    rounds: Vec<f64>,
    /// Allocations a row.
    allocations: f64,
}

impl Measured {
    const fn new(what: &'static str) -> Self {
        Self { what, rounds: Vec::new(), allocations: 0.0 }
    }

    /// One round. What it allocates is counted apart, since counting takes time.
    fn round(&mut self, rows: usize, mut decode: impl FnMut()) {
        let begun = Instant::now();
        decode();
        self.rounds.push(a_row(begun.elapsed().as_secs_f64() * 1e9, rows));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn count(&mut self, rows: usize, decode: impl FnOnce()) {
        self.allocations = a_row(measure(decode).count_total as f64, rows);
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn tell(&self) {
        let (median, allocations) = (self.median(), self.allocations);
        println!("{:<34} {median:>7.0} ns a row   {allocations:>7.3} allocations a row", self.what);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn a_row(total: f64, rows: usize) -> f64 {
    total / rows as f64
}

fn main() {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let (count, rounds) = if is_short { (2_000, 5) } else { (20_000, 51) };
    let rows = Recorded::rows(count);
    let mut binleaf = Binleaf::new(&rows);
    let mut documents = Measured::new("binleaf, to BSON documents");
    let mut batches = Measured::new("binleaf, to batches of writes");
    let mut theirs = Measured::new("mysql_common, to its values");
    for _ in 0..rounds {
        let mut block = binleaf.block(&rows);
        documents.round(count, || {
            drop(black_box(
                binleaf.documents(&mut *block, &mut |document| drop(black_box(document))),
            ))
        });
        let mut block = binleaf.block(&rows);
        batches.round(count, || drop(black_box(binleaf.batches(&mut *block))));
        theirs.round(count, || drop(black_box(mysql_common(&rows))));
    }
    let mut block = binleaf.block(&rows);
    documents.count(count, || drop(binleaf.documents(&mut *block, &mut |_| {})));
    let mut block = binleaf.block(&rows);
    batches.count(count, || drop(binleaf.batches(&mut *block)));
    theirs.count(count, || drop(mysql_common(&rows)));
    println!("{count} rows of 12 columns, {} bytes each, {rounds} rounds", rows.bytes / count);
    for measured in [&documents, &batches, &theirs] {
        measured.tell();
    }
    let ratio = |ours: &Measured| theirs.median() / ours.median();
    println!(
        "mysql_common takes {:.1} and {:.1} times as long",
        ratio(&documents),
        ratio(&batches)
    );
}
