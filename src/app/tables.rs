//! The tables as `binleaf tables` lists them.

use std::sync::Arc;

use super::check;
use crate::{
    config::Config,
    mapping::{Plan, RuleBook},
    model::{
        fault::Fault,
        key::key_names,
        table::{ColumnType, TableSchema},
    },
    source::connect::Connector,
};

/// Names that columns of a row's last change commonly have, the likeliest first.
const TIMESTAMP_NAMES: [&str; 8] = [
    "updated_at",
    "modified_at",
    "last_updated",
    "last_modified",
    "last_update",
    "update_time",
    "mtime",
    "created_at",
];

/// A table as people see it.
#[derive(Debug, Clone)]
pub struct TableView {
    /// `database.table`.
    pub name: String,
    /// The key's columns in index order.
    pub key: Vec<String>,
    /// The column that tells a row's last change, where one is recognised.
    pub timestamp_column: Option<String>,
    /// Rows, as the server estimates.
    pub rows: u64,
    /// `database.collection`; `None` where the table cannot be mapped.
    pub collection: Option<String>,
    /// Why it cannot be copied.
    pub problem: Option<String>,
}

/// Finds the tables that the settings name.
///
/// # Errors
/// When the source cannot be asked.
pub async fn tables(config: &Config) -> Result<Vec<TableView>, Fault> {
    let connector = Connector::new(config.source.clone());
    let found = check::tables(&connector, config).await?;
    let rules = RuleBook::new(config);
    Ok(found.iter().map(|table| view(table, &rules)).collect())
}

fn view(table: &Arc<TableSchema>, rules: &RuleBook) -> TableView {
    let plan = Plan::compile(Arc::clone(table), &rules.resolve(&table.name));
    let (collection, problem) = match &plan {
        Ok(plan) => (Some(plan.target().collection.to_string()), None),
        Err(issues) => {
            (None, Some(issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
        }
    };
    TableView {
        name: table.name.to_string(),
        key: key_names(table).map(str::to_owned).collect(),
        timestamp_column: timestamp_column(table),
        rows: table.estimated_rows,
        collection,
        problem,
    }
}

/// The first column of a common name, else one that the server keeps current by itself.
fn timestamp_column(table: &TableSchema) -> Option<String> {
    let is_moment = |kind: &ColumnType| {
        matches!(kind, ColumnType::Timestamp { .. } | ColumnType::DateTime { .. })
    };
    let moments: Vec<_> = table.columns.iter().filter(|column| is_moment(&column.kind)).collect();
    let by_name = TIMESTAMP_NAMES
        .iter()
        .find_map(|name| moments.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
    by_name
        .or_else(|| moments.iter().find(|column| column.on_update_timestamp))
        .map(|column| column.name.clone())
}
