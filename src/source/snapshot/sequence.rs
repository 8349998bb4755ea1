//! Puts finished ranges back in key order.
//!
//! Ranges are read side by side and end in any order, but a table's progress is told in key order: a saved state then
//! is one key, and no order of keys, which only the server's collations know, is ever needed on our side. A range that
//! ended early waits here with its place among those that may be ahead, so at most that many are read again after a
//! crash.

use std::collections::BTreeMap;

/// Numbers in, numbers out in order.
#[derive(Debug)]
pub(super) struct Sequence<T> {
    next: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> Default for Sequence<T> {
    fn default() -> Self {
        Self { next: 0, waiting: BTreeMap::new() }
    }
}

impl<T> Sequence<T> {
    /// Takes what has ended; gives what is now due.
    pub(super) fn end(&mut self, number: u64, item: T) -> Vec<T> {
        self.waiting.insert(number, item);
        let mut due = Vec::new();
        while let Some(item) = self.waiting.remove(&self.next) {
            due.push(item);
            self.next += 1;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_early_waits_for_what_is_before_it() {
        let mut sequence = Sequence::default();
        assert!(sequence.end(2, 'c').is_empty());
        assert!(sequence.end(1, 'b').is_empty());
        assert_eq!(sequence.end(0, 'a'), ['a', 'b', 'c']);
        assert_eq!(sequence.end(3, 'd'), ['d']);
    }
}
