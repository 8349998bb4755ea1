//! Where in the source's files the stream stands.

use std::sync::Arc;

use super::raw::Header;

/// A file and the offset behind the last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) end: u64,
}

impl Place {
    /// Moves over an event; answers with the offset at which it begins.
    ///
    /// Headers hold the lower 32 bits of the offset only, though a file may be larger: it never goes back within a file,
    /// so the upper bits follow.
    pub(super) fn pass(&mut self, header: Header) -> u64 {
        if header.log_pos == 0 || header.is_artificial() {
            return self.end;
        }
        self.reach(header.log_pos);
        self.end.saturating_sub(u64::from(header.size))
    }

    /// Whether the offset with these lower 32 bits is before the end of the last event, as far as they tell.
    pub(super) fn is_past(&self, low: u32) -> bool {
        u64::from(low) < self.end & u64::from(u32::MAX)
    }

    /// Goes on to the offset with these lower 32 bits. MariaDB says 0 for the events inside of a group.
    pub(super) fn reach(&mut self, low: u32) {
        if low == 0 {
            return;
        }
        let mut end = self.end >> 32 << 32 | u64::from(low);
        if end < self.end {
            end += 1 << 32;
        }
        self.end = end;
    }

    /// Goes to a place that the server named.
    pub(super) fn go_to(&mut self, file: &str, offset: u64) {
        if *self.file != *file {
            self.file = file.into();
        }
        self.end = offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::binlog::event::kind;

    fn header(size: u32, log_pos: u32) -> Header {
        Header { timestamp: 1, kind: kind::XID, server_id: 1, size, log_pos, flags: 0 }
    }

    #[test]
    fn offsets_go_on_past_four_gigabytes() {
        let mut place = Place { file: "b.1".into(), end: 0xFFFF_FFF0 };
        assert_eq!(place.pass(header(0x20, 0x10)), 0xFFFF_FFF0);
        assert_eq!(place.end, 0x1_0000_0010);
        place.pass(header(0x20, 0x30));
        assert_eq!(place.end, 0x1_0000_0030);
        assert_eq!(place.pass(header(0x20, 0)), 0x1_0000_0030, "made up: it is in no file");
    }
}
