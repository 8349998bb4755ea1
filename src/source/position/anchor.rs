//! Reads one transaction's header back from its place in the binlog.

use std::time::Duration;

use futures_util::StreamExt;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn,
    binlog::events::{Event, GtidEvent},
};

use super::super::{Connector, connect::timed, error::SourceError};
use crate::model::{gtid::Gtid, position::Anchor};

/// The longest wait for one event; the server sends them at once.
const LIMIT: Duration = Duration::from_secs(30);

/// A dump that starts in the middle is preceded by a rotation and a description; more than these few events without a
/// transaction's header means that the place is none.
const MOST_EVENTS: usize = 8;

/// `log_event_*` errors of a dump from a place where no event begins, or from a file that is not there.
const DUMP_REFUSED: u16 = 1236;

const GTID_EVENT: u8 = 33;
const TAGGED_GTID_EVENT: u8 = 42;

/// A transaction's header as the server has it now.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    gtid: Gtid,
    /// `None` before MySQL 8.0.
    committed_micros: Option<u64>,
    /// The event's own time, in seconds.
    seconds: u64,
}

/// Whether the anchor's transaction is at its place still.
pub(super) async fn is_there(connector: &Connector, anchor: &Anchor) -> Result<bool, SourceError> {
    let connection = connector.connect().await?;
    let mut stream = match open(connection, anchor).await {
        Err(error) if error.code() == Some(DUMP_REFUSED) => return Ok(false),
        opened => opened?,
    };
    let found = read(&mut stream).await;
    if let Err(error) = stream.close().await {
        tracing::debug!(%error, "closing a stream of the source");
    }
    match found {
        Ok(header) => Ok(header.is_some_and(|header| header.is(anchor))),
        Err(error) if error.code() == Some(DUMP_REFUSED) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Some server id of the upper half, where replicas' seldom are: with id 0 the server keeps the registration in SHOW
/// REPLICAS after the connection is gone (seen on 9.7). The dump ends at the end of the log instead of waiting. The GTID
/// form of the command is used for its 64-bit offset; with a file named, the server starts there and the empty set skips
/// nothing.
async fn open(connection: Conn, anchor: &Anchor) -> Result<BinlogStream, SourceError> {
    let request = BinlogStreamRequest::new(fastrand::u32(1 << 31..))
        .with_gtid()
        .with_non_blocking()
        .with_filename(anchor.file.as_bytes())
        .with_pos(anchor.offset);
    timed(LIMIT, connection.get_binlog_stream(request)).await
}

async fn read(stream: &mut BinlogStream) -> Result<Option<Header>, SourceError> {
    for _ in 0..MOST_EVENTS {
        let Some(event) = next(stream).await? else { return Ok(None) };
        match event.header().event_type_raw() {
            GTID_EVENT => return Ok(plain(&event)),
            TAGGED_GTID_EVENT => return Ok(tagged(&event)),
            _ => {}
        }
    }
    Ok(None)
}

async fn next(stream: &mut BinlogStream) -> Result<Option<Event>, SourceError> {
    match tokio::time::timeout(LIMIT, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(event)) => Ok(Some(event?)),
        Err(_) => Err(SourceError::ReadTimeout(LIMIT)),
    }
}

fn plain(event: &Event) -> Option<Header> {
    let body = event.data();
    let (uuid, rest) = body.get(1..)?.split_first_chunk::<16>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let gtid = Gtid {
        uuid: u128::from_be_bytes(*uuid),
        tag: String::new(),
        number: u64::from_le_bytes(*number),
    };
    let seconds = u64::from(event.header().timestamp());
    Some(Header { gtid, committed_micros: commit_time(rest), seconds })
}

/// Behind a type code and two logical clocks: 55 bits of microseconds, and one that says that the origin's time follows.
fn commit_time(behind_number: &[u8]) -> Option<u64> {
    const ORIGIN_FOLLOWS: u64 = 1 << 55;
    let bytes = behind_number.get(17..24)?;
    let mut wide = [0; 8];
    wide.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    Some(u64::from_le_bytes(wide) & !ORIGIN_FOLLOWS).filter(|micros| *micros > 0)
}

fn tagged(event: &Event) -> Option<Header> {
    let parsed: GtidEvent = event.read_event().ok()?;
    let gtid = Gtid {
        uuid: u128::from_be_bytes(parsed.sid()),
        tag: parsed.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
        number: parsed.gno(),
    };
    let micros = parsed.immediate_commit_timestamp();
    let seconds = u64::from(event.header().timestamp());
    Some(Header { gtid, committed_micros: Some(micros).filter(|micros| *micros > 0), seconds })
}

impl Header {
    /// The number and the time of the commit: a history that was reset gives out the same numbers at other times.
    fn is(&self, anchor: &Anchor) -> bool {
        let same_time = match self.committed_micros {
            Some(micros) => micros == anchor.committed_micros,
            None => self.seconds == anchor.committed_micros / 1_000_000,
        };
        self.gtid == anchor.gtid && same_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(micros: u64) -> Anchor {
        Anchor {
            gtid: "3e11fa47-71ca-11e1-9e33-c80aa9429562:7".parse().unwrap(),
            file: "binlog.000001".to_owned(),
            offset: 157,
            committed_micros: micros,
        }
    }

    #[test]
    fn the_commit_time_is_compared_as_exactly_as_it_is_known() {
        let exact = Header {
            gtid: anchor(0).gtid,
            committed_micros: Some(1_700_000_000_123_456),
            seconds: 1_700_000_000,
        };
        assert!(exact.is(&anchor(1_700_000_000_123_456)));
        assert!(!exact.is(&anchor(1_700_000_000_123_457)));
        let coarse = Header { committed_micros: None, ..exact };
        assert!(coarse.is(&anchor(1_700_000_000_000_000)));
        assert!(!coarse.is(&anchor(1_700_000_001_000_000)));
    }

    #[test]
    fn the_flag_in_the_commit_time_is_no_part_of_it() {
        let mut body = vec![0; 17];
        body.extend_from_slice(&[1, 2, 3, 4, 5, 6, 0x80, 9, 9]);
        assert_eq!(commit_time(&body), Some(0x0000_0605_0403_0201));
        assert_eq!(commit_time(&body[..20]), None);
    }
}
