//! Keeps asking the source where its binlog ends, so that lag is true even while nothing arrives.

use std::time::{Duration, Instant, SystemTime};

use mysql_async::Conn;
use tokio::sync::watch::Sender;
use tokio_util::sync::CancellationToken;

use super::{Connector, connect::timed, error::SourceError, position, preflight};
use crate::model::{fault::with_causes, position::Position};

/// How often the source is asked for how long it keeps its binlog.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// The longest that the answer to that takes.
const RETENTION_LIMIT: Duration = Duration::from_secs(5);

/// What the source said last.
#[derive(Debug, Clone)]
pub struct SourceSeen {
    /// When it was asked, on the clock that only goes forward: everything committed before is in the position.
    pub asked_at: Instant,
    /// The same on the wall clock.
    pub asked_wall: SystemTime,
    /// The position, or why there is none.
    pub result: Result<Position, String>,
    /// For how long the binlog is kept, as far as it is known.
    pub kept: Option<Duration>,
}

/// Asks every `interval` on a connection of its own, which it makes anew when it breaks, until told to stop.
pub async fn watch(
    connector: Connector,
    interval: Duration,
    seen: Sender<SourceSeen>,
    cancel: CancellationToken,
) {
    let (mut connection, mut retention) = (None, Retention::default());
    while !cancel.is_cancelled() {
        let (asked_at, asked_wall) = (Instant::now(), SystemTime::now());
        let asked = ask(&connector, &mut connection);
        let Some(answer) = cancel.run_until_cancelled(asked).await else { break };
        let refreshed = retention.refresh(&mut connection);
        if cancel.run_until_cancelled(refreshed).await.is_none() {
            break;
        }
        let result = answer.map_err(|error| with_causes(&error));
        // Nobody listens any more only when the process is going down.
        seen.send_replace(SourceSeen { asked_at, asked_wall, result, kept: retention.kept });
        if cancel.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
            break;
        }
    }
    close(connection).await;
}

/// For how long the source keeps its binlog; asked from time to time, since nobody changes it often.
#[derive(Debug, Default)]
struct Retention {
    kept: Option<Duration>,
    asked_at: Option<Instant>,
}

impl Retention {
    /// A question that fails leaves what is known: the position tells whether the source is away. The connection is
    /// not used again then.
    async fn refresh(&mut self, slot: &mut Option<Conn>) {
        if self.asked_at.is_some_and(|at| at.elapsed() < RETENTION_INTERVAL) {
            return;
        }
        let Some(mut connection) = slot.take() else { return };
        self.asked_at = Some(Instant::now());
        match preflight::binlog_kept(&mut connection, RETENTION_LIMIT).await {
            Ok(kept) => {
                self.kept = kept;
                *slot = Some(connection);
            }
            Err(error) => tracing::debug!(%error, "asking for how long the binlog is kept"),
        }
    }
}

/// A connection that failed once is not used again.
async fn ask(connector: &Connector, slot: &mut Option<Conn>) -> Result<Position, SourceError> {
    let mut connection = match slot.take() {
        Some(connection) => connection,
        None => connector.connect().await?,
    };
    let limit = connector.config().read_timeout;
    let position = match tokio::time::timeout(limit, position::current(&mut connection)).await {
        Ok(answer) => answer?,
        Err(_) => return Err(SourceError::ReadTimeout(limit)),
    };
    *slot = Some(connection);
    Ok(position)
}

async fn close(connection: Option<Conn>) {
    const LIMIT: Duration = Duration::from_secs(1);
    let Some(connection) = connection else { return };
    if let Err(error) = timed(LIMIT, connection.disconnect()).await {
        tracing::debug!(%error, "closing a connection to the source");
    }
}
