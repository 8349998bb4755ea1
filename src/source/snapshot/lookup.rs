//! Asks the source for rows by their keys.

use std::{sync::Arc, time::Duration};

use super::{
    block::{Filling, Room},
    error::SnapshotError,
    form::Forms,
    link::prepared,
    split::cursor,
    sql::{self, TableSql},
};
use crate::{
    model::{
        change::{Message, Origin, RowBlock},
        fault::Fault,
        key::Cursor,
        table::{Column, ColumnType, TableSchema, quote_identifier},
    },
    source::{
        connect::{Connector, timed},
        error::SourceError,
        literal,
        protocol::Connection,
    },
};

/// `Illegal mix of collations` of two, three and more operands, `Cannot convert string … from … to …`: some text is none
/// of the column's charset.
const NOT_OF_THE_CHARSET: [u16; 4] = [1267, 1270, 1271, 3854];

/// Questions about rows by their keys, over one connection, which is made anew when it breaks.
#[derive(Debug)]
pub struct Lookup {
    connector: Connector,
    connection: Option<Connection>,
}

/// Some keys of a table, in the order of its index.
#[derive(Debug)]
pub struct KeyPage {
    /// The rows as deletes of which only the key's columns are shown.
    pub rows: Box<dyn RowBlock>,
    /// The last key; `None` at the end of the table.
    pub next: Option<Cursor>,
}

impl Lookup {
    /// Connects to nothing yet.
    #[must_use]
    pub const fn new(connector: Connector) -> Self {
        Self { connector, connection: None }
    }

    /// The rows that have one of these keys, as deletes of which only the key's columns are shown, and `also` if there
    /// is one; all others are NULL. `columns` are those of the key as positions in the table. More may be found than
    /// asked for: the column's collation decides what is equal.
    ///
    /// # Errors
    /// Whatever keeps the source from answering; a value of a key is never in it.
    pub async fn find(
        &mut self,
        table: &Arc<TableSchema>,
        columns: &[usize],
        also: Option<usize>,
        keys: &[Cursor],
    ) -> Result<Box<dyn RowBlock>, Fault> {
        let shown: Vec<usize> = columns.iter().copied().chain(also).collect();
        let found = self.rows(table, columns, &shown, keys).await?;
        Ok(found.of(table).into_deletes(places(table, &shown)))
    }

    /// The rows that have one of these keys with all their columns, on their way to be compared with their documents.
    ///
    /// # Errors
    /// As [`Lookup::find`].
    pub async fn read(
        &mut self,
        table: &Arc<TableSchema>,
        columns: &[usize],
        keys: &[Cursor],
    ) -> Result<Message, Fault> {
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let found = self.rows(table, columns, &all, keys).await?;
        Ok(found.of(table).into_message(Origin::Poll))
    }

    /// The next keys of a table behind one, as the columns that tell its documents apart.
    ///
    /// # Errors
    /// As [`Lookup::find`].
    pub async fn keys(
        &mut self,
        table: &Arc<TableSchema>,
        columns: &[usize],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<KeyPage, Fault> {
        let fault = |error: SnapshotError| error.into_fault(&table.name);
        let key = table.key.as_ref().map_or(&[][..], |key| &key.columns);
        let own: Vec<usize> = key.iter().map(|part| part.column).collect();
        let wanted = columns.iter().chain(&own).filter_map(|column| table.columns.get(*column));
        let question = TableSql::new(table).keys(&sql::projection(wanted), after, limit);
        let question = question.map_err(|error| fault(error.into()))?;
        let found = self.ask(&question).await.map_err(|error| fault(error.into()))?;
        let next = match found.packets.last().filter(|_| found.packets.len() >= limit) {
            None => None,
            Some(last) => {
                let all: Vec<&Column> = columns
                    .iter()
                    .chain(&own)
                    .filter_map(|column| table.columns.get(*column))
                    .collect();
                let values = cursor(&found.forms, last, &all).map_err(fault)?;
                values.get(columns.len()..).map(<[_]>::to_vec)
            }
        };
        let rows = found.of(table).into_deletes(places(table, columns));
        Ok(KeyPage { rows, next })
    }

    async fn rows(
        &mut self,
        table: &TableSchema,
        columns: &[usize],
        shown: &[usize],
        keys: &[Cursor],
    ) -> Result<Found, Fault> {
        let mut rows = Found::default();
        let mut left = vec![keys];
        while let Some(keys) = left.pop() {
            let shown = shown.iter().filter_map(|column| table.columns.get(*column));
            let Some(question) = selection(table, columns, keys, shown) else { continue };
            match self.ask(&question).await {
                Ok(found) => rows.append(found),
                // One text that the column cannot hold makes the server refuse them all.
                Err(SourceError::Refused(answer)) if NOT_OF_THE_CHARSET.contains(&answer.code) => {
                    let (some, others) = keys.split_at(keys.len() / 2);
                    left.extend([some, others].into_iter().filter(|half| half.len() < keys.len()));
                }
                Err(error) => {
                    return Err(Fault::from(literal::without_values(error)).at_table(&table.name));
                }
            }
        }
        Ok(rows)
    }

    /// A connection on which something went wrong is not used again.
    async fn ask(&mut self, question: &str) -> Result<Found, SourceError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => prepared(&self.connector).await?,
        };
        let limit = self.connector.config().read_timeout;
        let found = timed(limit, Found::by(&mut connection, question)).await?;
        self.connection = Some(connection);
        Ok(found)
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.quit().await
        {
            tracing::debug!(%error, "closing a connection to the source");
        }
    }
}

/// For each column of the table where its cell stands among those that are shown.
fn places(table: &TableSchema, shown: &[usize]) -> Box<[Option<usize>]> {
    let place = |column| shown.iter().position(|one| *one == column);
    (0..table.columns.len()).map(place).collect()
}

/// Rows that were asked for, as they came.
#[derive(Default)]
pub(super) struct Found {
    pub(super) forms: Forms,
    pub(super) packets: Vec<Vec<u8>>,
}

impl Found {
    /// Asks in the binary protocol: its cells are those of the copy.
    pub(super) async fn by(
        connection: &mut Connection,
        question: &str,
    ) -> Result<Self, SourceError> {
        let statement = connection.prepare(question).await?;
        let mut packets = Vec::new();
        let mut rows = connection.execute(&statement).await?;
        while let Some(packet) = rows.next().await? {
            packets.push(packet.into_owned());
        }
        let forms = Forms::of(&statement.columns);
        connection.close(statement).await?;
        Ok(Self { forms, packets })
    }

    /// Adds what the same question has found for other keys.
    fn append(&mut self, more: Self) {
        self.forms = more.forms;
        self.packets.extend(more.packets);
    }

    fn of(self, table: &Arc<TableSchema>) -> Filling {
        let mut filling = Filling::new(table, self.forms, Room::default());
        self.packets.iter().for_each(|packet| filling.push(packet));
        filling
    }
}

/// All columns of the rows that have this key, on a connection that [`prepared`] opened. `shares_locks`: whether to wait
/// for whoever is changing them.
pub(in crate::source) async fn read_key(
    connection: &mut Connection,
    table: &Arc<TableSchema>,
    key: (&[usize], &Cursor),
    shares_locks: bool,
    limit: Duration,
) -> Result<Box<dyn RowBlock>, SourceError> {
    let question = selection(table, key.0, std::slice::from_ref(key.1), &table.columns);
    let found = match question {
        None => Found::default(),
        Some(question) => {
            let locks = if shares_locks { " FOR SHARE" } else { "" };
            timed(limit, Found::by(connection, &format!("{question}{locks}"))).await?
        }
    };
    Ok(found.of(table).into_block())
}

/// A question for these columns of the rows that have one of these keys.
fn selection<'t>(
    table: &TableSchema,
    columns: &[usize],
    keys: &[Cursor],
    wanted: impl IntoIterator<Item = &'t Column>,
) -> Option<String> {
    let columns: Vec<_> =
        columns.iter().map(|column| table.columns.get(*column)).collect::<Option<_>>()?;
    let names: Vec<String> = columns
        .iter()
        .map(|column| match column.kind {
            // A number of one or two digits compared with a YEAR is a year of this century or the last.
            ColumnType::Year => format!("CAST({} AS UNSIGNED)", quote_identifier(&column.name)),
            _ => quote_identifier(&column.name),
        })
        .collect();
    let operands = keys.iter().filter_map(|key| {
        let operands =
            key.iter().zip(&columns).map(|(value, column)| literal::operand(value, &column.kind));
        operands.collect::<Option<Vec<String>>>()
    });
    let operands: Vec<Vec<String>> = operands.collect();
    let condition = condition(&names, &operands)?;
    let projection = sql::projection(wanted);
    Some(format!("SELECT {projection} FROM {} WHERE {condition}", table.name.quoted()))
}

/// A list for a key of one column; OR terms for more, since the optimizer finds no range in a list of rows where it has
/// to convert.
fn condition(names: &[String], keys: &[Vec<String>]) -> Option<String> {
    if keys.is_empty() {
        return None;
    }
    if let [name] = names {
        let operands: Vec<&str> = keys.iter().flatten().map(String::as_str).collect();
        return Some(format!("{name} IN ({})", operands.join(", ")));
    }
    let term = |key: &Vec<String>| {
        let parts = names.iter().zip(key).map(|(name, operand)| format!("{name} = {operand}"));
        format!("({})", parts.collect::<Vec<_>>().join(" AND "))
    };
    Some(keys.iter().map(term).collect::<Vec<_>>().join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::SqlValue;

    fn table(kinds: &[ColumnType]) -> TableSchema {
        TableSchema::of_kinds("t", kinds)
    }

    const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };

    fn question(table: &TableSchema, columns: &[usize], keys: &[Cursor]) -> Option<String> {
        let shown = columns.iter().filter_map(|column| table.columns.get(*column));
        selection(table, columns, keys, shown)
    }

    #[test]
    fn keys_of_one_column_are_listed_and_what_is_no_key_is_left_out() {
        let table = table(&[INT, ColumnType::Year]);
        let keys = [vec![SqlValue::Int(1)], vec![SqlValue::Float(0.5)], vec![SqlValue::Int(3)]];
        let expected = "SELECT `c0` FROM `shop`.`t` WHERE `c0` IN (1, 3)";
        assert_eq!(question(&table, &[0], &keys).as_deref(), Some(expected));
        assert_eq!(question(&table, &[0], &keys[1..2]), None);
        let expected = "SELECT `c1` FROM `shop`.`t` WHERE CAST(`c1` AS UNSIGNED) IN (7)";
        assert_eq!(question(&table, &[1], &[vec![SqlValue::UInt(7)]]).as_deref(), Some(expected));
    }

    #[test]
    fn keys_of_several_columns_are_asked_for_one_by_one() {
        let table = table(&[INT, INT]);
        let keys =
            [vec![SqlValue::Int(1), SqlValue::Int(2)], vec![SqlValue::Int(3), SqlValue::Int(4)]];
        let expected = "SELECT `c1`, `c0` FROM `shop`.`t` WHERE (`c1` = 1 AND `c0` = 2) OR (`c1` = 3 AND `c0` = 4)";
        assert_eq!(question(&table, &[1, 0], &keys).as_deref(), Some(expected));
    }
}
