//! MariaDB's own events: its GTID, and events whose contents are compressed.
//!
//! Types 160 to 172 (MariaDB source, `sql/log_event.h`); MySQL has none of these numbers. What is inflated is never more
//! than the event says, and what it says is held against `limits.event` first.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{
    event::kind,
    wire::{Malformed, Wire},
};
use crate::model::gtid::DomainGtid;

/// No COMMIT follows: the group is one statement, which commits by itself.
const STANDALONE: u8 = 1;
/// The number of a group commit follows.
const GROUP_COMMIT: u8 = 2;
/// It is the first phase of an XA transaction.
const PREPARED_XA: u8 = 64;
/// It is the second phase of an XA transaction.
const COMPLETED_XA: u8 = 128;

/// Among the flags behind those: an ALTER TABLE that has only begun (`binlog_alter_two_phase`).
const ALTER_BEGINS: u8 = 2;
/// And one that was given up.
const ALTER_GIVEN_UP: u8 = 8;

/// No zlib stream makes more of a byte than this (zlib's technical details, "Maximum Compression Factor").
const MOST_FROM_A_BYTE: usize = 1032;

/// A GTID event, which begins a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DomainEvent {
    pub(super) gtid: DomainGtid,
    /// The group is one statement.
    pub(super) is_standalone: bool,
    /// It is the first phase of an XA transaction.
    pub(super) is_prepared: bool,
    /// Its statement has no effect: the first half of an ALTER TABLE, or its undoing.
    pub(super) is_void: bool,
}

/// Reads GTID; the server id stands in the event's header.
pub(super) fn gtid(server: u32, body: &[u8]) -> Result<DomainEvent, Malformed> {
    let mut wire = Wire(body);
    let (sequence, domain, flags) = (wire.u64()?, wire.u32()?, wire.u8()?);
    let is_xa = flags & (PREPARED_XA | COMPLETED_XA) != 0;
    Ok(DomainEvent {
        gtid: DomainGtid { domain, server, sequence },
        is_standalone: flags & STANDALONE != 0,
        is_prepared: flags & PREPARED_XA != 0,
        is_void: !is_xa && more_flags(flags, wire)? & (ALTER_BEGINS | ALTER_GIVEN_UP) != 0,
    })
}

/// The second byte of flags; older servers fill the place with zeros, or end before it.
fn more_flags(flags: u8, mut wire: Wire<'_>) -> Result<u8, Malformed> {
    if flags & GROUP_COMMIT != 0 {
        wire.u64()?;
    }
    if wire.is_empty() { Ok(0) } else { wire.u8() }
}

/// The plain kind of a rows event, and whether its rows are compressed.
pub(super) const fn plain_rows(event_kind: u8) -> Option<u8> {
    Some(match event_kind {
        kind::WRITE_ROWS_COMPRESSED_V1 => kind::WRITE_ROWS_V1,
        kind::UPDATE_ROWS_COMPRESSED_V1 => kind::UPDATE_ROWS_V1,
        kind::DELETE_ROWS_COMPRESSED_V1 => kind::DELETE_ROWS_V1,
        kind::WRITE_ROWS_COMPRESSED => kind::WRITE_ROWS,
        kind::UPDATE_ROWS_COMPRESSED => kind::UPDATE_ROWS,
        kind::DELETE_ROWS_COMPRESSED => kind::DELETE_ROWS,
        _ => return None,
    })
}

/// Why compressed bytes were not inflated.
#[derive(Debug)]
pub(super) enum InflateError {
    Malformed(Malformed),
    /// They would be more than the limit.
    TooLarge {
        size: u64,
    },
}

impl From<Malformed> for InflateError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Inflates the contents of a compressed event: a byte with the algorithm and how many bytes the size takes, the size in
/// big endian, a zlib stream (MariaDB source, `binlog_buf_compress`).
pub(super) fn inflate(bytes: &[u8], limit: u64) -> Result<Vec<u8>, InflateError> {
    let mut wire = Wire(bytes);
    let head = wire.u8()?;
    let (is_compressed, algorithm, size_bytes) = (head & 0x80 != 0, head >> 4 & 7, head & 7);
    if !is_compressed || algorithm != 0 || !(1..=4).contains(&size_bytes) {
        return Err(Malformed("the compression is not one that this version knows").into());
    }
    let size = wire.uint_be(size_bytes)?;
    if size > limit {
        return Err(InflateError::TooLarge { size });
    }
    let size = usize::try_from(size).map_err(|_| InflateError::TooLarge { size })?;
    if size > wire.0.len().saturating_mul(MOST_FROM_A_BYTE) {
        return Err(Malformed("the compressed bytes are too few for their size").into());
    }
    let mut inflated = Vec::with_capacity(size);
    let most = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
    ZlibDecoder::new(wire.0)
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|_| Malformed("the compressed bytes cannot be inflated"))?;
    match inflated.len() == size {
        true => Ok(inflated),
        false => Err(Malformed("the compressed bytes have another size than they say").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Recorded on 11.8.9.
    const STANDALONE_DDL: [u8; 19] =
        [2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0x29, 0x10, 6, 0, 0, 0, 0];

    fn deflated(plain: &[u8], declared: u32) -> Vec<u8> {
        let mut bytes = vec![0x84];
        bytes.extend(declared.to_be_bytes());
        let mut encoder = flate2::write::ZlibEncoder::new(bytes, flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gtid_has_its_domain_and_the_headers_server() {
        let event = gtid(99, &STANDALONE_DDL).unwrap();
        assert_eq!(event.gtid.to_string(), "7-99-2");
        assert!(event.is_standalone && !event.is_prepared && !event.is_void);
    }

    #[test]
    fn flags_tell_what_kind_of_group_it_is() {
        let with = |flags: u8, more: u8| {
            let mut body = STANDALONE_DDL;
            (body[12], body[13]) = (flags, more);
            gtid(1, &body).unwrap()
        };
        assert!(!with(0x0C, 0x10).is_standalone);
        assert!(with(0x4C, 1).is_prepared && !with(0x8D, 1).is_prepared);
        assert!(!with(0x4C, 2).is_void && !with(0x8D, 2).is_void, "a name follows, not flags");
        assert!(with(0x29, 0x12).is_void && with(0x29, 0x18).is_void);
        assert!(!with(0x29, 0x14).is_void, "this half has the effect");
        let mut grouped = STANDALONE_DDL[..12].to_vec();
        grouped.push(0x0E);
        grouped.extend([2; 8]);
        assert!(!gtid(1, &grouped).unwrap().is_void);
        grouped.push(2);
        assert!(gtid(1, &grouped).unwrap().is_void);
        assert!(gtid(1, &grouped[..20]).is_err());
        assert!(gtid(1, &STANDALONE_DDL[..12]).is_err());
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let plain = b"abc".repeat(60);
        assert_eq!(inflate(&deflated(&plain, 180), 180).unwrap(), plain);
        let recorded = [
            0x81, 0x12, 0x78, 0x9c, 0x4b, 0x2e, 0x4a, 0x4d, 0x2c, 0x49, 0x55, 0x28, 0x4e, 0x2d,
            0x2c, 0x4d, 0xcd, 0x4b, 0x06, 0x32, 0x0a, 0x01, 0x42, 0xa7, 0x06, 0xf2,
        ];
        assert_eq!(inflate(&recorded, 1000).unwrap(), b"create sequence sq");
    }

    #[test]
    fn a_size_that_is_not_kept_is_an_error() {
        let plain = [7; 100];
        for declared in [99, 101, 0] {
            let told = inflate(&deflated(&plain, declared), 1 << 20);
            assert!(matches!(told, Err(InflateError::Malformed(_))), "{declared}");
        }
        let large = inflate(&deflated(&plain, 100), 99);
        assert!(matches!(large, Err(InflateError::TooLarge { size: 100 })));
        let bomb = inflate(&deflated(&plain, u32::MAX), u64::MAX);
        assert!(matches!(bomb, Err(InflateError::Malformed(_))), "nothing is reserved for it");
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_an_error_or_the_same() {
        let plain = b"some rows, some rows, some rows".to_vec();
        let whole = deflated(&plain, 31);
        for end in 0..whole.len() {
            assert!(inflate(&whole[..end], 1 << 20).is_err(), "cut at {end}");
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[place] ^= 1 << bit;
                // zlib has a checksum of its own, and the event has one more.
                assert!(inflate(&changed, 1 << 20).map_or(true, |bytes| bytes == plain));
            }
        }
    }
}
