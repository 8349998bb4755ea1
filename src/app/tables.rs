//! The tables as people see them: with key, timestamp column, estimated rows and target collection.

use std::sync::Arc;

use super::check;
use crate::{
    config::Config,
    mapping::{Plan, RuleBook},
    model::{fault::Fault, table::TableSchema},
    pipeline::handle::desk::TableView,
    source::{connect::Connector, polling::stamp_column},
};

/// Finds the tables that the settings name.
///
/// # Errors
/// When the source cannot be asked.
pub async fn tables(config: &Config) -> Result<Vec<TableView>, Fault> {
    tables_by(&Connector::new(config.source.clone()), config).await
}

/// The same by connections of this connector.
pub(super) async fn tables_by(
    connector: &Connector,
    config: &Config,
) -> Result<Vec<TableView>, Fault> {
    let found = check::tables(connector, config).await?;
    let rules = RuleBook::new(config);
    Ok(found.into_iter().map(|table| view(table, config, &rules)).collect())
}

fn view(schema: Arc<TableSchema>, config: &Config, rules: &RuleBook) -> TableView {
    let named = rules.resolve(&schema.name).timestamp_column;
    let told = stamp_column(&schema, named.as_deref(), &config.poll.timestamp_columns);
    let timestamp_column =
        told.and_then(|told| Some(schema.columns.get(told.column)?.name.clone()));
    let plan = Plan::compile(Arc::clone(&schema), &rules.resolve(&schema.name));
    let (collection, problem) = match &plan {
        Ok(plan) => (Some(plan.target().collection.to_string()), None),
        Err(issues) => {
            (None, Some(issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
        }
    };
    TableView { schema, timestamp_column, collection, problem }
}
