//! GTIDs and what is made of them: MySQL's sets here (MySQL manual, "GTID Format and Storage"), MariaDB's positions in
//! `domain`, either of them in `flavour`.
//!
//! A set keeps every gap exactly: the server decides by it which transactions to send, so a set that is rounded up
//! loses changes. Intervals are kept sorted, disjoint and merged, which makes equal sets equal as values and as text.
//! How a set is sent to a server is the binlog client's matter, not this module's.

mod domain;
mod flavour;

use std::{collections::BTreeMap, fmt, str::FromStr};

pub use domain::{DomainGtid, DomainPosition};
pub use flavour::{GtidPosition, TransactionId};
use serde::{Deserialize, Serialize};

/// The largest transaction number that a server gives (2^63 - 2).
const LAST_NUMBER: u64 = 0x7FFF_FFFF_FFFF_FFFE;

/// The most characters of a tag.
const TAG_LENGTH: usize = 32;

/// The global identifier of one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Gtid {
    /// The UUID of the server that committed it first, as a big-endian number.
    pub uuid: u128,
    /// The tag in lower case, empty for none (MySQL 8.3 and newer).
    pub tag: String,
    /// The number within UUID and tag, from 1.
    pub number: u64,
}

/// Text that is not a GTID or a set of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GtidError {
    /// The part before the first colon.
    #[error("`{0}` is not a server UUID")]
    Uuid(String),
    /// A part behind it.
    #[error("`{0}` is neither a transaction number, a range of them nor a tag")]
    Interval(String),
    /// A UUID or tag with nothing behind it.
    #[error("`{0}` names no transaction")]
    Missing(String),
    /// A set where a single one is wanted.
    #[error("`{0}` is not a single transaction")]
    NotSingle(String),
    /// What should be a transaction of MariaDB's.
    #[error("`{0}` is not domain-server-sequence, such as 0-1-42")]
    Domain(String),
    /// A position of MariaDB's with two places in one domain.
    #[error("domain {0} stands twice in the position")]
    DomainTwice(u32),
}

/// A stretch of transaction numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// The transaction numbers of one UUID and tag: first → last, disjoint, never adjacent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intervals(BTreeMap<u64, u64>);

/// A set of transactions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GtidSet(BTreeMap<u128, BTreeMap<String, Intervals>>);

impl Intervals {
    /// The stretches in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Interval> + '_ {
        self.0.iter().map(|(first, last)| Interval { first: *first, last: *last })
    }

    /// The stretch that holds the number.
    fn around(&self, number: u64) -> Option<Interval> {
        let (first, last) = self.0.range(..=number).next_back()?;
        (*last >= number).then_some(Interval { first: *first, last: *last })
    }

    fn contains(&self, interval: Interval) -> bool {
        self.around(interval.first).is_some_and(|found| found.last >= interval.last)
    }

    fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|interval| self.contains(interval))
    }

    fn insert(&mut self, interval: Interval) {
        let Interval { mut first, mut last } = interval;
        // A server hands numbers out in order, so that nearly every insertion lengthens the last stretch.
        if let Some(mut entry) = self.0.last_entry()
            && entry.get().checked_add(1) == Some(first)
        {
            entry.insert(last);
            return;
        }
        if let Some(before) = self.around(first.saturating_sub(1)) {
            first = before.first;
            last = last.max(before.last);
        }
        while let Some((from, to)) = self.touching(first, last) {
            self.0.remove(&from);
            last = last.max(to);
        }
        self.0.insert(first, last);
    }

    /// A stretch that begins inside the given one or right behind it.
    fn touching(&self, first: u64, last: u64) -> Option<(u64, u64)> {
        self.0.range(first..=last.saturating_add(1)).next().map(|(from, to)| (*from, *to))
    }

    /// What is left without another's numbers.
    fn without(&self, other: &Self) -> Self {
        let mut left = BTreeMap::new();
        for Interval { mut first, last } in self.iter() {
            let from = other.around(first).map_or(first, |found| found.first);
            for (start, end) in other.0.range(from..=last) {
                if *start > first {
                    left.insert(first, *start - 1);
                }
                first = end.saturating_add(1);
            }
            if first <= last {
                left.insert(first, last);
            }
        }
        Self(left)
    }

    fn count(&self) -> u64 {
        self.iter().fold(0, |sum, interval| sum.saturating_add(interval.last - interval.first + 1))
    }
}

impl GtidSet {
    /// Whether no transaction is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the transaction is in it.
    #[must_use]
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.find(gtid.uuid, &gtid.tag).is_some_and(|found| found.around(gtid.number).is_some())
    }

    /// Whether every transaction of the other set is in it.
    #[must_use]
    pub fn contains_set(&self, other: &Self) -> bool {
        other.parts().all(|(uuid, tag, intervals)| {
            self.find(uuid, tag).is_some_and(|ours| ours.contains_all(intervals))
        })
    }

    /// Adds a transaction; cheap for the one after the last.
    pub fn insert(&mut self, gtid: &Gtid) {
        self.insert_interval(
            gtid.uuid,
            &gtid.tag,
            Interval { first: gtid.number, last: gtid.number },
        );
    }

    /// Adds a stretch of transactions of one UUID and tag. One that ends before it begins is empty, and numbers that no
    /// server gives (0, or from 2^63 - 1) are left out.
    pub fn insert_interval(&mut self, uuid: u128, tag: &str, interval: Interval) {
        let interval =
            Interval { first: interval.first.max(1), last: interval.last.min(LAST_NUMBER) };
        if interval.first > interval.last {
            return;
        }
        let tags = self.0.entry(uuid).or_default();
        match tags.get_mut(tag) {
            Some(intervals) => intervals.insert(interval),
            None => tags.entry(tag.to_owned()).or_default().insert(interval),
        }
    }

    /// Adds all transactions of another set.
    pub fn union(&mut self, other: &Self) {
        for (uuid, tag, intervals) in other.parts() {
            for interval in intervals.iter() {
                self.insert_interval(uuid, tag, interval);
            }
        }
    }

    /// The transactions that the other set lacks.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for (uuid, tag, intervals) in self.parts() {
            let rest = other
                .find(uuid, tag)
                .map_or_else(|| intervals.clone(), |theirs| intervals.without(theirs));
            if !rest.0.is_empty() {
                left.0.entry(uuid).or_default().insert(tag.to_owned(), rest);
            }
        }
        left
    }

    /// How many transactions are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.parts().fold(0, |sum, (_, _, intervals)| sum.saturating_add(intervals.count()))
    }

    /// All parts by UUID and tag (empty for none), in the order of the text form.
    pub fn parts(&self) -> impl Iterator<Item = (u128, &str, &Intervals)> {
        self.0.iter().flat_map(|(uuid, tags)| {
            tags.iter().map(move |(tag, intervals)| (*uuid, tag.as_str(), intervals))
        })
    }

    fn find(&self, uuid: u128, tag: &str) -> Option<&Intervals> {
        self.0.get(&uuid)?.get(tag)
    }

    /// Adds what stands between two commas: `uuid:1-5:7:tag:1-3`.
    fn insert_text(&mut self, text: &str) -> Result<(), GtidError> {
        let mut parts = text.split(':').map(str::trim);
        let uuid = parts.next().and_then(parse_uuid).ok_or_else(|| GtidError::Uuid(cut(text)))?;
        let (mut tag, mut is_open) = (String::new(), true);
        for part in parts {
            if let Some(named) = parse_tag(part) {
                if is_open && !tag.is_empty() {
                    return Err(GtidError::Missing(cut(text)));
                }
                (tag, is_open) = (named, true);
            } else {
                let interval =
                    parse_interval(part).ok_or_else(|| GtidError::Interval(cut(part)))?;
                self.insert_interval(uuid, &tag, interval);
                is_open = false;
            }
        }
        if is_open { Err(GtidError::Missing(cut(text))) } else { Ok(()) }
    }
}

impl FromStr for GtidSet {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            set.insert_text(part)?;
        }
        Ok(set)
    }
}

impl FromStr for Gtid {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let set: GtidSet = text.parse()?;
        let mut parts = set.parts();
        match (parts.next(), parts.next(), set.count()) {
            (Some((uuid, tag, intervals)), None, 1) => {
                let number = intervals.iter().next().map_or(0, |interval| interval.first);
                Ok(Self { uuid, tag: tag.to_owned(), number })
            }
            _ => Err(GtidError::NotSingle(cut(text))),
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(formatter, self.uuid)?;
        if !self.tag.is_empty() {
            write!(formatter, ":{}", self.tag)?;
        }
        write!(formatter, ":{}", self.number)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(formatter, "{}", self.first),
            false => write!(formatter, "{}-{}", self.first, self.last),
        }
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (uuid, tags)) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            write_uuid(formatter, *uuid)?;
            for (tag, intervals) in tags {
                if !tag.is_empty() {
                    write!(formatter, ":{tag}")?;
                }
                intervals.iter().try_for_each(|interval| write!(formatter, ":{interval}"))?;
            }
        }
        Ok(())
    }
}

impl From<Gtid> for String {
    fn from(gtid: Gtid) -> Self {
        gtid.to_string()
    }
}

impl TryFrom<String> for Gtid {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GtidSet> for String {
    fn from(set: GtidSet) -> Self {
        set.to_string()
    }
}

impl TryFrom<String> for GtidSet {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Writes a UUID as servers print it: `3e11fa47-71ca-11e1-9e33-c80aa9429562`.
fn write_uuid(formatter: &mut fmt::Formatter<'_>, uuid: u128) -> fmt::Result {
    write!(
        formatter,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        uuid >> 96,
        (uuid >> 80) & 0xFFFF,
        (uuid >> 64) & 0xFFFF,
        (uuid >> 48) & 0xFFFF,
        uuid & 0xFFFF_FFFF_FFFF
    )
}

/// Reads a UUID with or without its dashes, in either case.
fn parse_uuid(text: &str) -> Option<u128> {
    let mut digits = 0_u32;
    let mut value = 0_u128;
    for (place, character) in text.chars().enumerate() {
        if character == '-' && matches!(place, 8 | 13 | 18 | 23) && text.len() == 36 {
            continue;
        }
        value = value.checked_mul(16)? | u128::from(character.to_digit(16)?);
        digits += 1;
    }
    (digits == 32).then_some(value)
}

/// Reads a tag: a letter or underscore, then letters, digits and underscores.
fn parse_tag(text: &str) -> Option<String> {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on_well = text.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
    (starts_well && goes_on_well && text.len() <= TAG_LENGTH).then(|| text.to_ascii_lowercase())
}

/// Reads `7` or `1-5`.
fn parse_interval(text: &str) -> Option<Interval> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (parse_number(first)?, parse_number(last)?);
    (first <= last).then_some(Interval { first, last })
}

fn parse_number(text: &str) -> Option<u64> {
    let digits = text.trim();
    let number = digits.parse().ok()?;
    (digits.starts_with(|first: char| first.is_ascii_digit())
        && (1..=LAST_NUMBER).contains(&number))
    .then_some(number)
}

/// The beginning of a text, for an error.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
