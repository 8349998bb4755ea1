//! Types of every width that they may be declared in: both roads, at both ends of what fits.

use std::str::FromStr;

use bson::{Bson, Decimal128, Document};

use crate::support::{Launch, Pair};

/// A column, the SQL of a value, and what the value becomes.
struct Cell {
    kind: String,
    literal: String,
    becomes: Bson,
}

impl Cell {
    fn new(kind: String, literal: impl Into<String>, becomes: impl Into<Bson>) -> Self {
        Self { kind, literal: literal.into(), becomes: becomes.into() }
    }
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(Decimal128::from_str(text).expect("a decimal"))
}

/// All bits set, and the lowest only.
fn bits() -> Vec<Cell> {
    let of = |width: u32| {
        let all = u64::MAX >> (64 - width);
        let told = match (width, i64::try_from(all)) {
            (1, _) => Bson::Boolean(true),
            (_, Ok(number)) => Bson::Int64(number),
            (_, Err(_)) => decimal(&all.to_string()),
        };
        let lowest = if width == 1 { Bson::Boolean(true) } else { Bson::Int64(1) };
        [
            Cell::new(format!("BIT({width})"), all.to_string(), told),
            Cell::new(format!("BIT({width})"), "1", lowest),
        ]
    };
    (1..=64).flat_map(of).collect()
}

/// Nothing but nines, and the smallest number below zero.
fn decimals() -> Vec<Cell> {
    let of = |(precision, scale): (usize, usize)| {
        let kind = || format!("DECIMAL({precision},{scale})");
        let told = |text: &str| match precision {
            0..=34 => decimal(text),
            _ => Bson::String(text.to_owned()),
        };
        let point = |digits: &str| {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            let whole = if whole.is_empty() { "0" } else { whole };
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        };
        let nines = point(&"9".repeat(precision));
        let least = format!("-{}", point(&format!("{:0>width$}", 1, width = scale + 1)));
        [
            Cell::new(kind(), nines.clone(), told(&nines)),
            Cell::new(kind(), least.clone(), told(&least)),
        ]
    };
    let scales = |precision: usize| {
        let mut scales = vec![0, precision.min(30) / 2, precision.min(30)];
        scales.dedup();
        scales.into_iter().map(move |scale| (precision, scale))
    };
    (1..=65).flat_map(scales).flat_map(of).collect()
}

/// Moments and spans of every number of digits.
fn digits() -> Vec<Cell> {
    let of = |digits: usize| {
        let fraction = match digits {
            0 => String::new(),
            _ => format!(".{}", &"987654"[..digits]),
        };
        let millis = format!("{:0<3}", &"987654"[..digits.min(3)]);
        let millis: i64 = millis.parse().expect("digits");
        let moment = bson::DateTime::from_millis(1_736_505_000_000 + millis);
        let at = format!("'2025-01-10 10:30:00{fraction}'");
        let time = |text: String| Cell::new(format!("TIME({digits})"), format!("'{text}'"), text);
        [
            Cell::new(format!("DATETIME({digits})"), at.clone(), moment),
            Cell::new(format!("TIMESTAMP({digits}) NULL"), at, moment),
            time(format!("-837:59:59{fraction}")),
            time(format!("01:02:03{fraction}")),
        ]
    };
    (0..=6).flat_map(of).collect()
}

/// Labels around the sizes at which a value takes another byte, and lengths at which a prefix does.
fn labels_and_lengths() -> Vec<Cell> {
    let names = |count: usize| (1..=count).map(|number| format!("l{number}")).collect::<Vec<_>>();
    let list = |count| format!("'{}'", names(count).join("','"));
    let mut cells = Vec::new();
    for count in [1, 255, 256, 300] {
        let last = format!("l{count}");
        cells.push(Cell::new(format!("ENUM({})", list(count)), format!("'{last}'"), last));
    }
    for count in [1, 7, 8, 9, 16, 17, 24, 25, 32, 33, 40, 48, 56, 57, 63, 64] {
        let all: Vec<Bson> = names(count).into_iter().map(Bson::String).collect();
        let literal = format!("'{}'", names(count).join(","));
        cells.push(Cell::new(format!("SET({})", list(count)), literal, all));
    }
    for length in [1, 63, 64, 85, 86, 127, 128, 191, 192, 254, 255] {
        for (letter, kind) in [("😀", "utf8mb4"), ("é", "utf8mb3"), ("ß", "latin1")] {
            for name in ["CHAR", "VARCHAR"] {
                let kind = format!("{name}({length}) CHARACTER SET {kind}");
                let literal = format!("REPEAT('{letter}', {length})");
                cells.push(Cell::new(kind, literal, letter.repeat(length)));
            }
        }
        let bytes = vec![7_u8; length];
        let bytes = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes };
        let literal = format!("REPEAT(X'07', {length})");
        cells.push(Cell::new(format!("BINARY({length})"), literal, bytes));
    }
    cells
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_width_by_both_roads() {
    let pair = Pair::new().await;
    let tables = [
        ("bits", bits()),
        ("decimals", decimals()),
        ("digits", digits()),
        ("lengths", labels_and_lengths()),
    ];
    for (name, cells) in &tables {
        let columns = cells.iter().enumerate().map(|(at, cell)| format!("c{at} {}", cell.kind));
        let columns: Vec<String> = columns.collect();
        pair.source
            .run(format!("CREATE TABLE {name} (id INT PRIMARY KEY, {})", columns.join(", ")))
            .await;
        pair.source.run(insert(name, cells)).await;
    }
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for (name, cells) in &tables {
        assert_row(&pair, name, cells, "snapshot").await;
        pair.source.run(format!("DELETE FROM {name}")).await;
    }
    binleaf.catches_up().await;
    for (name, cells) in &tables {
        assert_eq!(pair.target.count(name).await, 0);
        pair.source.run(insert(name, cells)).await;
    }
    binleaf.catches_up().await;
    for (name, cells) in &tables {
        assert_row(&pair, name, cells, "binlog").await;
    }
}

fn insert(table: &str, cells: &[Cell]) -> String {
    let literals: Vec<&str> = cells.iter().map(|cell| cell.literal.as_str()).collect();
    format!("INSERT INTO {table} VALUES (1, {})", literals.join(", "))
}

async fn assert_row(pair: &Pair, table: &str, cells: &[Cell], road: &str) {
    let rows = pair.target.find(table, Document::new()).await;
    let [row] = &rows[..] else { panic!("{table} has {} rows by {road}", rows.len()) };
    for (at, cell) in cells.iter().enumerate() {
        let kind: String = cell.kind.chars().take(60).collect();
        assert_eq!(row.get(format!("c{at}")), Some(&cell.becomes), "{kind} by {road}");
    }
}
