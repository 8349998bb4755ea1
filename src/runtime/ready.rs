//! Futures that are mostly ready at once: events of a stream that is behind, room in a channel that has some.
//!
//! A timer or a watch over a cancellation is entered into a list under a lock, and taken out again. That costs more than
//! an event, so both are set up only for what is really waited for.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

/// Polls a future once.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// What comes of a future; `None` when told to stop before.
pub async fn unless_stopped<F: Future>(stop: &CancellationToken, future: F) -> Option<F::Output> {
    if stop.is_cancelled() {
        return None;
    }
    let mut future = pin!(future);
    match once(future.as_mut()).await {
        Some(output) => Some(output),
        None => stop.run_until_cancelled(future).await,
    }
}

/// What comes of a future; `None` when it takes longer than the limit.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match once(future.as_mut()).await {
        Some(output) => Some(output),
        None => tokio::time::timeout(limit, future).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_comes_and_what_is_not_is_given_up() {
        let stop = CancellationToken::new();
        assert_eq!(unless_stopped(&stop, ready(1)).await, Some(1));
        assert_eq!(within(LIMIT, ready(1)).await, Some(1));
        assert_eq!(within(LIMIT, pending::<()>()).await, None);
        let late = async {
            tokio::time::sleep(LIMIT / 2).await;
            2
        };
        assert_eq!(within(LIMIT, late).await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_comes_before_what_is_ready_and_ends_what_is_not() {
        let stop = CancellationToken::new();
        let waiting = crate::runtime::tasks::spawn({
            let stop = stop.clone();
            async move { unless_stopped(&stop, pending::<()>()).await }
        });
        tokio::time::sleep(LIMIT).await;
        stop.cancel();
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(unless_stopped(&stop, ready(1)).await, None);
    }
}
