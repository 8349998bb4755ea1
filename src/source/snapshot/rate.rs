//! The most rows a second, over all workers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Hands out the right to pass rows on. Clones share it.
#[derive(Debug, Clone)]
pub struct RateLimit {
    rows_per_second: u64,
    /// When the rows handed out so far will have been worth their time.
    paid_until: Arc<Mutex<Option<Instant>>>,
}

impl RateLimit {
    /// At most this many rows a second; 0 is unlimited.
    #[must_use]
    pub fn new(rows_per_second: u64) -> Self {
        Self { rows_per_second, paid_until: Arc::default() }
    }

    /// The most rows that are passed on at once, so that a low rate is even.
    pub(in crate::source) fn most_at_once(&self, limit: usize) -> usize {
        match usize::try_from(self.rows_per_second) {
            Ok(rate) if rate > 0 => limit.min(rate),
            _ => limit,
        }
    }

    /// How long to wait before passing these rows on.
    #[must_use]
    pub fn reserve(&self, row_count: usize, now: Instant) -> Duration {
        if self.rows_per_second == 0 {
            return Duration::ZERO;
        }
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = paid_until.map_or(now, |moment| moment.max(now));
        let rows = u64::try_from(row_count).unwrap_or(u64::MAX);
        let micros = rows.saturating_mul(1_000_000) / self.rows_per_second;
        *paid_until = Some(begin + Duration::from_micros(micros));
        begin - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_never_waits() {
        let limit = RateLimit::new(0);
        assert_eq!(limit.reserve(1_000_000, Instant::now()), Duration::ZERO);
        assert_eq!(limit.most_at_once(1000), 1000);
    }

    #[test]
    fn rows_of_all_workers_share_the_rate() {
        let limit = RateLimit::new(100);
        let now = Instant::now();
        assert_eq!(limit.most_at_once(1000), 100);
        assert_eq!(limit.reserve(100, now), Duration::ZERO);
        assert_eq!(limit.reserve(50, now), Duration::from_secs(1));
        assert_eq!(limit.reserve(100, now), Duration::from_millis(1500));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let limit = RateLimit::new(100);
        let now = Instant::now();
        assert_eq!(limit.reserve(100, now), Duration::ZERO);
        let later = now + Duration::from_secs(60);
        assert_eq!(limit.reserve(100, later), Duration::ZERO);
        assert_eq!(limit.reserve(1, later), Duration::from_secs(1));
    }
}
