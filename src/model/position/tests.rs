//! Places, and how they move.

use super::*;

fn position(gtids: &str, server: &str, offset: u64) -> Position {
    Position {
        gtid_set: Some(gtids.parse().unwrap()),
        file: "binlog.000002".to_owned(),
        offset,
        server_uuid: server.to_owned(),
        ..Position::default()
    }
}

fn transaction(id: &str, offset: u64) -> Transaction {
    Transaction {
        gtid: Some(id.parse().unwrap()),
        file: "binlog.000002".into(),
        offset,
        committed_micros: 7,
    }
}

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

/// The transaction of this number, a hundred bytes long.
fn numbered(number: u64, has_gtid: bool) -> Transaction {
    let gtid = has_gtid.then(|| format!("{UUID}:{number}").parse().unwrap());
    Transaction { gtid, file: "b.1".into(), offset: number * 100, committed_micros: number }
}

fn at(end: u64, has_gtids: bool) -> Position {
    let gtid_set = has_gtids.then(|| format!("{UUID}:1-{end}").parse().unwrap());
    let offset = (end + 1) * 100;
    Position { gtid_set, file: "b.1".to_owned(), offset, ..Position::default() }
}

/// A position behind transaction 1 that has taken 2 and 4 as prepared, and 3 and 5 as ordinary ones.
fn with_two_open(has_gtids: bool) -> Position {
    let mut position = at(1, has_gtids);
    for number in 2..=5 {
        let (one, end) = (numbered(number, has_gtids), (number + 1) * 100);
        if number % 2 == 0 {
            position.prepare(&one, end);
        } else {
            position.advance(&one, end);
        }
    }
    position
}

#[test]
fn what_is_prepared_is_left_out_of_the_set_until_it_is_settled() {
    let mut position = with_two_open(true);
    assert_eq!(position.to_string(), format!("{UUID}:1:3:5"));
    position.settle(&numbered(2, true), &numbered(6, true), 700);
    assert_eq!(position.to_string(), format!("{UUID}:1-3:5-6"));
    position.settle(&numbered(4, true), &numbered(7, true), 800);
    assert_eq!(position, Position { anchor: position.anchor.clone(), ..at(7, true) });
}

#[test]
fn without_gtids_the_place_stays_before_the_oldest() {
    let mut position = with_two_open(false);
    assert_eq!((position.offset, position.reached()), (200, ("b.1", 600)));
    position.settle(&numbered(2, false), &numbered(6, false), 700);
    assert_eq!((position.offset, position.reached()), (400, ("b.1", 700)));
    position.pass("b.2", 4);
    assert_eq!((position.file.as_str(), position.reached()), ("b.1", ("b.2", 4)));
    position.settle(&numbered(4, false), &numbered(7, false), 800);
    assert_eq!(position, at(7, false));
}

#[test]
fn an_open_one_is_covered_and_one_that_was_never_seen_is_not() {
    for has_gtids in [true, false] {
        let position = with_two_open(has_gtids);
        assert!(position.covers(&at(5, has_gtids)), "{position:?}");
        assert!(!position.covers(&at(6, has_gtids)), "{position:?}");
    }
    let theirs = at(7, true).gtid_set.unwrap();
    assert_eq!(with_two_open(true).lacks(&theirs), Some(2), "6 and 7");
}

/// In MariaDB's form, with two open ones in domain 0 and an ordinary one in domain 1.
fn with_two_open_in_a_domain() -> Position {
    let mut position = position("0-1-9", "1/a", 400);
    position.prepare(&transaction("0-1-10", 400), 500);
    position.advance(&transaction("0-1-11", 500), 600);
    position.prepare(&transaction("0-1-12", 600), 700);
    position.advance(&transaction("1-1-1", 700), 800);
    position.advance(&transaction("0-1-13", 800), 900);
    position
}

#[test]
fn a_place_in_a_domain_stays_before_the_oldest_open_one() {
    let mut open = with_two_open_in_a_domain();
    assert_eq!(open.to_string(), "0-1-9,1-1-1");
    assert_eq!(open.covered().unwrap().to_string(), "0-1-13,1-1-1");
    let known: Vec<String> = open.known_ahead().map(|gtid| gtid.to_string()).collect();
    assert_eq!(known, ["0-1-13"]);
    assert!(open.covers(&position("0-1-13,1-1-1", "1/a", 900)));
    assert!(!open.covers(&position("0-1-14", "1/a", 1000)));
    assert_eq!(open.lacks(&"0-1-15,1-1-1".parse().unwrap()), Some(2));
    let text = serde_json::to_string(&open).unwrap();
    assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), open);

    open.settle(&transaction("0-1-10", 400), &transaction("0-1-14", 900), 1000);
    assert_eq!((open.to_string().as_str(), open.offset), ("0-1-11,1-1-1", 600));
    // What comes again changes nothing.
    open.prepare(&transaction("0-1-12", 600), 1000);
    // The commit may be in another domain.
    open.settle(&transaction("0-1-12", 600), &transaction("1-1-2", 1000), 1100);
    let anchor = open.anchor.clone();
    assert_eq!(open, Position { anchor, ..position("0-1-14,1-1-2", "1/a", 1100) });
}

#[test]
fn the_first_of_a_domain_may_be_open() {
    let mut open = position("0-1-9", "1/a", 400);
    open.prepare(&transaction("7-1-1", 400), 500);
    open.advance(&transaction("7-1-2", 500), 600);
    assert_eq!(open.to_string(), "0-1-9", "domain 7 has no place yet");
    assert_eq!(open.known_ahead().count(), 1);
    open.settle(&transaction("7-1-1", 400), &transaction("7-1-3", 600), 700);
    assert_eq!(open.to_string(), "0-1-9,7-1-3");
}

#[test]
fn what_comes_again_stays_one() {
    for has_gtids in [true, false] {
        let mut position = with_two_open(has_gtids);
        position.prepare(&numbered(2, has_gtids), 300);
        assert_eq!(position.open_xa.unwrap().prepared.len(), 2);
    }
}

#[test]
fn a_domain_is_passed_by_its_number_or_by_its_place() {
    let end = position("0-1-10", "1/a", 500);
    let mut ours = position("0-1-9", "1/a", 400);
    assert!(!ours.covers(&end));
    ours.advance(&transaction("0-1-10", 400), 500);
    assert!(ours.covers(&end));
    // A session went back with its number.
    ours.advance(&transaction("0-1-5", 500), 600);
    assert!(ours.covers(&end));
    ours.move_to("2/b");
    assert!(!ours.covers(&end), "a place of another server proves nothing");
    assert_eq!((ours.anchor.as_ref(), ours.file.as_str()), (None, ""));
}

#[test]
fn a_transaction_of_the_other_flavour_leaves_no_anchor() {
    let mut ours = position("0-1-9", "1/a", 400);
    ours.advance(&transaction("3e11fa47-71ca-11e1-9e33-c80aa9429562:7", 400), 500);
    assert_eq!((ours.to_string().as_str(), ours.anchor), ("0-1-9", None));
}

#[test]
fn positions_saved_before_mariadb_was_known_are_read() {
    let saved = serde_json::json!({
        "gtid_set": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
        "file": "binlog.000002",
        "offset": 157,
        "server_uuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562",
        "anchor": {
            "gtid": "3e11fa47-71ca-11e1-9e33-c80aa9429562:5",
            "file": "binlog.000002",
            "offset": 97,
            "committed_micros": 1,
        },
    });
    let read: Position = serde_json::from_value(saved.clone()).unwrap();
    assert!(matches!(read.gtid_set, Some(GtidPosition::Mysql(_))));
    assert_eq!(serde_json::to_value(&read).unwrap(), saved);
}

#[test]
fn what_an_earlier_version_saved_is_read() {
    let saved = r#"{"gtid_set":null,"file":"b.1","offset":4,"server_uuid":"","anchor":null}"#;
    let position: Position = serde_json::from_str(saved).unwrap();
    assert_eq!(serde_json::to_string(&position).unwrap(), saved);
    let open = with_two_open(true);
    let text = serde_json::to_string(&open).unwrap();
    assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), open);
}
