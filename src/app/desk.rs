//! The desk: answers operators' questions by connections of its own.
//!
//! A caller is answered within a second whatever the servers do. A side is asked a few things at a time; whoever comes
//! then waits, and no question is left behind by a caller who has gone: it ends by its own limit before the next one
//! begins, and what it brings is kept for whoever asks again.

mod kept;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{OnceCell, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tracing::warn;

use self::kept::{Kept, Seen};
use super::{audit::Entries, tables::tables_by};
use crate::{
    checkpoint::MongoCheckpoints,
    config::Config,
    model::{
        audit::AuditEntry,
        fault::{Fault, Stage},
    },
    pipeline::handle::desk::{Answer, Desk, Letters, ListWish, SourceSeen, TableView, TablesSeen},
    runtime::tasks,
    sink::Link,
    source::{
        connect::{Connector, address_of},
        schema,
    },
};

/// The longest that a caller waits, for his turn and the answer together.
const PATIENCE: Duration = Duration::from_millis(800);

/// The longest that a question may take, whether or not somebody still waits for it.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);

/// How long tables are taken to be as they were: finding thousands of them costs the source something.
const TABLES_ARE_FRESH: Duration = Duration::from_secs(10);

/// How long a connection that was made too late for whoever asked for it is told to the next one.
const CONNECTION_IS_FRESH: Duration = Duration::from_secs(10);

/// Questions that a side is asked at once.
const AT_ONCE: usize = 2;

/// Answers questions. Clones are the same desk.
#[derive(Debug, Clone)]
pub(super) struct FrontDesk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    connector: Connector,
    link: OnceCell<Link>,
    source: Arc<Semaphore>,
    target: Arc<Semaphore>,
    tables: Kept<Arc<Vec<TableView>>>,
    seen: Kept<Arc<SourceSeen>>,
    entries: Entries,
}

impl FrontDesk {
    /// A desk for these settings; connects to nothing yet.
    pub(super) fn new(config: &Arc<Config>, entries: Entries) -> Self {
        let turns = || Arc::new(Semaphore::new(AT_ONCE));
        let shared = Shared {
            config: Arc::clone(config),
            connector: Connector::new(config.source.clone()),
            link: OnceCell::new(),
            source: turns(),
            target: turns(),
            tables: Kept::new(TABLES_ARE_FRESH),
            seen: Kept::new(CONNECTION_IS_FRESH),
            entries,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Keeps a command; waits for as long as the target takes.
    pub(super) async fn keep_audit(&self, entry: &AuditEntry) -> Result<(), Fault> {
        Ok(self.shared.checkpoints().await?.keep_audit(entry).await?)
    }

    fn ask_source<T, F, W>(&self, question: F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Shared>) -> W,
        W: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let asked = question(Arc::clone(&self.shared));
        Box::pin(ask(Arc::clone(&self.shared.source), Stage::Source, asked))
    }

    fn ask_target<T, F, W>(&self, question: F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Shared>) -> W,
        W: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let asked = question(Arc::clone(&self.shared));
        Box::pin(ask(Arc::clone(&self.shared.target), Stage::Sink, asked))
    }
}

impl Shared {
    async fn link(&self) -> Result<&Link, Fault> {
        Ok(self.link.get_or_try_init(|| Link::open(&self.config.target)).await?)
    }

    async fn checkpoints(&self) -> Result<MongoCheckpoints, Fault> {
        Ok(MongoCheckpoints::open(self.link().await?, &self.config.checkpoint)?)
    }

    async fn tables(&self) -> Result<Seen<Arc<Vec<TableView>>>, Fault> {
        let found = async { Ok(Arc::new(tables_by(&self.connector, &self.config).await?)) };
        self.tables.get(found).await
    }

    async fn try_source(&self) -> Result<Arc<SourceSeen>, Fault> {
        let tried = async {
            let mut connection = self.connector.connect().await?;
            let host = address_of(&connection);
            let tables = schema::discover(&mut connection, &self.config.source).await?;
            let tables = tables.into_iter().map(|table| table.name).collect();
            Ok(Arc::new(SourceSeen { host, tables }))
        };
        Ok(self.seen.get(tried).await?.value)
    }

    async fn letters(&self, wish: ListWish) -> Result<Letters, Fault> {
        let (checkpoints, table) = (self.checkpoints().await?, wish.table.as_deref());
        let counts = checkpoints.count_letters().await?;
        let total = match table {
            Some(table) => counts.get(table).copied().unwrap_or(0),
            None => counts.values().sum(),
        };
        let letters = checkpoints.show_letters(table, wish.limit, wish.values).await?;
        Ok(Letters { total, letters })
    }
}

impl Desk for FrontDesk {
    fn try_source(&self) -> Answer<'_, Arc<SourceSeen>> {
        let asked = self.ask_source(|shared| async move { shared.try_source().await });
        Box::pin(async move {
            let answer = asked.await;
            if answer.is_ok() {
                self.shared.seen.forget();
            }
            answer
        })
    }

    fn try_target(&self) -> Answer<'_, ()> {
        self.ask_target(|shared| async move { Ok(shared.link().await?.ping().await?) })
    }

    fn tables(&self) -> Answer<'_, TablesSeen> {
        let asked = self.ask_source(|shared| async move { shared.tables().await });
        Box::pin(async move {
            let told =
                |seen: Seen<_>, problem| TablesSeen { tables: seen.value, at: seen.at, problem };
            match (asked.await, self.shared.tables.last()) {
                (Ok(seen), _) => Ok(told(seen, None)),
                (Err(fault), Some(seen)) => Ok(told(seen, Some(fault))),
                (Err(fault), None) => Err(fault),
            }
        })
    }

    fn letters(&self, wish: ListWish) -> Answer<'_, Letters> {
        self.ask_target(|shared| async move { shared.letters(wish).await })
    }

    fn schema_changes(&self, wish: ListWish) -> Answer<'_, Vec<serde_json::Value>> {
        self.ask_target(|shared| async move {
            let checkpoints = shared.checkpoints().await?;
            Ok(checkpoints.show_schema_changes(wish.table.as_deref(), wish.limit).await?)
        })
    }

    fn record(&self, entry: AuditEntry) {
        if let Err(error) = self.shared.entries.try_send(entry) {
            warn!(%error, "a command is not kept in _sync_audit: too many are waiting");
        }
    }
}

/// Asks when it is this question's turn.
async fn ask<T: Send + 'static>(
    turns: Arc<Semaphore>,
    stage: Stage,
    question: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    let late = || {
        let side = if stage == Stage::Source { "source" } else { "target" };
        Fault::transient(stage, format!("the {side} has not answered within a second")).with_hint(
            "ask again: it goes on being asked; GET /api/sync/status tells what is known",
        )
    };
    let until = Instant::now() + PATIENCE;
    let Ok(Ok(turn)) = timeout_at(until, turns.acquire_owned()).await else { return Err(late()) };
    let asked = tasks::spawn(async move {
        let answer = timeout(QUESTION_LIMIT, question).await;
        drop(turn);
        answer
    });
    match timeout_at(until, asked).await {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Err(_)) => Err(Fault::fatal(Stage::Runtime, "a question to a server panicked")),
        Ok(Ok(Err(_))) | Err(_) => Err(late()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_answer_holds_up_a_few_and_the_rest_is_told() {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let hangs = || ask::<()>(Arc::clone(&turns), Stage::Source, std::future::pending());
        let asked = futures_util::future::join_all((0..5).map(|_| hangs())).await;
        assert!(asked.iter().all(|answer| answer.as_ref().is_err_and(Fault::is_transient)));
        assert_eq!(turns.available_permits(), 0, "what was asked is still under way");
        tokio::time::sleep(QUESTION_LIMIT).await;
        assert_eq!(turns.available_permits(), AT_ONCE);
        let answer = ask(Arc::clone(&turns), Stage::Source, async { Ok(7) }).await;
        assert_eq!(answer.ok(), Some(7));
    }
}
