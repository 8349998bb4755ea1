//! Waiting, before a first copy reads, for the XA transactions that were prepared before its position.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::feed::{Feed, send};
use crate::{
    model::{change::Mark, fault::Fault, position::Position, snapshot::SnapshotState},
    source::settled::{self, Unsettled},
};

/// How often the source is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How long after its end the GTID of a commit may enter `gtid_executed`; without GTIDs nothing is behind.
const AFTER_COMMITS: Duration = Duration::from_millis(50);

/// How often a log line tells how many are left.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Waits, and notes the position at which reading begins; `None` where a copy goes on that does not know it, and when
/// told to stop.
///
/// Tables that join later need no waiting: the stream is at an earlier place than their copy, and has everything that
/// is open there.
pub(super) async fn settle(feed: &Feed, state: &SnapshotState) -> Result<Option<Position>, Fault> {
    if state.reads_from.is_some() || !state.is_unread() {
        return Ok(state.reads_from.clone());
    }
    let from = wait_and_read(feed).await?;
    if let Some(from) = from.clone() {
        send(feed, Mark::ReadingBegins { from: Box::new(from) }).await?;
    }
    Ok(from)
}

/// Waits for the XA transactions that are prepared now; the position behind that. `None` when told to stop.
pub(super) async fn wait_and_read(feed: &Feed) -> Result<Option<Position>, Fault> {
    wait(feed).await?;
    let ask = || async { Ok(settled::reading_from(&feed.connector).await?) };
    feed.patience.until_done(ask).await
}

/// Returns when nothing is left to wait for, or when told to stop.
async fn wait(feed: &Feed) -> Result<(), Fault> {
    let Feed { patience, stop, .. } = feed;
    let unsettled = tokio::sync::Mutex::new(Unsettled::default());
    let mut told: Option<Instant> = None;
    loop {
        let look = || async { Ok(unsettled.lock().await.look(&feed.connector).await?) };
        let Some(left) = patience.until_done(look).await? else { return Ok(()) };
        if left == 0 {
            stop.run_until_cancelled(tokio::time::sleep(AFTER_COMMITS)).await;
            return Ok(());
        }
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            info!(
                left,
                "the copy waits until {left} XA transactions are committed or rolled back that were prepared before it \
                 (XA RECOVER lists them): their rows cannot be read before that"
            );
        }
        if stop.run_until_cancelled(tokio::time::sleep(ASK_EVERY)).await.is_none() {
            return Ok(());
        }
    }
}
