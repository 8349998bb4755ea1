//! Puts the rows of information_schema together. Pure.

use std::collections::BTreeMap;

use super::{
    column_type::{self, Declared},
    query::{CheckRow, ColumnRow, Found, KeyRow, ReferenceRow},
};
use crate::{
    model::table::{
        Column, ColumnDefault, ForeignKey, Key, KeyColumn, TableName, TableSchema, Versioning,
        quote_identifier,
    },
    source::error::SourceError,
};

const PRIMARY: &str = "PRIMARY";

/// The column of a generated invisible primary key (MySQL 8.0.30 and newer). The server itself knows it by name and
/// definition only.
const GENERATED_KEY: &str = "my_row_id";

/// The tables in name order.
pub(super) fn tables(found: Found) -> Result<Vec<TableSchema>, SourceError> {
    let mut columns = grouped(found.columns, |row| row.table.clone());
    let mut keys = grouped(found.keys, |row| row.table.clone());
    let mut references = grouped(found.references, |row| row.table.clone());
    let checks = grouped(found.checks, |row| row.table.clone());
    let mut tables = Vec::with_capacity(found.tables.len());
    for row in found.tables {
        let own_columns = columns.remove(&row.name).unwrap_or_default();
        let versioning = row.is_versioned.then(|| versioning(&own_columns));
        let defaults = match found.is_mariadb {
            true => Vec::new(),
            false => own_columns.iter().map(default).collect(),
        };
        let own_checks = checks.get(&row.name).map_or(&[][..], Vec::as_slice);
        let own_columns: Vec<Column> =
            own_columns.iter().map(|row| column(row, own_checks)).collect();
        let own_keys = keys.remove(&row.name).unwrap_or_default();
        let mut unique_keys = unique_keys(&row.name, &own_columns, own_keys)?;
        if let Some(Versioning::Declared { end }) = versioning {
            unique_keys.retain_mut(|key| tells_current_rows(key, end));
        }
        tables.push(TableSchema {
            key: unique_keys.first().cloned(),
            unique_keys,
            columns: own_columns,
            defaults,
            foreign_keys: foreign_keys(references.remove(&row.name).unwrap_or_default()),
            estimated_rows: row.rows,
            engine: row.engine,
            versioning,
            name: row.name,
        });
    }
    Ok(tables)
}

/// Whether the server's order of keys decides which one tells the rows apart.
pub(super) fn order_matters(table: &TableSchema) -> bool {
    let has_primary = table.unique_keys.first().is_some_and(|key| key.index == PRIMARY);
    !has_primary && table.unique_keys.len() > 1
}

/// Sorts the keys as `order` names them.
pub(super) fn put_in_order(table: &mut TableSchema, order: &[String]) {
    let place = |key: &Key| order.iter().position(|index| *index == key.index);
    table.unique_keys.sort_by_key(|key| place(key).unwrap_or(usize::MAX));
    table.key = table.unique_keys.first().cloned();
}

fn grouped<R, K: Ord>(rows: Vec<R>, of: impl Fn(&R) -> K) -> BTreeMap<K, Vec<R>> {
    let mut groups: BTreeMap<K, Vec<R>> = BTreeMap::new();
    for row in rows {
        groups.entry(of(&row)).or_default().push(row);
    }
    groups
}

/// Takes the row's end out of a key, into which the server has put it: it is the same in all current rows. False for a
/// key of nothing else.
fn tells_current_rows(key: &mut Key, end: usize) -> bool {
    key.columns.retain(|part| part.column != end);
    !key.columns.is_empty()
}

/// A period is declared with both its columns or not at all.
fn versioning(columns: &[ColumnRow]) -> Versioning {
    let end = columns.iter().position(|row| row.expression.eq_ignore_ascii_case("ROW END"));
    end.map_or(Versioning::Hidden, |end| Versioning::Declared { end })
}

fn column(row: &ColumnRow, checks: &[CheckRow]) -> Column {
    let extra = row.extra.to_ascii_lowercase();
    let declared = Declared {
        text: &row.declared,
        charset: row.charset.as_deref(),
        octets: row.octets,
        is_json: checks.iter().any(|check| is_json_check(&check.clause, &row.name)),
    };
    Column {
        name: row.name.clone(),
        kind: column_type::parse(declared),
        nullable: row.nullable,
        // `default_generated` is only a default that is an expression.
        // Those of a period are what the row has, not what is computed from it.
        generated: !row.expression.to_ascii_uppercase().starts_with("ROW ")
            && (extra.contains("virtual generated") || extra.contains("stored generated")),
        invisible: extra.contains("invisible"),
        on_update_timestamp: extra.contains("on update"),
    }
}

/// What MySQL tells of a column's default; `None` for an expression, which the server itself evaluates.
fn default(row: &ColumnRow) -> Option<ColumnDefault> {
    if row.extra.to_ascii_lowercase().contains("generated") {
        return None;
    }
    Some(match &row.default {
        Some(literal) => ColumnDefault::Literal(literal.clone()),
        None if row.nullable => ColumnDefault::Null,
        None => ColumnDefault::Implicit,
    })
}

/// Whether a CHECK says that the column is JSON and nothing else.
fn is_json_check(clause: &str, column: &str) -> bool {
    let inside =
        |name: &str| clause.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    inside("json_valid(")
        && clause.get("json_valid(".len()..).and_then(|rest| rest.strip_suffix(')'))
            == Some(quote_identifier(column).as_str())
}

/// The primary key, then the other usable ones. Of the primary key a prefix is enough: what differs in its beginning
/// differs.
fn unique_keys(
    table: &TableName,
    columns: &[Column],
    rows: Vec<KeyRow>,
) -> Result<Vec<Key>, SourceError> {
    let mut keys = Vec::new();
    for (index, parts) in grouped(rows, |row| row.index.clone()) {
        let is_primary = index == PRIMARY;
        let usable = |row: &KeyRow| row.column.is_some() && (is_primary || !row.is_prefix);
        if !parts.iter().all(usable) {
            continue;
        }
        let key = key(table, columns, index, &parts)?;
        let is_nullable =
            |part: &KeyColumn| columns.get(part.column).is_none_or(|column| column.nullable);
        if !key.columns.iter().any(is_nullable) {
            keys.push(key);
        }
    }
    keys.sort_by_key(|key| key.index != PRIMARY);
    Ok(keys)
}

fn key(
    table: &TableName,
    columns: &[Column],
    index: String,
    parts: &[KeyRow],
) -> Result<Key, SourceError> {
    let mut key_columns = Vec::with_capacity(parts.len());
    for part in parts {
        let position = columns
            .iter()
            .position(|column| part.column.as_deref() == Some(column.name.as_str()))
            .ok_or_else(|| SourceError::Changing { table: table.clone() })?;
        key_columns.push(KeyColumn { column: position, descending: part.descending });
    }
    let hidden = index == PRIMARY && is_generated_key(columns, &key_columns);
    Ok(Key { index, columns: key_columns, hidden })
}

fn is_generated_key(columns: &[Column], parts: &[KeyColumn]) -> bool {
    match parts {
        [only] => columns
            .get(only.column)
            .is_some_and(|column| column.invisible && column.name == GENERATED_KEY),
        _ => false,
    }
}

fn foreign_keys(rows: Vec<ReferenceRow>) -> Vec<ForeignKey> {
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        match keys.last_mut() {
            Some(last) if last.name == row.constraint => {
                last.columns.push(row.column);
                last.referenced_columns.push(row.referenced_column);
            }
            _ => keys.push(ForeignKey {
                cascades: changes_rows(&row.on_update) || changes_rows(&row.on_delete),
                name: row.constraint,
                columns: vec![row.column],
                references: row.references,
                referenced_columns: vec![row.referenced_column],
            }),
        }
    }
    keys
}

fn changes_rows(rule: &str) -> bool {
    matches!(rule, "CASCADE" | "SET NULL" | "SET DEFAULT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::table::{Charset, ColumnType},
        source::schema::query::TableRow,
    };

    fn name() -> TableName {
        TableName::new("shop", "orders")
    }

    fn column(name: &str, nullable: bool, extra: &str) -> ColumnRow {
        ColumnRow {
            table: self::name(),
            name: name.to_owned(),
            declared: "int".to_owned(),
            charset: None,
            octets: None,
            nullable,
            extra: extra.to_owned(),
            expression: String::new(),
            default: None,
        }
    }

    fn part(index: &str, column: Option<&str>, is_prefix: bool) -> KeyRow {
        KeyRow {
            table: name(),
            index: index.to_owned(),
            column: column.map(str::to_owned),
            is_prefix,
            descending: false,
        }
    }

    fn table(columns: Vec<ColumnRow>, keys: Vec<KeyRow>) -> TableSchema {
        let tables = vec![TableRow {
            name: name(),
            engine: "InnoDB".to_owned(),
            rows: 7,
            is_versioned: false,
        }];
        let clause = "json_valid(`doc`)".to_owned();
        let checks = vec![CheckRow { table: name(), clause }];
        let found =
            Found { is_mariadb: false, tables, columns, keys, references: Vec::new(), checks };
        super::tables(found).unwrap().remove(0)
    }

    #[test]
    fn the_primary_key_comes_first_in_index_order() {
        let columns = vec![column("a", false, ""), column("b", false, ""), column("c", false, "")];
        let keys = vec![
            part("PRIMARY", Some("c"), false),
            part("PRIMARY", Some("a"), true),
            part("AAA", Some("b"), false),
        ];
        let table = table(columns, keys);
        let key = table.key.as_ref().unwrap();
        assert_eq!(key.columns.iter().map(|part| part.column).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(table.unique_keys.len(), 2);
        assert!(!order_matters(&table));
    }

    #[test]
    fn nullable_prefixed_and_computed_keys_tell_no_rows_apart() {
        let columns = vec![column("a", true, ""), column("b", false, "")];
        let keys = vec![
            part("u1", Some("a"), false),
            part("u2", Some("b"), true),
            part("u3", None, false),
        ];
        assert_eq!(table(columns, keys).key, None);
    }

    #[test]
    fn the_servers_order_decides_among_unique_keys() {
        let columns = vec![column("a", false, ""), column("b", false, "")];
        let keys = vec![part("u1", Some("a"), false), part("u2", Some("b"), false)];
        let mut table = table(columns, keys);
        assert!(order_matters(&table));
        put_in_order(&mut table, &["u2".to_owned(), "other".to_owned(), "u1".to_owned()]);
        assert_eq!(table.key.unwrap().index, "u2");
    }

    #[test]
    fn a_longtext_that_is_checked_to_be_json_is_json() {
        let long = |name| ColumnRow {
            declared: "longtext".to_owned(),
            charset: Some("utf8mb4".to_owned()),
            ..column(name, true, "")
        };
        let table = table(vec![long("doc"), long("other")], Vec::new());
        let kinds: Vec<_> = table.columns.iter().map(|column| column.kind.clone()).collect();
        let text = ColumnType::Text { charset: Charset::Utf8, length_bytes: 4 };
        assert_eq!(kinds, [ColumnType::Json, text]);
        assert!(is_json_check("JSON_VALID(`a``b`)", "a`b"));
        for other in ["json_valid(`a`) or 1", "json_valid(`a`) and `b` > 1", "`a` > 0", "é"] {
            assert!(!is_json_check(other, "a"), "{other}");
        }
    }

    #[test]
    fn the_end_of_a_row_is_no_part_of_its_key() {
        let part = |column| KeyColumn { column, descending: false };
        let of = |columns: &[usize]| Key {
            index: PRIMARY.to_owned(),
            columns: columns.iter().copied().map(part).collect(),
            hidden: false,
        };
        let mut key = of(&[0, 3]);
        assert!(tells_current_rows(&mut key, 3));
        assert_eq!(key, of(&[0]));
        assert!(!tells_current_rows(&mut of(&[3]), 3));
    }

    #[test]
    fn a_period_is_declared_or_hidden() {
        let mut columns = vec![column("id", false, ""), column("from", false, "STORED GENERATED")];
        assert_eq!(versioning(&columns), Versioning::Hidden);
        columns[1].expression = "ROW START".to_owned();
        columns.push(ColumnRow { expression: "ROW END".to_owned(), ..column("to", false, "") });
        assert_eq!(versioning(&columns), Versioning::Declared { end: 2 });
    }

    #[test]
    fn extra_tells_generated_invisible_and_on_update() {
        let columns = vec![
            column("my_row_id", false, "auto_increment INVISIBLE"),
            column("b", true, "VIRTUAL GENERATED INVISIBLE"),
            column("c", true, "DEFAULT_GENERATED on update CURRENT_TIMESTAMP(3)"),
        ];
        let table = table(columns, vec![part("PRIMARY", Some("my_row_id"), false)]);
        assert!(table.key.unwrap().hidden);
        let flags: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.generated, column.invisible, column.on_update_timestamp))
            .collect();
        assert_eq!(flags, [(false, true, false), (true, true, false), (false, false, true)]);
    }
}
