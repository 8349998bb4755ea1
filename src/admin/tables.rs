//! Tables as JSON: what the source says of them, and what the pipeline does.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    form::{Time, modes},
    status::TableState,
};
use crate::{
    model::{
        key::key_names,
        table::{Column, ForeignKey, TableSchema},
    },
    pipeline::{
        Handle,
        handle::{TableStatus, desk::TableView},
    },
};

/// All tables that are copied.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tables {
    pub(super) tables: Vec<Table>,
    /// When the source told of them.
    pub(super) as_of: Time,
    /// Why nothing newer could be had.
    #[schema(required)]
    pub(super) problem: Option<String>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Table {
    /// As `database.table`.
    table: String,
    /// As the other routes call it.
    name: String,
    #[schema(schema_with = modes)]
    mode: &'static str,
    /// Columns that tell one row from another; empty where none do.
    key: Vec<String>,
    foreign_keys: Vec<Reference>,
    /// The column that tells a row's last change.
    #[schema(required)]
    timestamp_column: Option<String>,
    /// As the source guesses.
    rows_estimated: u64,
    engine: String,
    /// As `database.collection`.
    #[schema(required)]
    collection: Option<String>,
    /// Why it cannot be copied.
    #[schema(required)]
    problem: Option<String>,
    dead_letters: u64,
    /// What was written of it.
    #[schema(required)]
    sync: Option<TableState>,
    #[schema(required)]
    last_error: Option<String>,
    /// Only where one table is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<ColumnSeen>>,
}

/// A foreign key.
#[derive(Debug, Serialize, ToSchema)]
struct Reference {
    name: String,
    columns: Vec<String>,
    /// As `database.table`.
    references: String,
    referenced_columns: Vec<String>,
    /// Whether the source changes rows of this table by itself when those are changed.
    cascades: bool,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
struct ColumnSeen {
    name: String,
    /// Its type in a word.
    r#type: String,
    /// What else the type says of itself, such as length, precision, charset or labels.
    details: Value,
    nullable: bool,
    generated: bool,
    invisible: bool,
}

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
    pub(super) fn table(&self, view: &TableView) -> Table {
        let schema = &view.schema;
        let full = schema.name.to_string();
        let shown = self.handle.shown(&full);
        let status = self.tables.get(&shown);
        let error = self.errors.get(&shown).or(view.problem.as_ref());
        Table {
            table: full,
            mode: self.mode,
            key: key_names(schema).map(ToString::to_string).collect(),
            foreign_keys: schema.foreign_keys.iter().map(Reference::from).collect(),
            timestamp_column: view.timestamp_column.clone(),
            rows_estimated: schema.estimated_rows,
            engine: schema.engine.clone(),
            collection: view.collection.clone(),
            problem: view.problem.clone(),
            dead_letters: status.map_or(0, |table| table.diverged),
            sync: status.map(TableState::from),
            last_error: error.cloned(),
            columns: None,
            name: shown,
        }
    }

    /// A table with its columns.
    pub(super) fn whole_table(&self, view: &TableView) -> Table {
        Table { columns: Some(columns(&view.schema)), ..self.table(view) }
    }
}

fn columns(schema: &TableSchema) -> Vec<ColumnSeen> {
    schema.columns.iter().map(ColumnSeen::from).collect()
}

impl From<&ForeignKey> for Reference {
    fn from(key: &ForeignKey) -> Self {
        Self {
            name: key.name.clone(),
            columns: key.columns.clone(),
            references: key.references.to_string(),
            referenced_columns: key.referenced_columns.clone(),
            cascades: key.cascades,
        }
    }
}

/// A type is a word; what else it says of itself stands beside it.
impl From<&Column> for ColumnSeen {
    fn from(column: &Column) -> Self {
        let kind = serde_json::to_value(&column.kind).unwrap_or_default();
        let (kind, details) = match kind {
            Value::Object(one) => one.into_iter().next().unwrap_or_default(),
            Value::String(word) => (word, Value::Null),
            _ => (String::new(), Value::Null),
        };
        Self {
            name: column.name.clone(),
            r#type: kind,
            details,
            nullable: column.nullable,
            generated: column.generated,
            invisible: column.invisible,
        }
    }
}
