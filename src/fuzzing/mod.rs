//! The decoders by themselves, for fuzzers, tests of damaged bytes, and benches. Not shipped, and no promise to anyone.
//!
//! Each [`TARGETS`] entry takes any bytes at all. It returns, whatever they are; a panic is a broken promise: a document
//! that is no BSON, two roads to a value that differ, a set that its own text does not tell.

mod documents;

pub use documents::{Counted, Documents};

use std::sync::{Arc, OnceLock};

use crate::{
    codec::{CellFault, MAX_CELL_BYTES, compressed, element, geometry, json},
    config::SourceConfig,
    model::{
        gtid::{DomainPosition, GtidPosition, GtidSet},
        table::TableSchema,
    },
    source::{
        binlog::offline::{self, Known, Offline},
        schema::TableFilter,
    },
};

/// What is fed: a name and what takes the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("transaction", transaction),
    ("table_map", table_map),
    ("row_image", row_image),
    ("payload", payload),
    ("json_binary", json_binary),
    ("json_diff", json_diff),
    ("json_text", json_text),
    ("geometry", geometry),
    ("compressed", compressed),
    ("gtid_set", gtid_set),
    ("statement", statement),
];

/// The largest event that the targets take, in bytes.
pub const EVENT_LIMIT: u64 = 1 << 20;

/// What any input may hold, in bytes: the plans of a table of the most columns (4096), and a stream's own parts.
const HELD_BY_ANY: usize = 4 << 20;

/// How many bytes a target may hold for an input of this many.
///
/// What is compressed is larger by nature: zlib packs a byte at most 1032-fold, and zstd inside a transaction says its
/// size, which is held against the limit of an event.
#[must_use]
pub fn most_held(target: &str, input: usize) -> usize {
    let factor = match target {
        "compressed" | "row_image" | "transaction" => 3 * 1032,
        _ => 64,
    };
    HELD_BY_ANY + input * factor
}

/// Feeds the target of a name; false where there is none.
pub fn feed(name: &str, data: &[u8]) -> bool {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.inspect(|(_, take)| take(data)).is_some()
}

/// The stream of the database of the recorded files, whose tables are known as the server told them.
#[must_use]
pub fn recorded(is_mariadb: bool) -> Offline {
    static PARTS: OnceLock<(TableFilter, [Known; 2])> = OnceLock::new();
    let (filter, [mysql, mariadb]) = PARTS.get_or_init(|| {
        let databases = vec!["fixture".to_owned()];
        let filter = TableFilter::new(&SourceConfig { databases, ..SourceConfig::default() });
        let known = [
            include_str!("../source/binlog/testdata/types.json"),
            include_str!("../source/binlog/testdata/mariadb-types.json"),
        ];
        (filter.unwrap_or_else(|_| unreachable!()), known.map(known_tables))
    });
    let (start, known) = match is_mariadb {
        true => (GtidPosition::Mariadb(DomainPosition::default()), mariadb),
        false => (GtidPosition::Mysql(GtidSet::default()), mysql),
    };
    Offline::new(filter.clone(), start, Arc::clone(known), EVENT_LIMIT)
        .unwrap_or_else(|_| unreachable!())
}

fn known_tables(text: &str) -> Known {
    let tables: Vec<TableSchema> = serde_json::from_str(text).unwrap_or_default();
    Arc::new(tables.into_iter().map(|table| (table.name.clone(), table)).collect())
}

/// The events of a file behind its magic number. Sizes and checksums are put right first.
fn transaction(data: &[u8]) {
    let is_mariadb = data.windows(7).any(|word| word == b"MariaDB");
    play(is_mariadb, offline::cut(data).map(offline::sealed));
}

/// Plays events to the first error; all rows are mapped.
fn play(is_mariadb: bool, events: impl Iterator<Item = Vec<u8>>) {
    let mut stream = recorded(is_mariadb);
    let mut documents = Documents::default();
    for event in events {
        if stream.feed(&event, &mut |message| documents.take(message)).is_err() {
            break;
        }
    }
}

/// Event type codes, as in the stream.
mod kind {
    pub(super) const QUERY: u8 = 2;
    pub(super) const FORMAT_DESCRIPTION: u8 = 15;
    pub(super) const TABLE_MAP: u8 = 19;
    /// The rows events of both versions, the one with differences, and MariaDB's compressed ones.
    pub(super) const ROWS: [u8; 13] = [30, 31, 32, 23, 24, 25, 39, 166, 167, 168, 169, 170, 171];
    pub(super) const TRANSACTION_PAYLOAD: u8 = 40;
}

/// An event around a body.
fn event(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, kind, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&[0; 4]);
    offline::sealed(&bytes)
}

/// What a stream begins with, and a transaction: the format description of a server and BEGIN.
fn beginning(is_mariadb: bool) -> [Vec<u8>; 2] {
    let name: &[u8] = if is_mariadb { b"11.8.9-MariaDB-log" } else { b"9.7.4" };
    let mut version = [0; 50];
    version.iter_mut().zip(name).for_each(|(slot, letter)| *slot = *letter);
    // Binlog version 4, the server's version, no time, a header of 19 bytes, one size for each type, CRC32.
    let description = [&[4, 0][..], &version, &[0; 4], &[19], &[0; 42], &[1]].concat();
    let begin = [&[0; 8][..], &[0], &[0; 2], &[0; 2], &[0], b"BEGIN"].concat();
    [event(kind::FORMAT_DESCRIPTION, &description), event(kind::QUERY, &begin)]
}

/// A byte that says who wrote it, then the body of a table map.
fn table_map(data: &[u8]) {
    let Some((flavour, body)) = data.split_first() else { return };
    let is_mariadb = flavour & 1 == 1;
    let map = event(kind::TABLE_MAP, body);
    play(is_mariadb, beginning(is_mariadb).into_iter().chain([map]));
}

/// A byte: who wrote it (the lowest bit) and which kind of event; two bytes: the size of the table map's body; that body;
/// the rows event's body.
fn row_image(data: &[u8]) {
    let Some((&[flavour, low, high], bodies)) = data.split_first_chunk() else { return };
    let is_mariadb = flavour & 1 == 1;
    let size = usize::from(u16::from_le_bytes([low, high])).min(bodies.len());
    let (map, rows) = bodies.split_at_checked(size).unwrap_or((bodies, &[]));
    let place = usize::from(flavour >> 1) % kind::ROWS.len();
    let rows = event(kind::ROWS.get(place).copied().unwrap_or_default(), rows);
    let map = event(kind::TABLE_MAP, map);
    play(is_mariadb, beginning(is_mariadb).into_iter().chain([map, rows]));
}

/// A byte: 0 and the body of a compressed transaction; else the events inside one that is not compressed, whose sizes are
/// put right first.
fn payload(data: &[u8]) {
    let Some((form, data)) = data.split_first() else { return };
    let body = match form {
        0 => data.to_vec(),
        _ => uncompressed(&offline::cut(data).flat_map(offline::resized).collect::<Vec<u8>>()),
    };
    let payload = event(kind::TRANSACTION_PAYLOAD, &body);
    play(false, beginning(false).into_iter().chain([payload]));
}

/// The body of a transaction's payload that holds events as they are.
fn uncompressed(events: &[u8]) -> Vec<u8> {
    let size = u64::try_from(events.len()).unwrap_or(u64::MAX).to_le_bytes();
    // Its compression (none), its size, the end of the head; numbers of eight bytes are marked by 0xFE.
    [&[2, 3, 0xFC, 255, 0, 1, 9, 0xFE][..], &size, &[0], events].concat()
}

/// A value in the binary form. What it prints as is the same value.
fn json_binary(data: &[u8]) {
    let (mut direct, mut text, mut through) = (Vec::new(), Vec::new(), Vec::new());
    let tag = json::append_binary(&mut direct, data);
    let printed = json::print_binary(&mut text, data);
    if let (Ok(tag), Ok(())) = (tag, printed) {
        let read = json::append_text(&mut through, &text);
        let is_larger = read == Err(CellFault::TooLarge);
        assert!(is_larger || (read, &through) == (Ok(tag), &direct), "the two forms differ");
        check_payload(tag, &direct);
    }
}

/// Two bytes: the size of a value in the binary form; that value; differences from it. What they make of it can be read.
fn json_diff(data: &[u8]) {
    let Some((&size, rest)) = data.split_first_chunk() else { return };
    let size = usize::from(u16::from_le_bytes(size)).min(rest.len());
    let (before, diffs) = rest.split_at_checked(size).unwrap_or((rest, &[]));
    let (mut changed, mut out) = (Vec::new(), Vec::new());
    if json::apply_diffs(&mut changed, before, diffs).is_ok()
        && let Ok(tag) = json::append_binary(&mut out, &changed)
    {
        check_payload(tag, &out);
    }
}

/// A value in text form.
fn json_text(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(tag) = json::append_text(&mut out, data) {
        check_payload(tag, &out);
    }
}

/// A stored geometry: SRID and well-known binary.
fn geometry(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(tag) = geometry::append(&mut out, data) {
        check_payload(tag, &out);
    }
}

/// Whether a payload is one of its type.
fn check_payload(tag: u8, payload: &[u8]) {
    let mut document = Vec::new();
    let at = element::begin(&mut document);
    document.extend_from_slice(&[tag, b'v', 0]);
    document.extend_from_slice(payload);
    element::end(&mut document, at);
    documents::check(&document);
}

/// A compressed cell of MariaDB's.
fn compressed(data: &[u8]) {
    let mut scratch = Vec::new();
    let inflated = compressed::inflate(data, MAX_CELL_BYTES, &mut scratch).map(<[u8]>::len);
    assert!(inflated.is_ok_and(|bytes| bytes <= MAX_CELL_BYTES) || inflated.is_err());
}

/// The text of a set of GTIDs, or of MariaDB's position.
fn gtid_set(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(position) = text.parse::<DomainPosition>() {
        let again = position.to_string().parse::<DomainPosition>();
        assert!(
            again.is_ok_and(|again| again == position),
            "a position that its text does not tell"
        );
        assert!(position.contains_all(&position) && position.ahead_of(&position) == 0);
    }
    let Ok(set) = text.parse::<GtidSet>() else { return };
    let again = set.to_string().parse::<GtidSet>();
    assert!(again.is_ok_and(|again| again == set), "a set that its text does not tell");
    assert!(set.contains_set(&set) && set.subtract(&set).is_empty());
    let mut doubled = set.clone();
    doubled.union(&set);
    assert!(doubled == set && doubled.count() == set.count());
}

/// A byte of switches, the current database up to a NUL, then a statement.
fn statement(data: &[u8]) {
    let Some((switches, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let (database, text) = text.split_once('\0').unwrap_or(("", &text));
    let told = offline::statement(text, database, switches & 1 == 1);
    assert!(!told.is_empty());
}
