//! Where the stream stands in the source's files, outside of transactions.

use std::sync::Arc;

use super::{Assembler, BinlogError, Problem};
use crate::{
    model::{
        change::{Mark, Message},
        position::{Transaction, file_number},
    },
    source::binlog::{event, raw::Event, tables::Describe},
};

impl<D: Describe> Assembler<D> {
    /// Goes on from another server of the same group.
    pub(in crate::source::binlog) fn move_to(&mut self, server_uuid: &str) {
        self.position();
        self.position.move_to(server_uuid);
        let mark = Mark::Server { server_uuid: server_uuid.to_owned() };
        self.send(Message::Mark(mark));
    }

    /// Another file goes on. Without GTIDs the position follows, so that an idle copy does not hold on to old files.
    pub(super) fn rotate(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        let (file, offset) = event::rotate(event)?;
        if self.open.is_some() {
            return Err(BinlogError::Unfinished.into());
        }
        let was_in_another = !self.place.file.is_empty() && *self.place.file != *file;
        self.place.go_to(file, offset);
        if self.position.gtid_set.is_some() || !was_in_another {
            return Ok(());
        }
        self.mark(Arc::new(Transaction {
            gtid: None,
            file: Arc::clone(&self.place.file),
            offset,
            committed_micros: self.clock_micros,
        }));
        Ok(())
    }

    /// Nothing has come for a while: what the server has passed without sending it is passed here too.
    pub(super) fn idle(&mut self, beat: &Event<'_>) {
        let offset = beat.header().log_pos;
        let is_here = *self.place.file.as_bytes() == *beat.data();
        if self.open.is_some() || !is_here || self.place.is_past(offset) {
            return;
        }
        self.place.reach(offset);
        let (file, offset) = (Arc::clone(&self.place.file), self.place.end);
        let before = self.position();
        let reached = (file_number(&file), offset);
        // While it looks for the position, the server is behind it.
        if reached <= (file_number(&before.file), before.offset) {
            return;
        }
        self.position.pass(&file, offset);
        self.send(Message::Mark(Mark::Passed { file, offset }));
    }

    pub(super) fn new_file(&mut self) -> Result<(), BinlogError> {
        if self.open.is_some() {
            return Err(BinlogError::Unfinished);
        }
        self.tables.forget_ids();
        Ok(())
    }
}
