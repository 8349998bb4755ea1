//! Keeps asking the source where its binlog ends, so that lag is true even while nothing arrives.

use std::time::{Duration, Instant, SystemTime};

use mysql_async::Conn;
use tokio::sync::watch::Sender;
use tokio_util::sync::CancellationToken;

use super::{
    Connector,
    connect::timed,
    error::{SourceError, with_causes},
    position,
};
use crate::{model::position::Position, telemetry::metrics};

/// What the source said last.
#[derive(Debug, Clone)]
pub struct SourceSeen {
    /// When it was asked, on the clock that only goes forward: everything committed before is in the position.
    pub asked_at: Instant,
    /// The same on the wall clock.
    pub asked_wall: SystemTime,
    /// The position, or why there is none.
    pub result: Result<Position, String>,
}

/// Asks every `interval` on a connection of its own, which it makes anew when it breaks, until told to stop.
pub async fn watch(
    connector: Connector,
    interval: Duration,
    seen: Sender<SourceSeen>,
    cancel: CancellationToken,
) {
    let mut connection = None;
    while !cancel.is_cancelled() {
        let (asked_at, asked_wall) = (Instant::now(), SystemTime::now());
        let asked = ask(&connector, &mut connection);
        let Some(answer) = cancel.run_until_cancelled(asked).await else { break };
        metrics::up("source", answer.is_ok());
        let result = answer.map_err(|error| with_causes(&error));
        // Nobody listens any more only when the process is going down.
        seen.send_replace(SourceSeen { asked_at, asked_wall, result });
        if cancel.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
            break;
        }
    }
    close(connection).await;
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
