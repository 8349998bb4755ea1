//! From events to messages: rows as they come, and a mark at the end of every transaction.
//!
//! A transaction is never gathered, so its rows may be sent twice when the connection breaks inside of it; its mark is
//! sent once, behind all of them, and only when it is whole. What is not understood stops the stream before that mark.

mod statements;

use std::{borrow::Cow, sync::Arc};

use mysql_common::binlog::events::Event;

use super::{
    error::BinlogError,
    event::{self, GtidEvent, kind},
    payload::Payload,
    place::Place,
    rows::{self, EventRows, NO_TABLE, Plan},
    statement::{self, Statement},
    tables::{Describe, MapError, Route, Tables},
    wire::Malformed,
};
use crate::{
    codec::charset::{self, Encoding, encoding},
    model::{
        change::{Mark, Message, Origin, Rows, SchemaChanged},
        position::{Position, Transaction},
        value::Text,
    },
    runtime::channel::Sender,
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
    sender: Sender,
    event_limit: u64,
    /// Behind the last transaction whose mark was sent, but for its anchor.
    position: Position,
    /// The last transaction whose mark was sent, and the offset behind it.
    last: Option<(Arc<Transaction>, u64)>,
    open: Option<Open>,
    payload: Option<Payload>,
    /// Transactions of the first file that begin before this offset are known already.
    skip_to: u64,
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
    /// Rows of ours were sent that a ROLLBACK would undo.
    is_undoable: bool,
}

/// The parts that an assembler is made of.
pub(super) struct Parts<D> {
    pub(super) tables: Tables,
    pub(super) describe: D,
    pub(super) sender: Sender,
    pub(super) event_limit: u64,
    pub(super) start: Position,
}

impl<D: Describe> Assembler<D> {
    pub(super) fn new(parts: Parts<D>) -> Self {
        let start = parts.start;
        Self {
            tables: parts.tables,
            place: Place { file: start.file.as_str().into(), end: start.offset },
            describe: parts.describe,
            sender: parts.sender,
            event_limit: parts.event_limit,
            position: start,
            last: None,
            open: None,
            payload: None,
            skip_to: 0,
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
    /// skips what it knows.
    pub(super) fn restart(&mut self, first_offset: u64) {
        self.open = None;
        self.payload = None;
        self.tables.forget_ids();
        let (file, offset) = (self.position().file.clone(), self.position().offset);
        self.place.go_to(&file, first_offset);
        self.skip_to = if self.position.gtid_set.is_some() { 0 } else { offset };
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

    /// Takes the next event.
    pub(super) async fn take(&mut self, event: Event) -> Result<(), Halt> {
        let header = event.header();
        let (kind, size) = (header.event_type_raw(), u64::from(header.event_size()));
        let is_inner = match &mut self.payload {
            Some(payload) => payload.count(kind, size)?,
            None => false,
        };
        if !is_inner && !event::checksum_fits(&event) {
            return Err(BinlogError::Checksum(kind).into());
        }
        self.check_size(kind, size, &event)?;
        let start = if is_inner { self.place.end } else { self.place.pass(header) };
        if !event::is_artificial(header) {
            self.clock_micros = u64::from(header.timestamp()) * 1_000_000;
        }
        match self.dispatch(kind, start, event).await {
            Err(Problem::Malformed(malformed)) => {
                Err(BinlogError::Malformed { kind, malformed }.into())
            }
            Err(Problem::Halt(halt)) => Err(halt),
            Ok(()) => Ok(()),
        }
    }

    async fn dispatch(&mut self, kind: u8, start: u64, event: Event) -> Result<(), Problem> {
        let body = event.data();
        match kind {
            kind::TABLE_MAP => return self.table_map(body).await,
            kind::WRITE_ROWS
            | kind::UPDATE_ROWS
            | kind::DELETE_ROWS
            | kind::WRITE_ROWS_V1
            | kind::UPDATE_ROWS_V1
            | kind::DELETE_ROWS_V1
            | kind::PARTIAL_UPDATE_ROWS => {
                return self.rows(kind, event).await;
            }
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED => {
                self.begin_with(event::gtid(kind, body)?, start)?;
            }
            kind::XID => return self.finish().await,
            kind::QUERY => return self.query(event::query(body)?, start).await,
            kind::EXECUTE_LOAD_QUERY => return self.query(event::load_query(body)?, start).await,
            kind::TRANSACTION_PAYLOAD => self.open_payload(event::payload_size(body)?)?,
            kind::ROTATE => return self.rotate(body).await,
            kind::FORMAT_DESCRIPTION => {
                self.tables.dialect = event::dialect(body)?;
                self.new_file()?;
            }
            kind::XA_PREPARE if event::is_one_phase(body)? => return self.finish().await,
            kind::XA_PREPARE => return Err(BinlogError::Xa.into()),
            kind::INCIDENT => return Err(BinlogError::Incident.into()),
            kind::STOP
            | kind::INTVAR
            | kind::RAND
            | kind::USER_VAR
            | kind::ROWS_QUERY
            | kind::PREVIOUS_GTIDS
            | kind::HEARTBEAT
            | kind::HEARTBEAT_V2
            | kind::IGNORABLE
            | kind::TRANSACTION_CONTEXT
            | kind::VIEW_CHANGE
            | kind::APPEND_BLOCK
            | kind::DELETE_FILE
            | kind::BEGIN_LOAD_QUERY => {}
            _ if event::is_ignorable(event.header()) => {}
            unknown => return Err(BinlogError::UnknownEvent(unknown).into()),
        }
        Ok(())
    }

    fn open_payload(&mut self, declared: u64) -> Result<(), BinlogError> {
        if declared > self.event_limit {
            let limit = self.event_limit;
            return Err(BinlogError::TooLarge { table: None, size: declared, limit });
        }
        self.payload = Some(Payload::new(declared));
        Ok(())
    }

    fn check_size(&self, kind: u8, size: u64, event: &Event) -> Result<(), BinlogError> {
        if size <= self.event_limit {
            return Ok(());
        }
        let is_rows = matches!(kind, kind::WRITE_ROWS_V1..=kind::DELETE_ROWS_V1)
            || matches!(kind, kind::WRITE_ROWS..=kind::DELETE_ROWS)
            || kind == kind::PARTIAL_UPDATE_ROWS;
        let route = rows::table_id(event.data()).ok().filter(|_| is_rows);
        let table = match route.and_then(|id| self.tables.route(id)) {
            Some(Route::Ours(plan)) => Some(plan.schema.name.clone()),
            _ => None,
        };
        Err(BinlogError::TooLarge { table, size, limit: self.event_limit })
    }

    fn begin_with(&mut self, event: GtidEvent, start: u64) -> Result<(), BinlogError> {
        if self.open.is_some() {
            return Err(BinlogError::Unfinished);
        }
        if event.gtid.is_none() && self.position.gtid_set.is_some() {
            return Err(BinlogError::Anonymous);
        }
        self.open_at(event, start);
        Ok(())
    }

    fn open_at(&mut self, event: GtidEvent, start: u64) -> &mut Open {
        let transaction = Arc::new(Transaction {
            gtid: event.gtid,
            file: Arc::clone(&self.place.file),
            offset: start,
            committed_micros: event.committed_micros.unwrap_or(self.clock_micros),
        });
        let is_skipped = start < self.skip_to;
        self.open.insert(Open { transaction, has_begun: false, is_skipped, is_undoable: false })
    }

    /// The open transaction; servers older than GTIDs begin one with its first statement.
    fn opened(&mut self, start: u64) -> &mut Open {
        match self.open.take() {
            Some(open) => self.open.insert(open),
            None => self.open_at(GtidEvent { gtid: None, committed_micros: None }, start),
        }
    }

    async fn query(&mut self, query: event::Query<'_>, start: u64) -> Result<(), Problem> {
        if query.text == b"BEGIN" {
            self.opened(start).has_begun = true;
            return Ok(());
        }
        let database = text(query.database, None);
        let statement = text(query.text, query.collation);
        let statement = statement::read(&statement, &database, self.tables.folds_case);
        let open = self.opened(start);
        let (is_skipped, is_undoable) = (open.is_skipped, open.is_undoable);
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
            Statement::XaCommit => return Err(BinlogError::Xa.into()),
            Statement::RollbackTo | Statement::Inside | Statement::Other => {}
            other if !is_skipped => self.change(other).await?,
            _ => {}
        }
        match self.open.as_ref().is_some_and(|open| open.has_begun) {
            true => Ok(()),
            false => self.finish().await,
        }
    }

    async fn announce(&self, changed: Option<SchemaChanged>) -> Result<(), Problem> {
        match changed {
            None => Ok(()),
            Some(changed) => self.send(Message::SchemaChanged(changed)).await,
        }
    }

    async fn table_map(&mut self, body: &[u8]) -> Result<(), Problem> {
        let open = self.open.as_ref();
        if open.is_some_and(|open| open.is_skipped) {
            return Ok(());
        }
        let transaction = open.map(|open| &*open.transaction);
        let changed = self.tables.map(body, transaction, &mut self.describe).await?;
        self.announce(changed).await
    }

    async fn rows(&mut self, kind: u8, event: Event) -> Result<(), Problem> {
        let table_id = rows::table_id(event.data())?;
        let Some(open) = &mut self.open else {
            return Err(Malformed("rows outside of a transaction").into());
        };
        if open.is_skipped || table_id == NO_TABLE {
            return Ok(());
        }
        let plan = match self.tables.route(table_id) {
            None => return Err(Malformed("rows without a table map").into()),
            Some(Route::Foreign) => return Ok(()),
            Some(Route::Ours(plan)) => Arc::clone(plan),
        };
        if self.tables.fresh.holds(&plan.schema.name, &open.transaction) {
            return Ok(());
        }
        let Some(block) = block(kind, event, &plan)? else { return Ok(()) };
        open.is_undoable |= is_transactional(&plan.schema.engine);
        let message = Message::Rows(Rows {
            table: Arc::clone(&plan.schema),
            origin: Origin::Stream(Arc::clone(&open.transaction)),
            bytes: block.bytes(),
            block: Box::new(block),
        });
        self.send(message).await
    }

    /// Ends the transaction: all of it was sent, so its mark may follow.
    async fn finish(&mut self) -> Result<(), Problem> {
        if let Some(payload) = self.payload.take() {
            payload.check_whole()?;
        }
        let Some(open) = self.open.take() else {
            return Err(Malformed("the end of a transaction that did not begin").into());
        };
        if open.is_skipped {
            return Ok(());
        }
        self.mark(open.transaction).await
    }

    async fn mark(&mut self, transaction: Arc<Transaction>) -> Result<(), Problem> {
        let end_offset = self.place.end;
        let mark = Mark::Transaction { transaction: Arc::clone(&transaction), end_offset };
        self.send(Message::Mark(mark)).await?;
        if let (Some(set), Some(gtid)) = (&mut self.position.gtid_set, &transaction.gtid) {
            set.insert(gtid);
        }
        self.last = Some((transaction, end_offset));
        if !self.tables.fresh.is_empty() {
            self.position();
            self.tables.fresh.pass(&self.position);
        }
        Ok(())
    }

    /// Another file goes on. Without GTIDs the position follows, so that an idle copy does not hold on to old files.
    async fn rotate(&mut self, body: &[u8]) -> Result<(), Problem> {
        let (file, offset) = event::rotate(body)?;
        if self.open.is_some() {
            return Err(BinlogError::Unfinished.into());
        }
        let was_in_another = !self.place.file.is_empty() && *self.place.file != *file;
        self.place.go_to(file, offset);
        if was_in_another {
            self.skip_to = 0;
        }
        if self.position.gtid_set.is_some() || !was_in_another {
            return Ok(());
        }
        self.mark(Arc::new(Transaction {
            gtid: None,
            file: Arc::clone(&self.place.file),
            offset,
            committed_micros: self.clock_micros,
        }))
        .await
    }

    fn new_file(&mut self) -> Result<(), BinlogError> {
        if self.open.is_some() {
            return Err(BinlogError::Unfinished);
        }
        self.tables.forget_ids();
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<(), Problem> {
        self.sender.send(message).await.map_err(|_| Problem::Halt(Halt::Closed))
    }
}

/// The rows of an event for a table of ours; `None` where it has none.
fn block(kind: u8, event: Event, plan: &Arc<Plan>) -> Result<Option<EventRows>, Problem> {
    let head = rows::head(kind, event.data())?;
    if head.columns != plan.cells.len() {
        let difference =
            format!("{} columns in a row, {} in its table map", head.columns, plan.cells.len());
        return Err(BinlogError::Mismatch { table: plan.schema.name.clone(), difference }.into());
    }
    let is_empty = head.start == event.data().len();
    Ok((!is_empty).then(|| EventRows::new(event, head, Arc::clone(plan))))
}

/// Engines whose changes a ROLLBACK does not undo.
fn is_transactional(engine: &str) -> bool {
    !["MyISAM", "MEMORY", "ARCHIVE", "CSV", "Aria"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(engine))
}

/// A statement's text. It is in the session's charset; where the server wrote it anew (CREATE TABLE ... SELECT) in UTF-8,
/// whatever the session had. Of bytes that are neither, verbs and plain names survive.
fn text(bytes: &[u8], collation: Option<u16>) -> Cow<'_, str> {
    if let Some(Encoding::Text(charset)) = collation.map(|number| encoding(number.into()))
        && !bytes.is_ascii()
        && let Ok(text) = charset::to_utf8(Text { bytes, charset })
    {
        return Cow::Owned(text);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Why an event was not taken; the event's type is added on the way out.
#[derive(Debug)]
enum Problem {
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

#[cfg(test)]
mod tests;
