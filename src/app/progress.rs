//! The first copy's progress: into the handle for status and metrics, and as bars on a terminal.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

use crate::{
    model::{fault::Fault, table::TableName},
    pipeline::{Handle, handle::SnapshotProgress},
    source::snapshot::{Progress, TableReading},
    telemetry::terminal,
};

/// How often it is refreshed.
const REFRESH: Duration = Duration::from_millis(200);

/// Shows the progress until dropped.
pub(super) async fn show(handle: &Handle, progress: &Progress) -> Result<(), Fault> {
    let mut bars = std::io::stderr().is_terminal().then(Bars::default);
    let begun = (Instant::now(), done(&progress.tables()));
    loop {
        let tables = progress.tables();
        handle.set_snapshot(summary(&tables, Some(begun)));
        if let Some(bars) = &mut bars {
            bars.refresh(&tables);
        }
        tokio::time::sleep(REFRESH).await;
    }
}

/// Shows the progress as it is now.
pub(super) fn show_once(handle: &Handle, progress: &Progress) {
    let mut now = summary(&progress.tables(), None);
    now.eta = (now.tables_done == now.tables_total).then_some(Duration::ZERO);
    handle.set_snapshot(now);
}

fn summary(
    tables: &BTreeMap<TableName, TableReading>,
    begun: Option<(Instant, u64)>,
) -> SnapshotProgress {
    let rows_done = done(tables);
    let rows_estimated = tables.values().map(|reading| reading.estimated.max(reading.rows)).sum();
    SnapshotProgress {
        tables_done: tables.values().filter(|reading| reading.finished).count(),
        tables_total: tables.len(),
        rows_done,
        rows_estimated,
        eta: begun.and_then(|(at, before)| {
            time_left(at.elapsed(), rows_done - before, rows_estimated - rows_done)
        }),
    }
}

fn done(tables: &BTreeMap<TableName, TableReading>) -> u64 {
    tables.values().map(|reading| reading.rows).sum()
}

/// The time that the rest takes at the rate so far; unknown in the first second.
fn time_left(elapsed: Duration, rows: u64, rest: u64) -> Option<Duration> {
    if rest == 0 {
        return Some(Duration::ZERO);
    }
    if rows == 0 || elapsed < Duration::from_secs(1) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let factor = rest as f64 / rows as f64;
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * factor).ok()
}

/// A bar for every table that is being read. What is done has its line in the log, so they leave nothing behind.
#[derive(Default)]
struct Bars {
    by_table: BTreeMap<TableName, ProgressBar>,
}

impl Bars {
    fn refresh(&mut self, tables: &BTreeMap<TableName, TableReading>) {
        for (table, reading) in tables.iter().filter(|(_, reading)| reading.started.is_some()) {
            if reading.finished {
                if let Some(bar) = self.by_table.get(table) {
                    bar.finish_and_clear();
                }
                continue;
            }
            let bar = self
                .by_table
                .entry(table.clone())
                .or_insert_with(|| terminal::bars().add(new_bar(table)));
            bar.set_length(reading.estimated.max(reading.rows));
            bar.set_position(reading.rows);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.by_table.values().for_each(ProgressBar::finish_and_clear);
    }
}

fn new_bar(table: &TableName) -> ProgressBar {
    const TEMPLATE: &str =
        "{msg:32!} {bar:30} {human_pos:>12} of {human_len} rows  {rate}/s  {eta} left";
    let style =
        ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.with_key("rate", rate)).with_message(table.to_string())
}

/// Rows a second, whole.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is far below 2^52, and never negative"
)]
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // Writing to the bar's own text does not fail.
    let _infallible = write!(out, "{}", HumanCount(state.per_sec() as u64));
}
