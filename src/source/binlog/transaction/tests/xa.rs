//! XA transactions, as recorded from a real server by `testdata/xa.sql`.

use super::{
    super::super::{
        error::BinlogError,
        fixture::{Player, XA, event_of, events},
        fresh::Fresh,
        raw::Event,
    },
    failure, gtid, query,
};
use crate::{
    model::{position::Position, table::TableName},
    source::binlog::{event::kind, transaction::Halt},
};

/// What is told of the rows and marks behind the two CREATE TABLE.
const TOLD: [&str; 14] = [
    "CREATE TABLE fixture.t",
    "insert t + 1|'a'",
    "mark 4",
    "prepared 5",
    "CREATE TABLE fixture.u",
    "prepared 6",
    "insert u + 1|'x'",
    "mark 7",
    "mark 8 settles 6",
    "insert u + 2|'x'",
    "mark 9",
    "prepared 10",
    "insert t + 2|'b'",
    "update t - 2|'b' + 2|'bb'",
];

fn without_gtids() -> Player {
    let start = Position { file: "b.1".into(), offset: 4, ..Position::default() };
    Player::at(start, Vec::new(), Vec::new())
}

fn set_of(player: &mut Player) -> String {
    let set = player.assembler.position().gtid_set.clone().unwrap().to_string();
    set.split_once(':').unwrap().1.to_owned()
}

#[tokio::test]
async fn rows_come_at_the_commit_and_never_after_a_rollback() {
    let mut player = Player::new(Vec::new(), Vec::new());
    player.play(events(XA)).await.unwrap();
    assert_eq!(player.told[3..17], TOLD);
    assert_eq!(player.told[17..], ["mark 11 settles 5"]);
    assert_eq!(set_of(&mut player), "1-9:11", "one is still open");
    // The open one was compressed.
    let commit = query("XA COMMIT X'7061636b6564',X'',1");
    player.play(vec![gtid(12), commit]).await.unwrap();
    let [first, second, mark] = &player.told[18..] else { panic!("{:?}", player.told) };
    assert!(first.starts_with("insert t + 20|") && second.starts_with("insert t + 21|"));
    assert_eq!(mark, "mark 12 settles 10");
    assert!(set_of(&mut player).starts_with("1-11"), "12 is another server's");
}

#[tokio::test]
async fn a_connection_that_begins_anew_receives_the_open_ones_again() {
    let mut player = Player::new(Vec::new(), Vec::new());
    let all = events(XA);
    let commit = all.len() - 2;
    player.play(all[..commit].to_vec()).await.unwrap();
    assert_eq!(set_of(&mut player), "1-4:6-9", "5 and 10 are open");
    player.assembler.restart(4);
    player.told.clear();
    // What a server sends to who has that set.
    let is_sent = |event: &&Event<'_>| event.header().log_pos > 0;
    let (mut sent, mut is_known) = (Vec::new(), false);
    for event in &all {
        let kind = event.header().kind;
        if kind == kind::GTID {
            let number = event.data().get(17).copied().unwrap();
            is_known = ![5, 10, 11].contains(&number);
        }
        if !is_known || kind == kind::FORMAT_DESCRIPTION {
            sent.push(event.clone());
        }
    }
    assert!(sent.iter().filter(is_sent).count() > 5);
    player.play(sent).await.unwrap();
    assert_eq!(player.told, ["insert t + 2|'b'", "update t - 2|'b' + 2|'bb'", "mark 11 settles 5"]);
    assert_eq!(set_of(&mut player), "1-9:11");
}

#[tokio::test]
async fn without_gtids_what_is_known_is_skipped_but_for_the_open_ones() {
    let mut player = without_gtids();
    let all = events(XA);
    player.play(all[..all.len() - 2].to_vec()).await.unwrap();
    let position = player.assembler.position().clone();
    assert_eq!(position.open_xa.as_ref().unwrap().prepared.len(), 2);
    assert!(position.offset < position.reached().1, "{position:?}");
    let first = super::super::super::request::first_offset(&position);
    assert_eq!(first, position.open_xa.as_ref().unwrap().prepared[0].offset);
    player.assembler.restart(first);
    player.assembler.is_described = true;
    player.told.clear();
    let again = all.iter().filter(|event| {
        let begins = event.header().log_pos.wrapping_sub(event.header().size);
        let is_inner = event.header().log_pos == 0;
        u64::from(begins) >= first || is_inner
    });
    player.play(again.cloned().collect()).await.unwrap();
    let [insert, update, mark] = &player.told[..] else { panic!("{:?}", player.told) };
    assert!(insert.starts_with("insert t + 2") && update.starts_with("update t - 2"));
    assert!(mark.contains("settles"));
    let position = player.assembler.position();
    assert_eq!(position.open_xa.as_ref().unwrap().prepared.len(), 1);
}

#[tokio::test]
async fn a_commit_without_its_rows_stops_unless_the_copy_holds_it() {
    let commit = || vec![gtid(7), query("XA COMMIT X'31',X'',1")];
    let mut player = Player::new(Vec::new(), Vec::new());
    let error = failure(&mut player, commit()).await;
    assert!(matches!(error, BinlogError::XaUnknown), "{error:?}");
    assert!(player.told.is_empty());

    let copied_to = |numbers: &str| Position {
        gtid_set: Some(format!("07070707-0707-0707-0707-070707070707:{numbers}").parse().unwrap()),
        ..Position::default()
    };
    let mut player = Player::new(Vec::new(), Vec::new());
    player.assembler.copied_to = Some(copied_to("1-7"));
    player.play(commit()).await.unwrap();
    assert_eq!(player.told, ["mark 7"]);
    let mut player = Player::new(Vec::new(), Vec::new());
    player.assembler.copied_to = Some(copied_to("1-6"));
    assert!(player.play(commit()).await.is_err());

    let mut player = Player::new(Vec::new(), Vec::new());
    player.play(vec![gtid(7), query("XA ROLLBACK X'31',X'',1")]).await.unwrap();
    assert_eq!(player.told, ["mark 7"], "there were no rows");
}

#[tokio::test]
async fn a_name_that_cannot_be_read_stops() {
    for event in [query("XA COMMIT 'one'"), event_of(kind::XA_PREPARE, 9000, &[0, 1, 0, 0, 0])] {
        let mut player = Player::new(Vec::new(), Vec::new());
        let outcome = player.play(vec![gtid(1), event]).await;
        let is_malformed = matches!(outcome, Err(Halt::Failed(BinlogError::Malformed { .. })));
        assert!(is_malformed, "{outcome:?}");
    }
}

/// A table that was copied between a transaction's preparing and its commit lacks the rows; one that was copied behind
/// the commit has them.
#[tokio::test]
async fn a_table_that_was_copied_later_takes_rows_by_their_commit() {
    let mut known = Player::new(Vec::new(), Vec::new());
    known.play(events(XA)).await.unwrap();
    let schemas = known.schemas.clone();
    let set = known.assembler.position().gtid_set.clone().unwrap().to_string();
    let uuid = set.split_once(':').unwrap().0.to_owned();
    for (numbers, has_rows) in [("1-9", true), ("1-11", false)] {
        let at = Position {
            gtid_set: Some(format!("{uuid}:{numbers}").parse().unwrap()),
            ..Position::default()
        };
        let mut player = Player::new(schemas.clone(), Vec::new());
        player.assembler.tables.fresh = Fresh::new(vec![(TableName::new("fixture", "t"), at)]);
        player.play(events(XA)[..].to_vec()).await.unwrap();
        let rows: Vec<_> = player.told.iter().filter(|line| line.contains(" t ")).collect();
        assert_eq!(rows.len(), if has_rows { 2 } else { 0 }, "{rows:?}");
        assert!(player.told.contains(&"insert u + 2|'x'".to_owned()));
    }
}
