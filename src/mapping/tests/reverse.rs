//! What is told of a key leads back to the key.

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use super::fixture::{INT, VARCHAR, plan, table};
use crate::{
    mapping::{Mapped, Plan, RowMapper},
    model::{
        change::{ChangeKind, Image, RowVisitor},
        key::SqlValue,
        table::{Charset, ColumnType},
        value::{Date, DateTime, Decimal, Instant, Text, Time, Value},
    },
};

fn identity(plan: &Plan, cells: &[Value<'_>]) -> RawDocumentBuf {
    let mut mapper = RowMapper::default();
    let mut visitor = mapper.visitor(plan);
    for (column, value) in cells.iter().enumerate() {
        visitor.cell(Image::Before, column, *value);
    }
    match mapper.finish(plan, ChangeKind::Delete) {
        Mapped::Delete { filter } => RawDocument::from_bytes(filter).unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn check(kind: &ColumnType, value: Value<'_>, expected: &SqlValue) {
    let plan = plan(table(&[("k", kind.clone())], &["k"]));
    let identity = identity(&plan, &[value]);
    assert_eq!(plan.key_of(&identity), Some(vec![expected.clone()]), "{kind:?} {identity:?}");
}

const DAY: Date = Date { year: 1969, month: 2, day: 28 };
const MOMENT: DateTime = DateTime { date: DAY, hour: 23, minute: 59, second: 58, micros: 123_000 };

#[test]
fn every_type_of_key_leads_back() {
    let literal = |text: &str| SqlValue::Literal(text.to_owned());
    let int = |bytes, unsigned| ColumnType::Int { bytes, unsigned, boolean: false };
    check(&INT, Value::Int(-7), &SqlValue::Int(-7));
    check(&int(4, true), Value::UInt(4_000_000_000), &SqlValue::Int(4_000_000_000));
    check(&int(8, true), Value::UInt(7), &SqlValue::UInt(7));
    check(&int(8, true), Value::UInt(u64::MAX), &SqlValue::UInt(u64::MAX));
    check(&ColumnType::Bit { bits: 1 }, Value::Bit(1), &SqlValue::UInt(1));
    check(&ColumnType::Bit { bits: 64 }, Value::Bit(u64::MAX), &SqlValue::UInt(u64::MAX));
    check(&ColumnType::Year, Value::Year(2026), &SqlValue::UInt(2026));
    check(&ColumnType::Float, Value::Float(0.1), &SqlValue::Float(0.1));
    check(&ColumnType::Double, Value::Double(-0.1), &SqlValue::Double(-0.1));
    let money = Decimal { negative: true, coefficient: 150, scale: 2 };
    let kind = ColumnType::Decimal { precision: 10, scale: 2 };
    check(&kind, Value::Decimal(money), &literal("-1.50"));
    let wide = ColumnType::Decimal { precision: 65, scale: 0 };
    let digits = "9".repeat(65);
    check(&wide, Value::WideDecimal(&digits), &literal(&digits));
    check(&ColumnType::Date, Value::Date(DAY), &literal("1969-02-28"));
    check(&ColumnType::Date, Value::Date(Date::default()), &literal("0000-00-00"));
    let moment = |digits| ColumnType::DateTime { digits };
    check(&moment(3), Value::DateTime(MOMENT), &literal("1969-02-28 23:59:58.123000"));
    check(&moment(6), Value::DateTime(MOMENT), &literal("1969-02-28 23:59:58.123000"));
    check(&moment(0), Value::DateTime(DateTime::default()), &literal("0000-00-00 00:00:00"));
    let instant = Instant { seconds: 1_139_979_573, micros: 500_000 };
    let stamp = |digits| ColumnType::Timestamp { digits };
    check(&stamp(3), Value::Timestamp(instant), &literal("2006-02-15 04:59:33.500000"));
    check(&stamp(6), Value::Timestamp(instant), &literal("2006-02-15 04:59:33.500000"));
    let time = Time { negative: true, hours: 838, minutes: 59, seconds: 59, micros: 0 };
    check(&ColumnType::Time { digits: 0 }, Value::Time(time), &literal("-838:59:59"));
    let charset = Charset::Latin1;
    let latin1 = ColumnType::Char { charset, max_bytes: 10 };
    let utf8 = SqlValue::Text { hex: "c3a9".to_owned(), charset: Charset::Utf8 };
    check(&latin1, Value::Text(Text { bytes: b"\xe9", charset }), &utf8);
    let bytes = SqlValue::Bytes { hex: "0100".to_owned() };
    check(&ColumnType::Binary { length: 2 }, Value::Bytes(b"\x01"), &bytes);
    let uuid = "00112233445566778899aabbccddeeff";
    let raw: Vec<u8> = (0..16_u8).map(|byte| byte * 17).collect();
    let bytes = |hex: &str| SqlValue::Bytes { hex: hex.to_owned() };
    check(&ColumnType::Uuid, Value::Bytes(&raw), &bytes(uuid));
    check(&ColumnType::Inet4, Value::Bytes(&[10, 0, 0, 1]), &bytes("0a000001"));
    check(&ColumnType::Inet6, Value::Bytes(&raw), &bytes(uuid));
    let labels = || ["a", "b", "c"].map(str::to_owned).to_vec();
    check(&ColumnType::Enum { labels: labels() }, Value::Enum(3), &SqlValue::UInt(3));
    check(&ColumnType::Enum { labels: labels() }, Value::Enum(0), &SqlValue::UInt(0));
    check(&ColumnType::Set { labels: labels() }, Value::Set(5), &SqlValue::UInt(5));
    check(&ColumnType::Set { labels: labels() }, Value::Set(0), &SqlValue::UInt(0));
}

#[test]
fn a_composite_key_leads_back_in_index_order() {
    let plan = plan(table(&[("a", INT), ("x", VARCHAR), ("b", VARCHAR)], &["b", "a"]));
    let text = Text { bytes: b"q", charset: Charset::Utf8 };
    let identity = identity(&plan, &[Value::Int(1), Value::Null, Value::Text(text)]);
    let expected =
        vec![SqlValue::Text { hex: "71".to_owned(), charset: Charset::Utf8 }, SqlValue::Int(1)];
    assert_eq!((plan.key_of(&identity), plan.key_columns()), (Some(expected), vec![2, 0]));
}

#[test]
fn what_no_row_has_leads_nowhere() {
    let by_number = plan(table(&[("k", INT)], &["k"]));
    let by_pair = plan(table(&[("a", INT), ("b", INT)], &["a", "b"]));
    let by_day = plan(table(&[("k", ColumnType::Date)], &["k"]));
    let hashed = plan(table(&[("k", INT)], &[]));
    for (plan, identity) in [
        (&by_number, rawdoc! { "_id": "1" }),
        (&by_number, rawdoc! { "_id": 1.5 }),
        (&by_number, rawdoc! { "_id": { "k": 1 } }),
        (&by_number, rawdoc! {}),
        (&by_pair, rawdoc! { "_id": 1 }),
        (&by_pair, rawdoc! { "_id": { "b": 1, "a": 1 } }),
        (&by_pair, rawdoc! { "_id": { "a": 1, "b": 1, "c": 1 } }),
        (&by_day, rawdoc! { "_id": bson::DateTime::from_millis(1) }),
        (&by_day, rawdoc! { "_id": bson::DateTime::MAX }),
        (&by_day, rawdoc! { "_id": "1'; DROP TABLE t" }),
        (&hashed, rawdoc! { "_id": 1 }),
    ] {
        assert_eq!(plan.key_of(&identity), None, "{identity:?}");
    }
}
