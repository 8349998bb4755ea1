//! From events to messages: rows as they come, and a mark at the end of every transaction.
//!
//! A transaction is never gathered, so its rows may be sent twice when the connection breaks inside of it; its mark is
//! sent once, behind all of them, and only when it is whole. What is not understood stops the stream before that mark.

mod events;
mod files;
mod mariadb_groups;
mod problem;
mod statements;
mod xa;

use std::sync::Arc;

use self::{
    problem::Problem,
    statements::{is_transactional, text},
};
use super::{
    arena::Arena,
    error::BinlogError,
    event::{self, GtidEvent},
    held::{Held, HeldRows},
    mariadb,
    payload::Inflated,
    place::Place,
    raw::Event,
    rows::{self, EventRows, NO_TABLE, Plan},
    statement::{self, Statement},
    tables::{Describe, Route, Tables},
    wire::Malformed,
};
use crate::{
    model::{
        change::{Mark, Message, Origin, Rows, SchemaChanged},
        gtid::{DomainPosition, TransactionId},
        position::{Position, Transaction, file_number},
    },
    runtime::channel::{Outbox, Sender},
};

/// Why the stream does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody takes messages any more.
    Closed,
    /// An error.
    Failed(BinlogError),
}

impl From<BinlogError> for Halt {
    fn from(error: BinlogError) -> Self {
        Self::Failed(error)
    }
}

/// Puts transactions together.
#[derive(Debug)]
pub(super) struct Assembler<D> {
    pub(super) tables: Tables,
    pub(super) place: Place,
    describe: D,
    outbox: Outbox,
    arena: Arena,
    event_limit: u64,
    /// Behind the last transaction whose mark was sent, but for its anchor.
    position: Position,
    /// The last transaction whose mark was sent, and the offset behind it.
    last: Option<(Arc<Transaction>, u64)>,
    open: Option<Open>,
    /// How much has come of the compressed transaction whose last event inside has not come.
    payload: Option<Inflated>,
    /// The format description came, without which no event can be told from its checksum.
    pub(super) is_described: bool,
    /// The file's number and the offset in it before which transactions are known already.
    skip_to: (u64, u64),
    /// The last transaction of each domain (MariaDB) up to which transactions are known already.
    known: DomainPosition,
    /// XA transactions that are prepared.
    held: Held,
    /// Everything up to here is in the first copy, however long ago it was prepared.
    copied_to: Option<Position>,
    /// The newest event's time, in microseconds since the epoch.
    clock_micros: u64,
}

/// A transaction whose end has not come yet.
#[derive(Debug)]
struct Open {
    transaction: Arc<Transaction>,
    /// BEGIN was seen: the next statement does not end it.
    has_begun: bool,
    /// It is known already.
    is_skipped: bool,
    /// Its statement has no effect.
    is_void: bool,
    /// Rows of ours were sent that a ROLLBACK would undo.
    is_undoable: bool,
    /// The rows of an XA transaction: only its end tells whether it commits at once or is prepared.
    held: Option<HeldRows>,
}

/// The parts that an assembler is made of.
pub(super) struct Parts<D> {
    pub(super) tables: Tables,
    pub(super) describe: D,
    pub(super) sender: Sender,
    pub(super) event_limit: u64,
    pub(super) start: Position,
    pub(super) copied_to: Option<Position>,
}

impl<D: Describe> Assembler<D> {
    pub(super) fn new(parts: Parts<D>) -> Self {
        let start = parts.start;
        Self {
            tables: parts.tables,
            place: Place { file: start.file.as_str().into(), end: start.offset },
            describe: parts.describe,
            outbox: Outbox::new(parts.sender),
            arena: Arena::default(),
            event_limit: parts.event_limit,
            position: start,
            last: None,
            open: None,
            payload: None,
            is_described: false,
            skip_to: (0, 0),
            known: DomainPosition::default(),
            held: Held::default(),
            copied_to: parts.copied_to,
            clock_micros: 0,
        }
    }

    /// The position behind the last transaction whose mark was sent.
    pub(super) fn position(&mut self) -> &Position {
        if let Some((transaction, end)) = self.last.take() {
            self.position.advance(&transaction, end);
        }
        &self.position
    }

    /// Forgets the connection that broke. A stream by offset that cannot name it begins at the file's first event, and
    /// skips what it knows. Open XA transactions come again, so what was held of them is dropped.
    pub(super) fn restart(&mut self, first_offset: u64) {
        self.open = None;
        self.payload = None;
        self.held.forget();
        self.is_described = false;
        self.tables.forget_ids();
        let file = self.position().file.clone();
        self.place.go_to(&file, first_offset);
        let (file, offset) = self.position.reached();
        let is_by_file = self.position.gtid_set.is_none();
        self.skip_to = if is_by_file { (file_number(file), offset) } else { (0, 0) };
        self.known = self.position.known_ahead().collect();
    }

    /// How people name the place that is being read.
    pub(super) fn describe_place(&self) -> String {
        let open = self.open.as_ref().map(|open| open.transaction.describe());
        open.unwrap_or_else(|| format!("{}:{}", self.place.file, self.place.end))
    }

    /// Whether a transaction is under way.
    pub(super) const fn is_between(&self) -> bool {
        self.open.is_none()
    }

    fn begin_with(&mut self, event: GtidEvent, start: u64) -> Result<(), BinlogError> {
        if self.open.is_some() {
            return Err(BinlogError::Unfinished);
        }
        if event.gtid.is_none() && self.position.gtid_set.is_some() {
            return Err(BinlogError::Anonymous);
        }
        if !self.is_described {
            return Err(BinlogError::Transport);
        }
        let gtid = event.gtid.map(TransactionId::Mysql);
        self.open_at(gtid, event.committed_micros, start);
        Ok(())
    }

    fn open_at(
        &mut self,
        gtid: Option<TransactionId>,
        committed_micros: Option<u64>,
        start: u64,
    ) -> &mut Open {
        let transaction = Arc::new(Transaction {
            gtid,
            file: Arc::clone(&self.place.file),
            offset: start,
            committed_micros: committed_micros.unwrap_or(self.clock_micros),
        });
        let place = (file_number(&transaction.file), start);
        let is_known = self.passes_known(transaction.gtid.as_ref()) || place < self.skip_to;
        let is_skipped = is_known && !self.position().is_prepared(&transaction);
        self.open.insert(Open {
            transaction,
            has_begun: false,
            is_skipped,
            is_void: false,
            is_undoable: false,
            held: None,
        })
    }

    /// The open transaction; servers older than GTIDs begin one with its first statement.
    fn opened(&mut self, start: u64) -> &mut Open {
        match self.open.take() {
            Some(open) => self.open.insert(open),
            None => self.open_at(None, None, start),
        }
    }

    async fn query(&mut self, query: event::Query<'_>, start: u64) -> Result<(), Problem> {
        if !self.is_described {
            return Err(BinlogError::Transport.into());
        }
        let database = text(query.database, None);
        let words = text(query.text, query.collation);
        let statement = statement::read(&words, &database, self.tables.folds_case);
        if statement == Statement::XaBegin {
            self.xa_begin(start);
            return Ok(());
        }
        let open = self.opened(start);
        let (is_skipped, is_undoable) = (open.is_skipped || open.is_void, open.is_undoable);
        match statement {
            Statement::Begin => {
                open.has_begun = true;
                return Ok(());
            }
            Statement::Commit => return self.finish().await,
            Statement::Rollback | Statement::RollbackTo if is_undoable => {
                return Err(BinlogError::RolledBack.into());
            }
            Statement::Rollback => return self.finish().await,
            Statement::XaCommit => return self.xa_commit(&words).await,
            Statement::XaRollback => return self.xa_rollback(&words).await,
            Statement::RollbackTo | Statement::Inside | Statement::Other => {}
            other if !is_skipped => self.change(other).await?,
            _ => {}
        }
        match self.open.as_ref().is_some_and(|open| open.has_begun) {
            true => Ok(()),
            false => self.finish().await,
        }
    }

    fn announce(&mut self, changed: Option<SchemaChanged>) {
        if let Some(changed) = changed {
            self.send(Message::SchemaChanged(changed));
        }
    }

    async fn table_map(&mut self, body: &[u8]) -> Result<(), Problem> {
        let open = self.open.as_ref();
        let transaction = open.map(|open| &*open.transaction);
        let is_settled = open.is_none_or(|open| open.held.is_none());
        let changed = self.tables.map(body, transaction, is_settled, &mut self.describe).await?;
        self.announce(changed);
        Ok(())
    }

    /// How rows of the open transaction are read; `None` where they are nothing to us.
    fn plan_of(&mut self, event: &Event<'_>) -> Result<Option<Arc<Plan>>, Problem> {
        let table_id = rows::table_id(event.data())?;
        let Some(open) = &mut self.open else {
            return Err(Malformed("rows outside of a transaction").into());
        };
        if open.is_skipped || table_id == NO_TABLE {
            return Ok(None);
        }
        let plan = match self.tables.route(table_id) {
            None => return Err(Malformed("rows without a table map").into()),
            Some(Route::Foreign) => return Ok(None),
            Some(Route::Ours(plan)) => plan,
        };
        // Whether a copy has rows that are held back is told by their commit.
        let name = &plan.schema.name;
        if open.held.is_none() && self.tables.fresh.holds(name, &open.transaction) {
            return Ok(None);
        }
        open.is_undoable |= is_transactional(&plan.schema.engine);
        Ok(Some(Arc::clone(plan)))
    }

    /// Sends rows of the open transaction.
    fn rows(&mut self, event: Event<'_>) -> Result<(), Problem> {
        let plan = self.plan_of(&event)?;
        let transaction = self.open.as_ref().map(|open| Arc::clone(&open.transaction));
        match plan.zip(transaction) {
            None => Ok(()),
            Some((plan, transaction)) => {
                let event = event.kept_in(&mut self.arena);
                self.send_rows(event, &plan, transaction)
            }
        }
    }

    /// Holds rows of the open transaction back.
    async fn hold_rows(&mut self, event: Event<'_>) -> Result<(), Problem> {
        let plan = self.plan_of(&event)?;
        let held = self.open.as_mut().and_then(|open| open.held.as_mut());
        if let Some((plan, held)) = plan.zip(held) {
            held.push(event.into_owned(), &plan).await.map_err(BinlogError::Spool)?;
        }
        Ok(())
    }

    /// Sends the rows of an event as those of a transaction.
    fn send_rows(
        &mut self,
        event: Event<'static>,
        plan: &Arc<Plan>,
        transaction: Arc<Transaction>,
    ) -> Result<(), Problem> {
        let kind = event.header().kind;
        let Some(block) = block(kind, event, plan, self.event_limit)? else { return Ok(()) };
        self.send(Message::Rows(Rows {
            table: Arc::clone(&plan.schema),
            origin: Origin::Stream(transaction),
            bytes: block.bytes(),
            block: Box::new(block),
        }));
        Ok(())
    }

    /// Ends the transaction: all of it was sent, so its mark may follow.
    async fn finish(&mut self) -> Result<(), Problem> {
        let Some(open) = self.ended()? else { return Ok(()) };
        if let Some(held) = open.held {
            self.release(held, &open.transaction).await?;
        }
        self.mark(open.transaction);
        Ok(())
    }

    /// The same where no rows were held back.
    fn finish_at_once(&mut self) -> Result<(), Problem> {
        if let Some(open) = self.ended()? {
            self.mark(open.transaction);
        }
        Ok(())
    }

    /// The transaction that ends here; `None` where it is known already.
    fn ended(&mut self) -> Result<Option<Open>, Problem> {
        self.check_payload()?;
        match self.open.take() {
            Some(open) => Ok(Some(open).filter(|open| !open.is_skipped)),
            None => Err(Malformed("the end of a transaction that did not begin").into()),
        }
    }

    /// A transaction ends with the last event of what was compressed.
    fn check_payload(&self) -> Result<(), BinlogError> {
        self.payload.map_or(Ok(()), |inflated| Err(inflated.into()))
    }

    fn mark(&mut self, transaction: Arc<Transaction>) {
        let end_offset = self.place.end;
        let mark = Mark::Transaction { transaction: Arc::clone(&transaction), end_offset };
        self.send(Message::Mark(mark));
        if let Some(gtid) = &transaction.gtid {
            self.position.advance_gtids(gtid);
        }
        self.last = Some((transaction, end_offset));
        self.pass_fresh();
    }

    /// Forgets the tables whose copies are reached.
    fn pass_fresh(&mut self) {
        if !self.tables.fresh.is_empty() {
            self.position();
            self.tables.fresh.pass(&self.position);
        }
    }

    fn send(&mut self, message: Message) {
        self.outbox.put(message);
    }

    /// Whether so much waits that it should be sent.
    pub(super) const fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    async fn flush_if_full(&mut self) -> Result<(), Halt> {
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// Sends what waits for company; to be called before waiting for an event.
    pub(super) async fn flush(&mut self) -> Result<(), Halt> {
        self.outbox.flush().await.map_err(|_| Halt::Closed)
    }
}

/// The rows of an event for a table of ours; `None` where it has none.
fn block(
    kind: u8,
    event: Event<'static>,
    plan: &Arc<Plan>,
    limit: u64,
) -> Result<Option<EventRows>, Problem> {
    let compressed = mariadb::plain_rows(kind);
    let head = rows::head(compressed.unwrap_or(kind), event.data())?;
    if head.columns != plan.cells.len() {
        let difference =
            format!("{} columns in a row, {} in its table map", head.columns, plan.cells.len());
        return Err(BinlogError::Mismatch { table: plan.schema.name.clone(), difference }.into());
    }
    let held = match compressed {
        None => rows::Held::Event(event),
        Some(_) => {
            let behind_head = event.data().get(head.start..).unwrap_or_default();
            rows::Held::Inflated(mariadb_groups::inflated(
                behind_head,
                limit,
                Some(&plan.schema.name),
            )?)
        }
    };
    let rows = EventRows::new(held, head, Arc::clone(plan))?;
    Ok((!rows.is_empty()).then_some(rows))
}

#[cfg(test)]
mod tests;
