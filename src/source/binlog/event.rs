//! Events as the server writes them: their kinds, and the small ones parsed.

use super::{
    raw::Event,
    table_map::Dialect,
    wire::{Malformed, Wire},
};
use crate::{model::gtid::Gtid, source::xid::Xid};

/// Event type codes (MySQL source, `libs/mysql/binlog/event/binlog_event.h`; from 160 on MariaDB's, `sql/log_event.h`).
pub(super) mod kind {
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const STOP: u8 = 3;
    pub(crate) const ROTATE: u8 = 4;
    pub(crate) const INTVAR: u8 = 5;
    pub(crate) const APPEND_BLOCK: u8 = 9;
    pub(crate) const DELETE_FILE: u8 = 11;
    pub(crate) const RAND: u8 = 13;
    pub(crate) const USER_VAR: u8 = 14;
    pub(crate) const FORMAT_DESCRIPTION: u8 = 15;
    pub(crate) const XID: u8 = 16;
    pub(crate) const BEGIN_LOAD_QUERY: u8 = 17;
    pub(crate) const EXECUTE_LOAD_QUERY: u8 = 18;
    pub(crate) const TABLE_MAP: u8 = 19;
    pub(crate) const WRITE_ROWS_V1: u8 = 23;
    pub(crate) const UPDATE_ROWS_V1: u8 = 24;
    pub(crate) const DELETE_ROWS_V1: u8 = 25;
    pub(crate) const INCIDENT: u8 = 26;
    pub(crate) const HEARTBEAT: u8 = 27;
    pub(crate) const IGNORABLE: u8 = 28;
    pub(crate) const ROWS_QUERY: u8 = 29;
    pub(crate) const WRITE_ROWS: u8 = 30;
    pub(crate) const UPDATE_ROWS: u8 = 31;
    pub(crate) const DELETE_ROWS: u8 = 32;
    pub(crate) const GTID: u8 = 33;
    pub(crate) const ANONYMOUS_GTID: u8 = 34;
    pub(crate) const PREVIOUS_GTIDS: u8 = 35;
    pub(crate) const TRANSACTION_CONTEXT: u8 = 36;
    pub(crate) const VIEW_CHANGE: u8 = 37;
    pub(crate) const XA_PREPARE: u8 = 38;
    pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 39;
    pub(crate) const TRANSACTION_PAYLOAD: u8 = 40;
    pub(crate) const HEARTBEAT_V2: u8 = 41;
    pub(crate) const GTID_TAGGED: u8 = 42;
    pub(crate) const ANNOTATE_ROWS: u8 = 160;
    pub(crate) const BINLOG_CHECKPOINT: u8 = 161;
    pub(crate) const DOMAIN_GTID: u8 = 162;
    pub(crate) const GTID_LIST: u8 = 163;
    pub(crate) const START_ENCRYPTION: u8 = 164;
    pub(crate) const QUERY_COMPRESSED: u8 = 165;
    pub(crate) const WRITE_ROWS_COMPRESSED_V1: u8 = 166;
    pub(crate) const UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
    pub(crate) const DELETE_ROWS_COMPRESSED_V1: u8 = 168;
    pub(crate) const WRITE_ROWS_COMPRESSED: u8 = 169;
    pub(crate) const UPDATE_ROWS_COMPRESSED: u8 = 170;
    pub(crate) const DELETE_ROWS_COMPRESSED: u8 = 171;
    pub(crate) const PARTIAL_ROW_DATA: u8 = 172;
}

/// A GTID event of any of its three kinds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GtidEvent {
    /// `None` for an anonymous transaction.
    pub(super) gtid: Option<Gtid>,
    /// When the transaction was committed on this server, in microseconds since the epoch (MySQL 8.0 and newer).
    pub(super) committed_micros: Option<u64>,
}

/// Reads GTID and ANONYMOUS_GTID.
pub(super) fn gtid(kind: u8, body: &[u8]) -> Result<GtidEvent, Malformed> {
    if kind == kind::GTID_TAGGED {
        return tagged_gtid(body);
    }
    let mut wire = Wire(body);
    wire.u8()?;
    let (uuid, number) = (wire.u128_be()?, wire.u64()?);
    let gtid = (kind == kind::GTID).then(|| Gtid { uuid, tag: String::new(), number });
    Ok(GtidEvent { gtid, committed_micros: commit_time(wire) })
}

/// What follows the GTID: a type code, two logical clocks, then the commit time in 55 bits; none of it before 5.7, no
/// time before 8.0.
fn commit_time(mut wire: Wire<'_>) -> Option<u64> {
    const LOGICAL_CLOCK: u8 = 2;
    const ORIGINAL_FOLLOWS: u64 = 1 << 55;
    if wire.u8().ok()? != LOGICAL_CLOCK {
        return None;
    }
    wire.take(16).ok()?;
    wire.u56().ok().map(|micros| micros & !ORIGINAL_FOLLOWS).filter(|micros| *micros > 0)
}

/// Reads GTID_TAGGED, which is in the server's serialization format: a version, the size, the last field that must be
/// known, then pairs of field number and value (MySQL source, `control_events.h`, `Gtid_event::define_fields`).
fn tagged_gtid(body: &[u8]) -> Result<GtidEvent, Malformed> {
    const NEWEST_KNOWN_FIELD: u64 = 11;
    let mut wire = Wire(body);
    let (_version, _size, last_needed) = (wire.varlen()?, wire.varlen()?, wire.varlen()?);
    if last_needed > NEWEST_KNOWN_FIELD + 1 {
        return Err(Malformed("the GTID has a field that this version does not know"));
    }
    let (mut uuid, mut tag, mut number, mut micros) = (0_u128, String::new(), 0_u64, None);
    while !wire.is_empty() {
        match wire.varlen()? {
            0 | 7..=11 => drop(wire.varlen()?),
            1 => uuid = serialized_uuid(&mut wire)?,
            2 => number = wire.varlen()? >> 1, // signed: the sign is the lowest bit, and no number is below zero
            3 => tag = serialized_tag(&mut wire)?,
            4 | 5 => drop(wire.varlen()?),
            6 => micros = Some(wire.varlen()?),
            _ => break,
        }
    }
    if uuid == 0 || number == 0 {
        return Err(Malformed("the GTID has no UUID or no number"));
    }
    Ok(GtidEvent { gtid: Some(Gtid { uuid, tag, number }), committed_micros: micros })
}

fn serialized_uuid(wire: &mut Wire<'_>) -> Result<u128, Malformed> {
    (0..16).try_fold(0_u128, |uuid, _| Ok(uuid << 8 | u128::from(wire.varlen()? & 0xFF)))
}

fn serialized_tag(wire: &mut Wire<'_>) -> Result<String, Malformed> {
    let length = usize::try_from(wire.varlen()?).unwrap_or(usize::MAX);
    let tag =
        std::str::from_utf8(wire.take(length)?).map_err(|_| Malformed("the tag is no text"))?;
    Ok(tag.to_owned())
}

/// A statement.
#[derive(Debug)]
pub(super) struct Query<'a> {
    /// The session's current database; empty for none.
    pub(super) database: &'a [u8],
    /// Its text, in the session's charset.
    pub(super) text: &'a [u8],
    /// The collation number of the session's charset (`character_set_client`), where told.
    pub(super) collation: Option<u16>,
}

/// Reads QUERY.
pub(super) fn query(body: &[u8]) -> Result<Query<'_>, Malformed> {
    query_behind(body, 0)
}

/// Reads EXECUTE_LOAD_QUERY, whose own fields stand between those of QUERY and the status variables.
pub(super) fn load_query(body: &[u8]) -> Result<Query<'_>, Malformed> {
    query_behind(body, 13)
}

fn query_behind(body: &[u8], own_fields: usize) -> Result<Query<'_>, Malformed> {
    let mut wire = Wire(body);
    let (_thread, _seconds) = (wire.u32()?, wire.u32()?);
    let database_length = wire.u8()?;
    let _error = wire.u16()?;
    let status_length = wire.u16()?;
    wire.take(own_fields)?;
    let collation = client_collation(Wire(wire.take(usize::from(status_length))?));
    let database = wire.take(usize::from(database_length))?;
    wire.u8()?;
    Ok(Query { database, text: wire.0, collation })
}

/// The collation of `character_set_client` out of a statement's status variables (MySQL source, `statement_events.h`,
/// `Query_event_status_vars`). Both servers write only these few before it; behind any other one it is not looked for.
fn client_collation(mut status: Wire<'_>) -> Option<u16> {
    const FLAGS: u8 = 0;
    const SQL_MODE: u8 = 1;
    const AUTO_INCREMENT: u8 = 3;
    const CHARSET: u8 = 4;
    const CATALOG: u8 = 6;
    loop {
        let length = match status.u8().ok()? {
            FLAGS | AUTO_INCREMENT => 4,
            SQL_MODE => 8,
            CATALOG => usize::from(status.u8().ok()?),
            CHARSET => return status.u16().ok(),
            _ => return None,
        };
        status.take(length).ok()?;
    }
}

/// Reads ROTATE: the next file and the offset in it.
///
/// MariaDB puts a checksum behind the one that it makes up at the beginning of a dump too, where no description has told
/// of checksums yet.
pub(super) fn rotate<'e>(event: &'e Event<'_>) -> Result<(&'e str, u64), Malformed> {
    let mut wire = Wire(event.body_before_sum().unwrap_or_else(|| event.data()));
    let offset = wire.u64()?;
    let name = std::str::from_utf8(wire.0).map_err(|_| Malformed("the file name is no text"))?;
    Ok((name.trim_end_matches('\0'), offset))
}

/// Reads XA_PREPARE: the transaction's name, or `None` where it is a commit in one phase.
pub(super) fn xa_prepare(body: &[u8]) -> Result<Option<Xid>, Malformed> {
    let mut wire = Wire(body);
    if wire.u8()? != 0 {
        return Ok(None);
    }
    let (format, global, branch) = (wire.u32()?, wire.u32()?, wire.u32()?);
    let mut part = |length: u32| {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        wire.take(length).map(<[u8]>::to_vec)
    };
    Ok(Some(Xid { format, global: part(global)?, branch: part(branch)? }))
}

/// Reads from FORMAT_DESCRIPTION whose server wrote the file: it names its version behind two bytes of binlog version.
pub(super) fn dialect(body: &[u8]) -> Result<Dialect, Malformed> {
    let mut wire = Wire(body);
    wire.u16()?;
    let version = wire.take(50)?.to_ascii_lowercase();
    let is_mariadb = version.windows(7).any(|window| window == b"mariadb");
    Ok(if is_mariadb { Dialect::Mariadb } else { Dialect::Mysql })
}
