//! What a value must become: the question put to MySQL, and the BSON that its answer stands for.

use bson::{Binary, Bson, DateTime, Decimal128, spec::BinarySubtype};

use super::{json, table::Column};

/// The expression that makes MySQL tell the column as text without loss.
pub fn question(column: &Column) -> String {
    let name = format!("`{}`", column.name.replace('`', "``"));
    match column.data_type.as_str() {
        "bit" | "year" => format!("{name} + 0"),
        "float" => format!("CAST({name} AS DOUBLE)"),
        "date" | "datetime" | "timestamp" => format!("DATE_FORMAT({name}, '%Y-%m-%d %H:%i:%s.%f')"),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            format!("HEX(CONVERT({name} USING utf8mb4))")
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            format!("HEX({name})")
        }
        "json" => format!("HEX(CAST({name} AS CHAR CHARACTER SET utf8mb4))"),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => {
            format!("CAST(ST_AsGeoJSON({name}) AS CHAR)")
        }
        _ => name,
    }
}

/// The BSON of an answer.
pub fn value(column: &Column, answer: Option<&str>) -> Bson {
    let Some(answer) = answer else { return Bson::Null };
    match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "year" => Bson::Int32(parsed(answer)),
        "int" if !column.is_unsigned() => Bson::Int32(parsed(answer)),
        "int" => Bson::Int64(parsed(answer)),
        "bigint" => wide(answer),
        "bit" if column.column_type == "bit(1)" => Bson::Boolean(answer == "1"),
        "bit" => wide(answer),
        "float" | "double" => Bson::Double(parsed(answer)),
        "decimal" if column.precision <= 34 => decimal(answer),
        "decimal" | "time" => Bson::String(answer.to_owned()),
        "date" | "datetime" | "timestamp" => {
            instant(answer).map_or(Bson::Null, |millis| DateTime::from_millis(millis).into())
        }
        "set" => members(&string(answer)),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            Binary { subtype: BinarySubtype::Generic, bytes: unhex(answer) }.into()
        }
        "json" => json::parse(&string(answer), json::Numbers::AsWritten),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" => {
            Bson::String(string(answer))
        }
        kind if question(column).contains("ST_AsGeoJSON") => {
            assert!(!kind.is_empty());
            json::parse(answer, json::Numbers::Doubles)
        }
        other => panic!("the comparer does not know {other}"),
    }
}

/// The BSON of an answer that is part of a key: nothing may be merged there.
pub fn key_part(column: &Column, answer: Option<&str>) -> Bson {
    let text = answer.unwrap_or_default();
    let temporal = matches!(column.data_type.as_str(), "date" | "datetime" | "timestamp");
    if column.data_type == "set" {
        Bson::String(string(text))
    } else if temporal && (column.fraction_digits > 3 || instant(text).is_none()) {
        Bson::String(temporal_text(column, text))
    } else {
        value(column, answer)
    }
}

/// `2026-01-10T14:30:00.123456`, cut to the column's digits; with `Z` for a TIMESTAMP.
fn temporal_text(column: &Column, answer: &str) -> String {
    let (date, time) = answer.split_once(' ').expect("a date and a time");
    let (seconds, fraction) = time.split_once('.').expect("a fraction");
    if column.data_type == "date" {
        return date.to_owned();
    }
    let zone = if column.data_type == "timestamp" { "Z" } else { "" };
    match usize::try_from(column.fraction_digits).expect("a few digits") {
        0 => format!("{date}T{seconds}{zone}"),
        digits => format!("{date}T{seconds}.{}{zone}", &fraction[..digits]),
    }
}

/// Milliseconds since 1970, rounded down; nothing for a date that does not exist.
fn instant(answer: &str) -> Option<i64> {
    let number = |from: usize, to: usize| parsed::<i64>(&answer[from..to]);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    if year == 0 || month == 0 || day == 0 || day > days_of(year, month) {
        return None;
    }
    let seconds = number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19);
    Some((day_number(year, month, day) * 86_400 + seconds) * 1000 + number(20, 26) / 1000)
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the calendar that MySQL uses for all of time.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let before_year = |year: i64| 365 * year + year / 4 - year / 100 + year / 400;
    let before_month: i64 = (1..month).map(|month| days_of(year, month)).sum();
    before_year(year - 1) - before_year(1969) + before_month + day - 1
}

/// Int64 as far as that goes, then Decimal128.
fn wide(answer: &str) -> Bson {
    answer.parse().map_or_else(|_| decimal(answer), Bson::Int64)
}

fn decimal(answer: &str) -> Bson {
    let value: Decimal128 = answer.parse().unwrap_or_else(|_| panic!("no decimal: {answer}"));
    value.into()
}

fn members(joined: &str) -> Bson {
    let members = joined.split(',').filter(|member| !member.is_empty());
    Bson::Array(members.map(Bson::from).collect())
}

fn string(hex: &str) -> String {
    String::from_utf8(unhex(hex)).expect("UTF-8")
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit");
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).expect("a byte");
    hex.as_bytes().chunks(2).map(byte).collect()
}

fn parsed<T: std::str::FromStr>(answer: &str) -> T {
    answer.parse().unwrap_or_else(|_| panic!("unexpected answer {answer:?}"))
}

#[test]
fn instants_are_counted_in_the_calendar() {
    assert_eq!(instant("1970-01-01 00:00:00.000000"), Some(0));
    assert_eq!(instant("2026-01-10 14:30:00.123999"), Some(1_768_055_400_123));
    assert_eq!(instant("1969-12-31 23:59:59.999999"), Some(-1));
    assert_eq!(instant("1000-01-01 00:00:00.000000"), Some(-30_610_224_000_000));
    assert_eq!(instant("2023-02-29 00:00:00.000000"), None);
    assert_eq!(instant("2023-00-01 00:00:00.000000"), None);
}
