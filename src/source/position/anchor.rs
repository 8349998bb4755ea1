//! Reads one transaction's header back from its place in the binlog.

use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn,
    binlog::events::{Event, GtidEvent},
    prelude::Queryable,
};

use super::{
    super::{Connector, connect::timed, error::SourceError},
    dump::{self, LIMIT, REFUSED},
};
use crate::model::{
    gtid::{DomainGtid, Gtid, TransactionId},
    position::Anchor,
};

/// A dump that starts in the middle is preceded by a rotation and a description; more than these few events without a
/// transaction's header means that the place is none.
const MOST_EVENTS: usize = 8;

const GTID_EVENT: u8 = 33;
const TAGGED_GTID_EVENT: u8 = 42;
const DOMAIN_GTID_EVENT: u8 = 162;

/// A transaction's header as the server has it now.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    gtid: TransactionId,
    /// `None` before MySQL 8.0, and on MariaDB.
    committed_micros: Option<u64>,
    /// The event's own time, in seconds.
    seconds: u64,
}

/// Whether the anchor's transaction is at its place still. True where the place cannot be asked for.
pub(super) async fn is_there(connector: &Connector, anchor: &Anchor) -> Result<bool, SourceError> {
    let connection = connector.connect().await?;
    let opened = match &anchor.gtid {
        TransactionId::Mysql(_) => open(connection, anchor).await,
        TransactionId::Mariadb(_) if u32::try_from(anchor.offset).is_err() => return Ok(true),
        TransactionId::Mariadb(_) => open_mariadb(connection, anchor).await,
    };
    let mut stream = match opened {
        Err(error) if error.code() == Some(REFUSED) => return Ok(false),
        opened => opened?,
    };
    let found = read(&mut stream).await;
    dump::close(stream).await;
    match found {
        Ok(header) => Ok(header.is_some_and(|header| header.is(anchor))),
        Err(error) if error.code() == Some(REFUSED) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The dump ends at the end of the log instead of waiting. The GTID form of the command is used for its 64-bit offset;
/// with a file named, the server starts there and the empty set skips nothing.
async fn open(connection: Conn, anchor: &Anchor) -> Result<BinlogStream, SourceError> {
    let request = BinlogStreamRequest::new(dump::passing_id())
        .with_gtid()
        .with_non_blocking()
        .with_filename(anchor.file.as_bytes())
        .with_pos(anchor.offset);
    timed(LIMIT, connection.get_binlog_stream(request)).await
}

/// MariaDB knows the form with 32 bits for the offset only.
async fn open_mariadb(mut connection: Conn, anchor: &Anchor) -> Result<BinlogStream, SourceError> {
    timed(LIMIT, connection.query_drop("SET @mariadb_slave_capability = 4")).await?;
    let request = BinlogStreamRequest::new(dump::passing_id())
        .with_non_blocking()
        .with_filename(anchor.file.as_bytes())
        .with_pos(anchor.offset);
    timed(LIMIT, connection.get_binlog_stream(request)).await
}

async fn read(stream: &mut BinlogStream) -> Result<Option<Header>, SourceError> {
    for _ in 0..MOST_EVENTS {
        let Some(event) = dump::next(stream).await? else { return Ok(None) };
        match event.header().event_type_raw() {
            GTID_EVENT => return Ok(plain(&event)),
            TAGGED_GTID_EVENT => return Ok(tagged(&event)),
            DOMAIN_GTID_EVENT => return Ok(of_domain(&event)),
            _ => {}
        }
    }
    Ok(None)
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
    Some(Header { gtid: gtid.into(), committed_micros: commit_time(rest), seconds })
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
    let committed_micros = Some(micros).filter(|micros| *micros > 0);
    Some(Header { gtid: gtid.into(), committed_micros, seconds })
}

/// MariaDB's: the number, the domain; the server is the header's, and the time too.
fn of_domain(event: &Event) -> Option<Header> {
    let (sequence, rest) = event.data().split_first_chunk::<8>()?;
    let (domain, _) = rest.split_first_chunk::<4>()?;
    let gtid = DomainGtid {
        domain: u32::from_le_bytes(*domain),
        server: event.header().server_id(),
        sequence: u64::from_le_bytes(*sequence),
    };
    let seconds = u64::from(event.header().timestamp());
    Some(Header { gtid: TransactionId::Mariadb(gtid), committed_micros: None, seconds })
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
