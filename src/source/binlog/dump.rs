//! The server's binlog as it comes over a connection.

use std::time::Duration;

use super::{
    error::BinlogError,
    raw::{Event, EventReader},
    request::refused,
};
use crate::{
    runtime::ready::within,
    source::protocol::{Answer, PacketError, Packets},
};

/// A dump that is under way.
#[derive(Debug)]
pub(super) struct Dump {
    packets: Packets,
    reader: EventReader,
}

impl Dump {
    /// The dump that these packets carry.
    pub(super) fn new(packets: Packets) -> Self {
        Self { packets, reader: EventReader::default() }
    }

    /// Whether the next event is here already.
    pub(super) fn has_next(&self) -> bool {
        self.packets.has_next()
    }

    /// Waits for the next event; it is an error when nothing at all comes for as long as `silence`.
    pub(super) async fn wait(&mut self, silence: Duration) -> Result<(), BinlogError> {
        loop {
            let before = self.packets.received();
            match within(silence, self.packets.wait()).await {
                Some(waited) => return waited.map_err(of_packet),
                // A large event on a slow line.
                None if self.packets.received() != before => {}
                None => return Err(BinlogError::Silent(silence)),
            }
        }
    }

    /// An event that is here.
    pub(super) fn take(&mut self) -> Result<Event<'_>, BinlogError> {
        let packet = self.packets.take().map_err(of_packet)?;
        match Answer::of(&packet) {
            Answer::Agreed => self.reader.read(packet, 1),
            Answer::Refused => Err(refused(Answer::refusal(&packet))),
            Answer::End => Err(BinlogError::Ended),
            Answer::Other => Err(BinlogError::Transport),
        }
    }
}

fn of_packet(error: PacketError) -> BinlogError {
    match error {
        PacketError::TooLarge => BinlogError::PacketTooLarge,
        PacketError::Order => BinlogError::Transport,
        broken @ PacketError::Io(_) => BinlogError::Source(broken.into()),
    }
}

#[cfg(test)]
mod tests;
