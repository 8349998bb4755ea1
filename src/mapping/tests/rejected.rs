//! Rows that cannot be told: never a panic, never silence, never a value in the reason.

use bson::{Binary, doc, spec::BinarySubtype};
use proptest::prelude::*;

use super::fixture::{INT, Outcome, VARCHAR, change, delete, insert, plan, table, text, update};
use crate::model::{
    change::ChangeKind,
    table::{Charset, ColumnType},
    value::{Date, DateTime, Instant, Text, Time, Value},
};

const BAD: Value<'static> = Value::Text(Text { bytes: b"secret\xff", charset: Charset::Utf8 });

fn raw() -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: b"secret\xff".to_vec() }
}

#[test]
fn the_row_is_kept_with_the_bytes_as_they_are() {
    let plan = plan(table(&[("id", INT), ("name", VARCHAR), ("n", INT)], &["id"]));
    let expected = Outcome::Rejected {
        filter: doc! {"_id": 1},
        row: doc! {"_id": 1, "id": 1, "name": raw(), "n": 2},
        replaced: None,
        reason: "column name: the bytes do not convert from utf8mb4 to UTF-8".to_owned(),
    };
    let row = [Value::Int(1), BAD, Value::Int(2)];
    assert_eq!(insert(&plan, &row), expected);
    // The before image's body is nobody's concern.
    assert_eq!(delete(&plan, &row), Outcome::Delete { filter: doc! {"_id": 1} });
    let Outcome::Write { .. } = update(&plan, &row, &[Value::Int(1), text("good"), Value::Int(2)])
    else {
        panic!("not written");
    };
}

#[test]
fn a_changed_key_is_told_although_the_row_is_not_written() {
    let plan = plan(table(&[("id", INT), ("name", VARCHAR)], &["id"]));
    let outcome = update(&plan, &[Value::Int(1), text("x")], &[Value::Int(2), BAD]);
    let Outcome::Rejected { filter, replaced, .. } = outcome else { panic!("not rejected") };
    assert_eq!((filter, replaced), (doc! {"_id": 2}, Some(doc! {"_id": 1})));
}

#[test]
fn a_key_that_does_not_convert_is_the_same_filter_every_time() {
    let plan = plan(table(&[("code", VARCHAR)], &["code"]));
    let refused = insert(&plan, &[BAD]);
    assert!(matches!(refused, Outcome::Rejected { .. }));
    assert_eq!(refused.filter(), doc! {"_id": raw()});
    assert_eq!(delete(&plan, &[BAD]), Outcome::Delete { filter: doc! {"_id": raw()} });
}

#[test]
fn a_key_of_another_type_is_never_deleted_by() {
    let plan = plan(table(&[("id", INT)], &["id"]));
    assert!(matches!(delete(&plan, &[text("1")]), Outcome::Rejected { .. }));
    assert!(matches!(delete(&plan, &[]), Outcome::Rejected { .. }));
    assert!(matches!(
        update(&plan, &[], &[Value::Int(1)]),
        Outcome::Rejected { replaced: None, .. }
    ));
}

#[test]
fn incomplete_and_overlong_rows_are_refused() {
    let plan = plan(table(&[("id", INT), ("n", INT)], &["id"]));
    let reason = |row: &[Value<'_>]| match insert(&plan, row) {
        Outcome::Rejected { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&[Value::Int(1)]), "column n: the row has no value for the column");
    assert!(reason(&[Value::Int(1), Value::Int(2), Value::Int(3)]).contains("no value"));
}

#[test]
fn values_outside_of_the_type_are_refused() {
    let label = vec!["a".to_owned()];
    for (kind, value) in [
        (INT, Value::Int(1 << 40)),
        (ColumnType::Int { bytes: 8, unsigned: true, boolean: false }, Value::Int(-1)),
        (ColumnType::Enum { labels: label.clone() }, Value::Enum(2)),
        (ColumnType::Set { labels: label }, Value::Set(2)),
        (ColumnType::Decimal { precision: 10, scale: 2 }, Value::WideDecimal("1.50")),
        (ColumnType::Json, Value::JsonText(b"{")),
        (ColumnType::Json, Value::JsonText(br#"{"\u0000":1}"#)),
        (ColumnType::Geometry, Value::Geometry(b"")),
        (
            ColumnType::DateTime { digits: 0 },
            Value::DateTime(DateTime { hour: 24, ..DateTime::default() }),
        ),
    ] {
        let plan = plan(table(&[("id", INT), ("v", kind)], &["id"]));
        let outcome = insert(&plan, &[Value::Int(1), value]);
        assert!(matches!(outcome, Outcome::Rejected { .. }), "{value:?}");
    }
}

fn any_value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::UInt),
        any::<f64>().prop_map(Value::Double),
        any::<u16>().prop_map(Value::Enum),
        any::<u64>().prop_map(Value::Set),
        any::<u64>().prop_map(Value::Bit),
        (any::<u16>(), any::<u8>(), any::<u8>()).prop_map(|(year, month, day)| Value::Date(Date {
            year,
            month,
            day
        })),
        (any::<i64>(), any::<u32>())
            .prop_map(|(seconds, micros)| Value::Timestamp(Instant { seconds, micros })),
        (any::<u16>(), any::<u32>()).prop_map(|(hours, micros)| Value::Time(Time {
            hours,
            micros,
            ..Time::default()
        })),
        Just(text("x")),
        Just(BAD),
        Just(Value::Bytes(b"\0\xff")),
        Just(Value::JsonText(b"[1]")),
        Just(Value::JsonBinary(b"\0\xff")),
        Just(Value::Geometry(b"\0\xff")),
        Just(Value::WideDecimal("x")),
    ]
}

fn any_type() -> impl Strategy<Value = ColumnType> {
    let labels = || vec!["a".to_owned(), "b".to_owned()];
    prop::sample::select(vec![
        INT,
        VARCHAR,
        ColumnType::Double,
        ColumnType::Decimal { precision: 65, scale: 2 },
        ColumnType::Bit { bits: 1 },
        ColumnType::Date,
        ColumnType::Timestamp { digits: 6 },
        ColumnType::Time { digits: 6 },
        ColumnType::Year,
        ColumnType::Binary { length: 4 },
        ColumnType::Enum { labels: labels() },
        ColumnType::Set { labels: labels() },
        ColumnType::Json,
        ColumnType::Geometry,
    ])
}

proptest! {
    #[test]
    fn any_value_in_any_column_gives_valid_documents(kind in any_type(), values in prop::collection::vec(any_value(), 0..4), keyless: bool) {
        let key: &[&str] = if keyless { &[] } else { &["id"] };
        let plan = plan(table(&[("id", INT), ("v", kind)], key));
        for change_kind in [ChangeKind::Read, ChangeKind::Update, ChangeKind::Delete] {
            change(&plan, change_kind, &values, &values);
        }
    }
}
