//! The rows of an answer, one packet each.

use std::borrow::Cow;

use mysql_common::packets::Column;

use super::{answer::Answer, packets::Packets};
use crate::source::error::SourceError;

/// A statement that the server has prepared.
#[derive(Debug)]
pub(in crate::source) struct Statement {
    pub(super) id: u32,
    /// What its rows will have.
    pub(in crate::source) columns: Vec<Column>,
}

/// Rows on their way.
#[derive(Debug)]
pub(in crate::source) struct Rows<'c> {
    packets: &'c mut Packets,
    is_busy: &'c mut bool,
}

impl<'c> Rows<'c> {
    pub(super) const fn new(packets: &'c mut Packets, is_busy: &'c mut bool) -> Self {
        Self { packets, is_busy }
    }

    /// The next row's packet; `None` behind the last one. May be given up and begun again.
    pub(in crate::source) async fn next(&mut self) -> Result<Option<Cow<'_, [u8]>>, SourceError> {
        if !*self.is_busy {
            return Ok(None);
        }
        let packet = self.packets.next().await?;
        match Answer::of(&packet) {
            Answer::End => *self.is_busy = false,
            Answer::Refused => {
                *self.is_busy = false;
                return Err(Answer::refusal(&packet));
            }
            Answer::Agreed | Answer::Other => return Ok(Some(packet)),
        }
        Ok(None)
    }
}
