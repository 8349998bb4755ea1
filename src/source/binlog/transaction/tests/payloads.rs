//! Compressed transactions that are not what they say, and large ones.

use super::{
    super::super::{
        error::BinlogError,
        event::kind,
        fixture::{Player, SHAPES, event_of, inner},
        raw::{Event, Header},
    },
    before, failure,
};
use crate::source::binlog::transaction::Halt;

#[tokio::test]
async fn a_compressed_transaction_that_comes_short_is_no_transaction() {
    let (before, payload) = before(SHAPES, kind::TRANSACTION_PAYLOAD);
    let inner: Vec<Vec<u8>> = inner(&payload).iter().map(bytes_of).collect();
    let declared = inner.iter().map(Vec::len).sum();
    for lost in 0..=inner.len() {
        let mut short = inner.clone();
        short.drain(lost..(lost + 1).min(inner.len()));
        let mut player = Player::new(Vec::new(), Vec::new());
        let with = [before.clone(), vec![payload_of(declared, &short.concat())]].concat();
        let outcome = player.play(with).await;
        let is_told = player.told.contains(&"mark 8".to_owned());
        if lost == inner.len() {
            assert!(outcome.is_ok() && is_told, "{outcome:?}");
            continue;
        }
        let Err(Halt::Failed(error)) = outcome else { panic!("no error but {outcome:?}") };
        let is_seen = matches!(error, BinlogError::Payload { .. }) || error.is_corruption();
        assert!(is_seen && !is_told, "{lost}: {error:?}");
    }
    let all = inner.concat();
    for (declared, sent) in [(all.len(), &[][..]), (all.len() - 1, &all), (all.len() + 1, &all)] {
        let mut player = Player::new(Vec::new(), Vec::new());
        let with = [before.clone(), vec![payload_of(declared, sent)]].concat();
        let error = failure(&mut player, with).await;
        assert!(matches!(error, BinlogError::Payload { .. }), "{error:?}");
        assert!(!player.told.contains(&"mark 8".to_owned()));
    }
}

fn bytes_of(event: &Event<'_>) -> Vec<u8> {
    [&event.plain_header()[..], event.data()].concat()
}

/// Events that were not worth compressing.
fn payload_of(declared: usize, events: &[u8]) -> Event<'static> {
    let [low, high, ..] = declared.to_le_bytes();
    let head = [2, 3, 0xFC, 255, 0, 3, 3, 0xFC, low, high, 0];
    event_of(kind::TRANSACTION_PAYLOAD, 9000, &[&head[..], events].concat())
}

/// What it declares bounds nothing: the memory is that of what is in it.
#[tokio::test]
async fn a_compressed_transaction_is_held_against_the_limit_event_by_event() {
    let (before, payload) = before(SHAPES, kind::TRANSACTION_PAYLOAD);
    let mut inner: Vec<Vec<u8>> = inner(&payload).iter().map(bytes_of).collect();
    // Its last event but one is of rows.
    let rows = inner.len() - 2;
    let note = [&[1, 0, 0, 0, kind::IGNORABLE][..], &[1, 0, 0, 0, 0, 0, 16, 0], &[0; 6]].concat();
    let note = [note, vec![0; (1 << 20) - 19]].concat();
    for _ in 0..20 {
        inner.insert(rows, note.clone());
    }
    let with = [before, vec![compressed(&inner.concat())]].concat();
    let mut player = Player::new(Vec::new(), Vec::new());
    player.play(with).await.unwrap();
    assert!(player.told.contains(&"mark 8".to_owned()));
}

#[tokio::test]
async fn an_event_inside_past_the_limit_names_its_table_too() {
    let (before, payload) = before(SHAPES, kind::TRANSACTION_PAYLOAD);
    let mut inner: Vec<Vec<u8>> = inner(&payload).iter().map(bytes_of).collect();
    let rows = inner.len() - 2;
    let size = (1 << 20) + 1_usize;
    inner[rows].resize(size, 0);
    inner[rows][Header::SIZE].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
    let with = [before, vec![compressed(&inner.concat())]].concat();
    let error = failure(&mut Player::new(Vec::new(), Vec::new()), with).await;
    let BinlogError::TooLarge { table: Some(table), size: told, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((table.to_string().as_str(), told), ("fixture.shapes", size as u64));
}

fn compressed(events: &[u8]) -> Event<'static> {
    let [a, b, c, d, ..] = events.len().to_le_bytes();
    let head = [2, 1, 0, 3, 9, 0xFE, a, b, c, d, 0, 0, 0, 0, 0];
    let body = [&head[..], &zstd::bulk::compress(events, 3).unwrap()].concat();
    event_of(kind::TRANSACTION_PAYLOAD, 9000, &body)
}
