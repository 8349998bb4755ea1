//! The tasks of the process: each has a name, a panic becomes an error, and all are waited for.

use std::future::Future;

use tokio::task::{JoinError, JoinSet};

use crate::model::fault::{Fault, Stage};

/// A registry of running tasks.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<(&'static str, Result<(), Fault>)>,
}

/// A task that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The task's name; `task` where it panicked.
    pub name: &'static str,
    /// How it ended.
    pub result: Result<(), Fault>,
}

impl Tasks {
    /// Starts a task.
    pub fn spawn<F>(&mut self, name: &'static str, work: F)
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        self.running.spawn(async move { (name, work.await) });
    }

    /// Waits for the next task to end; `None` when none is left. Cancel-safe.
    pub async fn next(&mut self) -> Option<Ended> {
        let ended = self.running.join_next().await?;
        Some(match ended {
            Ok((name, result)) => Ended { name, result },
            Err(error) => Ended { name: "task", result: panic_fault(&error) },
        })
    }

    /// Whether no task is running.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Ends all tasks where they stand and waits until they are gone.
    pub async fn abort(&mut self) {
        self.running.shutdown().await;
    }
}

/// Starts a task whose answer is waited for; dropping the answer does not stop the task.
pub fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    tokio::spawn(work)
}

/// What a join error means: nothing for a task that was ended on purpose, a fault for a panic. The panic's own text is
/// left out, since it may quote a row.
fn panic_fault(error: &JoinError) -> Result<(), Fault> {
    if error.is_cancelled() {
        return Ok(());
    }
    Err(Fault::fatal(Stage::Runtime, "a task panicked").with_hint(
        "this is a bug in binleaf: run with RUST_BACKTRACE=1 and report what standard error says",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_of_the_pipeline() {
        let mut tasks = Tasks::default();
        tasks.spawn("well", async { Ok(()) });
        tasks.spawn("broken", async { panic!("oh") });
        let mut failures = 0;
        while let Some(ended) = tasks.next().await {
            failures += usize::from(ended.result.is_err());
        }
        assert_eq!(failures, 1);
    }
}
