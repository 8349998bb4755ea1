//! How far the polling of a table is, and what its passes tell the account.
//!
//! A moment of a timestamp column is kept as the text that the server compares it by, `YYYY-MM-DD HH:MM:SS.ffffff` on the
//! column's own wall clock: texts of this form are in the order of the moments, and no part of a date that does not exist
//! is lost.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    key::{Cursor, days_from_civil},
    position::Position,
    state::SyncType,
    table::{TableName, TableSchema},
    value::{DateTime, Instant},
};

/// What is saved of the polling of one table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TablePoll {
    /// Where the next pass begins; `None` for a table whose changes no column tells: each pass reads all of it.
    pub cursor: Option<PollCursor>,
    /// When rows that are gone were last looked for, in milliseconds since the Unix epoch; 0 for never.
    #[serde(default)]
    pub merged_millis: i64,
}

/// A place in the order of (timestamp, key).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollCursor {
    /// The timestamp column.
    pub column: String,
    /// Everything up to this moment has been read, but for what was committed late.
    pub stamp: String,
    /// The key of the last row that was read at that moment; `None` where that moment is the clock's and no row's.
    #[serde(default)]
    pub key: Option<Cursor>,
    /// The clocks at the beginning of the pass that came here.
    pub seen: ClockReading,
}

/// The source's clock, as the column's wall clock shows it, and ours at one moment; in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The source's. Not an instant: the clock on a wall, which is put back at the end of summer.
    pub source: i64,
    /// Ours, in UTC.
    pub local: i64,
}

impl ClockReading {
    /// By how much the source's clock was put back since an earlier reading, in microseconds. `elapsed` is the time in
    /// between by a clock that only goes forward; without it our own wall clock serves.
    #[must_use]
    pub fn step_back_since(&self, earlier: &Self, elapsed: Option<i64>) -> i64 {
        let elapsed = elapsed.unwrap_or(self.local.saturating_sub(earlier.local)).max(0);
        let expected = earlier.source.saturating_add(elapsed);
        expected.saturating_sub(self.source).max(0)
    }
}

/// What a pass tells the account behind the rows that it has sent.
#[derive(Debug, Clone, PartialEq)]
pub enum PollMark {
    /// A pass over all rows begins.
    Began {
        /// The table.
        table: TableName,
        /// Its schema from here on.
        schema: Arc<TableSchema>,
        /// What is saved of its polling from here on.
        poll: TablePoll,
        /// Whether rows that are gone from the source are to be removed behind it.
        unswept: bool,
        /// Whether the progress of an earlier, unfinished pass over all rows stands.
        resumes: bool,
    },
    /// A pass has come this far.
    Reached {
        /// The table.
        table: TableName,
        /// The place.
        cursor: PollCursor,
    },
    /// Rows that are gone from the source were looked for, and their documents removed.
    Merged {
        /// The table.
        table: TableName,
        /// When, in milliseconds since the Unix epoch.
        at_millis: i64,
    },
    /// Documents of rows that are gone have been removed already.
    Removed {
        /// The table.
        table: TableName,
        /// What found them, each a BSON document.
        filters: Vec<Vec<u8>>,
    },
    /// Everything before this is asked after: whoever waits for it goes on once it is durable.
    Barrier {
        /// The table.
        table: TableName,
        /// Tells barriers apart.
        number: u64,
    },
    /// A table's pass has ended: what is shown of it.
    Ended {
        /// The table.
        table: TableName,
        /// What was read of it.
        sync_type: SyncType,
        /// `success`, or `failed: …`.
        status: String,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// Every table has been read once: the copy is whole.
    Whole,
    /// Polling is over: the binlog is followed from here on.
    HandedOver(Box<Handover>),
}

/// Where the stream takes over from polling.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// The position before the last pass: the stream starts there.
    pub start: Position,
    /// Right before its first read, once the XA transactions prepared before `start` were settled.
    pub reads_from: Position,
    /// The position behind its last read.
    pub end: Position,
}

/// The earliest moment that a cursor goes back to: TIMESTAMP knows none before.
const EARLIEST: i64 = 86_400_000_000;

/// A moment as the text of a cursor.
#[must_use]
pub fn stamp_of_micros(micros: i64) -> String {
    let micros = micros.max(EARLIEST);
    let fraction = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0);
    let instant = Instant { seconds: micros.div_euclid(1_000_000), micros: fraction };
    DateTime::from(instant).to_string()
}

/// The microseconds of a cursor's text since 1970; `None` for what is no such text.
#[must_use]
pub fn micros_of_stamp(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.split_once(' ')?;
    let mut date = date.splitn(3, '-');
    let year: u16 = date.next()?.parse().ok()?;
    let (month, day): (u8, u8) = (date.next()?.parse().ok()?, date.next()?.parse().ok()?);
    let (time, fraction) = time.split_once('.')?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u8>().ok().map(i64::from));
    let mut part = || time.next().flatten();
    let seconds = part()? * 3_600 + part()? * 60 + part()?;
    let micros: u32 = fraction.parse().ok().filter(|_| fraction.len() == 6)?;
    let days = days_from_civil(year, month.min(12), day);
    Some((days * 86_400 + seconds) * 1_000_000 + i64::from(micros))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_and_moments_are_inverse_and_in_one_order(one in EARLIEST..253_402_300_800_000_000, other in EARLIEST..253_402_300_800_000_000) {
            let (text, second) = (stamp_of_micros(one), stamp_of_micros(other));
            prop_assert_eq!(micros_of_stamp(&text), Some(one));
            prop_assert_eq!(text.cmp(&second), one.cmp(&other));
        }

        #[test]
        fn no_text_causes_a_panic(text in "[0-9: .-]{0,30}") {
            let _known = micros_of_stamp(&text);
        }
    }

    #[test]
    fn parts_that_do_not_exist_are_no_panic() {
        assert!(micros_of_stamp("2023-00-00 00:00:00.000000").is_some());
        assert_eq!(micros_of_stamp("2023-01-01 00:00:00"), None);
        assert_eq!(stamp_of_micros(-5), "1970-01-02 00:00:00.000000");
    }

    #[test]
    fn a_clock_that_was_put_back_is_noticed() {
        let earlier = ClockReading { source: 1_000, local: 500 };
        let at = |source, local| ClockReading { source, local };
        assert_eq!(at(1_100, 600).step_back_since(&earlier, None), 0);
        assert_eq!(at(1_040, 600).step_back_since(&earlier, None), 60);
        assert_eq!(at(900, 500).step_back_since(&earlier, None), 100, "and ours stood still");
        assert_eq!(at(1_100, 500).step_back_since(&earlier, Some(150)), 50, "both were put back");
        assert_eq!(at(5_000, 600).step_back_since(&earlier, None), 0, "put forward");
    }
}
