//! A recorded file with one thing wrong: every event cut off at every byte, every byte changed.
//!
//! As the server sent it, its checksum tells all of it: what is told before the error is the beginning of what the whole
//! file tells. With the checksum put right for the changed bytes the decoders see them, and must end in documents or an
//! error; what comes of it may be another value, which nothing can tell from the right one.

use std::collections::HashSet;

use binleaf::{
    fuzzing::most_held,
    source::binlog::offline::{cut, sealed},
};

use super::{Played, RECORDED, memory};

/// Event type codes.
const FORMAT_DESCRIPTION: u8 = 15;
const TABLE_MAP: u8 = 19;
const GTID: u8 = 33;
const TAGGED_GTID: u8 = 42;
const DOMAIN_GTID: u8 = 162;

/// Where in an event its type and its flags stand, how long its header is, and how many bytes from its end a format
/// description names the algorithm of the checksums.
const TYPE: usize = 4;
const FLAGS: usize = 17;
const HEADER: usize = 19;
const ALGORITHM: usize = 5;

struct Recorded {
    name: &'static str,
    is_mariadb: bool,
    events: Vec<Vec<u8>>,
    /// What all of it tells.
    told: Vec<String>,
}

impl Recorded {
    fn all() -> impl Iterator<Item = Self> {
        RECORDED.into_iter().map(|(name, is_mariadb, file)| {
            let events: Vec<Vec<u8>> = cut(&file[4..]).map(<[u8]>::to_vec).collect();
            let mut played = Played::telling(is_mariadb);
            // A file may end in a statement or an image that stops the stream; the rows before it are what counts.
            let _ignored = played.feed_all(&events);
            assert!(played.documents.counted.changes > 0, "{name}: the recorded rows were read");
            let told = played.told().to_vec();
            assert!(!told.iter().any(|line| line.contains("broken rows")), "{name}");
            Self { name, is_mariadb, events, told }
        })
    }

    /// The stream behind the events before this place; none where one of them stops it.
    fn before(&self, place: usize) -> Option<Played> {
        let mut played = Played::telling(self.is_mariadb);
        played.feed_all(&self.events[..place]).is_ok().then_some(played)
    }

    /// The stream behind the file's head and what came before this place in its transaction.
    fn inside(&self, place: usize) -> Option<Played> {
        let begins = |raw: &Vec<u8>| matches!(raw[TYPE], GTID | TAGGED_GTID | DOMAIN_GTID);
        let begin = self.events[..place].iter().rposition(begins).unwrap_or(place.min(1));
        let mut played = Played::new(self.is_mariadb);
        let head = self.events.iter().take(place.min(1));
        let events = head.chain(&self.events[begin.max(1).min(place)..place]);
        played.feed_all(events).is_ok().then_some(played)
    }

    /// The places of the events that are not just another one's bytes again.
    fn distinct(&self) -> impl Iterator<Item = usize> {
        let mut known = HashSet::new();
        let places = self.events.iter().enumerate();
        let distinct = places.filter(move |(_, raw)| known.insert((raw[TYPE], body(raw))));
        distinct.map(|(place, _)| place)
    }

    /// Feeds an event's changes with checksums that fit, and what follows it where only that shows what was made of it.
    fn feed_sealed(&self, place: usize, changes: impl Iterator<Item = (usize, Vec<u8>)>) {
        let raw = &self.events[place];
        let behind = match raw[TYPE] {
            // Rows are held back until their transaction is settled.
            _ if self.name == "xa.bin" => self.events.len(),
            TABLE_MAP => 2,
            _ => 0,
        };
        let most = most_held("transaction", self.events.iter().map(Vec::len).sum());
        let mut kept = None;
        for (at, changed) in changes {
            let Some(mut played) = kept.take().or_else(|| self.inside(place)) else { return };
            let what = format!("{}: event {place}, byte {at}", self.name);
            memory::check(&what, most, || {
                let behind = self.events[place + 1..].iter().take(behind);
                let _ignored =
                    played.feed(&sealed(&changed)).and_then(|()| played.feed_all(behind));
            });
            // Rows change nothing of the stream that they come in.
            kept = (is_rows(raw[TYPE]) && behind == 0 && at >= HEADER).then_some(played);
        }
    }

    /// What was told is the beginning of what the whole file tells.
    fn check_beginning(&self, played: &Played, what: &str) {
        let told = played.told();
        let expected = self.told.get(..told.len());
        assert_eq!(Some(told), expected, "{}: {what}", self.name);
    }
}

fn body(raw: &[u8]) -> Vec<u8> {
    raw[HEADER..raw.len() - 4].to_vec()
}

fn is_rows(kind: u8) -> bool {
    matches!(kind, 23..=25 | 30..=32 | 39 | 166..=171)
}

/// The other values that a byte is given: each bit the other way, none set, all set.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let flipped = (0..8).map(move |bit| byte ^ 1 << bit);
    flipped.chain([0, 0xFF]).filter(move |other| *other != byte)
}

/// Every way to change one byte of an event, as its place, the byte, and the changed event.
fn changes(raw: &[u8]) -> impl Iterator<Item = (usize, u8, Vec<u8>)> {
    raw.iter().enumerate().flat_map(move |(at, byte)| {
        others(*byte).map(move |other| {
            let mut changed = raw.to_vec();
            changed[at] = other;
            (at, other, changed)
        })
    })
}

/// The changes of an event that are fed with a fitting checksum: of rows, which one stream takes all of, every third; else
/// two for each byte, since a stream is built anew for each. All of them with `TEST_EVERY_CHANGE` in the environment.
fn some_changes(raw: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let all = changes(raw).map(|(at, _, changed)| (at, changed));
    let is_rows = is_rows(raw[TYPE]);
    let are_all = std::env::var_os("TEST_EVERY_CHANGE").is_some();
    let every = move |at: usize| match is_rows && at >= HEADER {
        _ if are_all => 1,
        true => 3,
        false => 5,
    };
    let is_fed = move |place: usize, at: usize| (place + at).is_multiple_of(every(at));
    all.enumerate().filter(move |(place, (at, _))| is_fed(*place, *at)).map(|(_, change)| change)
}

/// Whether the change is to what the checksum does not cover: the flag of a file that is still being written; and in the
/// head of a file, which says by itself whether there are checksums at all, that saying and its own type.
fn is_uncovered(raw: &[u8], at: usize, other: u8) -> bool {
    let is_head = raw[TYPE] == FORMAT_DESCRIPTION;
    at == FLAGS && raw[at] ^ other == 1 || is_head && (at == TYPE || at + ALGORITHM == raw.len())
}

/// Whether the stream says that the bytes are damaged, so that they are read again.
fn is_told_as_damage(played: &mut Played, raw: &[u8]) -> bool {
    played.feed(raw).is_err_and(|error| error.is_corruption())
}

#[test]
fn as_sent_every_change_is_an_error() {
    for recorded in Recorded::all() {
        for (place, raw) in recorded.events.iter().enumerate() {
            let Some(mut played) = recorded.before(place) else { break };
            let told = played.told().len();
            recorded.check_beginning(&played, "before any damage");
            for (at, other, changed) in changes(raw) {
                let is_told =
                    is_uncovered(raw, at, other) || is_told_as_damage(&mut played, &changed);
                let name = recorded.name;
                assert!(is_told, "{name}: event {place}, byte {at} = {other}");
                assert_eq!(played.told().len(), told, "{name}: event {place}, byte {at} = {other}");
            }
        }
    }
}

#[test]
fn as_sent_an_event_that_ends_early_is_an_error() {
    for recorded in Recorded::all() {
        for (place, raw) in recorded.events.iter().enumerate() {
            let Some(mut played) = recorded.before(place) else { break };
            let told = played.told().len();
            for length in 0..raw.len() {
                let name = recorded.name;
                let is_told = is_told_as_damage(&mut played, &raw[..length]);
                assert!(is_told, "{name}: event {place} cut to {length}");
                assert_eq!(played.told().len(), told, "{name}: event {place} cut to {length}");
            }
        }
    }
}

/// What the checksum does not cover changes nothing, or is an error of what follows.
#[test]
fn as_sent_what_no_checksum_covers_changes_nothing_or_is_an_error() {
    for recorded in Recorded::all() {
        for (place, raw) in recorded.events.iter().enumerate() {
            for (at, other, changed) in changes(raw) {
                if !is_uncovered(raw, at, other) {
                    continue;
                }
                let Some(mut played) = recorded.before(place) else { break };
                let behind = &recorded.events[place + 1..];
                let _ignored = played.feed(&changed).and_then(|()| played.feed_all(behind));
                recorded.check_beginning(&played, &format!("event {place}, byte {at} = {other}"));
            }
        }
    }
}

#[test]
fn with_a_fitting_checksum_a_change_of_any_byte_ends() {
    for recorded in Recorded::all() {
        for place in recorded.distinct() {
            recorded.feed_sealed(place, some_changes(&recorded.events[place]));
        }
    }
}

#[test]
fn with_a_fitting_checksum_every_event_that_ends_early_ends() {
    for recorded in Recorded::all() {
        for place in recorded.distinct() {
            let raw = &recorded.events[place];
            let cut = (HEADER..raw.len()).rev().map(|length| (length, raw[..length].to_vec()));
            recorded.feed_sealed(place, cut);
        }
    }
}
