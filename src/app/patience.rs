//! Tries again for as long as a fault is transient.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Context;
use crate::{
    config::RetryConfig,
    model::fault::Fault,
    pipeline::{
        Handle,
        handle::{Side, side_of},
    },
    runtime::retry::Backoff,
    telemetry::metrics,
};

/// What waiting goes by.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    pub(super) retry: RetryConfig,
    pub(super) handle: Handle,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

impl From<&Context> for Patience {
    fn from(context: &Context) -> Self {
        Self {
            retry: context.config.retry.clone(),
            handle: context.handle.clone(),
            stop: context.stop.clone(),
        }
    }
}

impl Patience {
    /// Does something until it succeeds. `None` when told to stop before.
    ///
    /// # Errors
    /// The fault that no try can mend.
    pub(super) async fn until_done<T, F, W>(&self, mut attempt: F) -> Result<Option<T>, Fault>
    where
        F: FnMut() -> W,
        W: Future<Output = Result<T, Fault>>,
    {
        let mut backoff = Backoff::new(&self.retry);
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(None),
                outcome = attempt() => outcome,
            };
            let fault = match outcome {
                Ok(done) => {
                    for side in [Side::Source, Side::Target] {
                        self.handle.set_away(side, false);
                    }
                    return Ok(Some(done));
                }
                Err(fault) => fault,
            };
            if self.wait_after(fault, &mut backoff).await?.is_none() {
                return Ok(None);
            }
        }
    }

    async fn wait_after(&self, fault: Fault, backoff: &mut Backoff) -> Result<Option<()>, Fault> {
        metrics::error(fault.class, fault.stage);
        let Some(wait) = backoff.next_wait().filter(|_| fault.is_transient()) else {
            return Err(fault);
        };
        self.handle.set_error(&fault);
        self.handle.set_away(side_of(fault.stage), true);
        metrics::retry(fault.stage);
        warn!(operation = "retrying", error = %fault.chain(), hint = fault.hint.as_deref(), wait = ?wait, "will try again");
        Ok(self.stop.run_until_cancelled(tokio::time::sleep(wait)).await)
    }
}
