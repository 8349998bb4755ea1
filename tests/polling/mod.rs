//! Polling: the incremental mode for where the binlog cannot be had.

mod auto;
mod failing;
mod late;
mod sakila;
mod scale;
mod steering;
mod surviving;
mod tables;

use serde_json::Value;

use crate::support::{Launch, Pair};

/// Polls, and compares keys with every pass.
fn launch(pair: &Pair) -> Launch {
    Launch::of(pair).set("", "mode", "\"poll\"").set("poll", "detect_deletes", "\"1ms\"")
}

/// Takes every right but SELECT away.
async fn leave_select_alone(pair: &Pair) {
    let user = &pair.source.user;
    let sql = format!("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM `{user}`@`%`");
    pair.source.run(sql).await;
}

/// One run that goes well; its result.
async fn poll_once(launch: &Launch) -> Value {
    let ended = launch.command(&["poll", "--once", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    let result = ended.json();
    assert_eq!(result["status"], "success", "{result:#}");
    result
}

/// What became of all documents of a run: created, updated, deleted, unchanged.
fn counts(result: &Value) -> [u64; 4] {
    let tables = result["tables"].as_object().expect("tables");
    ["records_created", "records_updated", "records_deleted", "records_unchanged"]
        .map(|name| tables.values().map(|table| table[name].as_u64().expect("a number")).sum())
}

/// The kind of pass that each table had.
fn kind<'r>(result: &'r Value, table: &str) -> &'r str {
    result["tables"][table]["sync_type"].as_str().unwrap_or_default()
}
