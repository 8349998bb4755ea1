//! What is known of a source table: its columns, their types, its key.
//!
//! A schema is immutable and shared by `Arc`; a changed table is a new schema. Rows travel with the schema that they
//! were written under, so that nothing downstream ever looks one up.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::charset::Charset;

/// A table's full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// The database (schema) that holds it.
    pub database: String,
    /// The table itself.
    pub table: String,
}

impl TableName {
    /// Names `database.table`.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self { database: database.into(), table: table.into() }
    }

    /// The name as SQL: both parts quoted with backticks.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_identifier(&self.database), quote_identifier(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.database, self.table)
    }
}

/// Whether people mean this table, known as `database.table`, when they say `table` or `database.table`.
#[must_use]
pub fn is_called(known: &str, name: &str) -> bool {
    known == name || known.split_once('.').is_some_and(|(_, table)| table == name)
}

/// An identifier between backticks, its own backticks doubled.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// One version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's name.
    pub name: TableName,
    /// All columns in ordinal order, invisible and generated ones too; a row image has its cells in this order.
    pub columns: Vec<Column>,
    /// For each column what a row holds that was inserted without naming it; `None` where that is not known, as of an
    /// expression. Empty where nothing is known of any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<Option<ColumnDefault>>,
    /// What tells one row from another; `None` where neither a primary nor a usable unique key exists.
    pub key: Option<Key>,
    /// Every unique key that could serve as [`TableSchema::key`], the primary key first, then in the server's order.
    #[serde(default)]
    pub unique_keys: Vec<Key>,
    /// The foreign keys that the table declares.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// The server's estimate of the number of rows.
    #[serde(default)]
    pub estimated_rows: u64,
    /// The storage engine, such as `InnoDB`.
    #[serde(default)]
    pub engine: String,
    /// How it keeps its history, where MariaDB keeps one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<Versioning>,
}

/// Where a system-versioned table of MariaDB's says when a row began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versioning {
    /// In two columns that are not declared, behind all others.
    Hidden,
    /// In declared columns.
    Declared {
        /// The one of the end, among the table's columns.
        end: usize,
    },
}

impl TableSchema {
    /// A table of which nothing but the name is known.
    #[must_use]
    pub const fn named(name: TableName) -> Self {
        Self {
            name,
            columns: Vec::new(),
            defaults: Vec::new(),
            key: None,
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            estimated_rows: 0,
            engine: String::new(),
            versioning: None,
        }
    }

    /// A table of nullable columns `c0`, `c1` and so on, for tests.
    #[cfg(test)]
    pub(crate) fn of_kinds(name: &str, kinds: &[ColumnType]) -> Self {
        let column = |(index, kind): (usize, &ColumnType)| Column {
            name: format!("c{index}"),
            kind: kind.clone(),
            nullable: true,
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        };
        let columns = kinds.iter().enumerate().map(column).collect();
        Self { columns, ..Self::named(TableName::new("shop", name)) }
    }

    /// The position of a column by name (case-insensitive, as column names are in MySQL).
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name as declared.
    pub name: String,
    /// Its type with all that decoding needs.
    pub kind: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether the server computes it (stored or virtual).
    #[serde(default)]
    pub generated: bool,
    /// Whether `SELECT *` leaves it out.
    #[serde(default)]
    pub invisible: bool,
    /// Whether it is `ON UPDATE CURRENT_TIMESTAMP`.
    #[serde(default)]
    pub on_update_timestamp: bool,
}

/// What a column of a row holds that was inserted without naming it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnDefault {
    /// NULL.
    Null,
    /// No default is declared and NULL is not allowed: the type's zero.
    Implicit,
    /// A literal, as information_schema tells it.
    Literal(String),
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// TINYINT to BIGINT.
    Int {
        /// How many bytes it takes: 1, 2, 3, 4 or 8.
        bytes: u8,
        /// UNSIGNED.
        unsigned: bool,
        /// TINYINT(1), the boolean by convention; only told by information_schema.
        boolean: bool,
    },
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// DECIMAL(precision, scale).
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits behind the point, 0 to 30.
        scale: u8,
    },
    /// BIT(bits), 1 to 64.
    Bit {
        /// The declared width.
        bits: u8,
    },
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// DATETIME(digits).
    DateTime {
        /// Fractional digits, 0 to 6.
        digits: u8,
    },
    /// TIMESTAMP(digits).
    Timestamp {
        /// Fractional digits, 0 to 6.
        digits: u8,
    },
    /// TIME(digits).
    Time {
        /// Fractional digits, 0 to 6.
        digits: u8,
    },
    /// CHAR(n).
    Char {
        /// The column's charset.
        charset: Charset,
        /// The most bytes that it takes (characters × the charset's longest).
        max_bytes: u32,
    },
    /// VARCHAR(n).
    Varchar {
        /// The column's charset.
        charset: Charset,
        /// The most bytes that it takes; above 255 the length before a value takes two bytes.
        max_bytes: u32,
    },
    /// TINYTEXT to LONGTEXT.
    Text {
        /// The column's charset.
        charset: Charset,
        /// How many bytes the length before a value takes: 1 to 4.
        length_bytes: u8,
    },
    /// BINARY(length).
    Binary {
        /// The declared width, to which values are padded with zero bytes.
        length: u32,
    },
    /// VARBINARY(n).
    Varbinary {
        /// The most bytes that it takes.
        max_bytes: u32,
    },
    /// TINYBLOB to LONGBLOB.
    Blob {
        /// How many bytes the length before a value takes: 1 to 4.
        length_bytes: u8,
    },
    /// ENUM.
    Enum {
        /// The labels in order, in UTF-8; a value's index is 1-based.
        labels: Vec<String>,
    },
    /// SET.
    Set {
        /// The members in order, in UTF-8; the first is bit 0.
        labels: Vec<String>,
    },
    /// JSON: MySQL's own type, and MariaDB's LONGTEXT that is checked by `json_valid`.
    Json,
    /// POINT to GEOMETRYCOLLECTION.
    Geometry,
    /// VECTOR(n) of 32-bit floats.
    Vector {
        /// How many floats a value has at most (MySQL) or always (MariaDB).
        dimensions: u32,
    },
    /// UUID (MariaDB).
    Uuid,
    /// INET4 (MariaDB).
    Inet4,
    /// INET6 (MariaDB).
    Inet6,
    /// A type that this version does not map; `check` refuses the table and names it.
    Unsupported {
        /// The type as the server writes it.
        declared: String,
    },
}

/// What tells one row of a table from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The index' name; `PRIMARY` for the primary key.
    pub index: String,
    /// The columns in index order, as positions in [`TableSchema::columns`].
    pub columns: Vec<KeyColumn>,
    /// Whether it is the generated invisible primary key (`my_row_id`), which is no field of the document.
    #[serde(default)]
    pub hidden: bool,
}

/// One part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyColumn {
    /// Position in [`TableSchema::columns`].
    pub column: usize,
    /// Whether the index keeps this part from high to low.
    #[serde(default)]
    pub descending: bool,
}

/// A foreign key of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table referred to.
    pub references: TableName,
    /// The columns referred to.
    pub referenced_columns: Vec<String>,
    /// Whether ON DELETE or ON UPDATE changes rows of this table (CASCADE, SET NULL, SET DEFAULT).
    pub cascades: bool,
}
