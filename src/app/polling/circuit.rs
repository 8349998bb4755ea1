//! Tables that fail again and again: tried again within a run, then left alone for a while. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// After this many failed runs in a row a table is left alone.
const OPENS_AFTER: u32 = 3;

/// For how long: this much after the third failure, twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(300);

/// At most.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// The failures of one table.
#[derive(Debug, Clone, Default)]
pub(super) struct Circuit {
    failures: u32,
    rests_until: Option<Instant>,
    error: String,
}

impl Circuit {
    /// What happened the last time, while the table is left alone. A run by hand tries it all the same.
    pub(super) fn open(&self, by_hand: bool, now: Instant) -> Option<&str> {
        let rests = self.rests_until.is_some_and(|until| now < until);
        (rests && !by_hand).then_some(self.error.as_str())
    }

    /// A run could not; the answer is for how long the table is left alone, where it is.
    pub(super) fn failed(&mut self, error: String, now: Instant) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        self.error = error;
        let further = self.failures.checked_sub(OPENS_AFTER)?;
        let rest = FIRST_REST.saturating_mul(1 << further.min(8)).min(LONGEST_REST);
        self.rests_until = Some(now + rest);
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_fails_three_times_is_left_alone_for_longer_and_longer() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        let fail = |circuit: &mut Circuit| circuit.failed("no".to_owned(), now);
        assert_eq!((fail(&mut circuit), fail(&mut circuit)), (None, None));
        assert_eq!(circuit.open(false, now), None);
        assert_eq!(fail(&mut circuit), Some(FIRST_REST));
        assert_eq!(circuit.open(false, now), Some("no"));
        assert_eq!(circuit.open(true, now), None, "by hand it is tried");
        assert_eq!(circuit.open(false, now + FIRST_REST), None);
        assert_eq!(fail(&mut circuit), Some(2 * FIRST_REST));
        for _ in 0..20 {
            fail(&mut circuit);
        }
        assert_eq!(fail(&mut circuit), Some(LONGEST_REST));
    }
}
