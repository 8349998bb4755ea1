//! The block of rows that is being mapped, one change at a time.
//!
//! In two cases the loop must ask the source before it can go on. A change of a keyless table takes a row away: equal rows
//! share a document, which goes only when the last of them is gone. Or a change does not tell its whole row and what it
//! tells is not enough: the row is read anew. What is read may be newer than the change; the changes in between are
//! still to come, and the last of them decides, as behind the first copy. So is a row with a dead letter that somebody
//! asks to be tried again, once the source shows the last transaction that was taken.

use std::{collections::HashSet, sync::Arc};

use tracing::warn;

use super::{
    batch::Write,
    flight::Crew,
    lanes::{Lanes, Route},
    letters::{self, OpenLetters},
    tally::Tally,
};
use crate::{
    mapping::{self, Mapped, Plan, RowMapper},
    model::{
        change::{Absence, ChangeKind, Image, Origin, RowBlock, RowVisitor, Rows},
        fault::{Fault, Stage},
        key::SqlValue,
        letter::LetterKey,
        port::{Checkpoints, RowReader, Sink},
        position::Transaction,
        value::Value,
        write::OperationKind,
    },
    runtime::channel::Share,
};

/// The open block, if there is one.
#[derive(Debug, Default)]
pub(super) struct Intake {
    open: Option<Open>,
    /// The last transaction that rows were taken of.
    latest: Option<Arc<Transaction>>,
    mapper: RowMapper,
    /// The before image of a keyless table's row.
    row: Vec<SqlValue>,
    tally: Tally,
    /// Rows that could not be mapped, whose letters may be open before anybody says so.
    unmapped: HashSet<LetterKey>,
}

/// A row to be read anew, by what finds its document.
#[derive(Debug)]
struct Errand {
    filter: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    rows: Rows,
    plan: Arc<Plan>,
    route: Route,
    /// How many of the rows that are to be read again were.
    reread: usize,
    _share: Option<Share>,
}

impl Intake {
    /// Whether rows are waiting to be mapped.
    pub(super) const fn has_rows(&self) -> bool {
        self.open.is_some()
    }

    /// The lanes that the rows waiting to be mapped may take.
    pub(super) fn route(&self) -> Option<Route> {
        self.open.as_ref().map(|open| open.route)
    }

    /// Opens a block. Its share of the channel's bound is given back when its last row is mapped.
    pub(super) fn open(
        &mut self,
        rows: Rows,
        (plan, route): (Arc<Plan>, Route),
        share: Option<Share>,
    ) {
        self.tally.turn_to(&rows.table);
        if let Origin::Stream(transaction) = &rows.origin {
            self.latest = Some(Arc::clone(transaction));
        }
        self.open = Some(Open { rows, plan, route, reread: 0, _share: share });
    }

    /// Changes mapped since the last call.
    pub(super) fn take_count(&mut self) -> u64 {
        self.tally.take()
    }

    /// Maps the next change into the batch of its lane, or closes the block at its end.
    pub(super) async fn next<S: Sink, C: Checkpoints, R: RowReader>(
        &mut self,
        lanes: &mut Lanes,
        reader: &R,
        crew: &Crew<S, C>,
        letters: &OpenLetters,
    ) -> Result<(), Fault> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let plan = Arc::clone(&open.plan);
        let kind = if plan.is_keyless() {
            self.row.clear();
            let mut tee = Tee { first: self.mapper.visitor(&plan), row: &mut self.row };
            open.rows.block.next_change(&mut tee)?
        } else {
            open.rows.block.next_change(&mut self.mapper.visitor(&plan))?
        };
        let Some(kind) = kind else {
            match open.next_errand() {
                None => self.open = None,
                Some(errand) => self.reread(lanes, &plan, errand, reader, crew).await?,
            }
            return Ok(());
        };
        self.tally.count(kind);
        let takes_away = matches!(kind, ChangeKind::Update | ChangeKind::Delete);
        let is_told = self.row.len() == plan.schema().columns.len();
        let keep_old =
            plan.is_keyless() && takes_away && is_told && self.is_row_left(reader, crew).await?;
        if let Some(errand) = self.push(lanes, &plan, kind, keep_old, letters)? {
            self.reread(lanes, &plan, errand, reader, crew).await?;
        }
        Ok(())
    }

    /// Pushes what the change amounts to; the answer is a row that must be read first.
    fn push(
        &mut self,
        lanes: &mut Lanes,
        plan: &Plan,
        kind: ChangeKind,
        keep_old: bool,
        letters: &OpenLetters,
    ) -> Result<Option<Errand>, Fault> {
        let Some(open) = &mut self.open else { return Ok(None) };
        let (target, table, origin) = (plan.target(), plan.schema(), &open.rows.origin);
        let mut push = |kind, filter, document| {
            lanes.push(open.route, target, table, Write { kind, filter, document }, origin);
        };
        match self.mapper.finish(plan, kind) {
            Mapped::Write { insert, filter, document, replaced, coerced } => {
                self.tally.count_coerced(coerced);
                if let Some(old) = replaced.filter(|_| !keep_old) {
                    push(OperationKind::Delete, old, &[]);
                }
                let kind = match (origin, insert) {
                    (Origin::Poll, _) => OperationKind::Renew,
                    (_, true) => OperationKind::Insert,
                    (_, false) => OperationKind::Replace,
                };
                push(kind, filter, document);
            }
            Mapped::Set { filter, fields, coerced } => {
                // Fields do not make a document whole that is not as its row is.
                let key = || LetterKey { table: table.name.to_string(), key: filter.to_vec() };
                let is_unmapped = !self.unmapped.is_empty() && self.unmapped.remove(&key());
                if is_unmapped || letters.holds(&table.name, filter) {
                    return Ok(Some(Errand { filter: filter.to_vec() }));
                }
                self.tally.count_coerced(coerced);
                push(OperationKind::Set, filter, fields);
            }
            Mapped::Nothing => {}
            Mapped::Reread { filter, replaced } => {
                if let Some(old) = replaced {
                    push(OperationKind::Delete, old, &[]);
                }
                return Ok(Some(Errand { filter: filter.to_vec() }));
            }
            Mapped::Unknown { column } => return Err(open.untold(column)),
            Mapped::Delete { .. } if keep_old => {}
            Mapped::Delete { filter } => push(OperationKind::Delete, filter, &[]),
            Mapped::Rejected { filter, row, reason, replaced } => {
                if let Some(old) = replaced.filter(|_| !keep_old) {
                    push(OperationKind::Delete, old, &[]);
                }
                let letter =
                    letters::unmapped(&table.name, filter, row, reason.to_string(), origin);
                self.unmapped.insert(letter.name());
                lanes.push_letter(open.route, letter, origin);
            }
        }
        Ok(None)
    }

    /// Writes a row as it is now; its document goes if there is no row of this key any more.
    async fn reread<S: Sink, C: Checkpoints, R: RowReader>(
        &mut self,
        lanes: &mut Lanes,
        plan: &Plan,
        errand: Errand,
        reader: &R,
        crew: &Crew<S, C>,
    ) -> Result<(), Fault> {
        let answer = self.ask_again(plan, &errand, reader, crew).await?;
        let (Some(open), Some(mut rows)) = (&mut self.open, answer) else { return Ok(()) };
        let (table, origin) = (plan.schema(), open.rows.origin.clone());
        while let Some(kind) = rows.next_change(&mut self.mapper.visitor(plan))? {
            match self.mapper.finish(plan, kind) {
                Mapped::Write { filter, document, coerced, .. } if filter == errand.filter => {
                    self.tally.count_coerced(coerced);
                    let write = Write { kind: OperationKind::Replace, filter, document };
                    lanes.push(open.route, plan.target(), table, write, &origin);
                    return Ok(());
                }
                Mapped::Rejected { filter, row, reason, .. } if filter == errand.filter => {
                    let reason = reason.to_string();
                    let letter = letters::unmapped(&table.name, filter, row, reason, &origin);
                    self.unmapped.insert(letter.name());
                    lanes.push_letter(open.route, letter, &origin);
                    return Ok(());
                }
                _ => {}
            }
        }
        let write = Write { kind: OperationKind::Delete, filter: &errand.filter, document: &[] };
        lanes.push(open.route, plan.target(), table, write, &origin);
        Ok(())
    }

    /// Asks for a row by what finds its document; `None` where nothing is to be written. A row that is read because of its
    /// letter keeps that if it cannot be asked for.
    async fn ask_again<S: Sink, C: Checkpoints, R: RowReader>(
        &self,
        plan: &Plan,
        errand: &Errand,
        reader: &R,
        crew: &Crew<S, C>,
    ) -> Result<Option<Box<dyn RowBlock>>, Fault> {
        let Some(open) = &self.open else { return Ok(None) };
        let origin = &open.rows.origin;
        let transaction = match origin {
            Origin::Stream(transaction) => Some(&**transaction),
            Origin::Snapshot | Origin::Poll | Origin::Again(_) => self.latest.as_deref(),
        };
        let (table, columns) = (plan.schema(), plan.key_columns());
        let answer = match plan.key_of_filter(&errand.filter) {
            Some(key) => crew.persist(|| reader.reread(table, &columns, &key, transaction)).await,
            None => Err(open.unreadable()),
        };
        match answer {
            Err(fault) if matches!(origin, Origin::Again(_)) && !fault.is_transient() => {
                warn!(table = %table.name, error = %fault.chain(), hint = fault.hint.as_deref(), "a row keeps its dead letter");
                Ok(None)
            }
            answer => answer,
        }
    }

    async fn is_row_left<S: Sink, C: Checkpoints, R: RowReader>(
        &self,
        reader: &R,
        crew: &Crew<S, C>,
    ) -> Result<bool, Fault> {
        let Some(Open { rows, .. }) = &self.open else { return Ok(false) };
        let Origin::Stream(transaction) = &rows.origin else { return Ok(false) };
        crew.persist(|| reader.equal_row_left(&rows.table, &self.row, transaction)).await
    }
}

impl Open {
    /// The next row that is to be read again.
    fn next_errand(&mut self) -> Option<Errand> {
        let Origin::Again(filters) = &self.rows.origin else { return None };
        let filter = filters.get(self.reread)?.clone();
        self.reread += 1;
        Some(Errand { filter })
    }

    /// The fault of a change that does not say which row it is of.
    fn untold(&self, column: &str) -> Fault {
        let message = format!(
            "the row image lacks column {column}, without which the row cannot be told from others"
        );
        let fault = Fault::fatal(Stage::Binlog, message).at_table(&self.rows.table.name).with_hint(
            "SET GLOBAL binlog_row_image = FULL; -- and let sessions that are open reconnect; then `binleaf checkpoint reset --tables` copies the table anew",
        );
        self.at_position(fault)
    }

    /// The fault of a row that must be read anew and cannot be asked for.
    fn unreadable(&self) -> Fault {
        let fault = Fault::fatal(Stage::Source, "a row that is to be read again has no key")
            .at_table(&self.rows.table.name);
        self.at_position(fault)
    }

    fn at_position(&self, fault: Fault) -> Fault {
        match &self.rows.origin {
            Origin::Stream(transaction) => fault.at_position(transaction.describe()),
            Origin::Snapshot | Origin::Poll | Origin::Again(_) => fault,
        }
    }
}

/// Shows the cells to the mapping and keeps those of the before image.
struct Tee<'a, V> {
    first: V,
    row: &'a mut Vec<SqlValue>,
}

impl<V: RowVisitor> RowVisitor for Tee<'_, V> {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        if image == Image::Before {
            self.row.push(mapping::operand(value).unwrap_or(SqlValue::Null));
        }
        self.first.cell(image, column, value);
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        self.first.absent(image, column, absence);
    }
}
