//! `binleaf tables`: the tables found, with key, mode, rows and collection.

use serde_json::{Value, json};

use crate::{
    app::{self, TableView},
    cli::render,
    config::Config,
};

/// Lists the tables.
///
/// # Errors
/// When the source cannot be asked.
pub(super) async fn run(config: &Config, as_json: bool) -> anyhow::Result<String> {
    let tables = app::tables(config).await?;
    if as_json {
        let tables: Vec<Value> = tables.iter().map(object).collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&json!({ "tables": tables }))?));
    }
    let rows: Vec<Vec<String>> = tables.iter().map(row).collect();
    Ok(format!(
        "{}\n",
        render::grid(&["table", "key", "mode", "timestamp", "rows", "collection"], &rows)
    ))
}

fn object(table: &TableView) -> Value {
    json!({
        "table": table.name,
        "key": table.key,
        "mode": "stream",
        "timestamp_column": table.timestamp_column,
        "rows_estimated": table.rows,
        "collection": table.collection,
        "problem": table.problem,
    })
}

fn row(table: &TableView) -> Vec<String> {
    let or_dash = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let key = if table.key.is_empty() { "-".to_owned() } else { table.key.join(", ") };
    let mode = table.problem.clone().unwrap_or_else(|| "stream".to_owned());
    let collection = or_dash(table.collection.as_ref());
    vec![
        table.name.clone(),
        key,
        mode,
        or_dash(table.timestamp_column.as_ref()),
        format!("~{}", table.rows),
        collection,
    ]
}
