//! Labels of ENUM and SET that information_schema does not tell.
//!
//! It tells types in utf8mb3, with `?` for every character past U+FFFF, and so does SHOW CREATE TABLE (MySQL 9.7, MariaDB
//! 11.8). The server turns a number into its label wherever the number is stored in a column of the type, and a recursive
//! query has such columns without writing anything: they take the types of its first part, which here reads no row.

use std::time::Duration;

use mysql_async::{Conn, Row, prelude::Queryable};

use super::query::Found;
use crate::{
    model::table::{Column, ColumnType, TableName, TableSchema, quote_identifier},
    source::{answer::cell, connect::timed, error::SourceError},
};

/// Charsets that have characters which utf8mb3 has not.
const WIDE: [&str; 5] = ["utf8mb4", "utf16", "utf16le", "utf32", "gb18030"];

/// A syntax error: MySQL 5.7 has no recursive queries.
const NO_SUCH_SYNTAX: u16 = 1064;

/// A column with a label that may not be told as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    table: TableName,
    column: String,
}

/// The columns whose labels have a `?` that may stand for another character.
pub(super) fn suspects(found: &Found) -> Vec<Suspect> {
    let is_suspect = |declared: &str, charset: Option<&str>| {
        let declared = declared.to_ascii_lowercase();
        (declared.starts_with("enum(") || declared.starts_with("set("))
            && declared.contains('?')
            && charset.is_some_and(|name| WIDE.contains(&name))
    };
    let rows = found.columns.iter();
    rows.filter(|row| is_suspect(&row.declared, row.charset.as_deref()))
        .map(|row| Suspect { table: row.table.clone(), column: row.name.clone() })
        .collect()
}

/// Puts the true labels in the place of those that are told with a `?`.
pub(super) async fn complete(
    connection: &mut Conn,
    suspects: &[Suspect],
    tables: &mut [TableSchema],
    limit: Duration,
) -> Result<(), SourceError> {
    for Suspect { table, column } in suspects {
        let columns = tables.iter_mut().filter(|known| known.name == *table);
        let mut columns = columns.flat_map(|known| &mut known.columns);
        let Some(column) = columns.find(|known| known.name == *column) else { continue };
        let Some(sql) = question(table, column) else { continue };
        match timed(limit, connection.query::<Row, _>(sql)).await {
            Ok(answer) => take(column, &answer)?,
            Err(SourceError::Refused(answer)) if answer.code == NO_SUCH_SYNTAX => refuse(column),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The number that has this label alone, by the label's place.
fn number(kind: &ColumnType, index: usize) -> Option<u64> {
    match kind {
        ColumnType::Set { .. } => 1_u64.checked_shl(u32::try_from(index).ok()?),
        _ => u64::try_from(index).ok()?.checked_add(1),
    }
}

fn labels(kind: &mut ColumnType) -> Option<&mut Vec<String>> {
    match kind {
        ColumnType::Enum { labels } | ColumnType::Set { labels } => Some(labels),
        _ => None,
    }
}

/// The statement that tells the labels with a `?`, each with its number.
fn question(table: &TableName, column: &Column) -> Option<String> {
    let (ColumnType::Enum { labels } | ColumnType::Set { labels }) = &column.kind else {
        return None;
    };
    let marked = labels.iter().enumerate().filter(|(_, label)| label.contains('?'));
    let numbers: Vec<String> = marked
        .filter_map(|(index, _)| Some(format!("SELECT {} AS n", number(&column.kind, index)?)))
        .collect();
    Some(format!(
        "WITH RECURSIVE told (n, label) AS (SELECT CAST(0 AS UNSIGNED), NULL \
         UNION ALL SELECT CAST(0 AS UNSIGNED), {column} FROM {table} WHERE FALSE \
         UNION ALL SELECT asked.n, asked.n FROM told JOIN ({numbers}) AS asked WHERE told.n = 0) \
         SELECT n, CAST(CONVERT(label USING utf8mb4) AS BINARY) FROM told WHERE n > 0",
        column = quote_identifier(&column.name),
        table = table.quoted(),
        numbers = numbers.join(" UNION ALL "),
    ))
}

fn take(column: &mut Column, answer: &[Row]) -> Result<(), SourceError> {
    for row in answer {
        let (told, label): (u64, Vec<u8>) = (cell(row, 0)?, cell(row, 1)?);
        let label = String::from_utf8(label)
            .map_err(|_| SourceError::Unexpected("a label is no text".to_owned()))?;
        let kind = column.kind.clone();
        let place = labels(&mut column.kind)
            .into_iter()
            .flatten()
            .enumerate()
            .find(|(index, _)| number(&kind, *index) == Some(told));
        if let Some((_, place)) = place {
            *place = label;
        }
    }
    Ok(())
}

fn refuse(column: &mut Column) {
    let declared =
        "ENUM or SET whose label ? may be a character that this server cannot tell".to_owned();
    column.kind = ColumnType::Unsupported { declared };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnType) -> Column {
        Column {
            name: "e".to_owned(),
            kind,
            nullable: true,
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        }
    }

    #[test]
    fn only_marked_labels_are_asked_for_by_their_numbers() {
        let labels = ["a", "?", "b?", "c"].map(str::to_owned).to_vec();
        let name = TableName::new("shop", "orders");
        let of_enum = question(&name, &column(ColumnType::Enum { labels: labels.clone() }));
        assert!(of_enum.unwrap().contains("JOIN (SELECT 2 AS n UNION ALL SELECT 3 AS n) AS"));
        let of_set = question(&name, &column(ColumnType::Set { labels }));
        assert!(of_set.unwrap().contains("JOIN (SELECT 2 AS n UNION ALL SELECT 4 AS n) AS"));
        assert_eq!(question(&name, &column(ColumnType::Year)), None);
        assert_eq!(number(&ColumnType::Set { labels: Vec::new() }, 63), Some(1 << 63));
    }
}
