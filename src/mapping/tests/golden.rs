//! The golden table: a value of a column type, and the exact BSON that it becomes in the body and in a key.

use std::str::FromStr;

use bson::{Binary, Bson, DateTime, Decimal128, doc, spec::BinarySubtype};

use super::fixture::{INT, VARCHAR, insert, parse, plan, table, text};
use crate::model::{
    change::{ChangeKind, Image, RowVisitor},
    table::{Charset, ColumnType},
    value::{self, Date, Instant, Text, Time, Value},
};

fn int(bytes: u8, unsigned: bool) -> ColumnType {
    ColumnType::Int { bytes, unsigned, boolean: false }
}

fn labels<const N: usize>(labels: [&str; N]) -> Vec<String> {
    labels.map(str::to_owned).to_vec()
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(Decimal128::from_str(text).unwrap())
}

fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

fn millis(millis: i64) -> Bson {
    Bson::DateTime(DateTime::from_millis(millis))
}

fn fixed(negative: bool, coefficient: u128, scale: u8) -> Value<'static> {
    Value::Decimal(value::Decimal { negative, coefficient, scale })
}

const fn date(year: u16, month: u8, day: u8) -> Date {
    Date { year, month, day }
}

fn moment(date: Date, micros: u32) -> Value<'static> {
    Value::DateTime(value::DateTime { date, hour: 1, minute: 2, second: 3, micros })
}

/// Body and key of a value, both checked byte by byte: a row's document must be what the bson crate itself would write.
#[track_caller]
fn check(kind: ColumnType, value: Value<'_>, body: impl Into<Bson>, key: impl Into<Option<Bson>>) {
    let (body, key) = (body.into(), key.into());
    let keyed = key.is_some();
    let columns = [("n", INT), ("v", kind)];
    let plan = plan(table(&columns, if keyed { &["v"] } else { &["n"] }));
    let mut mapper = super::super::RowMapper::default();
    let mut visitor = mapper.visitor(&plan);
    visitor.cell(Image::After, 0, Value::Int(7));
    visitor.cell(Image::After, 1, value);
    let super::super::Mapped::Write { document, .. } = mapper.finish(&plan, ChangeKind::Read)
    else {
        panic!("{value:?} is not written");
    };
    let expected = doc! {"_id": key.unwrap_or(Bson::Int32(7)), "n": 7, "v": body};
    assert_eq!(parse(document), expected);
    assert_eq!(document, expected.to_vec().unwrap(), "{value:?}");
}

#[track_caller]
fn same(kind: ColumnType, value: Value<'_>, bson: impl Into<Bson>) {
    let bson = bson.into();
    check(kind, value, bson.clone(), bson);
}

#[test]
fn integers() {
    for bytes in [1, 2, 3, 4] {
        same(int(bytes, false), Value::Int(-5), -5);
    }
    for bytes in [1, 2, 3] {
        same(int(bytes, true), Value::UInt(5), 5);
    }
    same(int(4, false), Value::Int(i32::MIN.into()), i32::MIN);
    same(int(4, true), Value::UInt(u32::MAX.into()), i64::from(u32::MAX));
    same(int(4, true), Value::UInt(0), 0_i64);
    same(int(8, false), Value::Int(i64::MIN), i64::MIN);
    same(int(8, true), Value::UInt(5), 5_i64);
    same(int(8, true), Value::UInt(i64::MAX.cast_unsigned()), i64::MAX);
    same(int(8, true), Value::UInt(u64::MAX), decimal("18446744073709551615"));
    same(ColumnType::Int { bytes: 1, unsigned: false, boolean: true }, Value::Int(1), 1);
}

#[test]
fn floats_and_decimals() {
    same(ColumnType::Float, Value::Float(1.1), 1.100_000_023_841_858);
    same(ColumnType::Double, Value::Double(-2.5e-300), -2.5e-300);
    check(ColumnType::Double, Value::Double(-0.0), -0.0, Bson::Double(0.0));
    let money = || ColumnType::Decimal { precision: 10, scale: 2 };
    same(money(), fixed(true, 150, 2), decimal("-1.50"));
    same(money(), fixed(true, 0, 2), decimal("0.00"));
    let widest = ColumnType::Decimal { precision: 34, scale: 30 };
    let nines = 10_u128.pow(34) - 1;
    same(widest, fixed(false, nines, 30), decimal("9999.999999999999999999999999999999"));
    let wider = || ColumnType::Decimal { precision: 65, scale: 30 };
    same(
        wider(),
        Value::WideDecimal("-0.000000000000000000000000000001"),
        "-0.000000000000000000000000000001",
    );
    same(wider(), Value::WideDecimal("0001.5"), "1.5");
}

#[test]
fn bits_and_years() {
    same(ColumnType::Bit { bits: 1 }, Value::Bit(1), true);
    same(ColumnType::Bit { bits: 1 }, Value::Bit(0), false);
    same(ColumnType::Bit { bits: 9 }, Value::Bit(257), 257_i64);
    same(ColumnType::Bit { bits: 64 }, Value::Bit(u64::MAX), decimal("18446744073709551615"));
    same(ColumnType::Year, Value::Year(0), 0);
    same(ColumnType::Year, Value::Year(2155), 2155);
}

#[test]
fn dates_and_times() {
    let leap = date(2000, 2, 29);
    same(ColumnType::Date, Value::Date(leap), millis(951_782_400_000));
    same(ColumnType::DateTime { digits: 0 }, moment(leap, 0), millis(951_786_123_000));
    same(ColumnType::DateTime { digits: 3 }, moment(leap, 7_000), millis(951_786_123_007));
    let fine = ColumnType::DateTime { digits: 6 };
    check(
        fine,
        moment(leap, 7_999),
        millis(951_786_123_007),
        Bson::from("2000-02-29T01:02:03.007999"),
    );
    let old = moment(date(1969, 12, 31), 1);
    let four = ColumnType::DateTime { digits: 4 };
    check(four, old, millis(-86_400_000 + 3_723_000), Bson::from("1969-12-31T01:02:03.0000"));
    let instant = |seconds, micros| Value::Timestamp(Instant { seconds, micros });
    same(ColumnType::Timestamp { digits: 2 }, instant(1, 120_000), millis(1_120));
    check(
        ColumnType::Timestamp { digits: 6 },
        instant(1_139_979_573, 999_999),
        millis(1_139_979_573_999),
        Bson::from("2006-02-15T04:59:33.999999Z"),
    );
    let span = |negative, hours| {
        Value::Time(Time { negative, hours, minutes: 5, seconds: 9, micros: 120 })
    };
    same(ColumnType::Time { digits: 0 }, span(false, 3), "03:05:09");
    same(ColumnType::Time { digits: 6 }, span(true, 838), "-838:05:09.000120");
}

#[test]
fn zero_and_impossible_dates() {
    let string = |text: &str| Bson::from(text);
    check(ColumnType::Date, Value::Date(date(0, 0, 0)), Bson::Null, string("0000-00-00"));
    check(ColumnType::Date, Value::Date(date(2021, 2, 30)), Bson::Null, string("2021-02-30"));
    check(
        ColumnType::DateTime { digits: 1 },
        moment(date(2021, 0, 1), 0),
        Bson::Null,
        string("2021-00-01T01:02:03.0"),
    );
    let never = Value::Timestamp(Instant::default());
    check(ColumnType::Timestamp { digits: 0 }, never, Bson::Null, string("0000-00-00T00:00:00Z"));
}

#[test]
fn text_and_bytes() {
    same(VARCHAR, text("né€😀\0"), "né€😀\0");
    same(ColumnType::Text { charset: Charset::Utf8, length_bytes: 2 }, text(""), "");
    let latin = |bytes| Value::Text(Text { bytes, charset: Charset::Latin1 });
    let char = ColumnType::Char { charset: Charset::Latin1, max_bytes: 9 };
    same(char, latin(b"caf\xe9\x80\x81"), "café€\u{81}");
    same(ColumnType::Binary { length: 4 }, Value::Bytes(b"ab"), binary(b"ab\0\0"));
    same(ColumnType::Varbinary { max_bytes: 9 }, Value::Bytes(b"ab"), binary(b"ab"));
    same(ColumnType::Blob { length_bytes: 1 }, Value::Bytes(b""), binary(b""));
}

#[test]
fn enums_and_sets() {
    let sizes = || ColumnType::Enum { labels: labels(["s", "größer"]) };
    same(sizes(), Value::Enum(2), "größer");
    same(sizes(), Value::Enum(0), "");
    let flags = || ColumnType::Set { labels: labels(["a", "b", "c"]) };
    check(flags(), Value::Set(0b101), vec!["a", "c"], Bson::from("a,c"));
    check(flags(), Value::Set(0), Bson::Array(Vec::new()), Bson::from(""));
    let most = ColumnType::Set { labels: (0..64).map(|member| format!("m{member}")).collect() };
    check(most, Value::Set(1 << 63), vec!["m63"], Bson::from("m63"));
}

#[test]
fn json_and_geometry() {
    let expected = || doc! {"a": [1, 1.5, decimal("1.50")]};
    check(ColumnType::Json, Value::JsonText(br#"{"a": [1, 1.5, 1.50]}"#), expected(), None);
    check(ColumnType::Json, Value::JsonText(b"null"), Bson::Null, None);
    check(ColumnType::Json, Value::JsonBinary(&[4, 1]), true, None);
    let point =
        [&[0; 4][..], &[1, 1, 0, 0, 0], &1.5_f64.to_le_bytes(), &2_f64.to_le_bytes()].concat();
    let geo = doc! {"type": "Point", "coordinates": [1.5, 2.0]};
    check(ColumnType::Geometry, Value::Geometry(&point), geo, None);
}

#[test]
fn null_is_null_in_every_type() {
    for kind in
        [INT, VARCHAR, ColumnType::Json, ColumnType::Geometry, ColumnType::Date, ColumnType::Year]
    {
        check(kind, Value::Null, Bson::Null, None);
    }
}

#[test]
fn zero_dates_are_counted() {
    let plan =
        plan(table(&[("id", INT), ("d", ColumnType::Date), ("e", ColumnType::Date)], &["id"]));
    let zero = Value::Date(Date::default());
    let super::fixture::Outcome::Write { coerced, .. } =
        insert(&plan, &[Value::Int(1), zero, zero])
    else {
        panic!("not written");
    };
    assert_eq!(coerced, 2);
}
