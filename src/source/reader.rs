//! Asks the source about rows of which an event does not say enough: whether an equal row is left, for tables whose rows
//! nothing tells apart, and what a row of a key is now, for changes that do not tell all of it.
//!
//! The binlog is sent before its transaction can be seen. So the question waits until it can: with GTIDs by
//! `WAIT_FOR_EXECUTED_GTID_SET` on the same connection (a GTID is executed once its commit is visible), without them by
//! a read that shares locks, which waits for the rows' writer. On MariaDB it is asked in a consistent snapshot whose
//! place in the binlog is at or past the transaction.
//!
//! Rows are equal when all their columns are, NULL being equal to NULL: text and geometry by their bytes, not by
//! collation; FLOAT by the double that it is; ENUM, SET, BIT and YEAR by number; JSON by the server's own text,
//! since it holds the numbers 1 and 1.0 for equal.

mod visible;

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::{
    answer::cell,
    ask::Ask,
    connect::{Connector, timed},
    error::SourceError,
    literal,
    protocol::Connection,
    snapshot,
};
use crate::model::{
    change::RowBlock,
    fault::{Fault, Stage},
    gtid::TransactionId,
    key::{Cursor, SqlValue},
    port::RowReader,
    position::Transaction,
    table::{Column, ColumnType, TableSchema, quote_identifier},
};

/// The longest that one question waits for a transaction to become visible; the caller asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Asks about single rows, over the pool.
#[derive(Debug, Clone)]
pub struct SourceRowReader {
    connector: Connector,
    visible: visible::Visible,
    /// The connection on which rows are read again, while nobody reads.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// In whose words the question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    /// MySQL's, when the transaction is known to be visible.
    Mysql,
    /// MySQL's, waiting for the rows' writer.
    MysqlWithLocks,
    /// MariaDB's.
    Mariadb,
}

/// A connection, and the transaction that it is known to show.
#[derive(Debug)]
struct Kept {
    connection: Connection,
    shows: Option<TransactionId>,
}

/// `Table … doesn't exist` and `Unknown database`; `Unknown column`.
const NO_TABLE: [u16; 2] = [1146, 1049];
const NO_COLUMN: u16 = 1054;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
enum ReaderError {
    #[error(transparent)]
    Source(SourceError),
    #[error("the source does not show the transaction yet")]
    Behind,
    #[error("the row cannot be read again: the table has lost a column since it was changed")]
    Changed,
    #[error("column {0}: the value is not of the column's type")]
    Misfit(String),
    #[error("the row has another number of columns than the table")]
    Width,
}

impl From<SourceError> for ReaderError {
    fn from(error: SourceError) -> Self {
        Self::Source(literal::without_values(error))
    }
}

impl ReaderError {
    fn into_fault(self, table: &TableSchema, transaction: Option<&Transaction>) -> Fault {
        let fault = match self {
            Self::Source(error) => Fault::from(error),
            Self::Behind => Fault::transient(Stage::Source, self.to_string()),
            Self::Changed => Fault::fatal(Stage::Source, self.to_string()).with_hint(format!(
                "`binleaf checkpoint reset --tables {}`, then `binleaf run`, copies the table anew",
                table.name
            )),
            Self::Misfit(_) | Self::Width => Fault::fatal(Stage::Source, self.to_string()),
        };
        let fault = fault.at_table(&table.name);
        match transaction {
            Some(transaction) => fault.at_position(transaction.describe()),
            None => fault,
        }
    }
}

impl SourceRowReader {
    /// A reader over these connections.
    #[must_use]
    pub fn new(connector: Connector) -> Self {
        Self { connector, visible: visible::Visible::default(), kept: Arc::default() }
    }

    async fn ask(
        &self,
        table: &TableSchema,
        row: &[SqlValue],
        transaction: &Transaction,
    ) -> Result<bool, ReaderError> {
        let wording = match &transaction.gtid {
            None => Wording::MysqlWithLocks,
            Some(TransactionId::Mysql(_)) => Wording::Mysql,
            Some(TransactionId::Mariadb(_)) => Wording::Mariadb,
        };
        let question = question(table, row, wording)?;
        let mut connection = self.connector.pooled().await?;
        let limit = self.connector.config().read_timeout;
        match &transaction.gtid {
            None => {}
            Some(TransactionId::Mysql(gtid)) => {
                wait_for(&mut connection, &gtid.to_string(), limit).await?;
            }
            Some(TransactionId::Mariadb(gtid)) => {
                self.visible.open_snapshot(&mut connection, gtid, limit.min(LONGEST_WAIT)).await?;
            }
        }
        let answer = timed(limit, connection.ask(&question)).await?;
        if wording == Wording::Mariadb {
            timed(limit, connection.ask("ROLLBACK")).await?;
        }
        Ok(!answer.is_empty())
    }

    /// Reads a row by its key on the kept connection, which is given up with whatever went wrong on it.
    async fn read(
        &self,
        table: &Arc<TableSchema>,
        key: (&[usize], &Cursor),
        transaction: Option<&Transaction>,
    ) -> Result<Option<Box<dyn RowBlock>>, ReaderError> {
        let limit = self.connector.config().read_timeout;
        let mut place = self.kept.lock().await;
        let mut kept = match place.take() {
            Some(kept) => kept,
            None => {
                let connection = snapshot::prepared(&self.connector).await?;
                Kept { connection, shows: None }
            }
        };
        self.await_visible(&mut kept, transaction, limit).await?;
        let shares_locks = transaction.is_some_and(|transaction| transaction.gtid.is_none());
        let found = snapshot::read_key(&mut kept.connection, table, key, shares_locks, limit).await;
        match found {
            Ok(rows) => {
                *place = Some(kept);
                Ok(Some(rows))
            }
            Err(SourceError::Refused(answer)) if NO_TABLE.contains(&answer.code) => Ok(None),
            Err(SourceError::Refused(answer)) if answer.code == NO_COLUMN => {
                Err(ReaderError::Changed)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl SourceRowReader {
    /// Waits until the kept connection shows a transaction. MariaDB's stays in the snapshot that does.
    async fn await_visible(
        &self,
        kept: &mut Kept,
        transaction: Option<&Transaction>,
        limit: Duration,
    ) -> Result<(), ReaderError> {
        let wanted = transaction.and_then(|transaction| transaction.gtid.as_ref());
        if kept.shows.as_ref() == wanted {
            return Ok(());
        }
        match wanted {
            // A snapshot that is open shows nothing that came later.
            None => timed(limit, kept.connection.run("ROLLBACK")).await?,
            Some(TransactionId::Mysql(gtid)) => {
                wait_for(&mut kept.connection, &gtid.to_string(), limit).await?;
            }
            Some(TransactionId::Mariadb(gtid)) => {
                timed(limit, kept.connection.run("ROLLBACK")).await?;
                let patience = limit.min(LONGEST_WAIT);
                self.visible.open_snapshot(&mut kept.connection, gtid, patience).await?;
            }
        }
        kept.shows = wanted.cloned();
        Ok(())
    }
}

impl RowReader for SourceRowReader {
    async fn equal_row_left(
        &self,
        table: &TableSchema,
        row: &[SqlValue],
        transaction: &Transaction,
    ) -> Result<bool, Fault> {
        let answer = self.ask(table, row, transaction).await;
        answer.map_err(|error| error.into_fault(table, Some(transaction)))
    }

    async fn reread(
        &self,
        table: &Arc<TableSchema>,
        columns: &[usize],
        key: &Cursor,
        transaction: Option<&Transaction>,
    ) -> Result<Option<Box<dyn RowBlock>>, Fault> {
        let answer = self.read(table, (columns, key), transaction).await;
        answer.map_err(|error| error.into_fault(table, transaction))
    }
}

/// Waits until a transaction can be seen.
async fn wait_for(
    connection: &mut impl Ask,
    gtid: &str,
    limit: Duration,
) -> Result<(), ReaderError> {
    let wait = limit.min(LONGEST_WAIT);
    let seconds = wait.as_secs_f64();
    let statement = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{gtid}', {seconds})");
    let patience = wait + limit;
    let answer = timed(patience, connection.ask(&statement)).await?;
    match answer.first().map(|row| cell::<Option<i64>>(row, 0)).transpose()?.flatten() {
        Some(0) => Ok(()),
        _ => Err(ReaderError::Behind),
    }
}

/// The SQL mode of one statement, as MySQL takes it.
const MODE_HINT: &str = "/*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ ";

/// The question. A date that does not exist is allowed as an operand, since a row may hold one.
fn question(
    table: &TableSchema,
    row: &[SqlValue],
    wording: Wording,
) -> Result<String, ReaderError> {
    if row.len() != table.columns.len() {
        return Err(ReaderError::Width);
    }
    let terms = table.columns.iter().zip(row).map(|(column, value)| equal(column, value));
    let condition = terms.collect::<Result<Vec<_>, _>>()?.join(" AND ");
    let (before, hint, behind) = match wording {
        Wording::Mysql => ("", MODE_HINT, ""),
        Wording::MysqlWithLocks => ("", MODE_HINT, " FOR SHARE"),
        Wording::Mariadb => ("SET STATEMENT sql_mode = 'ALLOW_INVALID_DATES' FOR ", "", ""),
    };
    let name = table.name.quoted();
    Ok(format!("{before}SELECT {hint}1 FROM {name} WHERE {condition} LIMIT 1{behind}"))
}

/// One column's part of it.
fn equal(column: &Column, value: &SqlValue) -> Result<String, ReaderError> {
    let name = quote_identifier(&column.name);
    let misfit = || ReaderError::Misfit(column.name.clone());
    let operand = || literal::operand(value, &column.kind).ok_or_else(misfit);
    match &column.kind {
        ColumnType::Json => {
            let text = literal::raw_text(value).ok_or_else(misfit)?;
            Ok(format!("CAST({name} AS BINARY) <=> {text}"))
        }
        ColumnType::Enum { .. }
        | ColumnType::Set { .. }
        | ColumnType::Bit { .. }
        | ColumnType::Year => Ok(format!("CAST({name} AS UNSIGNED) <=> {}", operand()?)),
        ColumnType::Geometry | ColumnType::Vector { .. } => {
            Ok(format!("CAST({name} AS BINARY) <=> {}", operand()?))
        }
        // The comparison by collation is implied by that of the bytes; an index can serve it.
        ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Text { .. } => {
            let operand = operand()?;
            let bytes = literal::raw_text(value).ok_or_else(misfit)?;
            Ok(format!("{name} <=> {operand} AND CAST({name} AS BINARY) <=> {bytes}"))
        }
        _ => Ok(format!("{name} <=> {}", operand()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::Charset;

    fn table(kinds: &[ColumnType]) -> TableSchema {
        TableSchema::of_kinds("log", kinds)
    }

    const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };

    #[test]
    fn all_columns_are_compared_null_safe() {
        let charset = Charset::Utf8;
        let table = table(&[
            INT,
            ColumnType::Varchar { charset, max_bytes: 40 },
            ColumnType::Set { labels: Vec::new() },
            ColumnType::Float,
            ColumnType::Binary { length: 2 },
            ColumnType::Json,
        ]);
        let row = [
            SqlValue::Null,
            SqlValue::Text { hex: "c3a9".to_owned(), charset },
            SqlValue::UInt(3),
            SqlValue::Float(0.5),
            SqlValue::Bytes { hex: "01".to_owned() },
            SqlValue::Text { hex: "5b5d".to_owned(), charset },
        ];
        let expected = "1 FROM `shop`.`log` WHERE \
                        `c0` <=> NULL AND `c1` <=> _utf8mb4 X'c3a9' AND CAST(`c1` AS BINARY) <=> X'c3a9' \
                        AND CAST(`c2` AS UNSIGNED) <=> 3 AND `c3` <=> 5e-1 AND `c4` <=> X'0100' \
                        AND CAST(`c5` AS BINARY) <=> X'5b5d' LIMIT 1";
        let hint = "/*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */";
        let mode = "SET STATEMENT sql_mode = 'ALLOW_INVALID_DATES' FOR";
        for (wording, expected) in [
            (Wording::Mysql, format!("SELECT {hint} {expected}")),
            (Wording::MysqlWithLocks, format!("SELECT {hint} {expected} FOR SHARE")),
            (Wording::Mariadb, format!("{mode} SELECT {expected}")),
        ] {
            assert_eq!(question(&table, &row, wording).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert!(matches!(question(&table(&[INT]), &[], Wording::Mysql), Err(ReaderError::Width)));
        let text = SqlValue::Literal("1".to_owned());
        let told = question(&table(&[INT]), &[text], Wording::Mysql);
        assert!(matches!(told, Err(ReaderError::Misfit(_))));
    }
}
