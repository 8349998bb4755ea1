//! Tables as JSON: what the source says of them, and what the pipeline does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::status;
use crate::{
    model::{
        key::key_names,
        table::{Column, ForeignKey},
    },
    pipeline::{
        Handle,
        handle::{TableStatus, desk::TableView},
    },
};

/// What the pipeline says of tables.
pub(super) struct Told {
    handle: Handle,
    tables: BTreeMap<String, TableStatus>,
    errors: BTreeMap<String, String>,
    mode: &'static str,
}

impl Told {
    pub(super) fn of(handle: &Handle) -> Self {
        let report = handle.report();
        let mode = if report.schedule.way.polls { "poll" } else { "stream" };
        let errors = handle.table_errors();
        Self { handle: handle.clone(), tables: report.tables, errors, mode }
    }

    /// A table without its columns.
    pub(super) fn table(&self, view: &TableView) -> Value {
        let schema = &view.schema;
        let full = schema.name.to_string();
        let shown = self.handle.shown(&full);
        let status = self.tables.get(&shown);
        json!({
            "table": full,
            "name": shown,
            "mode": self.mode,
            "key": key_names(schema).collect::<Vec<_>>(),
            "foreign_keys": schema.foreign_keys.iter().map(foreign_key).collect::<Vec<_>>(),
            "timestamp_column": view.timestamp_column,
            "rows_estimated": schema.estimated_rows,
            "engine": schema.engine,
            "collection": view.collection,
            "problem": view.problem,
            "dead_letters": status.map_or(0, |table| table.diverged),
            "sync": status.map(status::table),
            "last_error": self.errors.get(&shown).or(view.problem.as_ref()),
        })
    }

    /// A table with its columns.
    pub(super) fn whole_table(&self, view: &TableView) -> Value {
        let mut body = self.table(view);
        if let Some(fields) = body.as_object_mut() {
            let columns = view.schema.columns.iter().map(column).collect();
            fields.insert("columns".to_owned(), Value::Array(columns));
        }
        body
    }
}

fn foreign_key(key: &ForeignKey) -> Value {
    json!({
        "name": key.name,
        "columns": key.columns,
        "references": key.references.to_string(),
        "referenced_columns": key.referenced_columns,
        "cascades": key.cascades,
    })
}

/// A type is a word; what else it says of itself stands beside it.
fn column(column: &Column) -> Value {
    let kind = serde_json::to_value(&column.kind).unwrap_or_default();
    let (kind, details) = match kind {
        Value::Object(one) => one.into_iter().next().unwrap_or_default(),
        Value::String(word) => (word, Value::Null),
        _ => (String::new(), Value::Null),
    };
    json!({
        "name": column.name,
        "type": kind,
        "details": details,
        "nullable": column.nullable,
        "generated": column.generated,
        "invisible": column.invisible,
    })
}
