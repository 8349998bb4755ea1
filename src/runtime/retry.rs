//! Waiting between tries: capped exponential backoff with full jitter, so that many clients do not return at once.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::config::RetryConfig;

/// The waits of one series of tries. A success starts a new series.
#[derive(Debug)]
pub struct Backoff {
    waits: ExponentialBackoff,
    tries: u32,
}

impl Backoff {
    /// A new series.
    #[must_use]
    pub fn new(config: &RetryConfig) -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(config.initial)
            .with_max_delay(config.max)
            .with_jitter();
        let builder = match config.attempts {
            0 => builder.without_max_times(),
            attempts => builder.with_max_times(usize::try_from(attempts).unwrap_or(usize::MAX)),
        };
        Self { waits: builder.build(), tries: 0 }
    }

    /// How long to wait before the next try; `None` when there shall be no more.
    pub fn next_wait(&mut self) -> Option<Duration> {
        self.tries += 1;
        self.waits.next()
    }

    /// How many waits were handed out.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_never_end_by_default() {
        let config = RetryConfig {
            initial: Duration::from_millis(10),
            max: Duration::from_millis(80),
            attempts: 0,
        };
        let mut backoff = Backoff::new(&config);
        let waits: Vec<Duration> = (0..100).map_while(|_| backoff.next_wait()).collect();
        assert_eq!(waits.len(), 100);
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(160)));
    }

    #[test]
    fn a_bounded_series_ends() {
        let config = RetryConfig { attempts: 3, ..RetryConfig::default() };
        let mut backoff = Backoff::new(&config);
        assert_eq!((0..10).map_while(|_| backoff.next_wait()).count(), 3);
    }
}
