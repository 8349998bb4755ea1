//! What a row costs from the binlog's bytes to BSON bytes, beside mysql_common's decoder on the same bytes in the same run.
//!
//! `cargo bench --features bench --bench decode` (`-- --short` for a second's version). Twelve columns of mixed types,
//! recorded from a real server, about 300 bytes a row. mysql_common decodes into values of its own and no further. The
//! median of the rounds counts, and they alternate, so that a busy neighbour disturbs both alike.
//!
//! Allocations are counted, and refused, by a test: `cargo test --features bench --test allocations -- --nocapture`. An
//! allocator that counts would take time for each one, which only the other decoder would pay.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot go on panics and says why"
)]

mod recorded;

use std::{hint::black_box, time::Instant};

use self::recorded::{Binleaf, Recorded, mysql_common};

/// What is measured of one way to decode.
struct Measured {
    what: &'static str,
    /// Nanoseconds a row, of each round.
    rounds: Vec<f64>,
}

impl Measured {
    const fn new(what: &'static str) -> Self {
        Self { what, rounds: Vec::new() }
    }

    /// One round.
    fn round(&mut self, rows: usize, decode: impl FnOnce() -> usize) {
        let begun = Instant::now();
        black_box(decode());
        self.rounds.push(a_row(begun.elapsed().as_secs_f64() * 1e9, rows));
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The round that was disturbed least.
    fn fastest(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn tell(&self) {
        let (median, fastest) = (self.median(), self.fastest());
        println!("{:<30} {median:>7.0} ns a row, {fastest:>7.0} in the fastest round", self.what);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn a_row(total: f64, rows: usize) -> f64 {
    total / rows as f64
}

/// What a document that is only looked at is good for.
fn forget(document: &[u8]) {
    black_box(document);
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
        documents.round(count, || binleaf.documents(&mut *block, &mut forget));
        let mut block = binleaf.block(&rows);
        batches.round(count, || binleaf.batches(&mut *block));
        theirs.round(count, || mysql_common(&rows));
    }
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
