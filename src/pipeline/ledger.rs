//! Keeps account of which marks are covered by durable writes.
//!
//! A mark may be saved once every row sent before it is durable. Rows leave in numbered batches, and batches may land
//! out of order (those of the first copy do), so a mark that arrived while batch *n* was open or last sent is due when
//! all batches up to *n* have landed. Positions are not queued one a transaction: the running position is copied once
//! a batch, when the first row behind it arrives.

use std::{collections::VecDeque, sync::Arc};

use crate::model::{
    change::Mark,
    position::Position,
    snapshot::TableProgress,
    state::{State, StatePart},
    table::TableSchema,
};

/// Something that becomes true of the state once the rows before it are durable.
#[derive(Debug)]
enum Milestone {
    /// A mark of the source.
    Mark(Box<Mark>),
    /// A table's schema from here on.
    Schema(Arc<TableSchema>),
}

/// Where the stream stands.
#[derive(Debug, Clone)]
struct Place {
    position: Position,
    committed_micros: u64,
}

/// A batch that was sent.
#[derive(Debug)]
struct Sent {
    number: u64,
    landed: bool,
    milestones: Vec<Milestone>,
    /// The place that it covers; `None` while the place still moves with marks that follow without rows.
    place: Option<Place>,
}

/// The account.
#[derive(Debug)]
pub(super) struct Ledger {
    /// What is durable.
    state: State,
    /// Which part of it has changed since it was last saved.
    dirty: Option<StatePart>,
    /// Where the newest mark stands.
    head: Option<Place>,
    /// Marks behind rows that have not been sent.
    open: Vec<Milestone>,
    /// Whether rows have been taken that are not sent.
    has_open_rows: bool,
    sent: VecDeque<Sent>,
    next_number: u64,
    /// Whether the head has moved since it was last found durable.
    head_moved: bool,
}

impl Ledger {
    /// Opens the account at a saved state.
    pub(super) fn new(state: State) -> Self {
        let head = state
            .position
            .clone()
            .map(|position| Place { position, committed_micros: state.applied_micros });
        Self {
            state,
            dirty: None,
            head,
            open: Vec::new(),
            has_open_rows: false,
            sent: VecDeque::new(),
            next_number: 0,
            head_moved: true,
        }
    }

    /// What is durable in the target.
    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    /// What has changed since the last call, to be saved.
    pub(super) fn take_dirty(&mut self) -> Option<StatePart> {
        self.settle_head();
        self.dirty.take()
    }

    /// Puts back what could not be saved.
    pub(super) fn mark_dirty(&mut self, part: StatePart) {
        self.dirty = Some(self.dirty.map_or(part, |other| other.max(part)));
    }

    /// A row is taken into the open batch: the place that the last batch covers is now fixed.
    pub(super) fn row_taken(&mut self) {
        if self.has_open_rows {
            return;
        }
        self.has_open_rows = true;
        if let Some(last) = self.sent.back_mut() {
            last.place.clone_from(&self.head);
        }
    }

    /// A mark arrives behind all rows taken so far.
    pub(super) fn note_mark(&mut self, mark: Mark) {
        match mark {
            Mark::Transaction { transaction, end_offset } => self.move_head(|head| {
                head.position.advance(&transaction, end_offset);
                head.committed_micros = transaction.committed_micros;
            }),
            Mark::Server { server_uuid } => {
                self.move_head(|head| head.position.move_to(&server_uuid));
            }
            Mark::Passed { file, offset } => {
                self.move_head(|head| head.position.pass(&file, offset));
            }
            Mark::StreamStarted { position } => self.start_head(position),
            mark @ (Mark::SnapshotStarted { .. } | Mark::Range(_) | Mark::SnapshotEnded { .. }) => {
                self.note(Milestone::Mark(Box::new(mark)));
            }
        }
    }

    /// A table's schema is new from here on.
    pub(super) fn note_schema(&mut self, table: Arc<TableSchema>) {
        self.note(Milestone::Schema(table));
    }

    fn note(&mut self, milestone: Milestone) {
        match self.sent.back_mut() {
            _ if self.has_open_rows => self.open.push(milestone),
            Some(last) => last.milestones.push(milestone),
            None => self.reach(milestone),
        }
    }

    fn move_head(&mut self, step: impl FnOnce(&mut Place)) {
        if let Some(head) = &mut self.head {
            step(head);
            self.head_moved = true;
        }
    }

    fn start_head(&mut self, position: Position) {
        let committed_micros = self.head.as_ref().map_or(0, |head| head.committed_micros);
        self.head = Some(Place { position, committed_micros });
        self.head_moved = true;
    }

    /// The open batch is sent; its number is the answer.
    pub(super) fn batch_sent(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.has_open_rows = false;
        let milestones = std::mem::take(&mut self.open);
        self.sent.push_back(Sent { number, landed: false, milestones, place: None });
        number
    }

    /// A batch is durable.
    pub(super) fn batch_landed(&mut self, number: u64) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.number == number) {
            sent.landed = true;
        }
        while self.sent.front().is_some_and(|sent| sent.landed) {
            let Some(sent) = self.sent.pop_front() else { return };
            sent.milestones.into_iter().for_each(|milestone| self.reach(milestone));
            match sent.place {
                Some(place) => self.arrive(place),
                None => self.head_moved = true,
            }
        }
        self.settle_head();
    }

    /// With nothing open and nothing on its way the head itself is durable.
    fn settle_head(&mut self) {
        if self.head_moved && self.sent.is_empty() && !self.has_open_rows {
            self.head_moved = false;
            if let Some(head) = self.head.clone() {
                self.arrive(head);
            }
        }
    }

    fn arrive(&mut self, place: Place) {
        if self.state.position.as_ref() != Some(&place.position) {
            self.state.applied_micros = place.committed_micros;
            self.state.position = Some(place.position);
            self.mark_dirty(StatePart::Position);
        }
        self.check_consistent();
    }

    /// The copy is consistent once the stream has passed the position read at the snapshot's end.
    fn check_consistent(&mut self) {
        let Some(position) = &self.state.position else { return };
        let is_whole = match &self.state.snapshot {
            None => true,
            Some(snapshot) => snapshot.end.as_ref().is_some_and(|end| position.covers(end)),
        };
        if is_whole && !self.state.consistent {
            self.state.consistent = true;
            self.mark_dirty(StatePart::Progress);
        }
    }

    fn reach(&mut self, milestone: Milestone) {
        match milestone {
            Milestone::Mark(mark) => self.reach_mark(*mark),
            Milestone::Schema(table) => {
                self.state.schemas.insert(table.name.to_string(), TableSchema::clone(&table));
                self.mark_dirty(StatePart::All);
            }
        }
    }

    fn reach_mark(&mut self, mark: Mark) {
        let Some(snapshot) = &mut self.state.snapshot else { return };
        match mark {
            Mark::Range(done) => {
                let progress = snapshot.tables.entry(done.table.to_string()).or_default();
                progress.add(&done);
            }
            Mark::SnapshotEnded { end } => snapshot.end = Some(end),
            Mark::SnapshotStarted { tables, .. } => {
                for table in tables {
                    snapshot.tables.entry(table.to_string()).or_insert_with(TableProgress::default);
                }
            }
            Mark::StreamStarted { .. }
            | Mark::Transaction { .. }
            | Mark::Server { .. }
            | Mark::Passed { .. } => {}
        }
        self.mark_dirty(StatePart::Progress);
    }
}

#[cfg(test)]
mod tests;
