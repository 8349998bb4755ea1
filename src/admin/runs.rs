//! Runs of polling as JSON. Names and shapes are a promise to scripts.

use serde_json::{Map, Value, json};

use super::status::{rounded, time};
use crate::pipeline::handle::runs::{Outcome, Run, TableRun};

/// The result of a run, or how far it is.
#[must_use]
pub fn run(run: &Run) -> Value {
    let total: u64 = run.tables.values().map(synced).sum();
    let tables: Map<String, Value> =
        run.tables.iter().map(|(name, of)| (name.clone(), table(of))).collect();
    json!({
        "run_id": run.id,
        "sync_type": run.kind.label(),
        "start_time": time(run.start),
        "end_time": run.end.map(|(at, _)| time(at)),
        "duration_seconds": rounded(run.took().as_secs_f64()),
        "total_records_synced": total,
        "successful_tables": run.successful(),
        "failed_tables": run.failed(),
        "status": run.status(),
        "error": run.error,
        "tables": tables,
    })
}

/// Documents that were written or removed.
const fn synced(table: &TableRun) -> u64 {
    table.counts.created + table.counts.updated + table.counts.deleted
}

fn table(table: &TableRun) -> Value {
    let (status, error, hint) = match &table.outcome {
        None => ("running", None, None),
        Some(Outcome::Success) => ("success", None, None),
        Some(Outcome::Failed { error, hint }) => ("failed", Some(error), hint.as_ref()),
        Some(Outcome::Skipped { error }) => ("skipped", Some(error), None),
    };
    let mut value = json!({
        "status": status,
        "records_synced": synced(table),
        "records_created": table.counts.created,
        "records_updated": table.counts.updated,
        "records_deleted": table.counts.deleted,
        "records_unchanged": table.counts.unchanged,
        "sync_type": table.kind.label(),
        "duration_seconds": rounded(table.took.as_secs_f64()),
    });
    if let (Some(error), Some(object)) = (error, value.as_object_mut()) {
        object.insert("error".to_owned(), error.clone().into());
        object.insert("hint".to_owned(), hint.cloned().into());
    }
    value
}
