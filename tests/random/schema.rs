//! Random tables.

use fastrand::Rng;

use super::values::{self, Kind};
use crate::support::flavour::Flavour;

/// A column: how it is declared, and what its values are drawn from.
#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub declared: String,
    pub kind: Kind,
    pub nullable: bool,
    /// Computed by the server; never written.
    pub generated: bool,
}

/// A table whose rows are told apart by `n`, whatever its key is.
#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    key: String,
}

impl Table {
    pub fn random(random: &mut Rng, flavour: Flavour, number: usize) -> Self {
        let count = random.usize(4..16);
        let mut columns: Vec<Column> =
            (0..count).map(|index| column(random, flavour, index)).collect();
        if random.bool() {
            columns.push(generated(random));
        }
        Self { name: format!("t{number}"), columns, key: key(random) }
    }

    pub fn create(&self) -> String {
        let mut parts = vec!["n INT NOT NULL".to_owned(), "k CHAR(3) NOT NULL".to_owned()];
        parts.extend(self.columns.iter().map(|column| {
            let null = if column.nullable || column.generated { "" } else { " NOT NULL" };
            format!("{} {}{null}", column.name, column.declared)
        }));
        parts.push(self.key.clone());
        format!("CREATE TABLE {} ({}) CHARSET utf8mb4", self.name, parts.join(", "))
    }

    /// The columns that statements write.
    pub fn written(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }
}

fn column(random: &mut Rng, flavour: Flavour, index: usize) -> Column {
    let (declared, kind) = values::declaration(random, flavour);
    let nullable = random.u8(..10) < 7;
    let invisible =
        if flavour == Flavour::Mysql && random.u8(..12) == 0 { " INVISIBLE" } else { "" };
    Column {
        name: format!("c{index}"),
        declared: format!("{declared}{invisible}"),
        kind,
        nullable,
        generated: false,
    }
}

fn generated(random: &mut Rng) -> Column {
    let stored = if random.bool() { "STORED" } else { "VIRTUAL" };
    Column {
        name: "g".to_owned(),
        declared: format!("VARCHAR(40) GENERATED ALWAYS AS (CONCAT('g-', n)) {stored}"),
        kind: Kind::Number(0),
        nullable: true,
        generated: true,
    }
}

fn key(random: &mut Rng) -> String {
    const KEYS: &[&str] = &[
        "PRIMARY KEY (n)",
        "PRIMARY KEY (n DESC)",
        "PRIMARY KEY (k, n)",
        "UNIQUE KEY (n)",
        "PRIMARY KEY (n), KEY (k)",
    ];
    // MariaDB keeps DESC in a key since 10.8.
    KEYS[random.usize(..KEYS.len())].to_owned()
}
