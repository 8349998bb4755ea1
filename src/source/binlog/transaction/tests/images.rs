//! Row images without some columns, as recorded from a real server by `testdata/images.sql`.

use super::{
    super::super::{
        error::BinlogError,
        fixture::{IMAGES, Player, event_of, events},
        raw::Event,
    },
    failure,
};
use crate::source::binlog::event::kind;

/// The events up to the first rows of the table without a key: an INSERT of nothing but defaults, which is the event that
/// is left out.
fn before_the_bare_row() -> (Player, Vec<Event<'static>>, Vec<u8>) {
    let mut all = events(IMAGES);
    let is_bare = |event: &Event<'_>| {
        event.header().kind == kind::WRITE_ROWS && event.data().ends_with(&[2, 0, 2, 0])
    };
    let place = all.iter().position(is_bare).unwrap();
    let body = all[place].data().to_vec();
    all.truncate(place);
    (Player::new(Vec::new(), Vec::new()), all, body)
}

#[tokio::test]
async fn every_image_is_read_as_the_server_wrote_it() {
    let mut player = Player::new(Vec::new(), Vec::new());
    player.play(events(IMAGES)).await.unwrap();
    let told: Vec<String> = player.told.iter().map(|line| without_json(line)).collect();
    assert_eq!(told, TOLD);
}

/// MySQL 9.7 logs `INSERT INTO t () VALUES ()` under MINIMAL as an event without a byte of rows.
#[tokio::test]
async fn an_insert_of_nothing_but_defaults_is_one_row() {
    let (mut player, events, body) = before_the_bare_row();
    player.play(events).await.unwrap();
    player.told.clear();
    player.play(vec![event_of(kind::WRITE_ROWS, 0, &body)]).await.unwrap();
    assert_eq!(player.told, ["insert keyless + ?|?"]);
}

/// Nothing would ever be taken of them, so that reading them would not end.
#[tokio::test]
async fn bytes_behind_images_without_columns_are_damage() {
    for (kind, more) in [
        (kind::WRITE_ROWS, &[0_u8][..]),
        (kind::DELETE_ROWS, &[]),
        (kind::DELETE_ROWS, &[0, 0]),
        (kind::UPDATE_ROWS, &[0]),
        (kind::UPDATE_ROWS, &[0, 1, 2]),
    ] {
        let (mut player, mut events, body) = before_the_bare_row();
        events.push(event_of(kind, 0, &[&body, more].concat()));
        let error = failure(&mut player, events).await;
        let is_malformed = matches!(&error, BinlogError::Malformed { .. });
        assert!(is_malformed, "{kind} with {more:?}: {error:?}");
    }
}

/// JSON is compared with the server's in `codec::json`; here only whether it is there.
fn without_json(line: &str) -> String {
    let cells = line.split('|').map(|cell| match cell.strip_prefix("json ") {
        Some(_) => "json".to_owned(),
        None => cell.to_owned(),
    });
    cells.collect::<Vec<_>>().join("|")
}

/// What is told of all of it.
const TOLD: [&str; 34] = [
    "mark 1",
    "mark 2",
    "mark 3",
    "CREATE TABLE fixture.docs",
    "insert docs + 1|?|'one'|json|10|?",
    "insert docs + 2|?|null|json|10|?",
    "mark 4",
    "insert docs + 3|30|'three'|null|60|x626c6f62",
    "mark 5",
    "update docs - 1|?|?|?|?|? + 1|=|'first'|=|=|=",
    "mark 6",
    "update docs - 2|?|?|?|?|? + 4|=|=|null|=|=",
    "mark 7",
    "CREATE TABLE fixture.keyless",
    "insert keyless + ?|?",
    "mark 8",
    "insert keyless + ?|'x'",
    "insert keyless + ?|null",
    "mark 9",
    "update keyless - 5|'x' + 5|'y'",
    "mark 10",
    "delete keyless - 5|null",
    "mark 11",
    "update docs - 1|?|?|?|?|? + 1|=|=|?|=|=",
    "mark 12",
    "update docs - 1|?|?|?|?|? + 1|6|=|?|12|=",
    "mark 13",
    "update docs - 1|6|'first'|json|12|? + 1|6|'first'|json|12|=",
    "mark 14",
    "update docs - 1|6|'first'|json|12|null + 1|6|'again'|json|12|null",
    "mark 15",
    "update docs - 1|6|'again'|json|12|null + 1|6|'again'|json|12|null",
    "delete docs - 3|?|?|?|?|?",
    "mark 16",
];
