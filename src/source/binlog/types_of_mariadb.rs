//! The types of MariaDB by the bytes of a real server (see `testdata/mariadb-record.sh`): with `binlog_row_metadata` at
//! its default, which tells no charset and no name, and in full.

use proptest::prelude::*;

use super::{
    event::{self, kind},
    fixture::{Seen, events},
    layout::{self, Difference},
    rows::{self, show_change},
    table_map::{Dialect, TableMapHead},
    wire::Wire,
};
use crate::model::table::{Charset, Column, ColumnType, Key, KeyColumn, TableName, TableSchema};

const NO_LOG: &[u8] = include_bytes!("testdata/mariadb-types-no_log.bin");
const FULL: &[u8] = include_bytes!("testdata/mariadb-types-full.bin");

const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };

/// The table as schema discovery tells it.
pub(super) fn schema() -> TableSchema {
    let (utf8, latin1) = (Charset::Utf8, Charset::Latin1);
    let labels = |labels: [&str; 2]| labels.map(str::to_owned).to_vec();
    let kinds = [
        ("id", INT),
        ("u", ColumnType::Uuid),
        ("i4", ColumnType::Inet4),
        ("i6", ColumnType::Inet6),
        ("vc", ColumnType::Varchar { charset: utf8, max_bytes: 800 }),
        ("vcl", ColumnType::Varchar { charset: latin1, max_bytes: 2_000 }),
        ("vb", ColumnType::Varbinary { max_bytes: 100 }),
        ("tc", ColumnType::Text { charset: utf8, length_bytes: 2 }),
        ("bc", ColumnType::Blob { length_bytes: 3 }),
        ("j", ColumnType::Json),
        ("jc", ColumnType::Json),
        ("v", ColumnType::Vector { dimensions: 3 }),
        ("v2", ColumnType::Vector { dimensions: 100 }),
        ("g", ColumnType::Geometry),
        ("p", ColumnType::Geometry),
        ("la", ColumnType::Varchar { charset: latin1, max_bytes: 10 }),
        ("e", ColumnType::Enum { labels: labels(["a", "b"]) }),
        ("s", ColumnType::Set { labels: labels(["x", "y"]) }),
        ("ts", ColumnType::Timestamp { digits: 6 }),
        ("ti", ColumnType::Time { digits: 3 }),
        ("y", ColumnType::Year),
        ("bt", ColumnType::Bit { bits: 9 }),
        ("mu", ColumnType::Int { bytes: 3, unsigned: true, boolean: false }),
        ("inv", INT),
        ("gs", INT),
    ];
    let column = |(name, kind): (&str, ColumnType)| Column {
        name: name.to_owned(),
        kind,
        nullable: name != "id",
        generated: name == "gs",
        invisible: name == "inv",
        on_update_timestamp: false,
    };
    let part = KeyColumn { column: 0, descending: false };
    let key = Key { index: "PRIMARY".to_owned(), columns: vec![part], hidden: false };
    let columns = kinds.into_iter().map(column).collect();
    let name = TableName::new("fixture", "types");
    TableSchema { columns, key: Some(key), ..TableSchema::named(name) }
}

/// Every row image of a file, by the schema and the table map before it.
fn images(file: &[u8]) -> Vec<String> {
    let schema = schema();
    let mut dialect = Dialect::Mysql;
    let (mut cells, mut images) = (None, Vec::new());
    for event in events(file) {
        let (code, body) = (event.header().kind, event.data());
        match code {
            kind::FORMAT_DESCRIPTION => dialect = event::dialect(body).unwrap(),
            kind::TABLE_MAP => {
                let map = TableMapHead::parse(body).unwrap().columns(dialect).unwrap();
                cells = Some(layout::fit(&schema, &map).unwrap());
            }
            // MariaDB leaves generated columns out of these, stored ones too, whatever binlog_row_image says.
            kind::DELETE_ROWS_V1 => assert!(rows::head(code, body).unwrap().images.is_some()),
            kind::WRITE_ROWS_V1 => {
                let head = rows::head(code, body).unwrap();
                assert!(head.images.is_none());
                let mut wire = Wire(&body[head.start..]);
                let cells = cells.as_deref().unwrap();
                while !wire.is_empty() {
                    let mut seen = Seen::default();
                    show_change(cells, head.change, &mut wire, &mut seen).unwrap();
                    images.push(format!("{}{}", head.change.label(), seen.take()));
                }
            }
            _ => {}
        }
    }
    assert_eq!(dialect, Dialect::Mariadb);
    images
}

#[test]
fn every_type_is_read_as_the_snapshot_reads_it() {
    let expected: Vec<&str> = include_str!("testdata/mariadb-types.txt").lines().collect();
    for file in [NO_LOG, FULL] {
        let images = images(file);
        assert_eq!(images.iter().flat_map(|image| image.split('|')).collect::<Vec<_>>(), expected);
    }
}

/// What a full table map tells by itself fits what the server said of the table.
#[test]
fn a_full_map_keeps_what_it_cannot_tell() {
    let known = schema();
    for event in events(FULL) {
        if event.header().kind == kind::TABLE_MAP {
            let map = TableMapHead::parse(event.data()).unwrap().columns(Dialect::Mariadb).unwrap();
            let built = layout::build(&known.name, Some(&known), &map).unwrap();
            assert_eq!(built.columns, known.columns);
            let build = |without: &str| {
                let mut part = known.clone();
                part.columns.retain(|column| column.name != without);
                layout::build(&known.name, Some(&part), &map)
            };
            assert!(build("y").is_ok());
            for ambiguous in ["u", "i4", "i6", "j", "v"] {
                let refused = build(ambiguous);
                assert!(matches!(refused, Err(Difference::Layout(_))), "{ambiguous}: {refused:?}");
            }
        }
    }
}

proptest! {
    /// Cut or changed rows are errors or other values; what they inflate to is bounded by what they say.
    #[test]
    fn damaged_rows_never_panic(
        cut in 0_usize..900,
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
    ) {
        let schema = schema();
        let events = events(FULL);
        let map = events.iter().find(|event| event.header().kind == kind::TABLE_MAP);
        let map = TableMapHead::parse(map.unwrap().data()).unwrap().columns(Dialect::Mariadb);
        let cells = layout::fit(&schema, &map.unwrap()).unwrap();
        for event in &events {
            let (code, body) = (event.header().kind, event.data());
            if code != kind::WRITE_ROWS_V1 {
                continue;
            }
            let head = rows::head(code, body).unwrap();
            let mut bytes = body[head.start..].to_vec();
            for (place, byte) in &flips {
                let place = place % bytes.len();
                bytes[place] = *byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut % 60));
            let mut wire = Wire(&bytes);
            while !wire.is_empty() {
                let mut seen = Seen::default();
                if show_change(&cells, head.change, &mut wire, &mut seen).is_err() {
                    break;
                }
            }
        }
    }
}
