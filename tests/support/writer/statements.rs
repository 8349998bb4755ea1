//! Random statements over a table.

use fastrand::Rng;

use super::values;
use crate::support::comparer::table::{Column, Table};

/// A statement that changes zero or more rows.
pub fn any(table: &Table, random: &mut Rng) -> String {
    match random.u8(..100) {
        0..20 => format!("INSERT INTO {}", rows(table, random)),
        20..28 => format!("REPLACE INTO {}", rows(table, random)),
        28..36 => upsert(table, random),
        36..72 => update(table, random),
        72..86 => key_update(table, random),
        _ => format!("DELETE FROM {} {}", table.quoted(), some_rows(table, random, 3)),
    }
}

/// `table (columns) VALUES (…), (…)`.
fn rows(table: &Table, random: &mut Rng) -> String {
    let mut columns = written_columns(table);
    // Now and then without some columns, which take their defaults.
    if random.u8(..) < 90 {
        columns.retain(|column| !column.nullable || random.bool());
    }
    rows_of(table, &columns, random)
}

fn rows_of(table: &Table, columns: &[&Column], random: &mut Rng) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let rows: Vec<String> = (0..random.usize(1..=6))
        .map(|_| {
            let values: Vec<String> =
                columns.iter().map(|column| values::literal(column, random)).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!("{} ({}) VALUES {}", table.quoted(), names.join(", "), rows.join(", "))
}

fn upsert(table: &Table, random: &mut Rng) -> String {
    let rows = rows_of(table, &written_columns(table), random);
    let column = quoted(ordinary_column(table, random));
    // Deprecated in MySQL, but what both flavours know.
    format!("INSERT INTO {rows} ON DUPLICATE KEY UPDATE {column} = VALUES({column})")
}

fn update(table: &Table, random: &mut Rng) -> String {
    let settings: Vec<String> = (0..random.usize(1..=3))
        .map(|_| {
            let column = ordinary_column(table, random);
            match column.data_type == "json" && random.bool() {
                true => format!("{} = {}", quoted(column), json_change(column, random)),
                false => format!("{} = {}", quoted(column), values::literal(column, random)),
            }
        })
        .collect();
    let rows = some_rows(table, random, 10);
    format!("UPDATE {} SET {} {rows}", table.quoted(), settings.join(", "))
}

/// A function of the value that there is, which the server may log as a difference.
fn json_change(column: &Column, random: &mut Rng) -> String {
    let (name, number) = (quoted(column), random.i32(..));
    match random.u8(..5) {
        0 => format!("JSON_SET({name}, '$.n', {number})"),
        1 => format!("JSON_REPLACE({name}, '$.d.e', {number})"),
        2 => format!("JSON_REMOVE({name}, '$.t')"),
        3 => format!("JSON_ARRAY_INSERT({name}, '$[1]', {number})"),
        _ => format!("JSON_SET({name}, '$[0]', '{number}')"),
    }
}

/// Gives a row another key.
fn key_update(table: &Table, random: &mut Rng) -> String {
    let keys: Vec<&Column> = table.key.iter().filter(|column| !column.generated).collect();
    let Some(column) = random.choice(keys) else { return update(table, random) };
    let value = values::literal(column, random);
    let rows = some_rows(table, random, 1);
    format!("UPDATE {} SET {} = {value} {rows}", table.quoted(), quoted(column))
}

/// A few neighbours somewhere in the key, or any rows where there is none.
fn some_rows(table: &Table, random: &mut Rng, most: usize) -> String {
    let limit = random.usize(1..=most);
    let Some(first) = table.key.first() else { return format!("LIMIT {limit}") };
    let (name, from) = (quoted(first), values::place(first, random));
    format!("WHERE {name} >= {from} ORDER BY {name} LIMIT {limit}")
}

fn written_columns(table: &Table) -> Vec<&Column> {
    table.columns.iter().filter(|column| !column.generated && !column.made_key).collect()
}

/// Any column outside the key, or of it where there is no other.
fn ordinary_column<'a>(table: &'a Table, random: &mut Rng) -> &'a Column {
    let all = written_columns(table);
    let in_key = |column: &&Column| table.key.iter().any(|key| key.name == column.name);
    let outside: Vec<&Column> = all.iter().copied().filter(|column| !in_key(column)).collect();
    let choice = if outside.is_empty() { all } else { outside };
    random.choice(choice).expect("a column")
}

fn quoted(column: &Column) -> String {
    format!("`{}`", column.name.replace('`', "``"))
}
