//! What a row costs from the binlog's bytes to BSON bytes, beside mysql_common's decoder on the same bytes in the same run.
//!
//! `cargo bench --features bench --bench decode` (`-- --short` for a second's version). Twelve columns of mixed types,
//! recorded from a real server, 250 to 300 bytes a row: once numbers, texts and dates, once JSON, an ENUM, a SET and a
//! BLOB among them. mysql_common decodes into values of its own and no further. The median of the rounds counts, and they
//! alternate, so that a busy neighbour disturbs both alike.
//!
//! `dev/count` counts the instructions instead, which are the same on a busy machine. Allocations are counted, and refused,
//! by a test: `cargo test --features bench --test allocations -- --nocapture`. An allocator that counts would take time for
//! each one, which only the other decoder would pay.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot go on panics and says why"
)]

mod recorded;
mod transactions;

use std::{hint::black_box, time::Instant};

use self::{
    recorded::{Binleaf, Columns, PLAIN, RICH, Recorded, mysql_common},
    transactions::Transactions,
};

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
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--count") {
        return count(&arguments[at + 1..]);
    }
    let is_short = arguments.iter().any(|argument| argument == "--short");
    let (count, rounds) = if is_short { (2_000, 5) } else { (20_000, 51) };
    for columns in [PLAIN, RICH] {
        measure(columns, count, rounds);
    }
}

/// Does one thing so many times, for `dev/count`, which counts the instructions.
fn count(arguments: &[String]) {
    let [what, columns, count] = arguments else { panic!("what, columns, rows") };
    let columns = if columns == "rich" { RICH } else { PLAIN };
    let count = count.parse().expect("a number");
    if what == "transactions" {
        assert!(Transactions::of(columns, count).stream() >= 2 * count, "a row and a mark of each");
        return;
    }
    let rows = Recorded::rows(columns, count);
    let mut binleaf = Binleaf::new(&rows);
    let mut block = binleaf.block(&rows);
    black_box(match what.as_str() {
        "documents" => binleaf.documents(&mut *block, &mut forget),
        "batches" => binleaf.batches(&mut *block),
        "mysql_common" => mysql_common(&rows),
        _ => panic!("documents, batches, transactions or mysql_common"),
    });
}

fn measure(columns: Columns, count: usize, rounds: usize) {
    let rows = Recorded::rows(columns, count);
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
    let (named, bytes) = (columns.named, rows.bytes / count);
    println!("{count} rows of 12 {named}, {bytes} bytes each, {rounds} rounds");
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
