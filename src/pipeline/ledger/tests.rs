use std::collections::BTreeMap;

use super::*;
use crate::model::{
    key::SqlValue,
    position::Transaction,
    snapshot::{KeyRange, RangeDone, SnapshotState},
    table::TableName,
};

fn at(offset: u64) -> Position {
    Position {
        file: "binlog.000001".into(),
        offset,
        server_uuid: "a".into(),
        ..Position::default()
    }
}

fn transaction(offset: u64) -> Mark {
    Mark::Transaction { transaction: taken(offset), end_offset: offset + 10 }
}

fn taken(offset: u64) -> Arc<Transaction> {
    let file = "binlog.000001".into();
    Arc::new(Transaction { gtid: None, file, offset, committed_micros: offset })
}

fn streaming() -> Ledger {
    let mut ledger = Ledger::new(State { position: Some(at(0)), ..State::default() });
    ledger.note_mark(Mark::StreamStarted { position: Box::new(at(0)) });
    assert!(ledger.take_dirty().is_some());
    ledger
}

fn offset(ledger: &Ledger) -> u64 {
    ledger.state().position.as_ref().map_or(0, |position| position.offset)
}

#[test]
fn a_position_moves_only_when_the_rows_before_it_are_durable() {
    let mut ledger = streaming();
    let first = ledger.batch_opened();
    ledger.note_mark(transaction(10));
    assert_eq!(ledger.take_dirty(), None);
    let second = ledger.batch_opened();
    ledger.note_mark(transaction(20));
    ledger.batch_landed(second);
    assert_eq!(offset(&ledger), 0, "the first batch is still on its way");
    ledger.batch_landed(first);
    assert_eq!(offset(&ledger), 30);
}

#[test]
fn a_batch_that_ends_inside_a_transaction_covers_only_the_one_before() {
    let mut ledger = streaming();
    let first = ledger.batch_opened();
    ledger.note_mark(transaction(10));
    let second = ledger.batch_opened();
    ledger.batch_landed(first);
    assert_eq!(offset(&ledger), 20);
    ledger.note_mark(transaction(20));
    ledger.batch_landed(second);
    assert_eq!(offset(&ledger), 30);
}

#[test]
fn transactions_without_rows_of_ours_move_the_position_too() {
    let mut ledger = streaming();
    ledger.note_mark(transaction(10));
    assert_eq!(ledger.take_dirty(), Some(StatePart::Position));
    assert_eq!(offset(&ledger), 20);
    let number = ledger.batch_opened();
    ledger.note_mark(transaction(20));
    ledger.note_mark(transaction(30));
    assert_eq!(ledger.take_dirty(), None, "they stand behind rows that are on their way");
    ledger.batch_landed(number);
    assert_eq!(offset(&ledger), 40);
}

#[test]
fn nothing_is_consistent_before_the_end_of_the_snapshot_is_passed() {
    let snapshot =
        SnapshotState { start: at(0), reads_from: None, end: None, tables: BTreeMap::new() };
    let mut ledger = Ledger::new(State { snapshot: Some(Arc::new(snapshot)), ..State::default() });
    let range = RangeDone {
        table: TableName::new("shop", "orders"),
        order: 1,
        range: KeyRange { low: None, high: Some(vec![SqlValue::Int(5)]) },
        rows: 5,
    };
    let first = ledger.batch_opened();
    ledger.note_mark(Mark::Range(Box::new(range)));
    ledger.note_mark(Mark::SnapshotEnded { end: Box::new(at(20)) });
    ledger.note_mark(Mark::StreamStarted { position: Box::new(at(0)) });
    assert!(ledger.state().snapshot.as_ref().is_some_and(|snapshot| snapshot.tables.is_empty()));
    ledger.batch_landed(first);
    assert_eq!(ledger.take_dirty(), Some(StatePart::Progress));
    assert!(!ledger.state().consistent);
    ledger.note_mark(transaction(10));
    assert_eq!(ledger.take_dirty(), Some(StatePart::Progress));
    assert!(ledger.state().consistent);
}

#[test]
fn an_idle_source_is_consistent_at_once() {
    let snapshot =
        SnapshotState { start: at(7), reads_from: None, end: Some(at(7)), tables: BTreeMap::new() };
    let mut ledger = Ledger::new(State { snapshot: Some(Arc::new(snapshot)), ..State::default() });
    ledger.note_mark(Mark::StreamStarted { position: Box::new(at(7)) });
    assert_eq!(ledger.take_dirty(), Some(StatePart::Progress));
    assert!(ledger.state().consistent);
}

#[test]
fn a_schema_is_saved_with_the_rows_before_it() {
    let mut ledger = streaming();
    let number = ledger.batch_opened();
    ledger.note_schema(Arc::new(TableSchema::named(TableName::new("shop", "orders"))));
    assert!(ledger.state().schemas.is_empty());
    ledger.batch_landed(number);
    assert_eq!(ledger.take_dirty(), Some(StatePart::All));
    assert_eq!(ledger.state().schemas.len(), 1);
}

#[test]
fn after_a_failover_file_and_offset_are_the_new_servers() {
    let mut ledger = streaming();
    ledger.note_mark(transaction(10));
    ledger.note_mark(Mark::Server { server_uuid: "b".into() });
    assert!(ledger.take_dirty().is_some());
    let position = ledger.state().position.clone().unwrap();
    assert_eq!((position.server_uuid.as_str(), position.offset), ("b", 0));
    ledger.note_mark(Mark::Passed { file: "other.000007".into(), offset: 300 });
    assert!(ledger.take_dirty().is_some());
    let position = ledger.state().position.clone().unwrap();
    assert_eq!((position.file.as_str(), position.offset), ("other.000007", 300));
}

#[test]
fn a_mark_waits_for_every_lane_that_was_open_before_it() {
    let mut ledger = streaming();
    let (slow, quick) = (ledger.batch_opened(), ledger.batch_opened());
    ledger.note_mark(transaction(10));
    ledger.batch_landed(quick);
    assert_eq!(offset(&ledger), 0);
    let next = ledger.batch_opened();
    ledger.note_mark(transaction(20));
    ledger.batch_landed(next);
    assert_eq!(offset(&ledger), 0, "the first batch is open and takes rows of both transactions");
    ledger.batch_landed(slow);
    assert_eq!(offset(&ledger), 30);
}

#[test]
fn the_saved_place_stays_before_a_prepared_transaction_until_its_rows_are_durable() {
    let mut ledger = streaming();
    ledger.note_mark(Mark::Prepared { transaction: taken(10), end_offset: 20 });
    ledger.note_mark(transaction(20));
    assert_eq!(ledger.take_dirty(), Some(StatePart::Position));
    assert_eq!(offset(&ledger), 10);
    assert!(ledger.state().position.as_ref().is_some_and(|position| position.covers(&at(30))));
    let rows = ledger.batch_opened();
    let (prepared, transaction) = (taken(10), taken(30));
    ledger.note_mark(Mark::Settled { prepared, transaction, end_offset: 40 });
    assert_eq!(ledger.take_dirty(), None);
    assert_eq!(offset(&ledger), 10);
    ledger.batch_landed(rows);
    assert_eq!((offset(&ledger), ledger.state().applied_micros), (40, 30));
    assert_eq!(
        ledger.state().position.as_ref().and_then(|position| position.open_xa.clone()),
        None
    );
}
