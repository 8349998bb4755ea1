use super::*;
use crate::model::{
    key::Cursor,
    table::{Charset, Key, KeyColumn, TableName},
};

const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };

fn column(name: &str, kind: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        generated: false,
        invisible: false,
        on_update_timestamp: false,
    }
}

fn labels(names: &[&str]) -> ColumnType {
    ColumnType::Enum { labels: names.iter().map(|name| (*name).to_owned()).collect() }
}

/// A table whose key is the columns marked with true for descending.
fn table(columns: &[(&str, ColumnType)], key: &[(usize, bool)]) -> TableSql {
    let columns = columns.iter().map(|(name, kind)| column(name, kind.clone())).collect();
    let parts = key.iter().map(|&(column, descending)| KeyColumn { column, descending });
    let key = Key { index: "PRIMARY".to_owned(), columns: parts.collect(), hidden: false };
    let key = Some(key).filter(|key| !key.columns.is_empty());
    let name = TableName::new("shop", "t");
    TableSql::new(&TableSchema { columns, key, ..TableSchema::named(name) })
}

fn ints(values: &[i64]) -> Option<Cursor> {
    (!values.is_empty()).then(|| values.iter().copied().map(SqlValue::Int).collect())
}

/// What the statement asks for behind WHERE.
fn check(table: &TableSql, low: Option<Cursor>, high: Option<Cursor>, expected: &str) {
    let statement = table.rows(&KeyRange { low, high }).unwrap();
    let condition = statement.split_once(" WHERE ").map_or("", |(_, condition)| condition);
    assert_eq!(condition, expected);
}

#[test]
fn a_range_is_a_half_open_stretch_of_the_key() {
    let table = table(&[("id", INT), ("v", INT)], &[(0, false)]);
    check(&table, None, None, "");
    check(&table, ints(&[5]), None, "`id` > 5");
    check(&table, None, ints(&[9]), "`id` <= 9");
    check(&table, ints(&[-5]), ints(&[9]), "`id` > -5 AND `id` <= 9");
    let range = KeyRange { low: ints(&[5]), high: None };
    let rows = "SELECT `id`, `v` FROM `shop`.`t` FORCE INDEX (`PRIMARY`) WHERE `id` > 5";
    assert_eq!(table.rows(&range).unwrap(), rows);
    let boundary = "SELECT `id` FROM (SELECT `id` FROM `shop`.`t` FORCE INDEX (`PRIMARY`) WHERE `id` > 5 \
                    ORDER BY `id` ASC LIMIT 100) AS stretch ORDER BY `id` DESC LIMIT 1";
    assert_eq!(table.boundary(&range, 100).unwrap().unwrap(), boundary);
}

#[test]
fn a_composite_key_is_compared_by_expanded_terms() {
    let table = table(&[("a", INT), ("b", INT), ("c", INT)], &[(0, false), (1, false), (2, false)]);
    let low = ints(&[1, 2, 3]);
    let behind = "(`a` > 1 OR `a` = 1 AND `b` > 2 OR `a` = 1 AND `b` = 2 AND `c` > 3)";
    let up_to = "(`a` < 4 OR `a` = 4 AND `b` < 5 OR `a` = 4 AND `b` = 5 AND `c` <= 6)";
    check(&table, low.clone(), None, behind);
    check(&table, low, ints(&[4, 5, 6]), &format!("{behind} AND {up_to}"));
}

#[test]
fn what_both_ends_share_stands_in_front() {
    let table = table(&[("a", INT), ("b", INT)], &[(0, false), (1, false)]);
    check(&table, ints(&[1, 2]), ints(&[1, 9]), "`a` = 1 AND `b` > 2 AND `b` <= 9");
    let range = KeyRange { low: ints(&[1, 2]), high: ints(&[1, 9]) };
    let boundary = table.boundary(&range, 7).unwrap().unwrap();
    assert!(boundary.contains("ORDER BY `b` ASC LIMIT 7) AS stretch ORDER BY `b` DESC LIMIT 1"));
    check(&table, ints(&[1, 2]), ints(&[1, 2]), "`a` = 1 AND `b` = 2 AND FALSE AND FALSE");
}

#[test]
fn a_descending_part_is_turned_round() {
    let table = table(&[("a", INT), ("b", INT)], &[(1, true), (0, false)]);
    let behind = "(`b` < 7 OR `b` = 7 AND `a` > 1)";
    let up_to = "(`b` > 2 OR `b` = 2 AND `a` <= 4)";
    check(&table, ints(&[7, 1]), ints(&[2, 4]), &format!("{behind} AND {up_to}"));
    let range = KeyRange { low: ints(&[7, 1]), high: None };
    let boundary = table.boundary(&range, 7).unwrap().unwrap();
    assert!(boundary.starts_with("SELECT `b`, `a` FROM (SELECT `b`, `a` FROM"));
    assert!(boundary.contains("ORDER BY `b` DESC, `a` ASC LIMIT 7"));
    assert!(boundary.ends_with("ORDER BY `b` ASC, `a` DESC LIMIT 1"));
}

#[test]
fn an_enum_is_listed_by_number() {
    let table = table(&[("e", labels(&["x", "y", "z"])), ("id", INT)], &[(0, false), (1, false)]);
    let cursor = |label, id| Some(vec![SqlValue::UInt(label), SqlValue::Int(id)]);
    check(&table, cursor(1, 5), None, "(`e` IN (2, 3) OR `e` = 1 AND `id` > 5)");
    check(
        &table,
        cursor(0, 5),
        cursor(2, 6),
        "(`e` IN (1, 2, 3) OR `e` = 0 AND `id` > 5) AND (`e` IN (0, 1) OR `e` = 2 AND `id` <= 6)",
    );
    // At the last label it is constant, and no part of the order.
    check(&table, cursor(3, 5), None, "`e` = 3 AND `id` > 5");
    let range = KeyRange { low: cursor(3, 5), high: None };
    let boundary = table.boundary(&range, 7).unwrap().unwrap();
    assert!(boundary.starts_with("SELECT CAST(`e` AS UNSIGNED), `id` FROM (SELECT `e`, `id` FROM"));
    assert!(boundary.contains("ORDER BY `id` ASC LIMIT 7"));
}

#[test]
fn text_is_compared_in_the_column_s_own_charset() {
    let charset = Charset::Latin1;
    let table = table(&[("k", ColumnType::Char { charset, max_bytes: 9 })], &[(0, false)]);
    let low = vec![SqlValue::Text { hex: "e9".to_owned(), charset }];
    check(&table, Some(low), None, "`k` > _latin1 X'e9'");
}

#[test]
fn a_table_without_a_key_is_read_whole() {
    let table = table(&[("a", INT), ("e", labels(&["x"]))], &[]);
    let all = KeyRange { low: None, high: None };
    assert_eq!(table.rows(&all).unwrap(), "SELECT `a`, CAST(`e` AS UNSIGNED) FROM `shop`.`t`");
    assert_eq!(table.boundary(&all, 9), Ok(None));
}

#[test]
fn a_saved_end_of_another_key_is_refused() {
    let table = table(&[("id", INT)], &[(0, false)]);
    let range = |low| KeyRange { low, high: None };
    assert_eq!(table.rows(&range(ints(&[1, 2]))), Err(SqlError::Width));
    let text = vec![SqlValue::Literal("1 OR 1".to_owned())];
    assert_eq!(table.rows(&range(Some(text))), Err(SqlError::Operand("id".to_owned())));
}
