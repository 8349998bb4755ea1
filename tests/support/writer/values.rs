//! Random values as SQL literals, the odd ones more often than chance would have them.

use fastrand::Rng;

use crate::support::{comparer::table::Column, databases::CANARY};

/// A value for a column.
pub fn literal(column: &Column, random: &mut Rng) -> String {
    if column.nullable && random.u8(..) < 25 {
        return "NULL".to_owned();
    }
    match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => integer(column, random),
        "year" => random.choice(["0", "1901", "1999", "2026", "2155"]).expect("a year").to_owned(),
        "bit" => format!("{}", random.u64(..) >> (64 - declared(column, 1).min(64))),
        "float" => format!("{:e}", (random.f32() - 0.5) * 1e6),
        "double" => format!("{:e}", (random.f64() - 0.5) * 10_f64.powi(random.i32(-20..20))),
        "decimal" => decimal(column, random),
        "date" => date(random),
        "datetime" => temporal(random, 1000, 9999),
        "timestamp" => temporal(random, 1971, 2037),
        "time" => time(random),
        "enum" => format!("{}", random.usize(1..=members(column))),
        "set" => format!("{}", random.u64(..1 << members(column))),
        "json" => json(random),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            bytes(declared(column, 200), random)
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            text(column, random)
        }
        _ => geometry(column, random),
    }
}

/// A place in a key to begin at: small numbers are likelier, since that is where rows are.
pub fn place(column: &Column, random: &mut Rng) -> String {
    match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
            let bits = random.u32(0..=24);
            format!("{}", random.u64(..) >> (63 - bits.min(62)) >> 1)
        }
        "char" | "varchar" => format!("'{}'", random.alphanumeric()),
        _ => literal(&Column { nullable: false, ..column.clone() }, random),
    }
}

fn integer(column: &Column, random: &mut Rng) -> String {
    let bits = match column.data_type.as_str() {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        _ => 64,
    };
    let (unsigned, any) = (column.is_unsigned(), random.u64(..));
    match random.u8(..20) {
        0 if unsigned => format!("{}", u64::MAX >> (64 - bits)),
        0 => format!("-{}", 1_u64 << (bits - 1)),
        1 => format!("{}", u64::MAX >> (64 - bits) >> u8::from(!unsigned)),
        _ if unsigned => format!("{}", any >> (64 - bits)),
        _ => format!("{}{}", random.choice(["", "-"]).expect("a sign"), any >> (65 - bits)),
    }
}

fn decimal(column: &Column, random: &mut Rng) -> String {
    let digits =
        |count: u32, random: &mut Rng| -> String { (0..count).map(|_| random.digit(10)).collect() };
    let whole = random.u32(0..=column.precision - column.scale);
    let sign = if column.is_unsigned() || random.bool() { "" } else { "-" };
    format!("{sign}0{}.{}0", digits(whole, random), digits(column.scale, random))
}

fn date(random: &mut Rng) -> String {
    match random.u8(..30) {
        0 => "'0000-00-00'".to_owned(),
        1 => "'2023-00-15'".to_owned(),
        _ => format!("'{}'", day(random, 1000, 9999)),
    }
}

fn temporal(random: &mut Rng, from: u32, to: u32) -> String {
    if random.u8(..40) == 0 {
        return "'0000-00-00 00:00:00'".to_owned();
    }
    let (day, time) = (day(random, from, to), clock(random, 23));
    format!("'{day} {time}'")
}

fn day(random: &mut Rng, from: u32, to: u32) -> String {
    format!("{:04}-{:02}-{:02}", random.u32(from..=to), random.u32(1..=12), random.u32(1..=28))
}

fn time(random: &mut Rng) -> String {
    let sign = random.choice(["", "-"]).expect("a sign");
    format!("'{sign}{}'", clock(random, 837))
}

fn clock(random: &mut Rng, hours: u32) -> String {
    let (minute, second) = (random.u32(..60), random.u32(..60));
    format!("{:02}:{minute:02}:{second:02}.{:06}", random.u32(..=hours), random.u32(..1_000_000))
}

/// Ends in zero bytes now and then: the binlog leaves those of a BINARY out.
fn bytes(most: usize, random: &mut Rng) -> String {
    let length = random.usize(0..=most.min(400));
    let zeros = random.usize(0..=3).min(length);
    let some: String = (zeros..length).map(|_| format!("{:02X}", random.u8(..))).collect();
    format!("X'{some}{}'", "00".repeat(zeros))
}

/// Begins with the canary; what the charset cannot hold the server replaces before it is stored.
fn text(column: &Column, random: &mut Rng) -> String {
    const COMMON: [char; 12] = ['a', 'Z', '7', ' ', '\'', '"', '\\', '\n', '\0', 'é', 'ß', 'ÿ'];
    const WIDE: [char; 4] = ['€', '日', 'Ж', 'ﬁ'];
    let most = declared(column, 120);
    let mut text: Vec<char> = CANARY.chars().collect();
    for _ in 0..random.usize(0..=most.min(150)) {
        let wide = column.charset.starts_with("utf8") && random.u8(..10) == 0;
        let sign = if wide { random.choice(WIDE) } else { random.choice(COMMON) };
        text.push(sign.expect("a sign"));
    }
    if column.charset == "utf8mb4" && random.u8(..8) == 0 {
        text.insert(CANARY.len(), '😀');
    }
    if column.charset == "ascii" {
        text.retain(char::is_ascii);
    }
    let text: String = text.into_iter().take(most).collect();
    format!("_utf8mb4 X'{}'", hex(&text))
}

fn json(random: &mut Rng) -> String {
    let number = random.choice(["1", "-5", "3000000000", "1.5", "1.5e300", "18446744073709551615"]);
    let number = number.expect("a number");
    let whole = random.i64(..);
    let text = match random.u8(..5) {
        0 => number.to_owned(),
        1 => format!("[{number}, null, \"{CANARY}\", {{\"ä\": [true, []]}}]"),
        2 => format!("\"{CANARY} \\\"quoted\\\" \\u00e9\""),
        _ => format!(
            "{{\"n\": {number}, \"whole\": {whole}, \"t\": \"{CANARY}\", \"d\": {{\"e\": {{}}}}}}"
        ),
    };
    format!("CAST(_utf8mb4 X'{}' AS JSON)", hex(&text))
}

fn geometry(column: &Column, random: &mut Rng) -> String {
    let mut number = || f64::from(random.i32(-800..800)) / 8.0;
    let (x, y, w, h) = (number(), number(), number().abs() + 1.0, number().abs() + 1.0);
    let text = match column.data_type.as_str() {
        "linestring" => format!("LINESTRING({x} {y}, {w} {h})"),
        "polygon" => {
            let (right, top) = (x + w, y + h);
            format!("POLYGON(({x} {y}, {right} {y}, {right} {top}, {x} {top}, {x} {y}))")
        }
        "geometry" | "point" => format!("POINT({x} {y})"),
        other => panic!("the writer does not know {other}"),
    };
    format!("ST_GeomFromText('{text}')")
}

/// The number between the parentheses of a type.
fn declared(column: &Column, default: usize) -> usize {
    let inside = column.column_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inside.and_then(|(number, _)| number.parse().ok()).unwrap_or(default)
}

/// How many members an ENUM or SET has.
fn members(column: &Column) -> usize {
    column.column_type.matches("','").count() + 1
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}
