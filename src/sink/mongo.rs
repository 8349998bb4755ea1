//! The sink: writes batches and answers once they are durable.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bson::{Document, doc};
use futures_util::{StreamExt, stream};

use super::{
    codes::Consequence,
    command::{self, Chunk, Limits},
    compare,
    errors::SinkError,
    link::Link,
    reply,
    round::{Answer, Round, Rounds},
};
use crate::{
    config::TargetConfig,
    model::{
        fault::Fault,
        port::Sink,
        write::{Target, WriteBatch, WriteReport},
    },
};

/// Where it is tried whether the target takes an ordinary document.
const CANARY_COLLECTION: &str = "_sync_probe";

/// MongoDB, or what speaks its protocol, as the pipeline sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MongoSink {
    link: Link,
}

impl MongoSink {
    /// Makes ready to connect. The target need not be there yet.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub async fn connect(config: &TargetConfig) -> Result<Self, SinkError> {
        Ok(Self { link: Link::open(config).await? })
    }

    /// The connection, for the saved state and the preflight.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Asks the target whether it answers.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), SinkError> {
        self.link.ping().await
    }

    async fn write_batch(&self, batch: &Arc<WriteBatch>) -> Result<WriteReport, SinkError> {
        let limits = self.link.limits().await?;
        let looked = compare::look(&self.link, batch).await?;
        let mut rounds = Rounds::new(batch, limits, &looked);
        while let Some(Round { chunks, needs_canary }) = rounds.next() {
            if needs_canary {
                self.canary(batch).await?;
            }
            for (chunk, answer) in self.run_all(batch, chunks).await? {
                rounds.take(chunk, answer)?;
            }
        }
        let (report, on_suspicion) = rounds.finish();
        if on_suspicion {
            self.canary(batch).await?;
        }
        Ok(report)
    }

    /// Runs commands side by side. All that were begun are waited for, whatever becomes of the others.
    async fn run_all(
        &self,
        batch: &Arc<WriteBatch>,
        chunks: Vec<Chunk>,
    ) -> Result<Vec<(Chunk, Answer)>, SinkError> {
        let failed = AtomicBool::new(false);
        let runs = stream::iter(chunks).map(|chunk| self.run_unless(&failed, batch, chunk));
        let ended: Vec<_> = runs.buffer_unordered(Limits::SIDE_BY_SIDE).collect().await;
        let mut answers = Vec::with_capacity(ended.len());
        for end in ended.into_iter().flatten() {
            answers.push(end?);
        }
        Ok(answers)
    }

    async fn run_unless(
        &self,
        failed: &AtomicBool,
        batch: &Arc<WriteBatch>,
        chunk: Chunk,
    ) -> Option<Result<(Chunk, Answer), SinkError>> {
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let answer = self.run(batch, &chunk).await;
        failed.fetch_or(answer.is_err(), Ordering::Relaxed);
        Some(answer.map(|answer| (chunk, answer)))
    }

    async fn run(&self, batch: &WriteBatch, chunk: &Chunk) -> Result<Answer, SinkError> {
        let comment = self.link.comment();
        let body = command::encode(batch, chunk, self.link.concern(), &comment);
        let (Some(body), Some(group)) = (body, batch.groups.get(chunk.group)) else {
            return Err(SinkError::Lost { doing: "write" });
        };
        let database = &group.target.collection.database;
        match self.link.write(database, body, comment).await {
            Ok(answer) => reply::parse(&answer).map(Answer::Reply),
            Err(error) => suspicion(error),
        }
    }

    /// Writes an ordinary document and removes it again: where that fails, no document of ours is to blame.
    async fn canary(&self, batch: &WriteBatch) -> Result<(), SinkError> {
        let Some(group) = batch.groups.first() else { return Ok(()) };
        let database = &group.target.collection.database;
        let id = self.link.instance();
        let insert = doc! { "q": { "_id": id }, "u": { "_id": id }, "upsert": true };
        let delete = doc! { "q": { "_id": id }, "limit": 1 };
        let commands = [
            doc! { "update": CANARY_COLLECTION, "updates": [insert] },
            doc! { "delete": CANARY_COLLECTION, "deletes": [delete] },
        ];
        for command in commands {
            self.link.write_document(database, command).await?;
        }
        Ok(())
    }
}

/// A command that failed as a whole: it may be due to one document, or stands.
fn suspicion(error: SinkError) -> Result<Answer, SinkError> {
    match error {
        SinkError::Target { doing, problem } => match problem.consequence {
            Consequence::Record | Consequence::Suspect => Ok(Answer::Suspect(problem)),
            Consequence::Transient | Consequence::Uncertain | Consequence::Fatal => {
                Err(SinkError::Target { doing, problem })
            }
        },
        other => Err(other),
    }
}

impl Sink for MongoSink {
    async fn prepare(&self, target: &Target) -> Result<(), Fault> {
        Ok(self.link.prepare(target).await?)
    }

    async fn write(&self, batch: Arc<WriteBatch>) -> Result<WriteReport, Fault> {
        Ok(self.write_batch(&batch).await?)
    }
}

impl Link {
    /// Runs a small write under the data's write concern. Errors of single documents are in the reply.
    pub(crate) async fn write_command(
        &self,
        database: &str,
        mut command: Document,
    ) -> Result<reply::Reply, SinkError> {
        let comment = self.comment();
        command.insert("writeConcern", self.concern().to_document());
        command.insert("comment", comment.as_str());
        let body = bson::RawDocumentBuf::try_from(&command)
            .map_err(|_| SinkError::Lost { doing: "encode a command" })?;
        let answer = self.write(database, body, comment).await?;
        let mut reply = reply::parse(&answer)?;
        match reply.concern.take() {
            Some(problem) => Err(SinkError::Target { doing: "confirm a write", problem }),
            None => Ok(reply),
        }
    }

    /// The same for writes that no document is expected to fail.
    pub(crate) async fn write_document(
        &self,
        database: &str,
        command: Document,
    ) -> Result<reply::Reply, SinkError> {
        let mut reply = self.write_command(database, command).await?;
        match reply.errors.pop() {
            Some(error) => Err(SinkError::Target { doing: "write", problem: error.problem }),
            None => Ok(reply),
        }
    }
}
