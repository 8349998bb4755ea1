//! Compressed transactions: whether all of their events came.
//!
//! The transport inflates them, and drops without a word what it cannot inflate; the events that follow would then seem
//! to be inside. So the sizes of the events are summed up and compared with what the wrapper declares. It does so before
//! anything here sees the wrapper, and reserves what that declares: the limit of an event ends the stream only afterwards.

use super::{error::BinlogError, event::kind};

/// A compressed transaction on its way.
#[derive(Debug)]
pub(super) struct Payload {
    declared: u64,
    seen: u64,
}

impl Payload {
    /// One that declares this many bytes of events; no more than the limit of an event.
    pub(super) const fn new(declared: u64, limit: u64) -> Result<Self, BinlogError> {
        match declared <= limit {
            true => Ok(Self { declared, seen: 0 }),
            false => Err(BinlogError::TooLarge { table: None, size: declared, limit }),
        }
    }

    /// Counts an event; false when it comes behind the last one inside.
    pub(super) fn count(&mut self, kind: u8, size: u64) -> Result<bool, BinlogError> {
        if self.seen == self.declared {
            return Ok(false);
        }
        if is_never_inside(kind) {
            return Err(self.error());
        }
        self.seen += size;
        if self.seen > self.declared { Err(self.error()) } else { Ok(true) }
    }

    /// Whether all of it came, to be asked at the transaction's end.
    pub(super) fn check_whole(&self) -> Result<(), BinlogError> {
        if self.seen == self.declared { Ok(()) } else { Err(self.error()) }
    }

    const fn error(&self) -> BinlogError {
        BinlogError::Payload { declared: self.declared, seen: self.seen }
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
