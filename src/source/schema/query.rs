//! The questions to information_schema. Every column has an alias, because MySQL 8 and newer name them in upper case.

use std::time::Duration;

use mysql_async::{Conn, Params, Row, Value, prelude::Queryable};

use crate::{
    model::table::TableName,
    source::{
        answer::{cell, named},
        connect::timed,
        error::SourceError,
    },
};

/// Which tables are asked for.
pub(super) enum Scope {
    /// All of these databases.
    Databases(Vec<String>),
    /// One.
    Table(TableName),
}

/// The rows of information_schema, not yet put together.
pub(super) struct Found {
    pub(super) tables: Vec<TableRow>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) references: Vec<ReferenceRow>,
    /// Whether the server is MariaDB.
    pub(super) is_mariadb: bool,
    /// CHECK constraints of MariaDB; MySQL has a type of its own for what they are read for.
    pub(super) checks: Vec<CheckRow>,
}

/// A base table.
pub(super) struct TableRow {
    pub(super) name: TableName,
    pub(super) engine: String,
    pub(super) rows: u64,
    /// Whether the server keeps the history of its rows.
    pub(super) is_versioned: bool,
}

/// A column, in ordinal order.
pub(super) struct ColumnRow {
    pub(super) table: TableName,
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) charset: Option<String>,
    pub(super) octets: Option<u64>,
    pub(super) nullable: bool,
    pub(super) extra: String,
    /// The expression of a generated column; MariaDB's `ROW END` is one.
    pub(super) expression: String,
    /// As the server tells it: MariaDB quotes texts and tells NULL as a word.
    pub(super) default: Option<String>,
}

/// A CHECK constraint.
pub(super) struct CheckRow {
    pub(super) table: TableName,
    pub(super) clause: String,
}

/// A part of a unique index, in the index' order.
pub(super) struct KeyRow {
    pub(super) table: TableName,
    pub(super) index: String,
    /// `None` for an expression.
    pub(super) column: Option<String>,
    pub(super) is_prefix: bool,
    pub(super) descending: bool,
}

/// A column of a foreign key.
pub(super) struct ReferenceRow {
    pub(super) table: TableName,
    pub(super) constraint: String,
    pub(super) column: String,
    pub(super) references: TableName,
    pub(super) referenced_column: String,
    pub(super) on_update: String,
    pub(super) on_delete: String,
}

impl Found {
    /// What belongs to the tables that `keep` chooses.
    pub(super) fn only(mut self, keep: impl Fn(&TableName) -> bool) -> Self {
        self.tables.retain(|row| keep(&row.name));
        self.columns.retain(|row| keep(&row.table));
        self.keys.retain(|row| keep(&row.table));
        self.references.retain(|row| keep(&row.table));
        self.checks.retain(|row| keep(&row.table));
        self
    }
}

/// All databases that this user sees.
pub(super) async fn databases(
    connection: &mut Conn,
    limit: Duration,
) -> Result<Vec<String>, SourceError> {
    let sql = "SELECT schema_name AS name FROM information_schema.schemata ORDER BY schema_name";
    let rows: Vec<Row> = timed(limit, connection.query(sql)).await?;
    rows.iter().map(|row| cell(row, 0)).collect()
}

/// Whatever bears a table's name in these databases, with its kind, such as `BASE TABLE` or `VIEW`.
pub(super) async fn kinds(
    connection: &mut Conn,
    databases: Vec<String>,
    limit: Duration,
) -> Result<Vec<(TableName, String)>, SourceError> {
    let scope = Scope::Databases(databases);
    ask(connection, KINDS, &scope, limit, |row| Ok((table_name(row)?, cell(row, 2)?))).await
}

/// The kind of whatever bears a name.
pub(super) async fn kind(
    connection: &mut Conn,
    name: &TableName,
    limit: Duration,
) -> Result<Option<String>, SourceError> {
    let scope = Scope::Table(name.clone());
    let kinds = ask(connection, KINDS, &scope, limit, |row| cell(row, 2)).await?;
    Ok(kinds.into_iter().next())
}

/// Asks for everything within the scope.
pub(super) async fn read(
    connection: &mut Conn,
    scope: &Scope,
    limit: Duration,
) -> Result<Found, SourceError> {
    let is_mariadb = is_mariadb(connection, limit).await?;
    Ok(Found {
        is_mariadb,
        tables: ask(connection, TABLES, scope, limit, table_row).await?,
        columns: ask(connection, COLUMNS, scope, limit, column_row).await?,
        keys: ask(connection, KEYS, scope, limit, key_row).await?,
        references: ask(connection, REFERENCES, scope, limit, reference_row).await?,
        checks: match is_mariadb {
            true => ask(connection, CHECKS, scope, limit, check_row).await?,
            // MySQL's view of them does not name their tables.
            false => Vec::new(),
        },
    })
}

async fn is_mariadb(connection: &mut Conn, limit: Duration) -> Result<bool, SourceError> {
    let version: Option<String> = timed(limit, connection.query_first("SELECT VERSION()")).await?;
    Ok(version.is_some_and(|version| version.to_ascii_lowercase().contains("mariadb")))
}

/// The unique indexes of a table in the order of SHOW INDEX, which information_schema does not keep.
pub(super) async fn key_order(
    connection: &mut Conn,
    table: &TableName,
    limit: Duration,
) -> Result<Vec<String>, SourceError> {
    let sql = format!("SHOW INDEX FROM {}", table.quoted());
    let rows: Vec<Row> = timed(limit, connection.query(sql)).await?;
    let mut order: Vec<String> = Vec::new();
    for row in &rows {
        let index: String = named(row, "Key_name")?;
        if order.last() != Some(&index) {
            order.push(index);
        }
    }
    Ok(order)
}

/// The kind of an ordinary table.
pub(super) const BASE_TABLE: &str = "BASE TABLE";

/// The kind of a table of which MariaDB keeps the history.
pub(super) const VERSIONED_TABLE: &str = "SYSTEM VERSIONED";

const TABLES: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.engine AS eng, t.table_rows AS cnt, \
     t.table_type AS typ \
     FROM information_schema.tables t WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND {t} ORDER BY 1, 2";

const KINDS: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.table_type AS typ \
     FROM information_schema.tables t WHERE {t}";

const COLUMNS: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.column_name AS col, \
     t.column_type AS typ, t.character_set_name AS cs, t.character_octet_length AS oct, \
     t.is_nullable AS nul, t.extra AS ext, t.generation_expression AS gen, t.column_default AS def \
     FROM information_schema.columns t WHERE {t} ORDER BY 1, 2, t.ordinal_position";

const KEYS: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.index_name AS idx, \
     t.column_name AS col, t.sub_part AS sub, t.collation AS coll \
     FROM information_schema.statistics t WHERE t.non_unique = 0 AND {t} \
     ORDER BY 1, 2, 3, t.seq_in_index";

const REFERENCES: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.constraint_name AS con, \
     t.column_name AS col, t.referenced_table_schema AS rdb, t.referenced_table_name AS rtbl, \
     t.referenced_column_name AS rcol, r.update_rule AS upd, r.delete_rule AS del \
     FROM information_schema.key_column_usage t \
     JOIN information_schema.referential_constraints r ON r.constraint_schema = t.constraint_schema \
     AND r.constraint_name = t.constraint_name AND r.table_name = t.table_name \
     WHERE t.referenced_table_name IS NOT NULL AND {t} ORDER BY 1, 2, 3, t.ordinal_position";

const CHECKS: &str = "SELECT t.table_schema AS db, t.table_name AS tbl, t.check_clause AS clause \
     FROM (SELECT constraint_schema AS table_schema, table_name, check_clause \
     FROM information_schema.check_constraints) t WHERE {t}";

async fn ask<T>(
    connection: &mut Conn,
    sql: &str,
    scope: &Scope,
    limit: Duration,
    read: impl Fn(&Row) -> Result<T, SourceError>,
) -> Result<Vec<T>, SourceError> {
    let (condition, parameters) = scope.condition();
    let sql = sql.replace("{t}", &condition);
    let rows: Vec<Row> = timed(limit, connection.exec(sql, parameters)).await?;
    rows.iter().map(read).collect()
}

impl Scope {
    fn condition(&self) -> (String, Params) {
        match self {
            Self::Databases(names) => {
                let marks = vec!["?"; names.len()].join(", ");
                let values = names.iter().map(Value::from).collect();
                (format!("t.table_schema IN ({marks})"), Params::Positional(values))
            }
            Self::Table(name) => {
                let values = vec![Value::from(&name.database), Value::from(&name.table)];
                let condition = "t.table_schema = ? AND t.table_name = ?".to_owned();
                (condition, Params::Positional(values))
            }
        }
    }
}

fn table_name(row: &Row) -> Result<TableName, SourceError> {
    Ok(TableName::new(cell::<String>(row, 0)?, cell::<String>(row, 1)?))
}

fn table_row(row: &Row) -> Result<TableRow, SourceError> {
    Ok(TableRow {
        name: table_name(row)?,
        engine: cell::<Option<String>>(row, 2)?.unwrap_or_default(),
        rows: cell::<Option<u64>>(row, 3)?.unwrap_or_default(),
        is_versioned: cell::<String>(row, 4)? == VERSIONED_TABLE,
    })
}

fn column_row(row: &Row) -> Result<ColumnRow, SourceError> {
    Ok(ColumnRow {
        table: table_name(row)?,
        name: cell(row, 2)?,
        declared: cell(row, 3)?,
        charset: cell(row, 4)?,
        octets: cell(row, 5)?,
        nullable: cell::<String>(row, 6)?.eq_ignore_ascii_case("YES"),
        extra: cell::<Option<String>>(row, 7)?.unwrap_or_default(),
        expression: cell::<Option<String>>(row, 8)?.unwrap_or_default(),
        default: cell(row, 9)?,
    })
}

fn check_row(row: &Row) -> Result<CheckRow, SourceError> {
    Ok(CheckRow { table: table_name(row)?, clause: cell(row, 2)? })
}

fn key_row(row: &Row) -> Result<KeyRow, SourceError> {
    Ok(KeyRow {
        table: table_name(row)?,
        index: cell(row, 2)?,
        column: cell(row, 3)?,
        is_prefix: cell::<Option<u64>>(row, 4)?.is_some(),
        descending: cell::<Option<String>>(row, 5)?.as_deref() == Some("D"),
    })
}

fn reference_row(row: &Row) -> Result<ReferenceRow, SourceError> {
    Ok(ReferenceRow {
        table: table_name(row)?,
        constraint: cell(row, 2)?,
        column: cell(row, 3)?,
        references: TableName::new(cell::<String>(row, 4)?, cell::<String>(row, 5)?),
        referenced_column: cell(row, 6)?,
        on_update: cell(row, 7)?,
        on_delete: cell(row, 8)?,
    })
}
