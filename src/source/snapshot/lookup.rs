//! Asks the source which of some keys it has.

use std::{sync::Arc, time::Duration};

use super::{
    block::{Filling, Room},
    form::Forms,
    link::prepared,
    sql,
};
use crate::{
    model::{
        change::RowBlock,
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

/// The rows that have one of these keys, as deletes of which only the key's columns are shown; all others are NULL.
/// `columns` are those of the key as positions in the table. More may be found than asked for: the column's collation
/// decides what is equal.
///
/// # Errors
/// Whatever keeps the source from answering; a value of a key is never in it.
pub async fn find_keys(
    connector: &Connector,
    table: &Arc<TableSchema>,
    columns: &[usize],
    keys: &[Cursor],
) -> Result<Box<dyn RowBlock>, Fault> {
    let place = |column| columns.iter().position(|of_key| *of_key == column);
    let places: Box<[_]> = (0..table.columns.len()).map(place).collect();
    let mut rows = Found::default();
    let mut left = vec![keys];
    while let Some(keys) = left.pop() {
        match ask(connector, table, columns, keys).await {
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
    Ok(rows.of(table).into_deletes(places))
}

async fn ask(
    connector: &Connector,
    table: &TableSchema,
    columns: &[usize],
    keys: &[Cursor],
) -> Result<Found, SourceError> {
    let Some(question) = question(table, columns, keys) else { return Ok(Found::default()) };
    let mut connection = prepared(connector).await?;
    let limit = connector.config().read_timeout;
    let found = timed(limit, Found::by(&mut connection, &question)).await?;
    connection.quit().await?;
    Ok(found)
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

/// The question; `None` when none of the keys can be one of this table.
fn question(table: &TableSchema, columns: &[usize], keys: &[Cursor]) -> Option<String> {
    let of_key: Vec<&Column> =
        columns.iter().map(|column| table.columns.get(*column)).collect::<Option<_>>()?;
    selection(table, columns, keys, of_key)
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
