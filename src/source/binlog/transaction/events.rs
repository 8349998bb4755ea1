//! What each event is to a transaction.
//!
//! Nearly all events are taken at once. Those that may have to wait, for the source's word or for a file, take another
//! road, so that the state of waiting is not made for every event.

use super::{Assembler, BinlogError, Halt, Problem, mariadb_groups::inflated};
use crate::source::binlog::{
    event::{self, kind},
    mariadb,
    payload::Payload,
    raw::{Event, Header},
    rows,
    tables::{Describe, Route},
};

/// What became of an event.
enum Taken<'e> {
    Done,
    /// It may have to wait.
    Later(Event<'e>),
}

impl<D: Describe> Assembler<D> {
    /// Takes the next event.
    pub(in crate::source::binlog) async fn take(&mut self, event: Event<'_>) -> Result<(), Halt> {
        let header = event.header();
        if !event.checksum_fits() {
            return Err(BinlogError::Checksum(header.kind).into());
        }
        self.check_size(header, event.data())?;
        let start = self.place.pass(header);
        match header.kind {
            kind::TRANSACTION_PAYLOAD => Box::pin(self.inflate(&event)).await,
            _ => self.take_one(start, event).await,
        }
    }

    /// Takes the events of a compressed transaction.
    async fn inflate(&mut self, event: &Event<'_>) -> Result<(), Halt> {
        let kind = event.header().kind;
        let malformed = |malformed| BinlogError::Malformed { kind, malformed };
        let mut payload = Payload::open(event.data()).map_err(malformed)?;
        while let Some(inner) = payload.next(|header, first| self.check_size(header, first))? {
            self.payload = payload.unfinished();
            self.take_one(self.place.end, inner).await?;
            self.flush_if_full().await?;
        }
        self.payload = None;
        Ok(())
    }

    async fn take_one(&mut self, start: u64, event: Event<'_>) -> Result<(), Halt> {
        let header = event.header();
        let kind = header.kind;
        if !header.is_artificial() {
            self.clock_micros = u64::from(header.timestamp) * 1_000_000;
        }
        let taken = match self.at_once(kind, start, event) {
            Ok(Taken::Done) => return Ok(()),
            Ok(Taken::Later(event)) => Box::pin(self.patiently(kind, start, event)).await,
            Err(problem) => Err(problem),
        };
        taken.map_err(|problem| match problem {
            Problem::Malformed(malformed) => BinlogError::Malformed { kind, malformed }.into(),
            Problem::Halt(halt) => halt,
        })
    }

    /// Takes an event that waits for nothing.
    fn at_once<'e>(
        &mut self,
        kind: u8,
        start: u64,
        event: Event<'e>,
    ) -> Result<Taken<'e>, Problem> {
        let body = event.data();
        let is_held = self.open.as_ref().is_some_and(|open| open.held.is_some());
        match kind {
            kind::TABLE_MAP if self.passes_map(body) => {}
            kind if is_rows(kind) && !is_held => self.rows(event)?,
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED => {
                self.begin_with(event::gtid(kind, body)?, start)?;
            }
            kind::DOMAIN_GTID => {
                self.begin_in_domain(&mariadb::gtid(event.header().server_id, body)?, start)?;
            }
            kind::XID if !is_held => self.finish_at_once()?,
            kind::QUERY if self.is_described && event::query(body)?.text == b"BEGIN" => {
                self.opened(start).has_begun = true;
            }
            kind::ROTATE => self.rotate(&event)?,
            kind::HEARTBEAT => self.idle(&event),
            kind::FORMAT_DESCRIPTION => self.describe_format(&event)?,
            kind::TABLE_MAP
            | kind::XID
            | kind::QUERY
            | kind::EXECUTE_LOAD_QUERY
            | kind::QUERY_COMPRESSED
            | kind::XA_PREPARE => return Ok(Taken::Later(event)),
            kind if is_rows(kind) => return Ok(Taken::Later(event)),
            kind => refuse_unless_empty(kind, event.header().is_ignorable())?,
        }
        Ok(Taken::Done)
    }

    /// Takes an event that may have to wait.
    async fn patiently(&mut self, kind: u8, start: u64, event: Event<'_>) -> Result<(), Problem> {
        let body = event.data();
        match kind {
            kind::TABLE_MAP => self.table_map(body).await,
            kind::XID => self.finish().await,
            kind::QUERY => self.query(event::query(body)?, start).await,
            kind::EXECUTE_LOAD_QUERY => self.query(event::load_query(body)?, start).await,
            kind::QUERY_COMPRESSED => {
                let query = event::query(body)?;
                let text = inflated(query.text, self.event_limit, None)?;
                self.query(event::Query { text: &text, ..query }, start).await
            }
            kind::XA_PREPARE => self.xa_prepare(event::xa_prepare(body)?).await,
            _ => self.hold_rows(event).await,
        }
    }

    /// Whether a table map tells nothing new.
    fn passes_map(&self, body: &[u8]) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_skipped) || self.tables.has_mapped(body)
    }

    fn describe_format(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        if !event.tells_checksums() {
            return Err(BinlogError::Checksum(kind::FORMAT_DESCRIPTION).into());
        }
        self.tables.dialect = event::dialect(event.data())?;
        self.is_described = true;
        Ok(self.new_file()?)
    }

    /// Refuses an event over the limit; the beginning of its body names the table.
    fn check_size(&self, header: Header, body: &[u8]) -> Result<(), BinlogError> {
        let size = u64::from(header.size);
        if size <= self.event_limit {
            return Ok(());
        }
        let id = rows::table_id(body).ok().filter(|_| is_rows(header.kind));
        let table = match id.and_then(|id| self.tables.route(id)) {
            Some(Route::Ours(plan)) => Some(plan.schema.name.clone()),
            _ => None,
        };
        Err(BinlogError::TooLarge { table, size, limit: self.event_limit })
    }
}

const fn is_rows(kind: u8) -> bool {
    matches!(
        kind,
        kind::WRITE_ROWS
            | kind::UPDATE_ROWS
            | kind::DELETE_ROWS
            | kind::WRITE_ROWS_V1
            | kind::UPDATE_ROWS_V1
            | kind::DELETE_ROWS_V1
            | kind::PARTIAL_UPDATE_ROWS
            | kind::WRITE_ROWS_COMPRESSED_V1..=kind::DELETE_ROWS_COMPRESSED
    )
}

/// Refuses an event that changes something and is not followed, and one that is not known.
const fn refuse_unless_empty(kind: u8, is_ignorable: bool) -> Result<(), BinlogError> {
    match kind {
        kind::INCIDENT => Err(BinlogError::Incident),
        // A server that decrypts says so too, but in an event that may be skipped.
        kind::START_ENCRYPTION if !is_ignorable => Err(BinlogError::Encrypted),
        kind::PARTIAL_ROW_DATA => Err(BinlogError::FragmentedRows),
        kind::STOP
        | kind::INTVAR
        | kind::RAND
        | kind::USER_VAR
        | kind::ROWS_QUERY
        | kind::PREVIOUS_GTIDS
        | kind::HEARTBEAT_V2
        | kind::IGNORABLE
        | kind::TRANSACTION_CONTEXT
        | kind::VIEW_CHANGE
        | kind::APPEND_BLOCK
        | kind::DELETE_FILE
        | kind::BEGIN_LOAD_QUERY
        | kind::ANNOTATE_ROWS
        | kind::BINLOG_CHECKPOINT
        | kind::GTID_LIST => Ok(()),
        _ if is_ignorable => Ok(()),
        unknown => Err(BinlogError::UnknownEvent(unknown)),
    }
}
