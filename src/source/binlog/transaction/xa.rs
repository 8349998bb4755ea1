//! XA transactions.
//!
//! The server logs one twice: its rows when it is prepared, as a transaction with a GTID of its own, and later a statement
//! `XA COMMIT` or `XA ROLLBACK`, again with its own GTID; any number of other transactions stand between. Rows are held
//! back in between, since nobody sees them in the source and they may never count. Until both are taken the position
//! leaves the first one out, so that whoever goes on from it receives the rows again. `XA COMMIT … ONE PHASE` is logged
//! as one transaction that ends like a prepared one, with a flag.

use std::sync::Arc;

use super::{Assembler, BinlogError, Problem};
use crate::{
    model::{
        change::{Mark, Message},
        position::Transaction,
    },
    source::{
        binlog::{
            fresh,
            held::{HeldRows, Prepared},
            tables::Describe,
            wire::Malformed,
        },
        xid::Xid,
    },
};

const NO_BEGINNING: Malformed = Malformed("the end of a transaction that did not begin");

impl<D: Describe> Assembler<D> {
    /// One begins; whether it commits in one phase is not known before its end.
    pub(super) fn xa_begin(&mut self, start: u64) {
        let rows = self.held.begin();
        let open = self.opened(start);
        open.has_begun = true;
        open.held = (!open.is_skipped).then_some(rows);
    }

    /// One is prepared, or committed in one phase where it has no name.
    pub(super) async fn xa_prepare(&mut self, xid: Option<Xid>) -> Result<(), Problem> {
        let Some(xid) = xid else { return self.finish().await };
        self.check_payload()?;
        let open = self.open.take().ok_or(NO_BEGINNING)?;
        if open.is_skipped {
            return Ok(());
        }
        let transaction = open.transaction;
        let rows = open.held.unwrap_or_else(|| self.held.begin());
        self.held.keep(xid, Prepared { transaction: Arc::clone(&transaction), rows })?;
        if self.position().is_prepared(&transaction) {
            return Ok(());
        }
        let end_offset = self.place.end;
        self.position.prepare(&transaction, end_offset);
        self.send(Message::Mark(Mark::Prepared { transaction, end_offset }));
        self.pass_fresh();
        Ok(())
    }

    /// A prepared one is committed: its rows are those of the transaction that is open now.
    pub(super) async fn xa_commit(&mut self, statement: &str) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or(NO_BEGINNING)?;
        if open.is_skipped || open.held.is_some() {
            return self.finish().await;
        }
        let transaction = Arc::clone(&open.transaction);
        match self.prepared(statement)? {
            Some(Prepared { transaction: prepared, rows }) => {
                self.release(rows, &transaction).await?;
                self.settle(prepared)
            }
            None if self.is_in_copy(&transaction) => self.finish().await,
            None => Err(BinlogError::XaUnknown.into()),
        }
    }

    /// A prepared one is rolled back: its rows never were. Of one that is not known there are none either.
    pub(super) async fn xa_rollback(&mut self, statement: &str) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or(NO_BEGINNING)?;
        if open.is_skipped {
            return self.finish().await;
        }
        if open.held.is_some() {
            // Rolled back before it was prepared, and logged for the sake of tables that know no transactions.
            return match open.is_undoable {
                true => Err(BinlogError::RolledBack.into()),
                false => self.finish().await,
            };
        }
        match self.prepared(statement)? {
            Some(Prepared { transaction, .. }) => self.settle(transaction),
            None => self.finish().await,
        }
    }

    fn prepared(&mut self, statement: &str) -> Result<Option<Prepared>, Malformed> {
        const UNNAMED: Malformed = Malformed("an XA transaction's name cannot be read");
        let xid = Xid::of_statement(statement).ok_or(UNNAMED)?;
        Ok(self.held.take(&xid))
    }

    /// Whether the first copy read what this transaction made visible.
    fn is_in_copy(&self, transaction: &Transaction) -> bool {
        self.copied_to.as_ref().is_some_and(|position| fresh::is_before(transaction, position))
    }

    /// Sends held rows as those of a transaction, but for tables whose copies hold it.
    pub(super) async fn release(
        &mut self,
        mut rows: HeldRows,
        transaction: &Arc<Transaction>,
    ) -> Result<(), Problem> {
        while let Some((event, plan)) = rows.next().await.map_err(BinlogError::Spool)? {
            if !self.tables.fresh.holds(&plan.schema.name, transaction) {
                self.send_rows(event, &plan, Arc::clone(transaction))?;
                self.flush_if_full().await.map_err(Problem::Halt)?;
            }
        }
        Ok(())
    }

    /// Ends the open transaction, which has settled a prepared one.
    fn settle(&mut self, prepared: Arc<Transaction>) -> Result<(), Problem> {
        let transaction = self.open.take().ok_or(NO_BEGINNING)?.transaction;
        let end_offset = self.place.end;
        self.position();
        self.position.settle(&prepared, &transaction, end_offset);
        self.send(Message::Mark(Mark::Settled { prepared, transaction, end_offset }));
        self.pass_fresh();
        Ok(())
    }
}
