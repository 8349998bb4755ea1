//! The connection to the target, as sink, state and preflight use it.
//!
//! A write runs on a task of its own and is never dropped with the caller: what became of it is known, or it is
//! remembered as unknown and nothing is written until it is settled (see [`super::settle`]).

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bson::{Document, RawDocument, RawDocumentBuf, doc};
use futures_util::StreamExt;
use mongodb::{Client, Database, action::Action, error::ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    codes::Consequence,
    command::{Concern, Limits},
    errors::{Problem, SinkError},
    reply, secret,
    settle::Settler,
};
use crate::{config::TargetConfig, model::write::Collection, runtime::tasks};

/// The longest that a question may take.
const ASK_LIMIT: Duration = Duration::from_secs(30);

/// The longest that a write may take; the write concern's own patience ends before it.
const WRITE_LIMIT: Duration = Duration::from_secs(60);

/// A connection to the target. Cheap to clone; all clones share the pool.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: TargetConfig,
    connected: RwLock<Connected>,
    limits: OnceCell<Limits>,
    settler: Settler,
    instance: String,
    writes: AtomicU64,
}

#[derive(Debug)]
struct Connected {
    client: Client,
    uri: SecretString,
}

impl Link {
    /// Reads the connection string and makes ready to connect. The target need not be there yet.
    ///
    /// # Errors
    /// [`SinkError::Secret`] and [`SinkError::Uri`]; of class `Transient` when a name of `mongodb+srv` does not resolve.
    pub async fn open(config: &TargetConfig) -> Result<Self, SinkError> {
        let uri = secret::read(&config.uri).await?;
        let client = connect(&uri).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                config: config.clone(),
                connected: RwLock::new(Connected { client, uri }),
                limits: OnceCell::new(),
                settler: Settler::default(),
                instance: Uuid::new_v4().simple().to_string(),
                writes: AtomicU64::new(0),
            }),
        })
    }

    /// Asks the target whether it answers.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), SinkError> {
        self.ask("admin", doc! { "ping": 1 }, "answer").await.map(drop)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.client().shutdown().await;
    }

    /// A name of this run, unlike any other.
    pub(crate) fn instance(&self) -> &str {
        &self.shared.instance
    }

    pub(crate) fn config(&self) -> &TargetConfig {
        &self.shared.config
    }

    pub(super) fn concern(&self) -> Concern {
        Concern {
            write_concern: self.shared.config.write_concern,
            journal: self.shared.config.journal,
        }
    }

    pub(super) fn settler(&self) -> &Settler {
        &self.shared.settler
    }

    /// A comment that no other command ever had.
    pub(super) fn comment(&self) -> String {
        let number = self.shared.writes.fetch_add(1, Ordering::Relaxed);
        format!("binleaf:{}:{number}", self.shared.instance)
    }

    /// What the target takes, asked once.
    pub(super) async fn limits(&self) -> Result<Limits, SinkError> {
        self.shared.limits.get_or_try_init(|| self.ask_limits()).await.copied()
    }

    async fn ask_limits(&self) -> Result<Limits, SinkError> {
        let hello = self.ask("admin", doc! { "hello": 1 }, "greet").await?;
        let read = |name, otherwise| {
            let number = hello.get(name).and_then(reply::number);
            number.and_then(|number| usize::try_from(number).ok()).unwrap_or(otherwise)
        };
        let usual = Limits::default();
        Ok(Limits {
            document: read("maxBsonObjectSize", usual.document),
            operations: read("maxWriteBatchSize", usual.operations)
                .clamp(1, Limits::MOST_OPERATIONS),
        })
    }

    /// Runs a command that changes no document.
    pub(crate) async fn ask(
        &self,
        database: &str,
        command: Document,
        doing: &'static str,
    ) -> Result<Document, SinkError> {
        let database = self.database(database);
        let mut task = tasks::spawn(async move { database.run_command(command).await });
        match tokio::time::timeout(ASK_LIMIT, &mut task).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => Err(self.refused(&error, doing).await),
            Ok(Err(_)) => Err(SinkError::Lost { doing }),
            Err(_) => {
                task.abort();
                Err(SinkError::TimedOut { doing, limit: ASK_LIMIT })
            }
        }
    }

    /// Runs a command that may take as long as it likes, such as the making of an index.
    pub(super) async fn ask_patiently(
        &self,
        database: &str,
        command: Document,
        doing: &'static str,
    ) -> Result<Document, SinkError> {
        let database = self.database(database);
        match tasks::spawn(async move { database.run_command(command).await }).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.refused(&error, doing).await),
            Err(_) => Err(SinkError::Lost { doing }),
        }
    }

    /// Shows all documents that a filter finds, one after the other.
    pub(super) async fn each(
        &self,
        collection: &Collection,
        (filter, projection): (Document, Option<Document>),
        mut show: impl FnMut(&RawDocument) + Send,
    ) -> Result<(), SinkError> {
        const DOING: &str = "read documents";
        let documents = self.database(&collection.database).collection(&collection.name);
        let reading = async {
            let mut cursor = documents
                .find(filter)
                .optional(projection, |find, fields| find.projection(fields))
                .await?;
            while let Some(document) = cursor.next().await {
                let document: RawDocumentBuf = document?;
                show(&document);
            }
            Ok(())
        };
        match tokio::time::timeout(ASK_LIMIT, reading).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.refused(&error, DOING).await),
            Err(_) => Err(SinkError::TimedOut { doing: DOING, limit: ASK_LIMIT }),
        }
    }

    /// Runs a write whose body carries this comment, once no earlier one can still be running.
    pub(super) async fn write(
        &self,
        database: &str,
        body: RawDocumentBuf,
        comment: String,
    ) -> Result<Document, SinkError> {
        self.settle().await?;
        let database = self.database(database);
        let task = tasks::spawn(async move { database.run_raw_command(body).await });
        let mut flight = self.shared.settler.depart(comment, task);
        let error = match tokio::time::timeout(WRITE_LIMIT, flight.landing()).await {
            Err(_) => return Err(SinkError::TimedOut { doing: "write", limit: WRITE_LIMIT }),
            Ok(None) => return Err(SinkError::Lost { doing: "write" }),
            Ok(Some(Ok(answer))) => {
                flight.landed();
                return Ok(answer);
            }
            Ok(Some(Err(error))) => error,
        };
        let refused = self.refused(&error, "write").await;
        let uncertain = |problem: &Problem| problem.consequence == Consequence::Uncertain;
        if !refused.problem().is_some_and(uncertain) {
            flight.landed();
        }
        Err(refused)
    }

    /// The error for what the driver says. Where the target refuses the user, the connection string is read again: if
    /// it is another one now, the next try goes by it.
    async fn refused(&self, error: &mongodb::error::Error, doing: &'static str) -> SinkError {
        let mut problem = Problem::from(error);
        let is_login = matches!(error.kind.as_ref(), ErrorKind::Authentication { .. })
            || matches!(problem.code, 18 | 391);
        if is_login && self.renew().await {
            problem.consequence = Consequence::Transient;
        }
        SinkError::Target { doing, problem }
    }

    /// Reads the connection string again and answers whether there is a new one.
    async fn renew(&self) -> bool {
        let Ok(uri) = secret::read(&self.shared.config.uri).await else { return false };
        if uri.expose_secret() == self.current_uri().expose_secret() {
            return false;
        }
        let Ok(client) = connect(&uri).await else { return false };
        let mut connected = self.shared.connected.write().unwrap_or_else(PoisonError::into_inner);
        *connected = Connected { client, uri };
        tracing::info!(operation = "reconnected", "the target's connection string is a new one");
        true
    }

    fn current_uri(&self) -> SecretString {
        self.shared.connected.read().unwrap_or_else(PoisonError::into_inner).uri.clone()
    }

    fn client(&self) -> Client {
        self.shared.connected.read().unwrap_or_else(PoisonError::into_inner).client.clone()
    }

    fn database(&self, name: &str) -> Database {
        self.client().database(name)
    }
}

async fn connect(uri: &SecretString) -> Result<Client, SinkError> {
    let options = secret::options(uri).await?;
    Client::with_options(options)
        .map_err(|error| SinkError::Target { doing: "be reached", problem: Problem::from(&error) })
}
