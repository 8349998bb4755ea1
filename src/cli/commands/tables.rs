//! `binleaf tables`: the tables found, with key, mode, rows and collection.

use serde_json::{Value, json};

use crate::{
    app,
    cli::render,
    config::{Config, Mode},
    model::key::key_names,
    pipeline::handle::desk::TableView,
};

/// Lists the tables.
///
/// # Errors
/// When the source cannot be asked.
pub(super) async fn run(config: &Config, as_json: bool) -> anyhow::Result<String> {
    let tables = app::tables(config).await?;
    let mode = match config.mode {
        Mode::Poll => "poll",
        Mode::Stream | Mode::Auto => "stream",
    };
    if as_json {
        let tables: Vec<Value> = tables.iter().map(|table| object(table, mode)).collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&json!({ "tables": tables }))?));
    }
    let rows: Vec<Vec<String>> = tables.iter().map(|table| row(table, mode)).collect();
    Ok(format!(
        "{}\n",
        render::grid(&["table", "key", "mode", "timestamp", "rows", "collection"], &rows)
    ))
}

fn object(table: &TableView, mode: &str) -> Value {
    json!({
        "table": table.schema.name.to_string(),
        "key": key_names(&table.schema).collect::<Vec<_>>(),
        "mode": mode,
        "timestamp_column": table.timestamp_column,
        "rows_estimated": table.schema.estimated_rows,
        "collection": table.collection,
        "problem": table.problem,
    })
}

fn row(table: &TableView, mode: &str) -> Vec<String> {
    let or_dash = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let key: Vec<&str> = key_names(&table.schema).collect();
    let key = if key.is_empty() { "-".to_owned() } else { key.join(", ") };
    let mode = table.problem.clone().unwrap_or_else(|| mode.to_owned());
    let collection = or_dash(table.collection.as_ref());
    vec![
        table.schema.name.to_string(),
        key,
        mode,
        or_dash(table.timestamp_column.as_ref()),
        format!("~{}", table.schema.estimated_rows),
        collection,
    ]
}
