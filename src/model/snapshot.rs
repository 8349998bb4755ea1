//! How far the first copy has come, by key ranges, so that a restart goes on where it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{key::Cursor, position::Position, table::TableName};

/// A stretch of a table in key order: keys above `low` up to and including `high`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyRange {
    /// The key before the first one; `None` from the beginning.
    pub low: Option<Cursor>,
    /// The last key; `None` to the end of the table.
    pub high: Option<Cursor>,
}

/// One copy of all tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// Taken before the first read; the stream starts here.
    pub start: Position,
    /// Taken right before the first read, once the XA transactions prepared before `start` were settled: the rows of
    /// one whose commit is covered by this are in the copy. `None` until then.
    #[serde(default)]
    pub reads_from: Option<Position>,
    /// Taken after the last read; once the stream has passed it the copy is consistent.
    pub end: Option<Position>,
    /// Progress by `database.table`; a table without an entry has not begun.
    pub tables: BTreeMap<String, TableProgress>,
}

impl SnapshotState {
    /// The progress of copies that no stream follows: they have no place in a binlog.
    #[must_use]
    pub fn unplaced() -> Self {
        let start = Position::default();
        Self { start, reads_from: None, end: None, tables: BTreeMap::new() }
    }

    /// Whether the last read is behind this position.
    #[must_use]
    pub fn is_passed(&self, position: &Position) -> bool {
        self.end.as_ref().is_some_and(|end| position.covers(end))
    }

    /// Whether nothing was read yet, as far as is saved.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.tables.values().all(|table| {
            table.rows == 0
                && !table.complete
                && table.done_to.is_none()
                && table.islands.is_empty()
        })
    }

    /// Whether nothing is left in the target that the source does not have.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !self.tables.values().any(|table| table.unswept)
    }
}

/// How far the copy of one table is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TableProgress {
    /// Everything up to and including this key is in the target.
    pub done_to: Option<Cursor>,
    /// Ranges beyond it that are in the target, in key order.
    pub islands: Vec<Island>,
    /// Whether all of it is in the target.
    pub complete: bool,
    /// Rows copied so far.
    pub rows: u64,
    /// The position before the first read, where the stream starts before it: what the table was up to there is in
    /// the copy, and is passed over. So a table that was emptied or altered can be copied anew alone.
    #[serde(default)]
    pub read_from: Option<Position>,
    /// Whether documents that the source does not have are still to be removed from the collection, once all is copied.
    #[serde(default)]
    pub unswept: bool,
}

/// A range that was done before one in front of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Island {
    /// Its place among the ranges of this run: only the server knows how keys compare.
    pub order: u64,
    /// The range.
    pub range: KeyRange,
}

impl TableProgress {
    /// Adds a range that is durable in the target.
    pub fn add(&mut self, done: &RangeDone) {
        self.rows += done.rows;
        if done.range.low == self.done_to {
            self.reach(done.range.high.clone());
        } else {
            self.insert(Island { order: done.order, range: done.range.clone() });
        }
        while self.islands.first().is_some_and(|island| island.range.low == self.done_to) {
            let island = self.islands.remove(0);
            self.reach(island.range.high);
        }
    }

    /// What is left: the stretches between the ranges that are in the target, in key order. Together with those they
    /// cover the table once.
    #[must_use]
    pub fn gaps(&self) -> Vec<KeyRange> {
        if self.complete {
            return Vec::new();
        }
        let mut gaps = Vec::new();
        let mut low = self.done_to.clone();
        for island in &self.islands {
            gaps.push(KeyRange { low, high: island.range.low.clone() });
            low = island.range.high.clone();
            if low.is_none() {
                return gaps;
            }
        }
        gaps.push(KeyRange { low, high: None });
        gaps
    }

    /// Numbers the islands anew at a start, so that the ranges of each gap find their place between them:
    /// those of gap `n` are numbered from [`TableProgress::first_order`] of `n`.
    pub fn renumber(&mut self) {
        for (gap, island) in self.islands.iter_mut().enumerate() {
            island.order = Self::first_order(gap + 1) - 1;
        }
    }

    /// The number of the first range of a gap.
    #[must_use]
    pub fn first_order(gap: usize) -> u64 {
        (u64::try_from(gap).unwrap_or(u64::MAX >> 32) << 32) + 1
    }

    /// Puts an island in its place, and joins it with neighbours that it touches.
    fn insert(&mut self, island: Island) {
        let place = self.islands.partition_point(|other| other.order < island.order);
        self.islands.insert(place, island);
        self.join(place);
        if let Some(before) = place.checked_sub(1) {
            self.join(before);
        }
    }

    /// Joins an island with the next one where the one ends at the other's beginning.
    fn join(&mut self, place: usize) {
        let next = self.islands.get(place + 1).map(|next| next.range.clone());
        if let (Some(island), Some(next)) = (self.islands.get_mut(place), next)
            && island.range.high == next.low
        {
            island.range.high = next.high;
            self.islands.remove(place + 1);
        }
    }

    fn reach(&mut self, high: Option<Cursor>) {
        self.complete |= high.is_none();
        self.done_to = high;
    }
}

/// A range that all rows have been sent of.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeDone {
    /// The table.
    pub table: TableName,
    /// Its place among the ranges of this run.
    pub order: u64,
    /// Which part of it.
    pub range: KeyRange,
    /// How many rows it held.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use super::super::key::SqlValue;
    use super::*;

    fn key(number: i64) -> Option<Cursor> {
        Some(vec![SqlValue::Int(number)])
    }

    fn done(order: u64, low: Option<Cursor>, high: Option<Cursor>) -> RangeDone {
        RangeDone {
            table: TableName::new("shop", "t"),
            order,
            range: KeyRange { low, high },
            rows: 10,
        }
    }

    #[test]
    fn ranges_join_in_whatever_order_they_end() {
        let mut progress = TableProgress::default();
        progress.add(&done(3, key(20), key(30)));
        progress.add(&done(2, key(10), key(20)));
        assert_eq!((progress.done_to.clone(), progress.islands.len()), (None, 1));
        progress.add(&done(1, None, key(10)));
        assert_eq!(progress.done_to, key(30));
        assert!(progress.islands.is_empty() && !progress.complete);
        progress.add(&done(4, key(30), None));
        assert!(progress.complete && progress.gaps().is_empty());
        assert_eq!(progress.rows, 40);
    }

    #[test]
    fn a_last_range_that_ends_early_completes_nothing_by_itself() {
        let mut progress = TableProgress::default();
        progress.add(&done(2, key(30), None));
        assert!(!progress.complete);
        assert_eq!(progress.gaps(), [KeyRange { low: None, high: key(30) }]);
        progress.add(&done(1, None, key(30)));
        assert!(progress.complete);
    }

    #[test]
    fn saved_ranges_are_never_in_a_gap_over_any_number_of_starts() {
        let mut progress = TableProgress::default();
        progress.add(&done(1, None, key(10)));
        progress.add(&done(5, key(50), key(60)));
        progress.add(&done(3, key(30), key(40)));
        progress.renumber();
        let gap = |low: i64, high: Option<Cursor>| KeyRange { low: key(low), high };
        assert_eq!(progress.gaps(), [gap(10, key(30)), gap(40, key(50)), gap(60, None)]);
        progress.add(&done(TableProgress::first_order(1), key(40), key(45)));
        progress.add(&done(TableProgress::first_order(0) + 1, key(20), key(30)));
        progress.add(&done(TableProgress::first_order(2) + 3, key(80), key(90)));
        progress.renumber();
        assert_eq!(
            progress.gaps(),
            [gap(10, key(20)), gap(45, key(50)), gap(60, key(80)), gap(90, None)]
        );
    }
}
