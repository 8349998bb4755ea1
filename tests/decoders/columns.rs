//! A column of every type that `mysqlbinlog` prints, and what its values are drawn from.
//!
//! It does not print GEOMETRY: it says so and leaves the rest of the row out.

use encoding_rs::Encoding;
use fastrand::Rng;

use crate::{random::values::Kind, support::flavour::Flavour};

#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub declared: &'static str,
    pub kind: Kind,
    /// What the bytes of a text are in.
    pub encoding: &'static Encoding,
    is_read_by_mysql_cdc: bool,
}

const LETTERS: &str = "aZ é€😀漢 '\\\n\t\"%";

/// Types that both decoders read.
const COMMON: [(&str, Kind); 39] = [
    ("TINYINT", Kind::Number(-8)),
    ("TINYINT UNSIGNED", Kind::Number(8)),
    ("SMALLINT", Kind::Number(-16)),
    ("SMALLINT UNSIGNED", Kind::Number(16)),
    ("MEDIUMINT", Kind::Number(-24)),
    ("MEDIUMINT UNSIGNED", Kind::Number(24)),
    ("INT", Kind::Number(-32)),
    ("INT UNSIGNED", Kind::Number(32)),
    ("BIGINT", Kind::Number(-64)),
    ("BIGINT UNSIGNED", Kind::Number(64)),
    ("FLOAT", Kind::Float),
    ("DOUBLE", Kind::Double),
    ("DECIMAL(10,2)", Kind::Decimal(10, 2)),
    ("DECIMAL(34,10)", Kind::Decimal(34, 10)),
    ("DECIMAL(65,30)", Kind::Decimal(65, 30)),
    ("DECIMAL(9,0)", Kind::Decimal(9, 0)),
    ("BIT(1)", Kind::Bit(1)),
    ("BIT(20)", Kind::Bit(20)),
    ("BIT(64)", Kind::Bit(64)),
    ("YEAR", Kind::Year),
    ("DATE", Kind::Date),
    ("DATETIME", Kind::Moment(0, false)),
    ("DATETIME(3)", Kind::Moment(3, false)),
    ("DATETIME(6)", Kind::Moment(6, false)),
    ("TIMESTAMP NULL", Kind::Moment(0, true)),
    ("TIMESTAMP(2) NULL", Kind::Moment(2, true)),
    ("TIMESTAMP(6) NULL", Kind::Moment(6, true)),
    ("TIME", Kind::Time(0)),
    ("TIME(4)", Kind::Time(4)),
    ("CHAR(63)", Kind::Text(63, LETTERS)),
    ("CHAR(200)", Kind::Text(200, LETTERS)),
    ("VARCHAR(300)", Kind::Text(300, LETTERS)),
    ("TINYTEXT CHARACTER SET latin1", Kind::Text(100, "aZ é€ÿ'\\ ")),
    ("TEXT CHARACTER SET gbk", Kind::Text(100, "aZ 汉字'\\ ")),
    ("TINYBLOB", Kind::Bytes(255)),
    ("LONGBLOB", Kind::Bytes(255)),
    ("ENUM", Kind::Enum(3)),
    ("ENUM", Kind::Enum(300)),
    ("SET", Kind::Set(11)),
];

/// Types that mysql_cdc does not read: `mysql_cdc.rs` says how it fails.
const OTHERS: [(&str, Kind); 9] = [
    ("TIME(6)", Kind::Time(6)),
    ("CHAR(20) CHARACTER SET sjis", Kind::Text(20, "aZ 漢字")),
    ("VARCHAR(20) CHARACTER SET latin1", Kind::Text(20, "aZ é€ÿ ")),
    ("VARCHAR(20) CHARACTER SET cp1251", Kind::Text(20, "aZ Жя ")),
    ("BINARY(16)", Kind::Bytes(16)),
    ("VARBINARY(300)", Kind::Bytes(255)),
    ("JSON", Kind::Json),
    ("VECTOR(5)", Kind::Vector(5)),
    ("SET", Kind::Set(64)),
];

/// All of them.
pub fn all() -> Vec<Column> {
    let common = COMMON.into_iter().map(|column| (column, true));
    let others = OTHERS.into_iter().map(|column| (column, false));
    common.chain(others).enumerate().map(|(index, column)| Column::new(index, column)).collect()
}

/// Those that mysql_cdc reads.
pub fn read_by_mysql_cdc() -> Vec<Column> {
    all().into_iter().filter(|column| column.is_read_by_mysql_cdc).collect()
}

impl Column {
    fn new(
        index: usize,
        ((declared, kind), is_read_by_mysql_cdc): ((&'static str, Kind), bool),
    ) -> Self {
        let encoding = match declared.rsplit_once(' ') {
            Some((_, "latin1")) => encoding_rs::WINDOWS_1252,
            Some((_, "gbk")) => encoding_rs::GBK,
            Some((_, "sjis")) => encoding_rs::SHIFT_JIS,
            Some((_, "cp1251")) => encoding_rs::WINDOWS_1251,
            _ => encoding_rs::UTF_8,
        };
        Self { name: format!("c{index}"), declared, kind, encoding, is_read_by_mysql_cdc }
    }

    /// The declaration, with the labels of an ENUM or SET.
    pub fn declaration(&self) -> String {
        let count = match self.kind {
            Kind::Enum(count) => count,
            Kind::Set(count) => count.into(),
            _ => return self.declared.to_owned(),
        };
        let labels: Vec<String> = (1..=count).map(|label| format!("'l{label}'")).collect();
        format!("{}({})", self.declared, labels.join(","))
    }

    /// A random value as SQL.
    pub fn literal(&self, random: &mut Rng) -> String {
        if random.u8(..8) == 0 {
            return "NULL".to_owned();
        }
        let literal = self.kind.literal(random, Flavour::Mysql);
        match self.kind {
            // mysql_cdc gives a whole event up for a negative TIME.
            Kind::Time(_) if self.is_read_by_mysql_cdc => literal.replace('-', ""),
            _ => literal,
        }
    }
}

/// The statement that makes the table.
pub fn create(columns: &[Column]) -> String {
    let declared: String = columns
        .iter()
        .map(|column| format!(", {} {}", column.name, column.declaration()))
        .collect();
    format!("CREATE TABLE t (n INT NOT NULL PRIMARY KEY{declared}) CHARACTER SET utf8mb4")
}

/// A random value for each column, each behind a comma.
pub fn values(columns: &[Column], random: &mut Rng) -> String {
    columns.iter().map(|column| format!(", {}", column.literal(random))).collect()
}
