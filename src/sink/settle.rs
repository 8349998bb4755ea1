//! Makes sure that a write of unknown outcome has ended before anything is written after it.
//!
//! A command whose connection broke may still run, or be read by the target only later; a newer version of a row that
//! overtook it would be replaced by the older one. So an unknown write is remembered by its `comment`, and before the
//! next write the old one is looked for in the target, killed, and looked for again until it stayed away for a while.
//! Servers differ in what they show, see [`Sight`]. What is left is a target that reads a command out of its network
//! buffers later than the settling time after it answers again.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bson::{Bson, Document, doc};
use mongodb::error::Error as DriverError;
use tokio::{task::JoinHandle, time::Instant};

use super::{codes::Consequence, errors::SinkError, link::Link};

/// How long an unknown write must stay away, where writes are seen by their comment.
const QUIET: Duration = Duration::from_secs(1);

/// How long is waited where they are not.
pub(super) const SETTLING: Duration = Duration::from_secs(2);

/// How long is waited for a write that does not end, before the caller is told.
const PATIENCE: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(100);

type Task = JoinHandle<Result<Document, DriverError>>;

/// How much the target shows of running commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Commands with their comment, which can be killed (MongoDB).
    Comments,
    /// That some write is running, but not whose (FerretDB 2.7 over DocumentDB).
    Writes,
    /// Nothing (shared Atlas tiers).
    Nothing,
}

/// The writes whose outcome is unknown.
#[derive(Debug, Default)]
pub(super) struct Settler {
    unknown: Mutex<Vec<Unknown>>,
    gate: tokio::sync::Mutex<()>,
    sight: OnceLock<Sight>,
}

#[derive(Debug)]
struct Unknown {
    comment: String,
    task: Task,
}

/// A write under way. Dropped before it has landed, it is unknown.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    settler: &'a Settler,
    unknown: Option<Unknown>,
}

impl Flight<'_> {
    /// The answer; `None` when the task was lost. Cancel-safe.
    pub(super) async fn landing(&mut self) -> Option<Result<Document, DriverError>> {
        (&mut self.unknown.as_mut()?.task).await.ok()
    }

    /// Its outcome is known.
    pub(super) fn landed(mut self) {
        self.unknown = None;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.settler.list().extend(self.unknown.take());
    }
}

impl Settler {
    /// Watches over a write that has been started.
    pub(super) fn depart(&self, comment: String, task: Task) -> Flight<'_> {
        Flight { settler: self, unknown: Some(Unknown { comment, task }) }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Unknown>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comments(&self) -> Vec<String> {
        self.list().iter().map(|unknown| unknown.comment.clone()).collect()
    }

    /// Ends the client's side of the unknown writes, so that nothing more leaves by their connections. A driver's
    /// future is dropped nowhere else; the driver closes a connection that is given back in the middle of a command
    /// (`ConnectionClosedReason::Dropped`).
    fn hang_up(&self) {
        self.list().iter().for_each(|unknown| unknown.task.abort());
    }

    fn forget(&self, comments: &[String]) {
        self.list().retain(|unknown| !comments.contains(&unknown.comment));
    }
}

impl Link {
    /// Waits until no write of unknown outcome can still be running.
    pub(super) async fn settle(&self) -> Result<(), SinkError> {
        if self.settler().list().is_empty() {
            return Ok(());
        }
        let _gate = self.settler().gate.lock().await;
        let comments = self.settler().comments();
        if comments.is_empty() {
            return Ok(());
        }
        self.settler().hang_up();
        // The clock starts when the target answers: before that it may not have read the old command yet.
        self.ping().await?;
        match self.sight().await? {
            Sight::Comments => self.kill(&comments).await?,
            Sight::Writes => self.outwait_writes().await?,
            Sight::Nothing => tokio::time::sleep(SETTLING).await,
        }
        self.settler().forget(&comments);
        tracing::debug!(writes = comments.len(), "writes of unknown outcome have ended");
        Ok(())
    }

    /// How much the target shows; found out once, by looking for the very command that looks.
    pub(super) async fn sight(&self) -> Result<Sight, SinkError> {
        if let Some(sight) = self.settler().sight.get() {
            return Ok(*sight);
        }
        let comment = self.comment();
        let by_comment = told(self.running(&[comment]).await)?;
        let sight = if by_comment.is_some_and(|found| !found.is_empty()) {
            Sight::Comments
        } else if told(self.operations().await)?.is_some_and(|all| all.iter().any(is_active)) {
            Sight::Writes
        } else {
            Sight::Nothing
        };
        Ok(*self.settler().sight.get_or_init(|| sight))
    }

    /// The operations that carry one of these comments. The question carries the first one itself.
    async fn running(&self, comments: &[String]) -> Result<Vec<Document>, SinkError> {
        let own = comments.first().map(String::as_str).unwrap_or_default();
        let command = doc! {
            "aggregate": 1,
            "pipeline": [
                // A user sees and kills its own operations without any further right.
                { "$currentOp": { "allUsers": false, "idleConnections": false } },
                { "$match": { "command.comment": { "$in": comments } } },
                { "$project": { "opid": 1, "command.aggregate": 1 } },
            ],
            "cursor": {},
            "comment": own,
        };
        let answer = self.ask("admin", command, "show its operations").await?;
        Ok(documents(
            answer.get_document("cursor").ok().and_then(|cursor| cursor.get("firstBatch")),
        ))
    }

    /// Every operation, where a server has no `$currentOp` that shows comments.
    async fn operations(&self) -> Result<Vec<Document>, SinkError> {
        let answer =
            self.ask("admin", doc! { "currentOp": 1, "$all": true }, "show its operations").await?;
        Ok(documents(answer.get("inprog")))
    }

    async fn kill(&self, comments: &[String]) -> Result<(), SinkError> {
        let begun = Instant::now();
        let mut last_seen = begun;
        while last_seen.elapsed() < QUIET {
            if begun.elapsed() > PATIENCE {
                return Err(SinkError::StillRunning);
            }
            let running = self.running(comments).await?;
            for operation in running.iter().filter(|operation| !is_question(operation)) {
                last_seen = Instant::now();
                if let Some(id) = operation.get("opid") {
                    let command = doc! { "killOp": 1, "op": id.clone(), "comment": "binleaf" };
                    told(self.ask("admin", command, "kill an operation").await)?;
                }
            }
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    }

    /// Waits until all writes that run after the settling time are gone, whosever they are.
    async fn outwait_writes(&self) -> Result<(), SinkError> {
        tokio::time::sleep(SETTLING).await;
        let begun = Instant::now();
        let mut waited_for = active_writes(&self.operations().await?);
        while !waited_for.is_empty() {
            if begun.elapsed() > PATIENCE {
                return Err(SinkError::StillRunning);
            }
            tokio::time::sleep(STEP).await;
            let running = active_writes(&self.operations().await?);
            waited_for.retain(|operation| running.contains(operation));
        }
        Ok(())
    }
}

/// A refusal is an answer too; only what passes by itself is an error.
fn told<T>(answer: Result<T, SinkError>) -> Result<Option<T>, SinkError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.problem().map(|problem| problem.consequence) {
            Some(Consequence::Fatal | Consequence::Suspect | Consequence::Record) => Ok(None),
            Some(Consequence::Transient | Consequence::Uncertain) | None => Err(error),
        },
    }
}

fn documents(list: Option<&Bson>) -> Vec<Document> {
    let list = list.and_then(Bson::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Bson::as_document).cloned().collect()
}

/// The looking command finds itself.
fn is_question(operation: &Document) -> bool {
    operation.get_document("command").is_ok_and(|command| command.contains_key("aggregate"))
}

fn is_active(operation: &Document) -> bool {
    operation.get_bool("active").unwrap_or(false)
}

fn active_writes(operations: &[Document]) -> HashSet<String> {
    let is_write = |operation: &&Document| {
        let kind = operation.get_str("op").unwrap_or_default();
        is_active(operation) && ["insert", "update", "remove", "delete"].contains(&kind)
    };
    let ids = operations.iter().filter(is_write).filter_map(|operation| operation.get("opid"));
    ids.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_running_writes_are_waited_for() {
        let idle = doc! { "active": false, "type": "idleSession", "opid": "1:1" };
        let ours = doc! { "active": true, "op": "command", "opid": "1:2" };
        let write = doc! { "active": true, "op": "update", "opid": "1:3" };
        let found = active_writes(&[idle, ours, write]);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|id| id.contains("1:3")));
    }

    #[tokio::test]
    async fn a_write_that_is_dropped_in_flight_is_unknown() {
        let settler = Settler::default();
        let task = crate::runtime::tasks::spawn(async { Ok(Document::new()) });
        drop(settler.depart("one".to_owned(), task));
        assert_eq!(settler.comments(), ["one"]);
        let task = crate::runtime::tasks::spawn(async { Ok(Document::new()) });
        let mut flight = settler.depart("two".to_owned(), task);
        assert!(flight.landing().await.is_some_and(|answer| answer.is_ok()));
        flight.landed();
        assert_eq!(settler.comments(), ["one"]);
        settler.forget(&["one".to_owned()]);
        assert!(settler.comments().is_empty());
    }
}
