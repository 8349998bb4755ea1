//! `binleaf status`: asks the running instance, else reads what it saved in the target.

use std::{fmt::Write as _, time::Duration};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    admin::{self, status::status as status_json},
    config::Config,
    model::fault::Fault,
    pipeline::{Handle, handle::Way},
};

/// The longest that the running instance is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells the status. The answer is the text for standard output.
///
/// # Errors
/// When neither the instance nor the saved state can be read.
pub(super) async fn run(config: &Config, json: bool) -> anyhow::Result<String> {
    let status = match ask(config).await {
        Ok(status) => status,
        Err(error) => saved(config).await.with_context(|| {
            format!(
                "no instance answers on http://{} ({error:#}), and the saved state cannot be read",
                config.http.listen
            )
        })?,
    };
    if json {
        Ok(format!("{}\n", serde_json::to_string_pretty(&status)?))
    } else {
        Ok(page(&status))
    }
}

async fn ask(config: &Config) -> anyhow::Result<Value> {
    anyhow::ensure!(!config.http.listen.is_empty(), "http is switched off");
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let mut request = client.get(format!("http://{}/api/sync/status", config.http.listen));
    if let Some(file) = &config.http.token_file {
        request = request.bearer_auth(admin::read_token(file)?.reveal());
    }
    Ok(request.send().await?.error_for_status()?.json().await?)
}

async fn saved(config: &Config) -> anyhow::Result<Value> {
    let state = super::state::open(config).await?;
    let saved = state.load().await.map_err(Fault::from)?.unwrap_or_default();
    let handle = Handle::of_saved(
        &saved,
        state.load_tables().await.map_err(Fault::from)?,
        config.source.single_database(),
    );
    if !saved.polls.is_empty() {
        let way = Way { polls: true, reason: None };
        handle.set_way(way, config.poll.interval);
        handle.restore(saved.control.unwrap_or_default());
    }
    let mut status = status_json(&handle.report());
    if let Some(object) = status.as_object_mut() {
        object.insert("running".to_owned(), false.into());
    }
    Ok(status)
}

/// The status for people.
fn page(status: &Value) -> String {
    let mut page = String::new();
    match write_page(&mut page, status) {
        Ok(()) => page,
        Err(std::fmt::Error) => String::new(), // writing to a string cannot fail
    }
}

fn write_page(page: &mut String, status: &Value) -> std::fmt::Result {
    let replication = &status["replication"];
    let phase = text(&replication["phase"]);
    if status["running"] == Value::Bool(false) {
        writeln!(page, "not running; this is what the last run saved")?;
    }
    writeln!(
        page,
        "phase       {phase}{}",
        if replication["paused"] == true { " (paused)" } else { "" }
    )?;
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
    writeln!(
        page,
        "changes     {:.0} a second",
        replication["events_per_second"].as_f64().unwrap_or(0.0)
    )?;
    writeln!(page, "unwritten   {} dead letters", replication["dead_letters"])?;
    let told = |field| replication.pointer(&format!("/last_error/{field}")).and_then(Value::as_str);
    if let Some(message) = told("message") {
        writeln!(page, "last error  {message}")?;
    }
    if let Some(hint) = told("hint") {
        writeln!(page, "            {hint}")?;
    }
    if let Some(tables) = status.pointer("/sync_data/tables").and_then(Value::as_object) {
        writeln!(
            page,
            "\n{}",
            crate::cli::render::grid(&HEADER, &tables.iter().map(row).collect::<Vec<_>>())
        )?;
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

const HEADER: [&str; 5] = ["table", "status", "last by", "records", "last written"];

fn row((name, table): (&String, &Value)) -> Vec<String> {
    let columns = ["status", "sync_type", "records_synced", "last_sync_time"];
    std::iter::once(name.clone()).chain(columns.map(|column| text(&table[column]))).collect()
}

fn snapshot_line(snapshot: &Value) -> String {
    let left = snapshot["eta_seconds"].as_u64().map(|seconds| {
        format!(", {} left", humantime::format_duration(Duration::from_secs(seconds)))
    });
    format!(
        "{} of {} tables, {} of about {} rows{}",
        snapshot["tables_done"],
        snapshot["tables_total"],
        snapshot["rows_done"],
        snapshot["rows_estimated"],
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
        let page = page(&status);
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
}
