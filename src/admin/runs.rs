//! Runs as JSON. Names and shapes are a promise to scripts.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::form::{Time, kinds, rounded, run_states, words};
use crate::pipeline::handle::runs::{Outcome, Run, TableRun};

/// The result of a run, or how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunResult {
    run_id: String,
    #[schema(schema_with = kinds)]
    sync_type: &'static str,
    start_time: Time,
    /// Null while it is under way.
    #[schema(required)]
    end_time: Option<Time>,
    duration_seconds: f64,
    /// Documents that were created, updated or deleted.
    total_records_synced: u64,
    successful_tables: usize,
    failed_tables: usize,
    #[schema(schema_with = run_states)]
    status: &'static str,
    /// Why it ended without having read its tables.
    #[schema(required)]
    error: Option<String>,
    tables: BTreeMap<String, TableResult>,
}

/// What became of one table in a run.
#[derive(Debug, Serialize, ToSchema)]
struct TableResult {
    #[schema(schema_with = table_states)]
    status: &'static str,
    records_synced: u64,
    records_created: u64,
    records_updated: u64,
    records_deleted: u64,
    /// Documents that were as they should be.
    records_unchanged: u64,
    /// What was read: a table whose changes no column tells is always read in full.
    #[schema(schema_with = kinds)]
    sync_type: &'static str,
    duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The last runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Runs {
    /// The newest first.
    pub(super) runs: Vec<RunResult>,
}

fn table_states() -> utoipa::openapi::Object {
    words(&["running", "success", "failed", "skipped"])
}

impl From<&Run> for RunResult {
    fn from(run: &Run) -> Self {
        let tables = run.tables.iter().map(|(name, of)| (name.clone(), TableResult::from(of)));
        Self {
            run_id: run.id.clone(),
            sync_type: run.kind.label(),
            start_time: run.start.into(),
            end_time: run.end.map(|(at, _)| at.into()),
            duration_seconds: rounded(run.took().as_secs_f64()),
            total_records_synced: run.tables.values().map(synced).sum(),
            successful_tables: run.successful(),
            failed_tables: run.failed(),
            status: run.status(),
            error: run.error.clone(),
            tables: tables.collect(),
        }
    }
}

/// Documents that were written or removed.
const fn synced(table: &TableRun) -> u64 {
    table.counts.created + table.counts.updated + table.counts.deleted
}

impl From<&TableRun> for TableResult {
    fn from(table: &TableRun) -> Self {
        let (status, error, hint) = match &table.outcome {
            None => ("running", None, None),
            Some(Outcome::Success) => ("success", None, None),
            Some(Outcome::Failed { error, hint }) => ("failed", Some(error), hint.as_ref()),
            Some(Outcome::Skipped { error }) => ("skipped", Some(error), None),
        };
        Self {
            status,
            records_synced: synced(table),
            records_created: table.counts.created,
            records_updated: table.counts.updated,
            records_deleted: table.counts.deleted,
            records_unchanged: table.counts.unchanged,
            sync_type: table.kind.label(),
            duration_seconds: rounded(table.took.as_secs_f64()),
            error: error.cloned(),
            hint: hint.cloned(),
        }
    }
}
