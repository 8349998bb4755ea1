//! The block of rows that is being mapped, one change at a time.
//!
//! A change of a keyless table that takes a row away is the one case in which the loop must ask the source before it
//! can go on: equal rows share a document, which goes only when the last of them is gone.

use std::sync::Arc;

use super::{
    batch::Write,
    flight::Crew,
    lanes::{Lanes, Route},
    letters,
};
use crate::{
    mapping::{Mapped, Plan, RowMapper},
    model::{
        change::{ChangeKind, Image, Origin, RowVisitor, Rows},
        fault::Fault,
        key::SqlValue,
        port::{Checkpoints, RowReader, Sink},
        value::Value,
        write::OperationKind,
    },
    runtime::channel::Share,
    telemetry::metrics,
};

/// The open block, if there is one.
#[derive(Debug, Default)]
pub(super) struct Intake {
    open: Option<Open>,
    mapper: RowMapper,
    /// The before image of a keyless table's row.
    row: Vec<SqlValue>,
    count: u64,
}

#[derive(Debug)]
struct Open {
    rows: Rows,
    plan: Arc<Plan>,
    route: Route,
    counts: [u64; 4],
    coerced: u64,
    _share: Option<Share>,
}

impl Intake {
    /// Whether rows are waiting to be mapped.
    pub(super) const fn has_rows(&self) -> bool {
        self.open.is_some()
    }

    /// Opens a block. Its share of the channel's bound is given back when its last row is mapped.
    pub(super) fn open(
        &mut self,
        rows: Rows,
        (plan, route): (Arc<Plan>, Route),
        share: Option<Share>,
    ) {
        self.open = Some(Open { rows, plan, route, counts: [0; 4], coerced: 0, _share: share });
    }

    /// Changes mapped since the last call.
    pub(super) const fn take_count(&mut self) -> u64 {
        std::mem::replace(&mut self.count, 0)
    }

    /// Maps the next change into the batch of its lane, or closes the block at its end.
    pub(super) async fn next<S: Sink, C: Checkpoints, R: RowReader>(
        &mut self,
        lanes: &mut Lanes,
        reader: &R,
        crew: &Crew<S, C>,
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
            self.close();
            return Ok(());
        };
        open.note(kind);
        self.count += 1;
        let takes_away = matches!(kind, ChangeKind::Update | ChangeKind::Delete);
        let keep_old = plan.is_keyless() && takes_away && self.is_row_left(reader, crew).await?;
        self.push(lanes, &plan, kind, keep_old);
        Ok(())
    }

    fn push(&mut self, lanes: &mut Lanes, plan: &Plan, kind: ChangeKind, keep_old: bool) {
        let Some(open) = &mut self.open else { return };
        let (target, table, origin) = (plan.target(), plan.schema(), &open.rows.origin);
        let mut push = |write| lanes.push(open.route, target, table, write, origin);
        let delete = |filter| Write { kind: OperationKind::Delete, filter, document: &[] };
        match self.mapper.finish(plan, kind) {
            Mapped::Write { insert, filter, document, replaced, coerced } => {
                open.coerced += u64::from(coerced);
                if let Some(old) = replaced.filter(|_| !keep_old) {
                    push(delete(old));
                }
                let kind = if insert { OperationKind::Insert } else { OperationKind::Replace };
                push(Write { kind, filter, document });
            }
            Mapped::Delete { .. } if keep_old => {}
            Mapped::Delete { filter } => push(delete(filter)),
            Mapped::Rejected { filter, row, reason, replaced } => {
                if let Some(old) = replaced.filter(|_| !keep_old) {
                    push(delete(old));
                }
                let letter =
                    letters::unmapped(&table.name, filter, row, reason.to_string(), origin);
                lanes.push_letter(open.route, letter, origin);
            }
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

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.observe();
        }
    }
}

impl Open {
    fn note(&mut self, kind: ChangeKind) {
        let [read, insert, update, delete] = &mut self.counts;
        let count = match kind {
            ChangeKind::Read => read,
            ChangeKind::Insert => insert,
            ChangeKind::Update => update,
            ChangeKind::Delete => delete,
        };
        *count += 1;
    }

    fn observe(&self) {
        let table = self.rows.table.name.to_string();
        let kinds = [ChangeKind::Read, ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete];
        for (kind, count) in kinds.into_iter().zip(self.counts) {
            if count > 0 {
                metrics::events(&table, kind.label(), count);
            }
        }
        if self.coerced > 0 {
            metrics::values_coerced(&table, self.coerced);
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
            self.row.push(SqlValue::copy(value).unwrap_or(SqlValue::Null));
        }
        self.first.cell(image, column, value);
    }
}
