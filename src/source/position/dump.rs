//! Short dumps of the binlog that only find something out.

use std::time::Duration;

use futures_util::StreamExt;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn, binlog::events::Event, prelude::Queryable,
};

use super::super::{
    Connector,
    connect::timed,
    error::{ServerAnswer, SourceError},
};
use crate::model::gtid::DomainPosition;

/// The longest wait for one event; the server sends them at once.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// `log_event_*` errors of a dump from a place where no event begins, or from a file that is not there.
pub(super) const REFUSED: u16 = 1236;

/// The events that come before the first of a file: a rotation, a description, a list. A position that is not to be had
/// is refused before them.
const MOST_EVENTS: usize = 3;

/// Asks MariaDB for the stream behind a position; answers with its refusal, or nothing where it would send.
pub(super) async fn refusal(
    connector: &Connector,
    position: &DomainPosition,
) -> Result<Option<ServerAnswer>, SourceError> {
    let mut connection = connector.connect().await?;
    timed(LIMIT, connection.query_drop(begin_behind(position))).await?;
    let request = BinlogStreamRequest::new(passing_id()).with_non_blocking().with_pos(4_u64);
    let asked = async {
        let mut stream = timed(LIMIT, connection.get_binlog_stream(request)).await?;
        let answer = read_some(&mut stream).await;
        close(stream).await;
        answer
    };
    match asked.await {
        Ok(()) => Ok(None),
        Err(SourceError::Refused(answer)) if answer.code == REFUSED => Ok(Some(answer)),
        Err(error) => Err(error),
    }
}

/// What a session of MariaDB's is set to so that its dump begins behind a position.
///
/// Capability 4 is that of a reader who knows GTIDs: to others the server sends rewritten events. In strict mode it
/// refuses to begin in a gap of its numbers, where it could not tell what was missed.
pub(in crate::source) fn begin_behind(position: &DomainPosition) -> String {
    format!(
        "SET @mariadb_slave_capability = 4, @slave_connect_state = '{position}', @slave_gtid_strict_mode = 1, \
         @slave_gtid_ignore_duplicates = 0"
    )
}

async fn read_some(stream: &mut BinlogStream) -> Result<(), SourceError> {
    for _ in 0..MOST_EVENTS {
        if next(stream).await?.is_none() {
            break;
        }
    }
    Ok(())
}

/// Some server id of the upper half, where replicas' seldom are: with id 0 the server keeps the registration in SHOW
/// REPLICAS after the connection is gone (seen on 9.7).
pub(super) fn passing_id() -> u32 {
    fastrand::u32(1 << 31..)
}

/// The next event; `None` at the end of a dump that does not wait.
pub(super) async fn next(stream: &mut BinlogStream) -> Result<Option<Event>, SourceError> {
    match tokio::time::timeout(LIMIT, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(event)) => Ok(Some(event?)),
        Err(_) => Err(SourceError::ReadTimeout(LIMIT)),
    }
}

pub(super) async fn close(stream: BinlogStream) {
    if let Err(error) = stream.close().await {
        tracing::debug!(%error, "closing a stream of the source");
    }
}

/// Whether this user may read MariaDB's binlog: the registration as a replica is refused to others.
pub(in crate::source) async fn is_allowed(connection: Conn) -> Result<(), SourceError> {
    let request = BinlogStreamRequest::new(passing_id()).with_non_blocking().with_pos(4_u64);
    let stream = timed(LIMIT, connection.get_binlog_stream(request)).await?;
    close(stream).await;
    Ok(())
}
