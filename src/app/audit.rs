//! Keeps what operators did. A command never waits for it: entries wait here, in order, until the target takes them.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::desk::FrontDesk;
use crate::{
    config::RetryConfig,
    model::{audit::AuditEntry, fault::Fault},
    runtime::retry::Backoff,
};

/// Entries that may wait; a further one is only logged.
const MOST: usize = 1000;

/// How long entries are tried to be kept when everything else has ended.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Where entries are left.
pub(super) type Entries = mpsc::Sender<AuditEntry>;

/// A place to leave entries, and what waits there.
pub(super) fn open() -> (Entries, mpsc::Receiver<AuditEntry>) {
    mpsc::channel(MOST)
}

/// Keeps entries until `close`, and then for as long as is bearable.
pub(super) async fn keep(
    desk: FrontDesk,
    mut waiting: mpsc::Receiver<AuditEntry>,
    close: CancellationToken,
) {
    let mut begun = None;
    loop {
        let entry = tokio::select! {
            biased;
            () = close.cancelled() => break,
            entry = waiting.recv() => entry,
        };
        let Some(entry) = entry else { return };
        tokio::select! {
            () = keep_one(&desk, &entry) => {}
            () = close.cancelled() => {
                begun = Some(entry);
                break;
            }
        }
    }
    waiting.close();
    let rest = async {
        if let Some(entry) = begun {
            keep_one(&desk, &entry).await;
        }
        while let Some(entry) = waiting.recv().await {
            keep_one(&desk, &entry).await;
        }
    };
    drop(timeout(LAST_PATIENCE, rest).await);
}

async fn keep_one(desk: &FrontDesk, entry: &AuditEntry) {
    let mut backoff = Backoff::new(&RetryConfig::default());
    while let Err(fault) = desk.keep_audit(entry).await {
        tell(&fault, backoff.tries());
        let Some(wait) = backoff.next_wait() else { return };
        tokio::time::sleep(wait).await;
    }
}

/// Once for a series of tries.
fn tell(fault: &Fault, tries: u32) {
    if tries == 0 {
        warn!(error = %fault.chain(), "a command is not kept in _sync_audit yet: it is tried again");
    }
}
