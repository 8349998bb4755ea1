//! Compressed transactions: inflated event by event, and whether all of their events came.
//!
//! What is in memory is one event inside and the decoder's window, whatever the wrapper declares. The sizes of the events
//! are summed up and held against that: a transaction's mark follows only where all of it came.

use std::io::{self, Read};

use zstd::stream::read::Decoder;

use super::{
    error::BinlogError,
    event::kind,
    raw::{Event, EventReader, Header},
    rows,
    wire::{Malformed, Wire},
};

/// A compressed transaction that is being read.
pub(super) struct Payload<'p> {
    inflate: Inflate<'p>,
    inflated: Inflated,
}

enum Inflate<'p> {
    Zstd(Box<Decoder<'static, &'p [u8]>>),
    /// It was not worth compressing.
    Plain(&'p [u8]),
}

impl Read for Inflate<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(decoder) => decoder.read(room),
            Self::Plain(bytes) => bytes.read(room),
        }
    }
}

impl<'p> Payload<'p> {
    /// Opens the wrapper.
    pub(super) fn open(body: &'p [u8]) -> Result<Self, Malformed> {
        let head = Head::read(body)?;
        let inflate = match head.is_compressed {
            false => Inflate::Plain(head.payload),
            true => {
                let decoder = Decoder::with_buffer(head.payload);
                Inflate::Zstd(Box::new(decoder.map_err(|_| Malformed("no decoder for zstd"))?))
            }
        };
        let inflated = Inflated { declared: head.declared, seen: 0 };
        Ok(Self { inflate, inflated })
    }

    /// The next event inside; `None` behind the last one. `check` sees its header and the first bytes of its body before the rest
    /// is read.
    pub(super) fn next(
        &mut self,
        check: impl FnOnce(Header, &[u8]) -> Result<(), BinlogError>,
    ) -> Result<Option<Event<'static>>, BinlogError> {
        let left = self.inflated.declared - self.inflated.seen;
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.read(Header::LEN as u64, &mut bytes)?;
        let header = Header::read(&bytes).map_err(|_| self.broken())?;
        let size = u64::from(header.size);
        let rest = size.checked_sub(Header::LEN as u64).filter(|_| size <= left);
        let rest = rest.ok_or_else(|| self.broken())?;
        let first = rest.min(rows::TABLE_ID as u64);
        self.read(first, &mut bytes)?;
        check(header, bytes.get(Header::LEN..).unwrap_or_default())?;
        self.read(rest - first, &mut bytes)?;
        self.inflated.seen += size;
        let event = EventReader::read_plain(bytes)?;
        if is_never_inside(header.kind) { Err(self.broken()) } else { Ok(Some(event)) }
    }

    /// Reads so many bytes. What they take grows by what there is, not by what is said.
    fn read(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), BinlogError> {
        match (&mut self.inflate).take(count).read_to_end(bytes) {
            Ok(read) if read as u64 == count => Ok(()),
            _ => Err(self.broken()),
        }
    }

    /// How much has come, while that is not all.
    pub(super) fn unfinished(&self) -> Option<Inflated> {
        Some(self.inflated).filter(|inflated| inflated.seen < inflated.declared)
    }

    fn broken(&self) -> BinlogError {
        self.inflated.into()
    }
}

/// How much of a compressed transaction has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inflated {
    declared: u64,
    seen: u64,
}

impl From<Inflated> for BinlogError {
    fn from(Inflated { declared, seen }: Inflated) -> Self {
        Self::Payload { declared, seen }
    }
}

/// The head of a TRANSACTION_PAYLOAD (MySQL source, `libs/mysql/binlog/event/codecs/binary.cpp`).
struct Head<'p> {
    is_compressed: bool,
    /// How many bytes of events are in it.
    declared: u64,
    payload: &'p [u8],
}

impl<'p> Head<'p> {
    fn read(body: &'p [u8]) -> Result<Self, Malformed> {
        const END: u64 = 0;
        const SIZE: u64 = 1;
        const COMPRESSION: u64 = 2;
        const UNCOMPRESSED_SIZE: u64 = 3;
        let mut wire = Wire(body);
        let (mut size, mut uncompressed, mut is_compressed) = (None, None, false);
        loop {
            let field = wire.lenenc()?;
            if field == END {
                break;
            }
            let mut value = Wire(wire.lenenc_bytes()?);
            match field {
                SIZE => size = Some(value.lenenc()?),
                COMPRESSION => is_compressed = Self::is_zstd(value.lenenc()?)?,
                UNCOMPRESSED_SIZE => uncompressed = Some(value.lenenc()?),
                _ => {}
            }
        }
        let declared = uncompressed.or(size);
        let declared = declared.ok_or(Malformed("the payload does not say its size"))?;
        Ok(Self { is_compressed, declared, payload: wire.0 })
    }

    const fn is_zstd(algorithm: u64) -> Result<bool, Malformed> {
        const ZSTD: u64 = 0;
        const NONE: u64 = 255;
        match algorithm {
            ZSTD => Ok(true),
            NONE => Ok(false),
            _ => Err(Malformed("an unknown compression")),
        }
    }
}

const fn is_never_inside(kind: u8) -> bool {
    matches!(
        kind,
        kind::GTID
            | kind::ANONYMOUS_GTID
            | kind::GTID_TAGGED
            | kind::ROTATE
            | kind::FORMAT_DESCRIPTION
            | kind::HEARTBEAT
            | kind::HEARTBEAT_V2
            | kind::TRANSACTION_PAYLOAD
            | kind::STOP
    )
}
