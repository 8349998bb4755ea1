//! The connection to the binlog: start, guard, and go on after it broke.
//!
//! After every interruption the stream begins behind the last transaction whose mark was sent. A transaction that had
//! come in part comes again from its beginning; applying its rows twice is harmless. So do XA transactions that are
//! prepared and not settled, which that position leaves out.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Link,
    dump::Dump,
    error::BinlogError,
    event::kind,
    idle::Idle,
    request::{self, Replica},
    tables::Describe,
    transaction::{Assembler, Halt},
};
use crate::{
    config::{RetryConfig, SourceConfig},
    model::{
        fault::{Fault, Stage},
        gtid::GtidPosition,
        position::Position,
        table::{TableName, TableSchema},
    },
    runtime::{ready::unless_stopped, retry::Backoff},
    source::{connect::Connector, error::SourceError, position, protocol::Connection, schema},
    telemetry::metrics,
};

/// How many heartbeats may be missed.
const MISSED_HEARTBEATS: u32 = 3;

/// How often the same place may turn out damaged before it is taken for damaged for good.
const DAMAGED_TRIES: u32 = 3;

/// Asks by a pooled connection; the stream's own can ask nothing once it streams.
#[derive(Debug)]
pub(super) struct AskSource(pub(super) Connector);

impl Describe for AskSource {
    async fn describe(&mut self, table: &TableName) -> Result<Option<TableSchema>, SourceError> {
        let mut connection = self.0.pooled().await?;
        schema::describe(&mut connection, table).await
    }

    async fn is_other_kind(&mut self, table: &TableName) -> Result<bool, SourceError> {
        let mut connection = self.0.pooled().await?;
        let kind = schema::kind(&mut connection, table).await?;
        Ok(kind.is_some_and(|kind| !schema::is_table(&kind)))
    }
}

/// A stream that mends itself.
pub(super) struct Session {
    pub(super) connector: Connector,
    pub(super) config: SourceConfig,
    pub(super) retry: RetryConfig,
    pub(super) replica: Replica,
    pub(super) assembler: Assembler<AskSource>,
    pub(super) cancel: CancellationToken,
    pub(super) link: watch::Sender<Link>,
}

/// Why one connection's stream ended.
enum End {
    /// Asked to stop, or nobody listens any more.
    Stopped,
    /// A fault, and whether the bytes were damaged.
    Fault { fault: Fault, is_damage: bool },
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault { fault, is_damage: false }
    }
}

/// How the tries go.
struct Tries {
    backoff: Backoff,
    /// The place that turned out damaged last, and how often in a row.
    damaged: Option<(String, u32)>,
    is_first: bool,
}

impl Session {
    /// Streams until asked to stop or until nothing but a person can help.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let mut tries = Tries { backoff: Backoff::new(&self.retry), damaged: None, is_first: true };
        loop {
            let End::Fault { fault, is_damage } = self.stream_once(&mut tries).await else {
                return Ok(());
            };
            metrics::error(fault.class, Stage::Binlog);
            let place = self.assembler.describe_place();
            if !fault.is_transient() || is_damage && tries.is_damaged_for_good(&place) {
                return Err(fatal(fault, place));
            }
            if !self.wait(fault, &mut tries).await? {
                return Ok(());
            }
        }
    }

    /// Waits before the next try. False when asked to stop meanwhile.
    async fn wait(&self, fault: Fault, tries: &mut Tries) -> Result<bool, Fault> {
        let Some(wait) = tries.backoff.next_wait() else { return Err(fault) };
        metrics::retry(Stage::Binlog);
        tracing::warn!(
            operation = "retrying",
            wait_seconds = wait.as_secs_f64(),
            tries = tries.backoff.tries(),
            error = %fault.chain(),
            "the stream broke; it goes on where it was"
        );
        let message = fault.chain();
        let hint = fault.hint.as_ref().map(ToString::to_string);
        self.link.send_replace(Link::Retrying { message, hint });
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Ok(false),
            () = tokio::time::sleep(wait) => Ok(true),
        }
    }

    /// One connection, from its beginning to its end.
    async fn stream_once(&mut self, tries: &mut Tries) -> End {
        let cancel = self.cancel.clone();
        let opened = tokio::select! {
            biased;
            () = cancel.cancelled() => return End::Stopped,
            opened = self.open(tries.is_first) => opened,
        };
        let end = match opened {
            Ok(mut dump) => self.follow(&mut dump, tries, &cancel).await,
            Err(end) => end,
        };
        // What came whole before the fault counts.
        match end {
            End::Fault { .. } => self.flush(&cancel).await.unwrap_or(end),
            End::Stopped => end,
        }
    }

    /// Sends on what has come; an end where nobody takes it, or when asked to stop.
    async fn flush(&mut self, cancel: &CancellationToken) -> Option<End> {
        match unless_stopped(cancel, self.assembler.flush()).await {
            Some(Ok(())) => None,
            Some(Err(halt)) => Some(self.halted(halt)),
            None => Some(End::Stopped),
        }
    }

    /// Connects and asks for what comes behind the position.
    async fn open(&mut self, is_first: bool) -> Result<Dump, End> {
        let position = self.assembler.position().clone();
        // At the first start the caller has verified it; after that, the address may have come to mean another server.
        // Whichever host has the position, the connection goes there.
        if !is_first {
            position::verify(&self.connector, &position).await?;
        }
        let mut connection = self.connector.open().await.map_err(Fault::from)?;
        let server = position::identity(&mut connection).await.map_err(Fault::from)?;
        self.prepare(&mut connection, &position).await.map_err(Fault::from)?;
        if position.gtid_set.is_some() && position.server_uuid != server {
            self.assembler.move_to(&server);
        }
        self.assembler.restart(request::first_offset(&position));
        let dump = request::dump(connection, &self.replica, &position).await;
        Ok(dump.map_err(Fault::from)?)
    }

    async fn prepare(
        &mut self,
        connection: &mut Connection,
        position: &Position,
    ) -> Result<(), BinlogError> {
        self.assembler.tables.folds_case = request::folds_case(connection).await?;
        request::prepare(connection, &self.replica, self.config.heartbeat, position).await
    }

    /// Takes events until the stream ends.
    async fn follow(
        &mut self,
        dump: &mut Dump,
        tries: &mut Tries,
        cancel: &CancellationToken,
    ) -> End {
        let silence = self.config.heartbeat * MISSED_HEARTBEATS;
        let mut is_connected = false;
        let mut idle = Idle::default();
        loop {
            if let Some(end) = self.await_event(dump, silence, cancel).await {
                return end;
            }
            let event = match dump.take() {
                Ok(event) => event,
                Err(error) => return self.failed(error),
            };
            if !is_connected {
                self.connected(tries);
                is_connected = true;
            }
            let is_beat = event.header().kind == kind::HEARTBEAT;
            let was_between = self.assembler.is_between();
            match unless_stopped(cancel, self.assembler.take(event)).await {
                None => return End::Stopped,
                Some(Err(halt)) => return self.halted(halt),
                Some(Ok(())) => {}
            }
            match is_beat {
                false => idle.end(),
                true => {
                    if let Err(error) = self.check_idle(&mut idle).await {
                        return self.failed(error);
                    }
                }
            }
            if self.assembler.is_between() && !was_between {
                tries.progressed(&self.retry);
            }
        }
    }

    /// Waits until an event is here; before that, what has come goes on its way. The answer is an end instead.
    async fn await_event(
        &mut self,
        dump: &mut Dump,
        silence: Duration,
        cancel: &CancellationToken,
    ) -> Option<End> {
        if dump.has_next() && !self.assembler.is_full() {
            return None;
        }
        if let Some(end) = self.flush(cancel).await {
            return Some(end);
        }
        match unless_stopped(cancel, dump.wait(silence)).await {
            None => Some(End::Stopped),
            Some(Err(error)) => Some(self.failed(error)),
            Some(Ok(())) => None,
        }
    }

    /// At a heartbeat of MariaDB's, which goes on beating when there is nothing left to read.
    async fn check_idle(&mut self, idle: &mut Idle) -> Result<(), BinlogError> {
        let interval = self.config.heartbeat;
        let is_between = self.assembler.is_between();
        let ours = self.assembler.position();
        match &ours.gtid_set {
            Some(GtidPosition::Mariadb(_)) if is_between => {
                idle.beat(&self.connector, ours, interval).await
            }
            _ => Ok(()),
        }
    }

    fn halted(&self, halt: Halt) -> End {
        match halt {
            Halt::Closed => End::Stopped,
            Halt::Failed(error) => self.failed(error),
        }
    }

    fn failed(&self, error: BinlogError) -> End {
        let is_damage = error.is_corruption();
        let fault = Fault::from(error).at_position(self.assembler.describe_place());
        End::Fault { fault, is_damage }
    }

    fn connected(&self, tries: &mut Tries) {
        self.link.send_replace(Link::Connected);
        if !tries.is_first {
            let position = self.assembler.describe_place();
            tracing::info!(operation = "reconnected", %position, "the stream goes on");
        }
        tries.is_first = false;
    }
}

impl Tries {
    /// A transaction came through: whatever was wrong is over.
    fn progressed(&mut self, retry: &RetryConfig) {
        if self.backoff.tries() > 0 {
            self.backoff = Backoff::new(retry);
        }
        self.damaged = None;
    }

    /// Counts damage; true when this place was damaged too often in a row.
    fn is_damaged_for_good(&mut self, place: &str) -> bool {
        let times = match self.damaged.take() {
            Some((before, times)) if before == place => times + 1,
            _ => 1,
        };
        self.damaged = Some((place.to_owned(), times));
        times >= DAMAGED_TRIES
    }
}

/// The fault with which the stream ends.
fn fatal(mut fault: Fault, place: String) -> Fault {
    if fault.is_transient() {
        fault.class = crate::model::fault::Class::Fatal;
    }
    if fault.position.is_none() { fault.at_position(place) } else { fault }
}
