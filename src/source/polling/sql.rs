//! The statements of a pass.

use crate::{
    model::{
        key::{Cursor, SqlValue},
        table::{Column, TableSchema, quote_identifier},
    },
    source::{
        literal,
        snapshot::sql::{SqlError, TableSql},
    },
};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Since {
    /// At this moment.
    At(String),
    /// Behind the row of this moment and key.
    Behind(String, Cursor),
}

/// What the statements of one table are made of.
#[derive(Debug)]
pub(super) struct PassSql {
    table: TableSql,
    column: Column,
    name: String,
    hint: String,
}

impl PassSql {
    /// Prepares a table's statements. The index, where there is one, is insisted on: the optimizer takes a scan for
    /// cheaper where its statistics are old, and the pages would each be one.
    pub(super) fn new(schema: &TableSchema, column: &Column, index: Option<&str>) -> Self {
        let hint = index.map(|index| format!(" FORCE INDEX ({})", quote_identifier(index)));
        Self {
            table: TableSql::new(schema),
            column: column.clone(),
            name: quote_identifier(&column.name),
            hint: hint.unwrap_or_default(),
        }
    }

    /// Whether pages can be asked for: without an index each would read the whole table, and without a key none could
    /// end among rows of one moment.
    pub(super) fn has_pages(&self) -> bool {
        !self.hint.is_empty() && self.table.key_order().is_some()
    }

    /// The next rows in the order of (moment, key); all of them, in no order, where there are no pages.
    pub(super) fn rows(&self, since: &Since, limit: usize) -> Result<String, SqlError> {
        let Self { name, .. } = self;
        let condition = match since {
            Since::At(stamp) => format!("{name} >= {}", self.operand(stamp)?),
            Since::Behind(stamp, key) => {
                let stamp = self.operand(stamp)?;
                let behind = self.table.key_behind(key)?;
                format!("({name} > {stamp} OR ({name} = {stamp} AND {behind}))")
            }
        };
        let head = self.head();
        Ok(match self.table.key_order().filter(|_| self.has_pages()) {
            Some(order) => {
                format!("{head} WHERE {condition} ORDER BY {name}, {order} LIMIT {limit}")
            }
            None => format!("{head} WHERE {condition} OR {}", self.is_untimed()),
        })
    }

    /// The rows that have no moment; they are among the others where there are no pages.
    pub(super) fn untimed(&self) -> String {
        format!("{} WHERE {}", self.head(), self.is_untimed())
    }

    fn is_untimed(&self) -> String {
        let Self { name, .. } = self;
        format!("{name} IS NULL OR {name} = '0000-00-00 00:00:00'")
    }

    fn head(&self) -> String {
        format!("{}{}", self.table.head(), self.hint)
    }

    fn operand(&self, stamp: &str) -> Result<String, SqlError> {
        let value = SqlValue::Literal(stamp.to_owned());
        let operand = literal::operand(&value, &self.column.kind);
        operand.ok_or_else(|| SqlError::Operand(self.column.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{ColumnType, Key, KeyColumn};

    const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
    const AT: &str = "2026-01-02 03:04:05.000000";

    fn sql(key: &[usize], index: Option<&str>) -> PassSql {
        let kinds = [INT, ColumnType::Timestamp { digits: 0 }, INT];
        let mut table = TableSchema::of_kinds("t", &kinds);
        let column = |column: &usize| KeyColumn { column: *column, descending: false };
        let columns: Vec<_> = key.iter().map(column).collect();
        table.key = (!columns.is_empty()).then(|| Key {
            index: "PRIMARY".to_owned(),
            columns,
            hidden: false,
        });
        let column = table.columns[1].clone();
        PassSql::new(&table, &column, index)
    }

    #[test]
    fn a_page_goes_on_behind_its_last_row() {
        let sql = sql(&[2, 0], Some("by_time"));
        let head = "SELECT `c0`, `c1`, `c2` FROM `shop`.`t` FORCE INDEX (`by_time`)";
        assert_eq!(
            sql.rows(&Since::At(AT.to_owned()), 10).unwrap(),
            format!("{head} WHERE `c1` >= '{AT}' ORDER BY `c1`, `c2` ASC, `c0` ASC LIMIT 10")
        );
        let key = vec![SqlValue::Int(7), SqlValue::Int(8)];
        let condition =
            format!("(`c1` > '{AT}' OR (`c1` = '{AT}' AND (`c2` > 7 OR `c2` = 7 AND `c0` > 8)))");
        assert_eq!(
            sql.rows(&Since::Behind(AT.to_owned(), key), 10).unwrap(),
            format!("{head} WHERE {condition} ORDER BY `c1`, `c2` ASC, `c0` ASC LIMIT 10")
        );
        let behind = Since::Behind("1 OR 1".to_owned(), vec![]);
        assert!(sql.rows(&behind, 10).is_err(), "nothing that was tampered with becomes SQL");
    }

    #[test]
    fn without_an_index_or_a_key_all_is_read_in_one_go() {
        for sql in [sql(&[0], None), sql(&[], Some("by_time"))] {
            assert!(!sql.has_pages());
            let rows = sql.rows(&Since::At(AT.to_owned()), 10).unwrap();
            let expected = format!("WHERE `c1` >= '{AT}' OR {}", sql.is_untimed());
            assert!(rows.ends_with(&expected), "{rows}");
        }
    }
}
