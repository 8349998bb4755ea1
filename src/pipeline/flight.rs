//! A batch on its way to the target: written, and written again, until it is durable; what the target refuses for good
//! goes to the dead letters before the batch counts as landed.
//!
//! A flight runs on a task of its own and is never dropped in mid-air: a dropped write would be one of unknown outcome.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    handle::{Handle, side_of},
    letters::{self, letter_of},
};
use crate::{
    config::{RecordPolicy, RetryConfig},
    model::{
        fault::Fault,
        letter::DeadLetter,
        port::{Checkpoints, Sink},
        state::{State, StatePart, TableRecord},
        write::{WriteBatch, WriteReport},
    },
    runtime::retry::Backoff,
    telemetry::metrics::{self, TableMeters},
};

/// What a flight needs.
#[derive(Debug)]
pub(super) struct Crew<S, C> {
    pub(super) sink: Arc<S>,
    pub(super) checkpoints: Arc<C>,
    pub(super) retry: RetryConfig,
    pub(super) policy: RecordPolicy,
    pub(super) handle: Handle,
    /// Set when the time for draining is over: waits between tries end.
    pub(super) abandon: CancellationToken,
}

/// A batch that is sent.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) lane: usize,
    pub(super) number: u64,
    pub(super) batch: Arc<WriteBatch>,
    pub(super) letters: Vec<DeadLetter>,
    pub(super) oldest_commit_micros: Option<u64>,
}

/// A batch that is durable.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) lane: usize,
    pub(super) number: u64,
    pub(super) batch: Arc<WriteBatch>,
    pub(super) report: WriteReport,
    /// Letters that were kept for rows of this batch.
    pub(super) letters: Vec<DeadLetter>,
    pub(super) oldest_commit_micros: Option<u64>,
    pub(super) took: Duration,
}

/// Writes a batch until it is durable.
pub(super) async fn fly<S: Sink, C: Checkpoints>(
    crew: Arc<Crew<S, C>>,
    flight: Flight,
) -> Result<Landed, Fault> {
    let Flight { lane, number, batch, mut letters, oldest_commit_micros } = flight;
    let started = Instant::now();
    crew.handle.departed(batch.operation_count());
    let report = if batch.operation_count() == 0 {
        WriteReport::default()
    } else {
        crew.persist(|| crew.sink.write(Arc::clone(&batch))).await?
    };
    let took = started.elapsed();
    letters.extend(report.rejected.iter().filter_map(|rejection| letter_of(&batch, rejection)));
    let letters = crew.keep(letters).await?;
    crew.handle.landed(batch.operation_count());
    #[cfg(feature = "failpoints")]
    stand_still_if_asked("after_write").await;
    Ok(Landed { lane, number, batch, report, letters, oldest_commit_micros, took })
}

/// Where a test says so nothing goes on: a batch is written and never lands, so that the process can be killed in between;
/// or the loop does not turn any more, so that somebody must notice.
#[cfg(feature = "failpoints")]
pub(super) async fn stand_still_if_asked(place: &str) {
    if fail::eval(place, |_| ()).is_some() {
        std::future::pending::<()>().await;
    }
}

impl Landed {
    /// Tells the metrics.
    pub(super) fn observe(&self, meters: &mut TableMeters) {
        metrics::batch(self.batch.operation_count(), self.took);
        for (number, group) in self.batch.groups.iter().enumerate() {
            let all = u64::try_from(group.operations.len()).unwrap_or(u64::MAX);
            let unchanged = self.report.by_group.get(number).map_or(0, |counts| counts.unchanged);
            let written = all.saturating_sub(unchanged);
            meters.of(&group.table.name).rows_written(written);
        }
        if let Some(micros) = self.oldest_commit_micros {
            let committed = std::time::UNIX_EPOCH + Duration::from_micros(micros);
            metrics::commit_to_visible(committed.elapsed().unwrap_or_default());
        }
    }
}

impl<S: Sink, C: Checkpoints> Crew<S, C> {
    /// Saves a part of the state, then what is shown of tables.
    pub(super) async fn save(
        &self,
        state: Option<(State, StatePart)>,
        records: &[TableRecord],
    ) -> Result<(), Fault> {
        if let Some((state, part)) = &state {
            self.persist(|| self.checkpoints.save(state, *part)).await?;
            debug!(operation = "checkpoint_saved", "the mark is saved");
        }
        if !records.is_empty() {
            self.persist(|| self.checkpoints.save_tables(records)).await?;
        }
        Ok(())
    }

    /// Does something until it succeeds, waiting between tries, as long as its faults are transient.
    pub(super) async fn persist<T, F, W>(&self, mut attempt: F) -> Result<T, Fault>
    where
        F: FnMut() -> W,
        W: Future<Output = Result<T, Fault>>,
    {
        let mut backoff = Backoff::new(&self.retry);
        loop {
            let fault = match attempt().await {
                Ok(done) => {
                    self.recovered(&backoff);
                    return Ok(done);
                }
                Err(fault) => fault,
            };
            metrics::error(fault.class, fault.stage);
            self.wait_after(fault, &mut backoff).await?;
        }
    }

    fn recovered(&self, backoff: &Backoff) {
        if backoff.tries() > 0 {
            self.handle.set_away(super::handle::Side::Target, false);
            info!(operation = "reconnected", tries = backoff.tries(), "the target answers again");
        }
    }

    /// Waits for the next try, or gives the fault back where there is none.
    async fn wait_after(&self, fault: Fault, backoff: &mut Backoff) -> Result<(), Fault> {
        if !fault.is_transient() {
            return Err(fault);
        }
        let Some(wait) = backoff.next_wait() else {
            return Err(fault.given_up());
        };
        self.handle.set_error(&fault);
        self.handle.set_away(side_of(fault.stage), true);
        // The loop itself may wait here, for a row of a source that is away: waiting is not hanging.
        self.handle.turned();
        metrics::retry(fault.stage);
        warn!(operation = "retrying", error = %fault.chain(), hint = fault.hint, wait = ?wait, "will try again");
        tokio::select! {
            biased;
            () = self.abandon.cancelled() => Err(fault),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Deals with changes that cannot be written, by policy. Answers those that are kept.
    async fn keep(&self, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, Fault> {
        let Some(first) = letters.first() else { return Ok(letters) };
        match self.policy {
            RecordPolicy::Stop => Err(letters::stop_fault(first)),
            RecordPolicy::Skip => {
                letters::tell(&letters, "skipped, as errors.record says");
                Ok(Vec::new())
            }
            RecordPolicy::DeadLetter => {
                self.persist(|| self.checkpoints.keep_letters(&letters)).await?;
                letters::tell(&letters, "kept in the dead letters");
                Ok(letters)
            }
        }
    }
}
