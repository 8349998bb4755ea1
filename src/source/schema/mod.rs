//! What information_schema says of the tables, as [`TableSchema`]s.
//!
//! A handful of queries for all tables together, never one a table, but for rare exceptions. Columns that this user may not read do not appear in
//! information_schema; preflight finds that by selecting `*`.

mod assemble;
mod column_type;
mod filter;
mod labels;
mod query;

use std::{collections::BTreeMap, time::Duration};

use mysql_async::Conn;

pub use filter::TableFilter;

use super::error::SourceError;
use crate::{
    config::SourceConfig,
    model::table::{TableName, TableSchema},
};
use query::Scope;

/// The longest that describing one table takes.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(60);

/// Finds the tables that the settings choose, in name order: base tables only, no views.
///
/// # Errors
/// When the source does not answer, or a pattern of the settings is none.
pub async fn discover(
    connection: &mut Conn,
    config: &SourceConfig,
) -> Result<Vec<TableSchema>, SourceError> {
    let filter = TableFilter::new(config)?;
    let mut databases = query::databases(connection, config.read_timeout).await?;
    databases.retain(|database| filter.matches_database(database));
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let found = query::read(connection, &Scope::Databases(databases), config.read_timeout).await?;
    let chosen = found.only(|name| filter.matches(name));
    finish(connection, chosen, config.read_timeout).await
}

/// All databases that this user sees.
pub(super) async fn databases(
    connection: &mut Conn,
    limit: Duration,
) -> Result<Vec<String>, SourceError> {
    query::databases(connection, limit).await
}

/// Whatever bears a table's name in these databases, with its kind, such as `BASE TABLE` or `VIEW`.
pub(super) async fn kinds(
    connection: &mut Conn,
    databases: Vec<String>,
    limit: Duration,
) -> Result<BTreeMap<TableName, String>, SourceError> {
    if databases.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(query::kinds(connection, databases, limit).await?.into_iter().collect())
}

/// The kind of whatever bears a name, such as `BASE TABLE`; `None` where nothing does.
pub(super) async fn kind(
    connection: &mut Conn,
    name: &TableName,
) -> Result<Option<String>, SourceError> {
    query::kind(connection, name, DESCRIBE_LIMIT).await
}

/// Whether a kind is one that has rows of its own to copy.
pub(super) fn is_table(kind: &str) -> bool {
    matches!(kind, query::BASE_TABLE | query::VERSIONED_TABLE)
}

/// Reads one table as it is now; `None` where there is no base table of that name.
///
/// # Errors
/// When the source does not answer.
pub async fn describe(
    connection: &mut Conn,
    name: &TableName,
) -> Result<Option<TableSchema>, SourceError> {
    let found = query::read(connection, &Scope::Table(name.clone()), DESCRIBE_LIMIT).await?;
    let chosen = found.only(|found| found == name);
    Ok(finish(connection, chosen, DESCRIBE_LIMIT).await?.pop())
}

/// Asks for the order of the keys where it decides which one is taken, and for labels that were not told as they are.
async fn finish(
    connection: &mut Conn,
    found: query::Found,
    limit: Duration,
) -> Result<Vec<TableSchema>, SourceError> {
    let suspects = labels::suspects(&found);
    let mut tables = assemble::tables(found)?;
    labels::complete(connection, &suspects, &mut tables, limit).await?;
    for table in &mut tables {
        if assemble::order_matters(table) {
            let order = query::key_order(connection, &table.name, limit).await?;
            assemble::put_in_order(table, &order);
        }
    }
    Ok(tables)
}
