//! Whether a table map and a schema are about the same layout, and the schema that a full table map tells by itself.
//!
//! Rows carry no names and hardly any types: decoding them by a schema that is not theirs gives wrong values without an
//! error. So every column is compared before the first row, and what does not fit is never guessed.

use super::{
    cell::Cell,
    kind::kind_of,
    table_map::{Dialect, MapColumn, TableMap},
};
use crate::model::table::{
    Charset, Column, ColumnDefault, ColumnType, Key, KeyColumn, TableName, TableSchema, Versioning,
};

/// The generated invisible primary key (MySQL manual, "Generated Invisible Primary Keys").
const HIDDEN_KEY: &str = "my_row_id";

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// Another number, order or type of columns, or another key.
    Layout(String),
    /// A column that this version does not read.
    Unsupported {
        /// Its name.
        column: String,
        /// Its type.
        declared: String,
    },
}

/// Compiles the reading of rows, if the schema is that of the table map.
pub(super) fn fit(schema: &TableSchema, map: &TableMap<'_>) -> Result<Box<[Cell]>, Difference> {
    if schema.columns.len() != map.columns.len() {
        return Err(Difference::Layout(format!(
            "{} columns in the binlog, {} in the table",
            map.columns.len(),
            schema.columns.len()
        )));
    }
    let cells =
        schema.columns.iter().zip(&map.columns).map(|(known, told)| fit_column(known, told));
    let cells = cells.collect::<Result<_, _>>()?;
    fit_key(schema, map)?;
    Ok(cells)
}

fn fit_column(known: &Column, told: &MapColumn<'_>) -> Result<Cell, Difference> {
    if told.name.is_some_and(|name| name != known.name.as_bytes()) {
        let name = told.name.map(String::from_utf8_lossy).unwrap_or_default();
        return Err(Difference::Layout(format!(
            "column {name} in the binlog where the table has {}",
            known.name
        )));
    }
    let kind = kind_of(told, Some(&known.kind)).map_err(|declared| unsupported(known, declared))?;
    if kind != known.kind {
        if let ColumnType::Unsupported { declared } = &known.kind {
            return Err(unsupported(known, declared.clone()));
        }
        return Err(Difference::Layout(format!(
            "column {} is {} in the binlog and {} in the table",
            known.name,
            describe(&kind),
            describe(&known.kind)
        )));
    }
    Cell::compile(&kind, told).ok_or_else(|| unsupported(known, describe(&kind)))
}

fn unsupported(column: &Column, declared: String) -> Difference {
    Difference::Unsupported { column: column.name.clone(), declared }
}

/// A type for an error's text, without the labels of a long list.
fn describe(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Enum { labels } => format!("enum of {} labels", labels.len()),
        ColumnType::Set { labels } => format!("set of {} labels", labels.len()),
        other => format!("{other:?}"),
    }
}

/// With full metadata the primary key is told too: rows under another key would become other documents.
fn fit_key(schema: &TableSchema, map: &TableMap<'_>) -> Result<(), Difference> {
    if !map.is_full || map.has_prefix_key {
        return Ok(());
    }
    let known = schema.key.as_ref().filter(|key| key.index == "PRIMARY");
    let known: Vec<usize> =
        known.map_or_else(Vec::new, |key| key.columns.iter().map(|part| part.column).collect());
    match map.primary_key.as_deref().unwrap_or_default() == known {
        true => Ok(()),
        false => Err(Difference::Layout("another primary key in the binlog".to_owned())),
    }
}

/// The schema that a full table map tells, completed by what is known of columns of the same names.
///
/// The key is kept: a table whose key changed is another table to the target.
pub(super) fn build(
    name: &TableName,
    known: Option<&TableSchema>,
    map: &TableMap<'_>,
) -> Result<TableSchema, Difference> {
    let columns = map.columns.iter().map(|told| build_column(told, known, map.dialect));
    let columns: Vec<Column> = columns.collect::<Result<_, _>>()?;
    let key = match known {
        Some(known) => known.key.as_ref().map(|key| kept(key, known, &columns)).transpose()?,
        None => map.primary_key.as_deref().and_then(|parts| primary_key(parts, &columns)),
    };
    let defaults = columns.iter().map(|column| default_of(known, &column.name)).collect();
    let schema = TableSchema {
        defaults,
        unique_keys: key.iter().cloned().collect(),
        key,
        foreign_keys: known.map_or_else(Vec::new, |known| known.foreign_keys.clone()),
        estimated_rows: known.map_or(0, |known| known.estimated_rows),
        engine: known.map_or_else(String::new, |known| known.engine.clone()),
        versioning: known.and_then(|known| versioning_among(known, &columns)),
        columns,
        ..TableSchema::named(name.clone())
    };
    fit_key(&schema, map)?;
    Ok(schema)
}

fn build_column(
    told: &MapColumn<'_>,
    known: Option<&TableSchema>,
    dialect: Dialect,
) -> Result<Column, Difference> {
    let name = told.name.map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let known = known.and_then(|known| known.columns.iter().find(|column| column.name == name));
    let kind = kind_of(told, known.map(|column| &column.kind))
        .map_err(|declared| Difference::Unsupported { column: name.clone(), declared })?;
    if known.is_none() && dialect == Dialect::Mariadb && may_be_another(&kind) {
        return Err(Difference::Layout(format!(
            "column {name}, which the table no longer has, is told as {} and may have been a type of MariaDB's own",
            describe(&kind)
        )));
    }
    Ok(Column {
        name,
        kind,
        nullable: told.nullable,
        generated: known.is_some_and(|column| column.generated),
        invisible: told.invisible.unwrap_or_else(|| known.is_some_and(|column| column.invisible)),
        on_update_timestamp: known.is_some_and(|column| column.on_update_timestamp),
    })
}

/// What is known of the default of the column of this name.
fn default_of(known: Option<&TableSchema>, name: &str) -> Option<ColumnDefault> {
    let known = known?;
    let column = known.columns.iter().position(|column| column.name == name)?;
    known.defaults.get(column).cloned().flatten()
}

/// Keeps of the defaults of a table that was asked for in mid-stream those that it had before too. The source answers
/// for now, the rows to come may be older, and a default that changed in between is told by nothing in the stream.
pub(super) fn keep_old_defaults(schema: &mut TableSchema, known: Option<&TableSchema>) {
    let names = schema.columns.iter().map(|column| column.name.as_str());
    for (default, name) in schema.defaults.iter_mut().zip(names) {
        *default = default.take().filter(|now| default_of(known, name).as_ref() == Some(now));
    }
}

/// Whether MariaDB tells columns of its own types as this one: UUID and addresses as BINARY, VECTOR as VARBINARY, JSON as
/// LONGTEXT.
const fn may_be_another(kind: &ColumnType) -> bool {
    match kind {
        ColumnType::Binary { length } => *length == 4 || *length == 16,
        ColumnType::Varbinary { max_bytes } => max_bytes.is_multiple_of(4),
        ColumnType::Text { charset: Charset::Utf8, length_bytes } => *length_bytes == 4,
        _ => false,
    }
}

/// The key of a known schema at these columns' places; `None` where one of its columns is not among them.
pub(super) fn moved(key: &Key, known: &TableSchema, columns: &[Column]) -> Option<Key> {
    let place = |part: &KeyColumn| {
        Some(KeyColumn { column: moved_to(part.column, known, columns)?, ..*part })
    };
    let columns = key.columns.iter().map(place).collect::<Option<_>>()?;
    Some(Key { columns, ..key.clone() })
}

/// How the table keeps its history, its columns being these.
pub(super) fn versioning_among(known: &TableSchema, columns: &[Column]) -> Option<Versioning> {
    match known.versioning? {
        Versioning::Hidden => Some(Versioning::Hidden),
        Versioning::Declared { end } => {
            moved_to(end, known, columns).map(|end| Versioning::Declared { end })
        }
    }
}

fn moved_to(column: usize, known: &TableSchema, columns: &[Column]) -> Option<usize> {
    let name = &known.columns.get(column)?.name;
    columns.iter().position(|column| column.name == *name)
}

fn kept(key: &Key, known: &TableSchema, columns: &[Column]) -> Result<Key, Difference> {
    let gone = || Difference::Layout("the binlog's rows lack a column of the key".to_owned());
    moved(key, known, columns).ok_or_else(gone)
}

fn primary_key(parts: &[usize], columns: &[Column]) -> Option<Key> {
    let key_columns = parts
        .iter()
        .map(|part| columns.get(*part).map(|_| KeyColumn { column: *part, descending: false }));
    let key_columns: Vec<KeyColumn> = key_columns.collect::<Option<_>>()?;
    let hidden = match parts {
        [only] => columns.get(*only).is_some_and(|c| c.invisible && c.name == HIDDEN_KEY),
        _ => false,
    };
    Some(Key { index: "PRIMARY".to_owned(), columns: key_columns, hidden })
}
