//! Recorded events through the stream's own guards and decoders, without a connection: for fuzzers, tests of damaged
//! bytes, and benches.
//!
//! It stands where the transport stands, with one difference: the transport panics on bytes that contradict themselves,
//! which the stream takes for damage; here they are told as damage before the transport's reader sees them, because a
//! fuzzer ends at any panic.

use std::{collections::HashMap, io::Read, sync::Arc};

use futures_util::FutureExt;
use mysql_common::binlog::{
    consts::BinlogVersion,
    events::{Event, FormatDescriptionEvent, TransactionPayloadReader},
};

use super::{
    error::BinlogError,
    event::{self, kind},
    statement,
    tables::{Describe, Tables},
    transaction::{Assembler, Halt, Parts},
    wire::{Malformed, Wire},
};
use crate::{
    model::{
        change::Message,
        gtid::GtidPosition,
        position::Position,
        table::{TableName, TableSchema},
    },
    runtime::channel::{self, QueueGauge, Receiver},
    source::{error::SourceError, schema::TableFilter},
};

/// The bytes of a common header.
const HEADER: usize = 19;
/// Where in it the event's size stands.
const SIZE: std::ops::Range<usize> = 9..13;
/// The bytes of a checksum.
const CHECKSUM: usize = 4;
/// What the channel holds, in bytes: whatever one event makes.
const CHANNEL: usize = 1 << 30;

/// What the source would tell of its tables when it is asked.
pub type Known = Arc<HashMap<TableName, TableSchema>>;

impl Describe for Known {
    async fn describe(&mut self, table: &TableName) -> Result<Option<TableSchema>, SourceError> {
        Ok(self.get(table).cloned())
    }

    /// The recorded files have one sequence.
    async fn is_other_kind(&mut self, table: &TableName) -> Result<bool, SourceError> {
        Ok(table.table == "a_sequence")
    }
}

/// The stream behind its transport.
#[derive(Debug)]
pub struct Offline {
    assembler: Assembler<Known>,
    receiver: Receiver,
    /// Says whether the file's events end in a checksum.
    description: FormatDescriptionEvent<'static>,
    event_limit: u64,
    /// Rows of XA transactions may go to a file.
    runtime: tokio::runtime::Runtime,
}

impl Offline {
    /// A stream of the tables that a filter chooses, from a place in the source's GTIDs.
    ///
    /// # Errors
    /// When the runtime cannot be built.
    pub fn new(
        filter: TableFilter,
        start: GtidPosition,
        known: Known,
        event_limit: u64,
    ) -> std::io::Result<Self> {
        let start = Position { gtid_set: Some(start), ..Position::default() };
        let (sender, receiver) = channel::bounded(CHANNEL, &QueueGauge::default());
        let assembler = Assembler::new(Parts {
            tables: Tables::new(filter, Vec::new()),
            describe: known,
            sender,
            event_limit,
            start,
            copied_to: None,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let description = FormatDescriptionEvent::new(BinlogVersion::Version4);
        Ok(Self { assembler, receiver, description, event_limit, runtime })
    }

    /// Takes one event as a file holds it: header, body, checksum. What comes of it is told in order, also when an error
    /// follows.
    ///
    /// # Errors
    /// What would end the stream.
    pub fn feed(&mut self, raw: &[u8], tell: &mut dyn FnMut(Message)) -> Result<(), BinlogError> {
        let event = read(&self.description, raw)?;
        match event.header().event_type_raw() {
            kind::FORMAT_DESCRIPTION => {
                let description = FormatDescriptionEvent::new(BinlogVersion::Version4);
                let description = description.with_footer(event.footer());
                self.take(event, tell)?;
                self.description = description;
                Ok(())
            }
            kind::TRANSACTION_PAYLOAD => {
                self.take(event.clone(), tell)?;
                let inflated = self.inflate(&event);
                // Events inside have no checksum.
                let plain = FormatDescriptionEvent::new(BinlogVersion::Version4);
                for inner in cut(&inflated) {
                    self.take(read(&plain, inner)?, tell)?;
                }
                Ok(())
            }
            _ => self.take(event, tell),
        }
    }

    fn take(&mut self, event: Event, tell: &mut dyn FnMut(Message)) -> Result<(), BinlogError> {
        let taken = self.runtime.block_on(self.assembler.take(event));
        while let Some(envelope) = self.receiver.recv().now_or_never().flatten() {
            tell(envelope.open().0);
        }
        match taken {
            Err(Halt::Failed(error)) => Err(error),
            Ok(()) | Err(Halt::Closed) => Ok(()),
        }
    }

    /// What is in a compressed transaction; nothing where it is damaged, as the transport tells it.
    fn inflate(&self, event: &Event) -> Vec<u8> {
        let declared = event::payload_size(event.data()).unwrap_or(0).min(self.event_limit);
        let mut inflated = Vec::new();
        // The transport's own parser of the head panics on damage.
        let Ok((is_compressed, payload)) = compressed(Wire(event.data())) else { return inflated };
        let reader = match is_compressed {
            true => TransactionPayloadReader::new_zstd(payload),
            false => Ok(TransactionPayloadReader::new_uncompressed(payload)),
        };
        let read = reader.and_then(|reader| reader.take(declared).read_to_end(&mut inflated));
        if read.is_err() {
            inflated.clear();
        }
        inflated
    }
}

/// What a TRANSACTION_PAYLOAD carries, and whether that is compressed: zstd, or as it is (MySQL source,
/// `libs/mysql/binlog/event/codecs/binary.cpp`).
fn compressed(mut wire: Wire<'_>) -> Result<(bool, &[u8]), Malformed> {
    const END: u64 = 0;
    const COMPRESSION: u64 = 2;
    const ZSTD: u64 = 0;
    const NONE: u64 = 255;
    let mut is_compressed = false;
    loop {
        let field = wire.lenenc()?;
        if field == END {
            return Ok((is_compressed, wire.0));
        }
        let mut value = Wire(wire.lenenc_bytes()?);
        if field == COMPRESSION {
            is_compressed = match value.lenenc()? {
                ZSTD => true,
                NONE => false,
                _ => return Err(Malformed("an unknown compression")),
            };
        }
    }
}

/// Cuts the events of a file, behind its magic number, or of a payload apart. The last may have been cut off.
pub fn cut(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = declared_size(rest).unwrap_or(rest.len()).clamp(HEADER, rest.len().max(HEADER));
        let (event, behind) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        rest = behind;
        Some(event)
    })
}

fn declared_size(raw: &[u8]) -> Option<usize> {
    let size = raw.get(SIZE)?.first_chunk().copied()?;
    usize::try_from(u32::from_le_bytes(size)).ok()
}

/// Gives an event the size that it has.
#[must_use]
pub fn resized(raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    let size = u32::try_from(raw.len()).unwrap_or(u32::MAX);
    if let Some(slot) = raw.get_mut(SIZE) {
        slot.copy_from_slice(&size.to_le_bytes());
    }
    raw
}

/// Gives an event the size that it has and the checksum of its bytes, so that the decoders behind the guard are reached.
#[must_use]
pub fn sealed(raw: &[u8]) -> Vec<u8> {
    let mut raw = resized(raw);
    let Some((body, checksum)) = raw.split_last_chunk_mut::<CHECKSUM>() else { return raw };
    // The flag of a file in use is left out.
    if let Some(flags) = body.get_mut(17) {
        *flags &= !1;
    }
    *checksum = crc32fast::hash(body).to_le_bytes();
    raw
}

/// Reads an event whose size is that of its bytes.
fn read(description: &FormatDescriptionEvent<'_>, raw: &[u8]) -> Result<Event, BinlogError> {
    const TYPE: usize = 4;
    const SMALLEST_DESCRIPTION: usize = HEADER + 57 + 1 + CHECKSUM;
    let least = match raw.get(TYPE) {
        Some(&kind::FORMAT_DESCRIPTION) => SMALLEST_DESCRIPTION,
        _ if description.footer().get_checksum_alg().is_ok_and(|known| known.is_none()) => HEADER,
        _ => HEADER + CHECKSUM,
    };
    if raw.len() < least || declared_size(raw) != Some(raw.len()) {
        return Err(BinlogError::Transport);
    }
    Event::read(description, raw).map_err(|_| BinlogError::Transport)
}

/// Tells what a statement does, by its verb and tables.
#[must_use]
pub fn statement(text: &str, database: &str, folds_case: bool) -> String {
    format!("{:?}", statement::read(text, database, folds_case))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{fixture::TYPES_FULL, types_of_mariadb},
        *,
    };
    use crate::{config::SourceConfig, model::gtid::GtidSet};

    /// The files beside the recorded ones are what the source would tell of their tables.
    #[test]
    fn the_known_tables_are_those_of_the_recorded_files() {
        let config = SourceConfig { databases: vec!["fixture".to_owned()], ..Default::default() };
        let filter = TableFilter::new(&config).unwrap();
        let start = GtidPosition::Mysql(GtidSet::default());
        let mut stream = Offline::new(filter, start, Known::default(), 1 << 20).unwrap();
        let mut tables = Vec::new();
        for raw in cut(&TYPES_FULL[4..]) {
            let tell = &mut |message| match message {
                Message::SchemaChanged(changed) => tables.push((*changed.table).clone()),
                Message::Rows(_) | Message::Mark(_) => {}
            };
            stream.feed(raw, tell).unwrap();
        }
        let mariadb = [types_of_mariadb::schema()];
        for (tables, known) in [
            (tables.as_slice(), include_str!("testdata/types.json")),
            (&mariadb, include_str!("testdata/mariadb-types.json")),
        ] {
            let told = serde_json::to_string(tables).unwrap();
            let known: Vec<TableSchema> = serde_json::from_str(known).unwrap_or_default();
            assert!(known == tables, "the file should hold\n{told}");
        }
    }
}
