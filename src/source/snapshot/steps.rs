//! Cutting a table by arithmetic, where its key is a whole number and most numbers are taken.
//!
//! To find the key that is so many rows further on the server walks the index, which costs a fifth of what reading the rows
//! costs it. Where the numbers lie close together none of that is needed: no range of so many numbers holds more rows.

use crate::model::key::{Cursor, SqlValue};

/// The most numbers for each row that there are by the server's estimate. Beyond that ranges would be small, or the
/// estimate means nothing.
const MOST_SPARSE: i128 = 4;

/// Ranges of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    first: i128,
    last: i128,
    step: i128,
    is_unsigned: bool,
}

impl Steps {
    /// Steps from the first to the last key of a table, so that a range holds about `range_rows` rows and at most
    /// [`MOST_SPARSE`] times as many; `None` where the keys are no numbers or lie too far apart.
    pub(super) fn new(
        (first, last): (&SqlValue, &SqlValue),
        estimated_rows: u64,
        range_rows: usize,
    ) -> Option<Self> {
        let is_unsigned = matches!(first, SqlValue::UInt(_));
        let (first, last) = (number(first)?, number(last)?);
        let (span, rows) = (last - first + 1, i128::from(estimated_rows));
        if rows == 0 || span > rows * MOST_SPARSE {
            return None;
        }
        let numbers_a_row = (span + rows - 1) / rows;
        let step = i128::try_from(range_rows).ok()? * numbers_a_row.max(1);
        Some(Self { first, last, step, is_unsigned })
    }

    /// Where the range behind a key ends: at the last key at the latest. `None` behind that one.
    pub(super) fn end(&self, low: Option<&Cursor>) -> Option<Cursor> {
        let before = match low.map(Vec::as_slice) {
            None => self.first - 1,
            Some([low]) => number(low)?.max(self.first - 1),
            Some(_) => return None,
        };
        let end = (before < self.last).then(|| (before + self.step).min(self.last))?;
        Some(vec![self.value(end)?])
    }

    fn value(&self, number: i128) -> Option<SqlValue> {
        match self.is_unsigned {
            true => u64::try_from(number).ok().map(SqlValue::UInt),
            false => i64::try_from(number).ok().map(SqlValue::Int),
        }
    }
}

fn number(value: &SqlValue) -> Option<i128> {
    match value {
        SqlValue::Int(number) => Some(i128::from(*number)),
        SqlValue::UInt(number) => Some(i128::from(*number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of all ranges behind a key.
    fn ends(steps: &Steps, mut low: Option<Cursor>) -> Vec<i128> {
        let mut ends = Vec::new();
        while let Some(end) = steps.end(low.as_ref()) {
            ends.extend(number(&end[0]));
            low = Some(end);
        }
        ends
    }

    #[test]
    fn ranges_go_from_the_first_to_the_last_key() {
        let steps = Steps::new((&SqlValue::Int(-5), &SqlValue::Int(20)), 26, 10).unwrap();
        assert_eq!(ends(&steps, None), [4, 14, 20]);
        assert_eq!(ends(&steps, Some(vec![SqlValue::Int(7)])), [17, 20]);
        assert_eq!(ends(&steps, Some(vec![SqlValue::Int(20)])), [0; 0]);
        assert_eq!(ends(&steps, Some(vec![SqlValue::Int(-100)])), [4, 14, 20]);
    }

    #[test]
    fn numbers_that_lie_apart_make_longer_ranges_and_too_far_apart_none() {
        let of = |last, rows| Steps::new((&SqlValue::UInt(1), &SqlValue::UInt(last)), rows, 10);
        assert_eq!(ends(&of(90, 30).unwrap(), None), [30, 60, 90]);
        assert_eq!(ends(&of(15, 1_000_000).unwrap(), None), [10, 15], "the estimate is far off");
        assert_eq!(of(121, 30), None);
        assert_eq!(of(10, 0), None);
    }

    #[test]
    fn the_ends_of_the_types_are_reached() {
        let widest = (&SqlValue::Int(i64::MAX - 1), &SqlValue::Int(i64::MAX));
        let steps = Steps::new(widest, 1, usize::MAX).unwrap();
        assert_eq!(ends(&steps, None), [i128::from(i64::MAX)]);
        let top = Steps::new((&SqlValue::UInt(u64::MAX), &SqlValue::UInt(u64::MAX)), 1, 1);
        assert_eq!(ends(&top.unwrap(), None), [i128::from(u64::MAX)]);
        let text =
            SqlValue::Text { hex: "61".to_owned(), charset: crate::model::table::Charset::Utf8 };
        assert_eq!(Steps::new((&text, &text), 1, 1), None);
    }
}
