//! Groups recorded on 11.8.9 (`testdata/mariadb.sql`).

use crate::{
    model::{
        gtid::{DomainPosition, GtidPosition},
        position::Position,
    },
    source::binlog::{
        BinlogError,
        event::kind,
        fixture::{MARIADB, Player, event_of, events},
        raw::Event,
        transaction::{Halt, tests::query},
    },
};

fn player() -> Player {
    let gtid_set = Some(GtidPosition::Mariadb(DomainPosition::default()));
    Player::at(Position { gtid_set, ..Position::default() }, Vec::new(), Vec::new())
}

async fn failure(player: &mut Player, events: Vec<Event<'static>>) -> BinlogError {
    match player.play(events).await {
        Err(Halt::Failed(error)) => error,
        other => panic!("no error but {other:?}"),
    }
}

#[tokio::test]
async fn groups_of_all_shapes_end_in_one_mark_each() {
    let mut player = player();
    player.play(events(MARIADB)).await.unwrap();
    let told = player.told.join(", ").replace(&"z".repeat(50), "ZZ").replace("-27720-", "-s-");
    let expected = "mark 0-s-1, mark 0-s-2, mark 0-s-3, \
        CREATE TABLE fixture.shapes, insert shapes + 1|'a', insert shapes + 2|'b', mark 0-s-4, \
        insert shapes + 3|'c', update shapes - 3|'c' + 3|'cc', mark 0-s-5, \
        CREATE TABLE fixture.plain, insert plain + 1, mark 0-s-6, \
        insert shapes + 6|'f', mark 7-s-1, delete shapes - 6|'f', mark 7-99-2, \
        insert shapes + 7|'g', mark 0-99-7, insert shapes + 8|'ZZ', insert shapes + 9|'i', mark 0-99-8, \
        update shapes - 9|'i' + 9|'ii', mark 0-99-9, delete shapes - 8|'ZZ', mark 0-99-10, \
        mark 0-99-11, mark 0-99-12, mark 0-99-13, mark 0-99-14, mark 0-99-15, \
        ALTER TABLE fixture.shapes, insert shapes + 10|'j'|5, mark 0-99-16, \
        insert shapes + 11|'k'|5, mark 0-99-17, \
        CREATE TABLE fixture.copied, insert copied + 10|'j', insert copied + 11|'k', mark 0-99-18, mark 0-99-19, ";
    assert!(told.starts_with(expected), "{told}");
}

#[tokio::test]
async fn the_position_is_the_last_transaction_of_each_domain() {
    let mut player = player();
    player.play(events(MARIADB)).await.unwrap();
    let position = player.assembler.position().clone();
    assert_eq!(position.to_string(), "0-99-22,7-99-2");
    let anchor = position.anchor.unwrap();
    assert!(anchor.offset > 0 && anchor.offset < position.offset);
    assert!(anchor.committed_micros > 1_700_000_000_000_000);
}

/// The recorded groups end in a prepared one; between it and its commit others come, in any order of numbers.
#[tokio::test]
async fn an_open_one_and_what_is_known_come_again() {
    let mut player = player();
    player.play(events(MARIADB)).await.unwrap();
    assert_eq!(player.told.last().unwrap(), "prepared 0-99-23");
    let place = |player: &mut Player| player.assembler.position().to_string();
    assert_eq!(place(&mut player), "0-99-22,7-99-2");
    let between = [standalone(0, 30), query("CREATE TABLE nothing.of (ours INT)")];
    player.play(between.to_vec()).await.unwrap();
    player.play(vec![standalone(0, 25), query("FLUSH TABLES")]).await.unwrap();
    assert_eq!(place(&mut player), "0-99-22,7-99-2");

    // As a server sends it to who stands there: the known end of the domain is told by itself, not by its number.
    player.told.clear();
    player.assembler.restart(4);
    player.play(again()).await.unwrap();
    player.play(between.to_vec()).await.unwrap();
    player.play(vec![standalone(0, 25), query("FLUSH TABLES")]).await.unwrap();
    assert!(player.told.is_empty(), "{:?}", player.told);
    player.play(vec![standalone(0, 26), query("XA COMMIT X'74776f',X'',1")]).await.unwrap();
    assert_eq!(player.told, ["insert shapes + 12|'l'|5", "mark 0-1-26 settles 0-99-23"]);
    assert_eq!(place(&mut player), "0-1-26,7-99-2");
}

/// The description of the stream, and the last group with the table map that it needs.
fn again() -> Vec<Event<'static>> {
    let all = events(MARIADB);
    let is_gtid = |event: &Event<'_>| event.header().kind == kind::DOMAIN_GTID;
    let last = all.iter().rposition(is_gtid).unwrap();
    let is_described = |event: &&Event| event.header().kind == kind::FORMAT_DESCRIPTION;
    all.iter().filter(is_described).chain(&all[last..]).cloned().collect()
}

/// The GTID of a statement that commits by itself.
fn standalone(domain: u32, sequence: u64) -> Event<'static> {
    let body =
        [&sequence.to_le_bytes()[..], &domain.to_le_bytes(), &[1, 0, 0, 0, 0, 0, 0]].concat();
    event_of(kind::DOMAIN_GTID, 9_000, &body)
}

/// A server that decrypts its binlog says that the file is encrypted in an event that may be skipped.
#[tokio::test]
async fn encryption_stops_it_only_where_it_concerns_the_reader() {
    let error = failure(&mut player(), vec![event_of(kind::START_ENCRYPTION, 300, &[1; 17])]).await;
    assert!(matches!(error, BinlogError::Encrypted), "{error}");
}

#[tokio::test]
async fn pieces_of_rows_are_refused_by_name() {
    let error = failure(&mut player(), vec![event_of(kind::PARTIAL_ROW_DATA, 300, &[1; 40])]).await;
    assert!(matches!(error, BinlogError::FragmentedRows), "{error}");
    assert!(error.to_string().contains("172"));
}

#[tokio::test]
async fn a_file_name_with_a_checksum_behind_it_is_read() {
    // As it is made up at the beginning of a dump, before the description that tells of checksums.
    let body = b"\x1d\x01\0\0\0\0\0\0binlog.000001";
    let mut with_sum = body.to_vec();
    with_sum.extend(checksum(kind::ROTATE, body).to_le_bytes());
    let mut with_another = body.to_vec();
    with_another.extend(*b"abcd");
    for (body, name) in [
        (&body[..], "binlog.000001"),
        (&with_sum, "binlog.000001"),
        (&with_another, "binlog.000001abcd"),
    ] {
        let mut player = player();
        player.play(vec![event_of(kind::ROTATE, 0, body)]).await.unwrap();
        assert_eq!(&*player.assembler.place.file, name);
    }
}

/// That of an event as `event_of` makes it, of this body and its checksum.
fn checksum(kind: u8, body: &[u8]) -> u32 {
    let size = u32::try_from(19 + body.len() + 4).unwrap();
    let header =
        [&1_u32.to_le_bytes()[..], &[kind], &1_u32.to_le_bytes(), &size.to_le_bytes(), &[0; 6]];
    crc32fast::hash(&[&header.concat(), body].concat())
}
