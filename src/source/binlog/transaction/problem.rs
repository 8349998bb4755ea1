//! Why an event was not taken.

use super::{BinlogError, Halt};
use crate::source::binlog::{tables::MapError, wire::Malformed};

/// Why an event was not taken; the event's type is added on the way out.
#[derive(Debug)]
pub(super) enum Problem {
    Malformed(Malformed),
    Halt(Halt),
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<BinlogError> for Problem {
    fn from(error: BinlogError) -> Self {
        Self::Halt(Halt::Failed(error))
    }
}

impl From<MapError> for Problem {
    fn from(error: MapError) -> Self {
        match error {
            MapError::Malformed(malformed) => Self::Malformed(malformed),
            MapError::Other(error) => error.into(),
        }
    }
}
