//! Whether a stream that has nothing to say has really nothing to say.
//!
//! MariaDB's RESET MASTER leaves an open dump at its old file: heartbeats go on and no change ever comes (seen on
//! 11.8). So at each heartbeat the source is asked where it is. A server before our place, or one that had something at
//! the last heartbeat that has not come by this one, has another history than the stream; a new connection will tell.

use std::time::Duration;

use mysql_async::Conn;
use tokio::time::Instant;

use super::error::BinlogError;
use crate::{
    model::position::{Position, file_number},
    source::{connect::Connector, error::SourceError, position},
};

/// The longest that the source may take to tell; one that is slow is asked again at the next heartbeat.
const LIMIT: Duration = Duration::from_secs(2);

/// What the source said at the last heartbeat.
#[derive(Debug, Default)]
pub(super) struct Idle {
    last: Option<(Instant, Position)>,
}

impl Idle {
    /// Something has come.
    pub(super) fn end(&mut self) {
        self.last = None;
    }

    /// Takes a heartbeat: our position has everything that came before it.
    pub(super) async fn beat(
        &mut self,
        connector: &Connector,
        ours: &Position,
        interval: Duration,
    ) -> Result<(), BinlogError> {
        // Heartbeats that were waiting for us come at once, and are older than the answer that they would be held against.
        let is_due = |at: &Instant| at.elapsed() >= interval / 2;
        if let Some((_, before)) = self.last.take_if(|(at, _)| is_due(at))
            && !ours.covers(&before)
        {
            return Err(BinlogError::Stalled);
        }
        if self.last.is_some() {
            return Ok(());
        }
        let Ok(Ok(now)) = tokio::time::timeout(LIMIT, ask(connector)).await else { return Ok(()) };
        if is_before(&now, ours) {
            return Err(BinlogError::Stalled);
        }
        self.last = Some((Instant::now(), now));
        Ok(())
    }
}

async fn ask(connector: &Connector) -> Result<Position, SourceError> {
    let mut connection: Conn = connector.pooled().await?;
    position::current(&mut connection).await
}

/// Whether the server's binlog ends before the place that was read there.
fn is_before(now: &Position, ours: &Position) -> bool {
    let place = |position: &Position| (file_number(&position.file), position.offset);
    now.server_uuid == ours.server_uuid && place(now) < place(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_server_can_be_before_our_place() {
        let at = |server: &str, file: &str, offset| Position {
            server_uuid: server.to_owned(),
            file: file.to_owned(),
            offset,
            ..Position::default()
        };
        let ours = at("1/a", "binlog.000002", 500);
        assert!(is_before(&at("1/a", "binlog.000001", 900), &ours));
        assert!(is_before(&at("1/a", "binlog.000002", 400), &ours));
        assert!(!is_before(&at("1/a", "binlog.000002", 500), &ours));
        assert!(!is_before(&at("2/b", "binlog.000001", 4), &ours));
    }
}
