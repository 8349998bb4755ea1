//! Events as the server writes them: their kinds, the checksum, and the small ones parsed.
//!
//! The transport (`mysql_async`) has read the header and cut the checksum off; everything else is read here, from the
//! raw body, since its own parsers panic on bytes that end too early.

use mysql_common::binlog::events::{BinlogEventHeader, Event};

use super::{
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

/// `LOG_EVENT_BINLOG_IN_USE_F`: set while the file is open, left out of the checksum.
const IN_USE: u16 = 0x01;

/// `LOG_EVENT_ARTIFICIAL_F`: made for this connection, not in the file.
const ARTIFICIAL: u16 = 0x20;

/// `LOG_EVENT_IGNORABLE_F`: who does not know it may skip it.
const IGNORABLE: u16 = 0x80;

/// The algorithm that the format description names for CRC32.
const CRC32: u8 = 1;

/// Whether the event is in no file: made up for this connection to tell a file's name.
pub(super) fn is_artificial(header: BinlogEventHeader) -> bool {
    header.timestamp() == 0 || header.flags_raw() & ARTIFICIAL != 0
}

/// Whether the protocol lets a reader skip the event.
pub(super) fn is_ignorable(header: BinlogEventHeader) -> bool {
    header.flags_raw() & IGNORABLE != 0
}

/// Whether a FORMAT_DESCRIPTION says truly if the events behind it end in a checksum: servers since 5.6.1 always say so.
/// A damaged one would let checksums pass for a part of their events, and BEGIN for another statement.
pub(super) fn tells_checksums(description: &Event) -> bool {
    match (description.footer().get_checksum_alg(), description.checksum()) {
        (Ok(Some(algorithm)), _) if algorithm as u8 == CRC32 => true,
        // Its own checksum is that of one that says CRC32: the saying itself is damaged.
        (Ok(Some(_)), Some(sent)) => {
            let sum = checksum(description.header(), description.data(), &[CRC32]);
            sum != u32::from_le_bytes(sent)
        }
        (told, _) => matches!(told, Ok(Some(_))),
    }
}

/// Whether the checksum that came with the event is that of its bytes; true where the server sends none.
pub(super) fn checksum_fits(event: &Event) -> bool {
    let algorithm = event.footer().get_checksum_alg();
    let (Ok(Some(algorithm)), Some(sent)) = (algorithm, event.checksum()) else { return true };
    let algorithm = algorithm as u8;
    if algorithm != CRC32 {
        return true;
    }
    let is_description = event.header().event_type_raw() == kind::FORMAT_DESCRIPTION;
    let behind: &[u8] = if is_description { &[algorithm] } else { &[] };
    checksum(event.header(), event.data(), behind) == u32::from_le_bytes(sent)
}

/// The CRC32 of an event with what the transport has cut off behind its body.
fn checksum(header: BinlogEventHeader, body: &[u8], behind: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header_bytes(header));
    crc.update(body);
    crc.update(behind);
    crc.finalize()
}

/// The header as it was on the wire, without the flag that the checksum leaves out.
pub(super) fn header_bytes(header: BinlogEventHeader) -> [u8; BinlogEventHeader::LEN] {
    let mut bytes = [0; BinlogEventHeader::LEN];
    let parts = header
        .timestamp()
        .to_le_bytes()
        .into_iter()
        .chain([header.event_type_raw()])
        .chain(header.server_id().to_le_bytes())
        .chain(header.event_size().to_le_bytes())
        .chain(header.log_pos().to_le_bytes())
        .chain((header.flags_raw() & !IN_USE).to_le_bytes());
    bytes.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = byte);
    bytes
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
/// of checksums yet, so that the transport leaves it in place.
pub(super) fn rotate(event: &Event) -> Result<(&str, u64), Malformed> {
    let body = match event.data().split_last_chunk::<4>() {
        Some((body, sum)) if event.checksum().is_none() && is_checksum(event, body, *sum) => body,
        _ => event.data(),
    };
    let mut wire = Wire(body);
    let offset = wire.u64()?;
    let name = std::str::from_utf8(wire.0).map_err(|_| Malformed("the file name is no text"))?;
    Ok((name.trim_end_matches('\0'), offset))
}

fn is_checksum(event: &Event, body: &[u8], sum: [u8; 4]) -> bool {
    checksum(event.header(), body, &[]) == u32::from_le_bytes(sum)
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

/// Reads the head of TRANSACTION_PAYLOAD: how many bytes of events are in it.
pub(super) fn payload_size(body: &[u8]) -> Result<u64, Malformed> {
    const END: u64 = 0;
    const SIZE: u64 = 1;
    const UNCOMPRESSED_SIZE: u64 = 3;
    let mut wire = Wire(body);
    let (mut size, mut uncompressed) = (None, None);
    loop {
        let field = wire.lenenc()?;
        if field == END {
            break;
        }
        let mut value = Wire(wire.lenenc_bytes()?);
        match field {
            SIZE => size = Some(value.lenenc()?),
            UNCOMPRESSED_SIZE => uncompressed = Some(value.lenenc()?),
            _ => {}
        }
    }
    uncompressed.or(size).ok_or(Malformed("the payload does not say its size"))
}
