//! Keeps account of which marks are covered by durable writes.
//!
//! A mark may be saved once every row before it is durable. Rows leave in batches that are numbered as they get their
//! first row, and land in any order, so a mark that arrives when *n* is the newest number is due when all batches up to
//! *n* have landed: no row before it is in a later one. A batch up to *n* may hold rows behind the mark too, which are
//! then written and not saved as such; replaying them is harmless. Positions are not queued one a transaction: the
//! running position is copied once a batch, when the next one is opened.

use std::{collections::VecDeque, sync::Arc};

use crate::model::{
    change::Mark,
    poll::{Handover, PollMark, TablePoll},
    position::Position,
    snapshot::{SnapshotState, TableProgress},
    state::{Control, State, StatePart},
    table::{TableName, TableSchema},
};

/// Something that becomes true of the state once the rows before it are durable.
#[derive(Debug)]
enum Milestone {
    /// A mark of the source.
    Mark(Mark),
    /// A table's schema from here on.
    Schema(Arc<TableSchema>),
}

/// Where the stream stands.
#[derive(Debug, Clone)]
struct Place {
    position: Position,
    committed_micros: u64,
}

/// A batch that is open or on its way, or has landed before an earlier one.
#[derive(Debug)]
struct Opened {
    number: u64,
    landed: bool,
    /// What became true after it was opened and before the next one was.
    milestones: Vec<Milestone>,
    /// The place that it covers together with all before it; `None` while the place still moves.
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
    opened: VecDeque<Opened>,
    next_number: u64,
    /// Whether the head has moved since it was last found durable.
    head_moved: bool,
    /// Barriers of polling that were reached and not told yet.
    barriers: Vec<(TableName, u64)>,
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
            opened: VecDeque::new(),
            next_number: 0,
            head_moved: true,
            barriers: Vec::new(),
        }
    }

    /// What is durable in the target.
    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    /// Whether the copy is consistent, by all that is durable.
    pub(super) fn is_consistent(&mut self) -> bool {
        self.settle_head();
        self.state.consistent
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

    /// A batch has got its first row; its number is the answer. The place that those before it cover is now fixed.
    pub(super) fn batch_opened(&mut self) -> u64 {
        if let Some(last) = self.opened.back_mut() {
            last.place.clone_from(&self.head);
        }
        let number = self.next_number;
        self.next_number += 1;
        self.opened.push_back(Opened {
            number,
            landed: false,
            milestones: Vec::new(),
            place: None,
        });
        number
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
            Mark::Prepared { transaction, end_offset } => {
                self.move_head(|head| head.position.prepare(&transaction, end_offset));
            }
            Mark::Settled { prepared, transaction, end_offset } => self.move_head(|head| {
                head.position.settle(&prepared, &transaction, end_offset);
                head.committed_micros = transaction.committed_micros;
            }),
            Mark::Passed { file, offset } => {
                self.move_head(|head| head.position.pass(&file, offset));
            }
            Mark::StreamStarted { position } => self.start_head(*position),
            mark @ (Mark::ReadingBegins { .. }
            | Mark::Range(_)
            | Mark::SnapshotEnded { .. }
            | Mark::Swept { .. }
            | Mark::Poll(_)) => self.note(Milestone::Mark(mark)),
        }
    }

    /// A table's schema is new from here on.
    pub(super) fn note_schema(&mut self, table: Arc<TableSchema>) {
        self.note(Milestone::Schema(table));
    }

    /// Something was set at run time.
    pub(super) fn note_control(&mut self, control: Control) {
        if self.state.control.unwrap_or_default() != control {
            self.state.control = Some(control);
            self.mark_dirty(StatePart::Progress);
        }
    }

    /// The barriers that were reached since the last call.
    pub(super) fn take_barriers(&mut self) -> Vec<(TableName, u64)> {
        std::mem::take(&mut self.barriers)
    }

    fn note(&mut self, milestone: Milestone) {
        match self.opened.back_mut() {
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

    /// A batch is durable.
    pub(super) fn batch_landed(&mut self, number: u64) {
        if let Some(batch) = self.opened.iter_mut().find(|batch| batch.number == number) {
            batch.landed = true;
        }
        while self.opened.front().is_some_and(|batch| batch.landed) {
            let Some(batch) = self.opened.pop_front() else { return };
            batch.milestones.into_iter().for_each(|milestone| self.reach(milestone));
            match batch.place {
                Some(place) => self.arrive(place),
                None => self.head_moved = true,
            }
        }
        self.settle_head();
    }

    /// With nothing open and nothing on its way the head itself is durable.
    fn settle_head(&mut self) {
        if self.head_moved && self.opened.is_empty() {
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
        let Some(position) = self.state.position.as_ref().filter(|_| !self.state.consistent) else {
            return;
        };
        let is_whole = match &self.state.snapshot {
            None => true,
            Some(snapshot) => snapshot.is_clean() && snapshot.is_passed(position),
        };
        if is_whole {
            self.state.consistent = true;
            self.mark_dirty(StatePart::Progress);
        }
    }

    fn reach(&mut self, milestone: Milestone) {
        match milestone {
            Milestone::Mark(mark) => self.reach_mark(mark),
            Milestone::Schema(table) => {
                self.state.remember(&table);
                self.mark_dirty(StatePart::All);
            }
        }
    }

    fn reach_mark(&mut self, mark: Mark) {
        if let Mark::Poll(mark) = mark {
            return self.reach_poll(*mark);
        }
        let Some(snapshot) = self.state.snapshot_mut() else { return };
        match mark {
            Mark::Range(done) => {
                let progress = snapshot.tables.entry(done.table.to_string()).or_default();
                progress.add(&done);
            }
            Mark::ReadingBegins { from } => snapshot.reads_from = Some(*from),
            Mark::SnapshotEnded { end } => snapshot.end = Some(*end),
            Mark::Swept { table } => {
                snapshot.tables.entry(table.to_string()).or_default().unswept = false;
            }
            Mark::StreamStarted { .. }
            | Mark::Transaction { .. }
            | Mark::Server { .. }
            | Mark::Prepared { .. }
            | Mark::Settled { .. }
            | Mark::Poll(_)
            | Mark::Passed { .. } => {}
        }
        self.mark_dirty(StatePart::Progress);
    }

    fn reach_poll(&mut self, mark: PollMark) {
        match mark {
            PollMark::Began { table, schema, poll, unswept, resumes } => {
                let snapshot =
                    self.state.snapshot.get_or_insert_with(|| SnapshotState::unplaced().into());
                let progress = Arc::make_mut(snapshot).tables.entry(table.to_string()).or_default();
                if !resumes {
                    *progress = TableProgress { unswept, ..TableProgress::default() };
                    *self.poll(&table) = poll;
                    self.state.remember(&schema);
                    self.mark_dirty(StatePart::All);
                }
            }
            PollMark::Reached { table, cursor } => self.poll(&table).cursor = Some(cursor),
            PollMark::Merged { table, at_millis } => self.poll(&table).merged_millis = at_millis,
            PollMark::Whole => self.state.consistent = true,
            PollMark::Barrier { table, number } => return self.barriers.push((table, number)),
            PollMark::HandedOver(handover) => {
                let Handover { start, reads_from, end } = *handover;
                self.state.polls = Arc::default();
                (self.state.position, self.state.consistent, self.head) = (None, false, None);
                let snapshot =
                    self.state.snapshot.get_or_insert_with(|| SnapshotState::unplaced().into());
                let snapshot = Arc::make_mut(snapshot);
                (snapshot.start, snapshot.reads_from) = (start, Some(reads_from));
                snapshot.end = Some(end);
            }
            PollMark::Removed { .. } | PollMark::Ended { .. } => return,
        }
        self.mark_dirty(StatePart::Progress);
    }

    fn poll(&mut self, table: &TableName) -> &mut TablePoll {
        Arc::make_mut(&mut self.state.polls).entry(table.to_string()).or_default()
    }
}

#[cfg(test)]
mod tests;
