//! The status for people.

use std::{fmt::Write as _, time::Duration};

use console::{StyledObject, style};
use indicatif::HumanCount;
use serde_json::{Map, Value};

use crate::cli::render::{grid, visible};

/// The status, in at most so many lines.
pub(super) fn page(status: &Value, most_lines: usize) -> String {
    let mut page = String::new();
    match write_page(&mut page, status, most_lines) {
        Ok(()) => page,
        Err(std::fmt::Error) => String::new(), // writing to a string cannot fail
    }
}

fn write_page(page: &mut String, status: &Value, most_lines: usize) -> std::fmt::Result {
    let replication = &status["replication"];
    let phase = text(&replication["phase"]);
    if status["running"] == Value::Bool(false) {
        writeln!(page, "not running; this is what the last run saved")?;
    } else {
        let version = visible(&text(&replication["version"]));
        writeln!(page, "binleaf     {version}{}", up_for(&replication["started_at"]))?;
    }
    let paused = if replication["paused"] == true { " (paused)" } else { "" };
    writeln!(page, "phase       {}{paused}", coloured(&phase))?;
    if replication["mode"] == "poll" {
        write_polling(page, status)?;
    }
    if phase == "snapshot" {
        writeln!(page, "snapshot    {}", snapshot_line(&replication["snapshot"]))?;
    }
    let behind =
        replication["lag_transactions"].as_u64().map(|count| format!(", {count} transactions"));
    writeln!(
        page,
        "lag         {:.1} s{}",
        replication["lag_seconds"].as_f64().unwrap_or(0.0),
        behind.unwrap_or_default()
    )?;
    writeln!(page, "position    {}", place(&replication["position"]))?;
    writeln!(page, "source      {}", place(&replication["source_position"]))?;
    let rate = replication["events_per_second"].as_f64().unwrap_or(0.0);
    writeln!(page, "changes     {rate:.0} a second")?;
    let letters = replication["dead_letters"].as_u64().unwrap_or(0);
    let unwritten = format!("{} dead letters", grouped(letters));
    let unwritten = style(unwritten).for_stdout();
    let unwritten = if letters > 0 { unwritten.red().bold() } else { unwritten };
    writeln!(page, "unwritten   {unwritten}")?;
    let told = |field| replication.pointer(&format!("/last_error/{field}")).and_then(Value::as_str);
    if let Some(message) = told("message") {
        writeln!(page, "last error  {message}")?;
    }
    if let Some(hint) = told("hint") {
        writeln!(page, "            {hint}")?;
    }
    if let Some(tables) = status.pointer("/sync_data/tables").and_then(Value::as_object) {
        let room = most_lines.saturating_sub(page.lines().count() + 3);
        write_tables(page, tables, room)?;
    }
    Ok(())
}

/// How tables are polled, why, and when next.
fn write_polling(page: &mut String, status: &Value) -> std::fmt::Result {
    let reason = status.pointer("/replication/mode_reason").and_then(Value::as_str);
    let because = reason.map(|reason| format!(" (no stream: {reason})")).unwrap_or_default();
    writeln!(page, "mode        poll{because}")?;
    let scheduler = &status["scheduler"];
    let every = scheduler["interval_seconds"].as_u64().unwrap_or(0);
    let every = humantime::format_duration(Duration::from_secs(every));
    if scheduler["running"] == true {
        writeln!(page, "next run    {} (every {every})", text(&status["next_sync"]))
    } else {
        writeln!(page, "next run    by hand only")
    }
}

/// The tables, those that are not well first.
fn write_tables(page: &mut String, tables: &Map<String, Value>, room: usize) -> std::fmt::Result {
    let mut sorted: Vec<(&String, &Value)> = tables.iter().collect();
    sorted.sort_by_key(|(_, table)| table["status"] == "success");
    let rows: Vec<Vec<String>> = sorted.iter().take(room).map(row).collect();
    writeln!(page, "\n{}", grid(&HEADER, &rows))?;
    match sorted.len() - rows.len() {
        0 => Ok(()),
        more => writeln!(page, "and {} more", grouped(u64::try_from(more).unwrap_or(u64::MAX))),
    }
}

/// Green where all is well, yellow where something is under way, red where somebody should look.
fn coloured(phase: &str) -> StyledObject<String> {
    let shown = style(visible(phase)).for_stdout().bold();
    match phase {
        "streaming" | "idle" => shown.green(),
        "retrying" | "failed" => shown.red(),
        _ => shown.yellow(),
    }
}

/// With a comma at every third digit.
fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

fn up_for(started_at: &Value) -> String {
    let started = started_at.as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let seconds = started.map(|at| jiff::Timestamp::now().duration_since(at).as_secs());
    let span = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    span.map(|span| format!(", up {}", humantime::format_duration(span))).unwrap_or_default()
}

const HEADER: [&str; 5] = ["table", "status", "last by", "records", "last written"];

fn row((name, table): &(&String, &Value)) -> Vec<String> {
    let records = table["records_synced"].as_u64().map_or_else(|| "-".to_owned(), grouped);
    vec![
        (*name).clone(),
        text(&table["status"]),
        text(&table["sync_type"]),
        records,
        text(&table["last_sync_time"]),
    ]
}

fn snapshot_line(snapshot: &Value) -> String {
    let left = snapshot["eta_seconds"].as_u64().map(|seconds| {
        format!(", {} left", humantime::format_duration(Duration::from_secs(seconds)))
    });
    format!(
        "{} of {} tables, {} of about {} rows{}",
        number(&snapshot["tables_done"]),
        number(&snapshot["tables_total"]),
        number(&snapshot["rows_done"]),
        number(&snapshot["rows_estimated"]),
        left.unwrap_or_default()
    )
}

fn place(position: &Value) -> String {
    match (position["gtid_set"].as_str(), position["file"].as_str()) {
        (Some(set), Some(file)) => format!("{set} ({file}:{})", position["offset"]),
        (None, Some(file)) => format!("{file}:{}", position["offset"]),
        _ => "not known yet".to_owned(),
    }
}

fn number(value: &Value) -> String {
    grouped(value.as_u64().unwrap_or(0))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_phase_lag_position_and_tables() {
        let status = serde_json::json!({
            "sync_data": { "tables": { "actor": { "status": "success", "sync_type": "stream", "records_synced": 200 } } },
            "replication": {
                "phase": "streaming", "paused": false, "lag_seconds": 0.25, "lag_transactions": 3,
                "position": { "gtid_set": null, "file": "binlog.000002", "offset": 12 }, "source_position": null,
                "events_per_second": 7.0, "dead_letters": 0, "last_error": null,
            },
        });
        let page = page(&status, usize::MAX);
        for part in [
            "streaming",
            "0.2 s, 3 transactions",
            "binlog.000002:12",
            "not known yet",
            "actor",
            "200",
        ] {
            assert!(page.contains(part), "{part} in:\n{page}");
        }
    }

    #[test]
    fn where_there_is_little_room_tables_that_are_not_well_come_first() {
        let well =
            |number: usize| (format!("t{number}"), serde_json::json!({ "status": "success" }));
        let mut tables: Map<String, Value> = (0..2000).map(well).collect();
        tables.insert("z".to_owned(), serde_json::json!({ "status": "diverged (3)" }));
        let page = page(&serde_json::json!({ "sync_data": { "tables": tables } }), 24);
        assert!(page.lines().count() <= 24, "{page}");
        assert!(page.contains("z  ") && page.contains("more"), "{page}");
        assert!(page.contains("and 1,9"), "{page}");
    }
}
