//! An answer that is kept for a while.
//!
//! Whoever asks while it is being looked for waits for the same answer, and it is kept though nobody waits any more: a
//! server that is slower than its callers are patient is asked once, not once a caller.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::model::fault::Fault;

/// What was answered, and when.
#[derive(Debug, Clone)]
pub(super) struct Seen<T> {
    pub(super) value: T,
    pub(super) at: SystemTime,
    since: Instant,
}

/// The newest answer to one question.
#[derive(Debug)]
pub(super) struct Kept<T> {
    last: Mutex<Option<Seen<T>>>,
    asking: tokio::sync::Mutex<()>,
    fresh: Duration,
}

impl<T: Clone> Kept<T> {
    /// An answer that is taken to hold for so long.
    pub(super) fn new(fresh: Duration) -> Self {
        Self { last: Mutex::default(), asking: tokio::sync::Mutex::default(), fresh }
    }

    /// The newest answer, however old.
    pub(super) fn last(&self) -> Option<Seen<T>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next one who asks is to have a new answer.
    pub(super) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The newest answer while it is fresh, else a new one.
    pub(super) async fn get(
        &self,
        question: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Seen<T>, Fault> {
        let _asking = self.asking.lock().await;
        if let Some(seen) = self.last().filter(|seen| seen.since.elapsed() < self.fresh) {
            return Ok(seen);
        }
        let value = question.await?;
        let seen = Seen { value, at: SystemTime::now(), since: Instant::now() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen.clone());
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fault::Stage;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_once_while_it_is_fresh_and_kept_when_asking_fails() {
        let kept = Kept::new(Duration::from_secs(10));
        let slow = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(1)
        };
        let (first, second) = tokio::join!(kept.get(slow), kept.get(async { Ok(2) }));
        assert_eq!((first.unwrap().value, second.unwrap().value), (1, 1));
        tokio::time::advance(Duration::from_secs(11)).await;
        let fails = kept.get(async { Err(Fault::transient(Stage::Source, "away")) }).await;
        assert!(fails.is_err());
        assert_eq!(kept.last().unwrap().value, 1);
        assert_eq!(kept.get(async { Ok(3) }).await.unwrap().value, 3);
    }
}
