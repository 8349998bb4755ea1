//! Random statements over the tables, by a session that keeps switching how it is logged.

use fastrand::Rng;
use mysql_async::{Conn, prelude::Queryable};

use super::{
    IMAGES,
    schema::{Column, Table},
    values::{self, Kind},
};
use crate::support::{databases::Source, flavour::Flavour};

pub struct Workload<'t> {
    conn: Conn,
    flavour: Flavour,
    tables: &'t [Table],
    random: Rng,
    next: u32,
}

impl<'t> Workload<'t> {
    pub async fn new(source: &Source, tables: &'t [Table], random: Rng) -> Self {
        let mut conn = source.connect().await;
        conn.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES'").await.expect("a session");
        Self { conn, flavour: source.flavour, tables, random, next: 0 }
    }

    /// Inserts so many rows, and updates and deletes in between.
    pub async fn rows(&mut self, count: u32) {
        while self.next < count {
            self.switch().await;
            for _ in 0..self.random.u8(1..6) {
                let table = &self.tables[self.random.usize(..self.tables.len())];
                self.transaction(table).await;
            }
        }
    }

    /// How the session is logged from now on.
    async fn switch(&mut self) {
        let image = IMAGES[self.random.usize(..IMAGES.len())];
        let mut settings = vec![format!("binlog_row_image = '{image}'")];
        if self.flavour == Flavour::Mysql {
            let (packed, partial) = (u8::from(self.random.bool()), self.random.bool());
            let options = if partial { "PARTIAL_JSON" } else { "" };
            settings.push(format!("binlog_transaction_compression = {packed}"));
            settings.push(format!("binlog_row_value_options = '{options}'"));
        }
        self.run(&format!("SET SESSION {}", settings.join(", SESSION "))).await;
    }

    async fn transaction(&mut self, table: &Table) {
        self.run("BEGIN").await;
        for _ in 0..self.random.u8(1..5) {
            let statement = match self.random.u8(..10) {
                0..=4 => self.insert(table),
                5 => self.delete(table),
                _ => self.update(table),
            };
            self.run(&statement).await;
        }
        let end = if self.random.u8(..10) == 0 { "ROLLBACK" } else { "COMMIT" };
        self.run(end).await;
    }

    fn insert(&mut self, table: &Table) -> String {
        let left_out = self.random.u8(..8) == 0;
        let columns: Vec<&Column> = table
            .written()
            .filter(|column| !left_out || !column.nullable || matches!(column.kind, Kind::Geometry))
            .collect();
        let names: String = columns.iter().map(|column| format!(", {}", column.name)).collect();
        let count = self.random.u32(1..60);
        let rows: Vec<String> = (0..count).map(|_| self.row(&columns)).collect();
        format!("INSERT INTO {} (n, k{names}) VALUES {}", table.name, rows.join(", "))
    }

    fn row(&mut self, columns: &[&Column]) -> String {
        self.next += 1;
        let values: String =
            columns.iter().map(|column| format!(", {}", self.value(column))).collect();
        format!("({}, 'k{}'{values})", self.next, self.random.u8(..10))
    }

    fn value(&mut self, column: &Column) -> String {
        if column.nullable && self.random.u8(..6) == 0 {
            return "NULL".to_owned();
        }
        column.kind.literal(&mut self.random, self.flavour)
    }

    fn update(&mut self, table: &Table) -> String {
        let columns: Vec<&Column> = table.written().collect();
        let changed: Vec<String> = (0..self.random.usize(1..=columns.len().min(3)))
            .map(|_| {
                let column = columns[self.random.usize(..columns.len())];
                self.assignment(column)
            })
            .collect();
        let key = if self.random.u8(..8) == 0 { ", k = CONCAT('u', n % 10)" } else { "" };
        format!("UPDATE {} SET {}{key} WHERE {}", table.name, changed.join(", "), self.some())
    }

    fn assignment(&mut self, column: &Column) -> String {
        let name = &column.name;
        if matches!(column.kind, Kind::Json) && self.random.bool() {
            let value = values::json(&mut self.random, 1);
            let function = ["JSON_SET", "JSON_REPLACE", "JSON_INSERT"][self.random.usize(..3)];
            let path = ["$.a", "$.b", "$[0]", "$.a[1]", "$.new"][self.random.usize(..5)];
            let value = match self.flavour {
                Flavour::Mysql => format!("CAST('{value}' AS JSON)"),
                Flavour::Mariadb => format!("JSON_EXTRACT('{value}', '$')"),
            };
            return format!(
                "{name} = IFNULL({function}({name}, '{path}', {value}), {})",
                self.value(column)
            );
        }
        format!("{name} = {}", self.value(column))
    }

    fn delete(&mut self, table: &Table) -> String {
        format!("DELETE FROM {} WHERE {} LIMIT 20", table.name, self.some())
    }

    /// A few of the rows that were made.
    fn some(&mut self) -> String {
        let from = self.random.u32(..=self.next);
        format!("n BETWEEN {from} AND {}", from + self.random.u32(..80))
    }

    async fn run(&mut self, statement: &str) {
        if let Err(error) = self.conn.query_drop(statement).await {
            let shown: String = statement.chars().take(2000).collect();
            panic!("{shown}: {error}");
        }
    }
}
