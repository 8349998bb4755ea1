//! When the next run begins. Pure but for the dice.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::state::Control;

/// A run begins this share of the interval late at most, so that many pipelines do not ask at once.
const JITTER: f64 = 0.05;

/// The clock of runs that begin by themselves.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// When the last one began, and how late the next one may be.
    last: Option<(Instant, f64)>,
}

impl Schedule {
    /// The first run is due at once.
    pub(super) const fn every(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    /// When the next run is due; `None` while none begins by itself. One that was missed, however often, is due now.
    pub(super) fn next(&self, control: Control, now: Instant) -> Option<Instant> {
        if control.paused || control.unscheduled {
            return None;
        }
        let Some((began, late)) = self.last else { return Some(now) };
        let interval = control.interval_seconds.map_or(self.interval, Duration::from_secs);
        Some((began + interval + interval.mul_f64(late * JITTER)).max(now))
    }

    /// A run begins by itself; `dice` is between 0 and 1.
    pub(super) const fn begins(&mut self, now: Instant, dice: f64) {
        self.last = Some((now, dice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_missed_run_is_due_once_and_now() {
        let begin = Instant::now();
        let mut schedule = Schedule::every(MINUTE);
        let control = Control::default();
        assert_eq!(schedule.next(control, begin), Some(begin));
        schedule.begins(begin, 0.0);
        assert_eq!(schedule.next(control, begin), Some(begin + MINUTE));
        let late = begin + 10 * MINUTE;
        assert_eq!(schedule.next(control, late), Some(late));
        schedule.begins(late, 1.0);
        assert_eq!(schedule.next(control, late), Some(late + MINUTE + MINUTE / 20));
    }

    #[test]
    fn an_interval_is_counted_from_the_last_beginning_and_a_pause_from_none() {
        let begin = Instant::now();
        let mut schedule = Schedule::every(MINUTE);
        schedule.begins(begin, 0.0);
        let shorter = Control { interval_seconds: Some(10), ..Control::default() };
        assert_eq!(schedule.next(shorter, begin), Some(begin + MINUTE / 6));
        for stopped in [
            Control { paused: true, ..Control::default() },
            Control { unscheduled: true, ..Control::default() },
        ] {
            assert_eq!(schedule.next(stopped, begin), None);
        }
    }
}
