//! Tables, columns and keys as `information_schema` and `SHOW INDEX` tell them.

use mysql_async::{Row, prelude::Queryable};

use crate::support::databases::Source;

/// A base table.
#[derive(Debug, Clone)]
pub struct Table {
    pub database: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// The columns of the key that tells rows apart; empty where there is none.
    pub key: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// Such as `varchar`.
    pub data_type: String,
    /// Such as `varchar(20)` or `enum('a','b')`.
    pub column_type: String,
    pub charset: String,
    pub fraction_digits: u32,
    pub precision: u32,
    pub scale: u32,
    pub nullable: bool,
    /// Whether the server fills it in.
    pub generated: bool,
    /// Whether it says when a row of a versioned table ended; of all current rows the same.
    pub row_end: bool,
    /// The invisible key that the server makes where a table has none.
    pub made_key: bool,
}

impl Column {
    pub fn is_unsigned(&self) -> bool {
        self.column_type.contains("unsigned")
    }

    /// The name of its field in a document's body.
    pub fn field(&self) -> String {
        escaped(&self.name)
    }
}

/// MongoDB's two special signs as their full-width likes.
pub fn escaped(name: &str) -> String {
    let dots = name.replace('.', "\u{FF0E}");
    match dots.strip_prefix('$') {
        Some(rest) => format!("\u{FF04}{rest}"),
        None => dots,
    }
}

impl Table {
    /// The columns that are fields of the body, with the fields' names.
    pub fn body(&self) -> Vec<(&Column, String)> {
        let own_id = self.key.len() == 1 && self.key[0].name == "_id";
        let columns = self.columns.iter().filter(|column| !column.made_key);
        columns
            .filter(|column| !(own_id && column.name == "_id"))
            .map(|column| {
                let field = column.field();
                (column, if field == "_id" { "_id_".to_owned() } else { field })
            })
            .collect()
    }

    /// The fields of the body that hold the key.
    pub fn key_fields(&self) -> Vec<String> {
        self.key.iter().map(Column::field).collect()
    }

    pub fn quoted(&self) -> String {
        format!("`{}`.`{}`", self.database, self.name.replace('`', "``"))
    }
}

/// All base tables of a database.
pub async fn all(source: &Source) -> Vec<Table> {
    let mut conn = source.connect().await;
    let names: Vec<String> = conn
        .query(format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = '{}' AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME",
            source.database
        ))
        .await
        .expect("the tables");
    let mut tables = Vec::new();
    for name in names {
        let columns = columns(&mut conn, &source.database, &name).await;
        let key = key(&mut conn, &source.database, &name, &columns).await;
        tables.push(Table { database: source.database.clone(), name, columns, key });
    }
    conn.disconnect().await.expect("a clean end");
    tables
}

async fn columns(conn: &mut mysql_async::Conn, database: &str, table: &str) -> Vec<Column> {
    let query = "SELECT COLUMN_NAME, LOWER(DATA_TYPE), LOWER(COLUMN_TYPE), CHARACTER_SET_NAME, DATETIME_PRECISION,
        NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE, EXTRA, COLUMN_TYPE, GENERATION_EXPRESSION FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
    let rows: Vec<Row> = conn.exec(query, (database, table)).await.expect("the columns");
    rows.into_iter().map(|row| column(&row)).collect()
}

fn column(row: &Row) -> Column {
    let text = |index: usize| row.get::<Option<String>, _>(index).flatten().unwrap_or_default();
    let number = |index: usize| row.get::<Option<u32>, _>(index).flatten().unwrap_or_default();
    let (name, extra) = (text(0), text(8).to_uppercase());
    let made_key = name == "my_row_id" && extra.contains("INVISIBLE") && extra.contains("AUTO_INC");
    Column {
        data_type: text(1),
        // Members of ENUM and SET keep their case.
        column_type: if text(2).starts_with("enum") || text(2).starts_with("set") {
            text(9)
        } else {
            text(2)
        },
        charset: text(3),
        fraction_digits: number(4),
        precision: number(5),
        scale: number(6),
        nullable: text(7) == "YES",
        generated: extra.contains("GENERATED"),
        row_end: text(10) == "ROW END",
        made_key,
        name,
    }
}

/// The primary key, else the first unique index whose parts are whole columns that are never NULL.
async fn key(
    conn: &mut mysql_async::Conn,
    database: &str,
    table: &str,
    columns: &[Column],
) -> Vec<Column> {
    let query = format!("SHOW INDEX FROM `{database}`.`{}`", table.replace('`', "``"));
    let rows: Vec<Row> = conn.query(query).await.expect("the indexes");
    let mut indexes: Vec<(String, Vec<Column>, bool)> = Vec::new();
    for row in rows {
        let name: String = row.get("Key_name").expect("a name");
        let column: Option<String> = row.get("Column_name").expect("a column");
        let unique = row.get::<u64, _>("Non_unique") == Some(0);
        let whole = row.get::<Option<u64>, _>("Sub_part").flatten().is_none();
        let column = columns.iter().find(|known| Some(&known.name) == column.as_ref());
        let usable = unique && whole && column.is_some_and(|column| !column.nullable);
        if indexes.last().is_none_or(|(last, ..)| *last != name) {
            indexes.push((name, Vec::new(), true));
        }
        let (_, parts, all_usable) = indexes.last_mut().expect("just pushed");
        *all_usable &= usable;
        parts.extend(column.filter(|column| !column.row_end).cloned());
    }
    let primary = indexes.iter().find(|(name, ..)| name == "PRIMARY");
    let first = indexes.iter().find(|(_, _, usable)| *usable);
    primary.or(first).map(|(_, parts, _)| parts.clone()).unwrap_or_default()
}
