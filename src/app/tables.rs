//! The tables as `binleaf tables` lists them.

use std::sync::Arc;

use super::check;
use crate::{
    config::Config,
    mapping::{Plan, RuleBook},
    model::{fault::Fault, key::key_names, table::TableSchema},
    source::{connect::Connector, polling::stamp_column},
};

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
    Ok(found.iter().map(|table| view(table, config, &rules)).collect())
}

fn view(table: &Arc<TableSchema>, config: &Config, rules: &RuleBook) -> TableView {
    let named = rules.resolve(&table.name).timestamp_column;
    let told = stamp_column(table, named.as_deref(), &config.poll.timestamp_columns);
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
        timestamp_column: told.and_then(|told| Some(table.columns.get(told.column)?.name.clone())),
        rows: table.estimated_rows,
        collection,
        problem,
    }
}
