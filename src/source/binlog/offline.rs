//! Recorded events through the stream's own guards and decoders, without a connection: for fuzzers, tests of damaged
//! bytes, and benches.

use std::{collections::HashMap, sync::Arc};

use futures_util::FutureExt;

use super::{
    error::BinlogError,
    raw::{EventReader, Header},
    statement,
    tables::{Describe, Tables},
    transaction::{Assembler, Halt, Parts},
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
    reader: EventReader,
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
        Ok(Self { assembler, receiver, reader: EventReader::default(), runtime })
    }

    /// Takes one event as a file holds it: header, body, checksum. What comes of it is told in order, also when an error
    /// follows.
    ///
    /// # Errors
    /// What would end the stream.
    pub fn feed(&mut self, raw: &[u8], tell: &mut dyn FnMut(Message)) -> Result<(), BinlogError> {
        self.feed_all([raw], tell)
    }

    /// Takes events that are at hand together.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn feed_all<'r>(
        &mut self,
        events: impl IntoIterator<Item = &'r [u8]>,
        tell: &mut dyn FnMut(Message),
    ) -> Result<(), BinlogError> {
        let Self { assembler, reader, runtime, receiver } = self;
        let taken = runtime.block_on(async {
            let taken = take_all(assembler, reader, events).await;
            assembler.flush().await.and(taken)
        });
        while let Some(envelope) = receiver.recv().now_or_never().flatten() {
            tell(envelope.open().0);
        }
        match taken {
            Err(Halt::Failed(error)) => Err(error),
            Ok(()) | Err(Halt::Closed) => Ok(()),
        }
    }
}

async fn take_all<'r>(
    assembler: &mut Assembler<Known>,
    reader: &mut EventReader,
    events: impl IntoIterator<Item = &'r [u8]>,
) -> Result<(), Halt> {
    for raw in events {
        assembler.take(reader.read(raw.into(), 0)?).await?;
    }
    Ok(())
}

/// Cuts the events of a file, behind its magic number, or of a payload apart. The last may have been cut off.
pub fn cut(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = declared_size(rest)
            .unwrap_or(rest.len())
            .clamp(Header::LEN, rest.len().max(Header::LEN));
        let (event, behind) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        rest = behind;
        Some(event)
    })
}

fn declared_size(raw: &[u8]) -> Option<usize> {
    let size = raw.get(Header::SIZE)?.first_chunk().copied()?;
    usize::try_from(u32::from_le_bytes(size)).ok()
}

/// Gives an event the size that it has.
#[must_use]
pub fn resized(raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    let size = u32::try_from(raw.len()).unwrap_or(u32::MAX);
    if let Some(slot) = raw.get_mut(Header::SIZE) {
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
