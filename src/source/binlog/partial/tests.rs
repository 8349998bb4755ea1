use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    model::table::{Charset, Column, ColumnDefault, ColumnType, TableName, TableSchema},
    source::binlog::fixture::{Count, Seen},
};

/// `id INT, a INT DEFAULT 5, g INT AS (…), t TEXT, j JSON`.
fn plan(dialect: Dialect) -> Plan {
    let int = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
    let text = ColumnType::Text { charset: Charset::Utf8, length_bytes: 1 };
    let kinds = [int.clone(), int.clone(), int, text, ColumnType::Json];
    let column = |(kind, name): (ColumnType, &str)| Column {
        name: name.to_owned(),
        kind,
        nullable: true,
        generated: name == "g",
        invisible: false,
        on_update_timestamp: false,
    };
    let columns = kinds.into_iter().zip(["id", "a", "g", "t", "j"]).map(column).collect();
    let literal = Some(ColumnDefault::Literal("5".to_owned()));
    let defaults = vec![None, literal, None, Some(ColumnDefault::Null), None];
    let name = TableName::new("shop", "things");
    let schema = TableSchema { columns, defaults, ..TableSchema::named(name) };
    let cells = [
        Cell::Int { bytes: 4 },
        Cell::Int { bytes: 4 },
        Cell::Int { bytes: 4 },
        Cell::Text { charset: Charset::Utf8, length_bytes: 1 },
        Cell::Json { length_bytes: 4 },
    ];
    Plan::new(Arc::new(schema), (cells.into(), None), dialect)
}

fn columns(bits: u8) -> Columns {
    Bitmap::read(&mut Wire(&[bits]), 5).unwrap().columns()
}

fn shown(
    plan: &Plan,
    (before, after, has_options): (u8, u8, bool),
    change: ChangeKind,
    bytes: &[u8],
) -> Result<String, Malformed> {
    let images = Images { before: columns(before), after: columns(after), has_options };
    let (mut seen, mut wire) = (Seen::default(), Wire(bytes));
    show_change(plan, &images, change, &mut wire, &mut seen)?;
    assert!(wire.is_empty(), "{} bytes are left", wire.0.len());
    Ok(seen.take())
}

/// The images as whole ones would show them, but for what is told to be absent: `=` unchanged, `?` untold.
fn check(
    dialect: Dialect,
    images: (u8, u8, bool),
    change: ChangeKind,
    bytes: &[u8],
    expected: &str,
) {
    assert_eq!(shown(&plan(dialect), images, change, bytes).as_deref(), Ok(expected));
}

const INT_7: [u8; 4] = [7, 0, 0, 0];
const INT_8: [u8; 4] = [8, 0, 0, 0];
/// JSON `[1]` in the binary form behind its length, and a difference that makes it `[2]`.
const JSON: [u8; 12] = [8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 1, 0];
const DIFF: [u8; 14] = [10, 0, 0, 0, 0, 4, b'$', b'[', b'0', b']', 3, 5, 2, 0];

#[test]
fn what_an_insert_lacks_has_its_default_where_that_is_known() {
    let bytes = [&[0][..], &INT_7].concat();
    check(Dialect::Mysql, (1, 1, false), ChangeKind::Insert, &bytes, " + 7|5|?|null|?");
}

#[test]
fn what_an_update_lacks_is_unchanged_and_shown_from_before_where_it_is_there() {
    let key_only = [&[0][..], &INT_7, &[0], &INT_8].concat();
    let expected = " - 7|?|?|?|? + 7|8|=|=|=";
    check(Dialect::Mysql, (1, 0b10, false), ChangeKind::Update, &key_only, expected);
    let more = [&[0b10][..], &INT_7, &[1, b'x'], &[0], &INT_8].concat();
    let expected = " - 7|null|?|'x'|? + 8|null|=|'x'|=";
    check(Dialect::Mysql, (0b1011, 1, false), ChangeKind::Update, &more, expected);
}

#[test]
fn what_is_generated_may_have_changed_in_mariadb() {
    let bytes = [&[0][..], &INT_7, &[0], &INT_8].concat();
    let expected = " - 7|?|?|?|? + 7|8|?|=|=";
    check(Dialect::Mariadb, (1, 0b10, false), ChangeKind::Update, &bytes, expected);
}

#[test]
fn differences_are_applied_where_the_value_before_is_there() {
    let empty = [0, 0, 0, 0];
    let update =
        |before: &[u8], diff: &[u8]| [&[0][..], &INT_7, before, &[1, 1], &[0], diff].concat();
    let plan = plan(Dialect::Mysql);
    let show = |images, bytes: &[u8]| shown(&plan, images, ChangeKind::Update, bytes);
    let changed = show((0b10001, 0b10000, true), &update(&JSON, &DIFF)).unwrap();
    assert!(!changed.contains("+ 7|=|=|=|=") && !changed.ends_with('?'), "{changed}");
    let same = show((0b10001, 0b10000, true), &update(&JSON, &empty)).unwrap();
    let (before, after) = same.split_once(" + ").unwrap();
    assert_eq!(before.rsplit('|').next(), after.rsplit('|').next());
    let untold = show((1, 0b10000, true), &update(&[], &DIFF));
    assert_eq!(untold.as_deref(), Ok(" - 7|?|?|?|? + 7|=|=|=|?"));
    let unchanged = show((1, 0b10000, true), &update(&[], &empty));
    assert_eq!(unchanged.as_deref(), Ok(" - 7|?|?|?|? + 7|=|=|=|="));
    let mut bad = DIFF;
    bad[8] = b'9';
    assert!(show((0b10001, 0b10000, true), &update(&JSON, &bad)).is_err());
    let unknown_option = [&[0][..], &INT_7, &[2, 0]].concat();
    assert!(show((1, 0b10000, true), &unknown_option).is_err());
}

proptest! {
    #[test]
    fn any_images_end_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        (before, after, has_options) in any::<(u8, u8, bool)>(),
    ) {
        let plan = plan(Dialect::Mysql);
        let images = Images { before: columns(before), after: columns(after), has_options };
        for change in [ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete] {
            let mut count = Count::default();
            let outcome = show_change(&plan, &images, change, &mut Wire(&bytes), &mut count);
            prop_assert!(outcome.is_err() || count.0 >= 5);
        }
    }
}
