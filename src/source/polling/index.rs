//! The indexes by which a pass finds what has changed without reading the whole table.

use std::{collections::BTreeMap, time::Duration};

use mysql_async::{Conn, Params, Row, Value, prelude::Queryable};

use crate::{
    model::table::TableName,
    source::{answer::cell, connect::timed, error::SourceError},
};

/// By table and first column the name of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leading(BTreeMap<(TableName, String), String>);

impl Leading {
    /// An index of a table that begins with a column.
    #[must_use]
    pub fn of(&self, table: &TableName, column: &str) -> Option<&String> {
        self.0.get(&(table.clone(), column.to_ascii_lowercase()))
    }
}

/// An index that the optimizer may not use is none; MySQL has such ones, and information_schema tells them there only.
const QUERY: &str = "SELECT s.table_schema, s.table_name, s.column_name, s.index_name \
     FROM information_schema.statistics s \
     WHERE s.seq_in_index = 1 AND s.sub_part IS NULL AND s.column_name IS NOT NULL \
     AND s.index_type = 'BTREE' AND s.comment NOT LIKE '%disabled%' AND s.table_schema IN ({})";

/// Asks for the indexes of all tables of these databases.
///
/// # Errors
/// When the source does not answer.
pub async fn leading_indexes(
    connection: &mut Conn,
    databases: &[&str],
    limit: Duration,
) -> Result<Leading, SourceError> {
    if databases.is_empty() {
        return Ok(Leading::default());
    }
    let marks = vec!["?"; databases.len()].join(", ");
    let values = databases.iter().map(|name| Value::from(*name)).collect();
    let sql = QUERY.replace("{}", &marks);
    let query = connection.exec(sql, Params::Positional(values));
    let rows: Vec<Row> = timed(limit, query).await?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let table = TableName::new(cell::<String>(row, 0)?, cell::<String>(row, 1)?);
        let column = cell::<String>(row, 2)?.to_ascii_lowercase();
        found.entry((table, column)).or_insert(cell(row, 3)?);
    }
    Ok(Leading(found))
}
