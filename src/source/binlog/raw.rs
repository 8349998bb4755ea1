//! Events as they came: the header, the body, the checksum behind it (MySQL source,
//! `libs/mysql/binlog/event/binlog_event.h`).
//!
//! Nothing is taken apart that nobody asks for, and an event that nobody keeps is never copied.

use std::{
    borrow::Cow,
    ops::{Deref, Range},
};

use bytes::Bytes;

use super::{
    arena::Arena,
    error::BinlogError,
    event::kind,
    wire::{Malformed, Wire},
};

/// The algorithm that the format description names for CRC32.
const CRC32: u8 = 1;

/// The bytes of a checksum.
const SUM: usize = 4;

/// The common header of all events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Seconds since the epoch; 0 where the event is made up.
    pub(super) timestamp: u32,
    /// The type code.
    pub(super) kind: u8,
    /// The server that wrote it.
    pub(super) server_id: u32,
    /// The bytes of the event, header and checksum included.
    pub(super) size: u32,
    /// The lower 32 bits of the offset behind it; 0 where it is in no file.
    pub(super) log_pos: u32,
    /// See the constants here.
    pub(super) flags: u16,
}

impl Header {
    /// The bytes of a header.
    pub(super) const LEN: usize = 19;

    /// Where in it the event's size stands.
    pub(super) const SIZE: Range<usize> = 9..13;

    /// Where in it the flags stand.
    const FLAGS: usize = 17;

    /// `LOG_EVENT_BINLOG_IN_USE_F`: set while the file is open, left out of the checksum.
    const IN_USE: u8 = 0x01;

    /// `LOG_EVENT_ARTIFICIAL_F`: made for this connection, not in the file.
    const ARTIFICIAL: u16 = 0x20;

    /// `LOG_EVENT_IGNORABLE_F`: who does not know it may skip it.
    const IGNORABLE: u16 = 0x80;

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut wire = Wire(bytes);
        Ok(Self {
            timestamp: wire.u32()?,
            kind: wire.u8()?,
            server_id: wire.u32()?,
            size: wire.u32()?,
            log_pos: wire.u32()?,
            flags: wire.u16()?,
        })
    }

    /// Whether the event is in no file: made up for this connection to tell a file's name.
    pub(super) const fn is_artificial(self) -> bool {
        self.timestamp == 0 || self.flags & Self::ARTIFICIAL != 0
    }

    /// Whether the protocol lets a reader skip the event.
    pub(super) const fn is_ignorable(self) -> bool {
        self.flags & Self::IGNORABLE != 0
    }
}

/// An event.
#[derive(Clone)]
pub(super) struct Event<'e> {
    header: Header,
    bytes: Store<'e>,
    /// Where in the bytes the event begins.
    start: usize,
    /// What stands behind the body.
    tail: Tail,
}

/// Where an event's bytes are.
#[derive(Clone)]
enum Store<'e> {
    /// In the connection's buffer, until the next event.
    Lent(&'e [u8]),
    Owned(Vec<u8>),
    Shared(Bytes),
}

impl<'e> From<Cow<'e, [u8]>> for Store<'e> {
    fn from(bytes: Cow<'e, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::Lent(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes),
        }
    }
}

impl Deref for Store<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What stands behind an event's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Nothing,
    Sum,
    /// The algorithm that all events have from here on, then a checksum: a FORMAT_DESCRIPTION.
    AlgorithmAndSum,
}

impl Tail {
    const fn bytes(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Sum => SUM,
            Self::AlgorithmAndSum => 1 + SUM,
        }
    }
}

impl std::fmt::Debug for Event<'_> {
    /// The header only: values never reach a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Event").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Event<'_> {
    /// The header.
    pub(super) const fn header(&self) -> Header {
        self.header
    }

    /// The body.
    pub(super) fn data(&self) -> &[u8] {
        let end = self.bytes.len().saturating_sub(self.tail.bytes());
        self.bytes.get(self.start + Header::LEN..end).unwrap_or_default()
    }

    /// The event with bytes of its own.
    pub(super) fn into_owned(self) -> Event<'static> {
        self.moved_to(|bytes| Store::Owned(bytes.to_vec()))
    }

    /// The event with bytes of its own, among those of others.
    pub(super) fn kept_in(self, arena: &mut Arena) -> Event<'static> {
        self.moved_to(|bytes| Store::Shared(arena.keep(bytes)))
    }

    /// What was only lent is moved.
    fn moved_to(self, to: impl FnOnce(&[u8]) -> Store<'static>) -> Event<'static> {
        let Self { header, bytes, start, tail } = self;
        let (bytes, start) = match bytes {
            Store::Owned(bytes) => (Store::Owned(bytes), start),
            Store::Shared(bytes) => (Store::Shared(bytes), start),
            Store::Lent(bytes) => (to(bytes.get(start..).unwrap_or_default()), 0),
        };
        Event { header, bytes, start, tail }
    }

    /// The header of the event as it is without a checksum.
    pub(super) fn plain_header(&self) -> [u8; Header::LEN] {
        let mut header = self.event().first_chunk().copied().unwrap_or([0; Header::LEN]);
        let size = u32::try_from(Header::LEN + self.data().len()).unwrap_or(u32::MAX);
        let slot = header.get_mut(Header::SIZE).into_iter().flatten();
        slot.zip(size.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
        header
    }

    /// Whether a FORMAT_DESCRIPTION says truly if the events behind it end in a checksum: servers since 5.6.1 always say
    /// so. A damaged one would let checksums pass for a part of their events, and BEGIN for another statement.
    pub(super) fn tells_checksums(&self) -> bool {
        if !self.is_shaped_as_description() {
            return false;
        }
        match self.algorithm() {
            Some(CRC32) => true,
            // Its own checksum is that of one that says CRC32: the saying itself is damaged.
            Some(0) => self.sent_sum() != Some(checksum(&[self.header_and_body(), &[CRC32]])),
            _ => false,
        }
    }

    /// A FORMAT_DESCRIPTION has binlog version 4, a server's version in 50 bytes, a time, and the length of headers.
    fn is_shaped_as_description(&self) -> bool {
        let body = self.data();
        let is_version = matches!(body, [4, 0, first, ..] if first.is_ascii_digit());
        is_version && body.get(56).is_some_and(|length| usize::from(*length) == Header::LEN)
    }

    /// Whether the checksum that came with the event is that of its bytes; true where the server sends none.
    pub(super) fn checksum_fits(&self) -> bool {
        let is_summed = match self.tail {
            Tail::Nothing => false,
            Tail::Sum => true,
            Tail::AlgorithmAndSum => self.algorithm() == Some(CRC32),
        };
        !is_summed || self.sent_sum() == Some(checksum(&[self.summed()]))
    }

    /// The body of an event that has a checksum where none was expected.
    pub(super) fn body_before_sum(&self) -> Option<&[u8]> {
        let (summed, sum) = self.event().split_last_chunk::<SUM>()?;
        let fits = self.tail == Tail::Nothing && checksum(&[summed]) == u32::from_le_bytes(*sum);
        if fits { summed.get(Header::LEN..) } else { None }
    }

    fn event(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    fn header_and_body(&self) -> &[u8] {
        let event = self.event();
        event.get(..event.len().saturating_sub(self.tail.bytes())).unwrap_or_default()
    }

    /// What the checksum is of.
    fn summed(&self) -> &[u8] {
        self.event().split_last_chunk::<SUM>().map_or(&[], |(summed, _)| summed)
    }

    fn sent_sum(&self) -> Option<u32> {
        self.event().last_chunk::<SUM>().map(|sum| u32::from_le_bytes(*sum))
    }

    /// What a FORMAT_DESCRIPTION says of checksums.
    fn algorithm(&self) -> Option<u8> {
        match self.tail {
            Tail::AlgorithmAndSum => self.summed().last().copied(),
            Tail::Nothing | Tail::Sum => None,
        }
    }
}

/// The CRC32 of an event's parts, without the flag that it leaves out.
fn checksum(parts: &[&[u8]]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let Some((first, rest)) = parts.split_first() else { return 0 };
    match first.get(Header::FLAGS).filter(|flags| *flags & Header::IN_USE != 0) {
        None => crc.update(first),
        Some(flags) => {
            crc.update(first.get(..Header::FLAGS).unwrap_or_default());
            crc.update(&[flags & !Header::IN_USE]);
            crc.update(first.get(Header::FLAGS + 1..).unwrap_or_default());
        }
    }
    rest.iter().for_each(|part| crc.update(part));
    crc.finalize()
}

/// Reads events. A connection begins with events that have no checksum; each description says how it goes on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EventReader {
    has_sums: bool,
}

impl EventReader {
    /// Reads an event whose bytes begin at `start`.
    ///
    /// # Errors
    /// [`BinlogError::Transport`] where it does not have the size that it says.
    pub(super) fn read<'e>(
        &mut self,
        bytes: Cow<'e, [u8]>,
        start: usize,
    ) -> Result<Event<'e>, BinlogError> {
        let event = bytes.get(start..).unwrap_or_default();
        let header = Header::read(event).map_err(|_| BinlogError::Transport)?;
        let tail = match header.kind {
            kind::FORMAT_DESCRIPTION => Tail::AlgorithmAndSum,
            _ if self.has_sums => Tail::Sum,
            _ => Tail::Nothing,
        };
        let is_whole = usize::try_from(header.size).is_ok_and(|size| size == event.len());
        if !is_whole || event.len() < Header::LEN + tail.bytes() {
            return Err(BinlogError::Transport);
        }
        let event = Event { header, bytes: bytes.into(), start, tail };
        // A damaged description is refused by whoever takes it; it says nothing of the events behind it.
        if let Some(algorithm) = event.algorithm()
            && event.tells_checksums()
            && event.checksum_fits()
        {
            self.has_sums = algorithm == CRC32;
        }
        Ok(event)
    }

    /// Reads an event from inside a compressed transaction, or one that was kept: without a checksum.
    pub(super) fn read_plain(bytes: Vec<u8>) -> Result<Event<'static>, BinlogError> {
        Self::default().read(Cow::Owned(bytes), 0)
    }
}
