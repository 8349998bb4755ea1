//! When the mark is saved: every interval, and at once when a long stretch of work ends, so that whoever waits for the
//! position to move does not wait for one more interval. A stretch counts as long when it outlasts the interval: so the
//! mark is never saved more than twice as often as the interval says.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

/// The clock of saving.
#[derive(Debug)]
pub(super) struct Saves {
    tick: Interval,
    /// Since when there has been something to write all the time.
    busy_since: Option<Instant>,
}

impl Saves {
    pub(super) fn every(interval: Duration) -> Self {
        let mut tick = tokio::time::interval(interval.max(Duration::from_millis(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tick, busy_since: None }
    }

    /// Waits until it is time. Cancel-safe.
    pub(super) async fn due(&mut self) {
        self.tick.tick().await;
    }

    /// It is time now.
    pub(super) fn hurry(&mut self) {
        self.tick.reset_immediately();
    }

    /// Something is being written.
    pub(super) fn note_work(&mut self) {
        self.busy_since.get_or_insert_with(Instant::now);
    }

    /// All that there was is written.
    pub(super) fn note_rest(&mut self) {
        let since = self.busy_since.take();
        if since.is_some_and(|since| since.elapsed() > self.tick.period()) {
            self.hurry();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);

    async fn waited(saves: &mut Saves) -> Duration {
        let begun = Instant::now();
        saves.due().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn short_stretches_wait_for_the_interval_and_the_end_of_a_long_one_does_not() {
        let mut saves = Saves::every(INTERVAL);
        saves.due().await;
        for _ in 0..3 {
            saves.note_work();
            tokio::time::advance(Duration::from_millis(50)).await;
            saves.note_rest();
        }
        assert_eq!(waited(&mut saves).await, Duration::from_millis(50));
        saves.note_work();
        saves.due().await;
        tokio::time::advance(Duration::from_millis(50)).await;
        saves.note_rest();
        assert_eq!(waited(&mut saves).await, Duration::ZERO);
        assert_eq!(waited(&mut saves).await, INTERVAL);
    }
}
