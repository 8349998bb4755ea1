//! Recorded binlog files for the tests (see `testdata/record.sh`), played as a connection would.

use std::{collections::HashMap, sync::Arc};

use super::{
    event::kind,
    payload::Payload,
    raw::{Event, EventReader},
    tables::{Describe, Tables},
    transaction::{Assembler, Halt, Parts},
};
use crate::{
    config::SourceConfig,
    model::{
        change::{Absence, Image, Mark, Message, RowVisitor},
        position::{Position, Transaction},
        table::{TableName, TableSchema},
        value::Value,
    },
    runtime::channel::{self, QueueGauge, Receiver},
    source::{error::SourceError, schema::TableFilter},
};
use futures_util::FutureExt;

pub(super) const TYPES_FULL: &[u8] = include_bytes!("testdata/types-full.bin");
pub(super) const TYPES_MINIMAL: &[u8] = include_bytes!("testdata/types-minimal.bin");
pub(super) const SHAPES: &[u8] = include_bytes!("testdata/shapes.bin");
pub(super) const MARIADB: &[u8] = include_bytes!("testdata/mariadb.bin");
pub(super) const XA: &[u8] = include_bytes!("testdata/xa.bin");
pub(super) const IMAGES: &[u8] = include_bytes!("testdata/images.bin");

/// The size of a common header.
const HEADER: usize = 19;

/// Cuts a recorded file into events.
pub(super) fn raw_events(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = &file[4..];
    let mut events = Vec::new();
    while rest.len() >= HEADER {
        let size = u32::from_le_bytes(rest[9..13].try_into().unwrap()) as usize;
        events.push(&rest[..size]);
        rest = &rest[size..];
    }
    events
}

/// Reads events as they come over a connection.
pub(super) fn events(file: &[u8]) -> Vec<Event<'static>> {
    let mut reader = EventReader::default();
    let read = |raw: &[u8]| reader.read(raw.to_vec().into(), 0).unwrap();
    raw_events(file).into_iter().map(read).collect()
}

/// The same with the events of compressed transactions in their place.
pub(super) fn events_and_inner(file: &[u8]) -> Vec<Event<'static>> {
    let mut all = Vec::new();
    for event in events(file) {
        match event.header().kind {
            kind::TRANSACTION_PAYLOAD => all.extend(inner(&event)),
            _ => all.push(event),
        }
    }
    all
}

/// What is in a compressed transaction.
pub(super) fn inner(event: &Event<'_>) -> Vec<Event<'static>> {
    let mut payload = Payload::open(event.data()).unwrap();
    std::iter::from_fn(|| payload.next(|_, _| Ok(())).unwrap()).collect()
}

/// An event of these bytes without a checksum.
pub(super) fn event_of(kind: u8, log_pos: u32, body: &[u8]) -> Event<'static> {
    let size = u32::try_from(HEADER + body.len()).unwrap();
    let mut bytes = 1_u32.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(log_pos.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(body);
    EventReader::read_plain(bytes).unwrap()
}

/// Knows some tables.
#[derive(Debug, Default)]
pub(super) struct Described(pub(super) HashMap<TableName, TableSchema>);

impl Describe for Described {
    async fn describe(&mut self, table: &TableName) -> Result<Option<TableSchema>, SourceError> {
        Ok(self.0.get(table).cloned())
    }

    async fn is_other_kind(&mut self, table: &TableName) -> Result<bool, SourceError> {
        Ok(table.table == "a_sequence")
    }
}

/// An assembler with the other end of its channel.
pub(super) struct Player {
    pub(super) assembler: Assembler<Described>,
    receiver: Receiver,
    pub(super) told: Vec<String>,
    pub(super) schemas: Vec<Arc<TableSchema>>,
}

impl Player {
    /// Copies everything of the database `fixture`, from the beginning.
    pub(super) fn new(schemas: Vec<Arc<TableSchema>>, described: Vec<TableSchema>) -> Self {
        let start = Position { gtid_set: Some("".parse().unwrap()), ..Position::default() };
        Self::at(start, schemas, described)
    }

    pub(super) fn at(
        start: Position,
        schemas: Vec<Arc<TableSchema>>,
        described: Vec<TableSchema>,
    ) -> Self {
        let config =
            SourceConfig { databases: vec!["fixture".to_owned()], ..SourceConfig::default() };
        let filter = TableFilter::new(&config).unwrap();
        let (sender, receiver) = channel::bounded(1 << 30, &QueueGauge::default());
        let described = described.into_iter().map(|table| (table.name.clone(), table)).collect();
        let mut assembler = Assembler::new(Parts {
            tables: Tables::new(filter, schemas),
            describe: Described(described),
            sender,
            event_limit: 1 << 20,
            start,
            copied_to: None,
        });
        // Tests may begin in the middle.
        assembler.is_described = true;
        Self { assembler, receiver, told: Vec::new(), schemas: Vec::new() }
    }

    /// Plays events to the first error.
    pub(super) async fn play(&mut self, events: Vec<Event<'static>>) -> Result<(), Halt> {
        for event in events {
            let taken = self.assembler.take(event).await;
            self.assembler.flush().await?;
            while let Some(envelope) = self.receiver.recv().now_or_never().flatten() {
                self.tell(envelope.open().0);
            }
            taken?;
        }
        Ok(())
    }

    fn tell(&mut self, message: Message) {
        match message {
            Message::Rows(mut rows) => {
                let mut seen = Seen::default();
                loop {
                    let change = match rows.block.next_change(&mut seen) {
                        Ok(None) => break,
                        Ok(Some(change)) => change.label(),
                        Err(_) => return self.told.push("broken rows".to_owned()),
                    };
                    let images = seen.take();
                    self.told.push(format!("{change} {}{images}", rows.table.name.table));
                }
            }
            Message::SchemaChanged(changed) => {
                self.told.push(changed.statement);
                self.schemas.push(changed.table);
            }
            Message::Mark(mark) => self.told.push(tell_mark(&mark)),
        }
    }
}

fn tell_mark(mark: &Mark) -> String {
    match mark {
        Mark::Transaction { transaction, end_offset } => {
            assert!(*end_offset >= transaction.offset);
            format!("mark {}", name_of(transaction))
        }
        Mark::Prepared { transaction, .. } => format!("prepared {}", name_of(transaction)),
        Mark::Settled { prepared, transaction, .. } => {
            format!("mark {} settles {}", name_of(transaction), name_of(prepared))
        }
        other => format!("{other:?}"),
    }
}

/// The GTID without its server, or the offset.
fn name_of(transaction: &Transaction) -> String {
    transaction.gtid.as_ref().map_or_else(
        || transaction.offset.to_string(),
        |gtid| {
            let text = gtid.to_string();
            // Of MySQL's without its UUID.
            text.split_once(':').map_or_else(|| text.clone(), |(_, rest)| rest.to_owned())
        },
    )
}

/// Writes down what it is shown.
#[derive(Debug, Default)]
pub(super) struct Seen {
    images: String,
}

impl Seen {
    /// What was written down since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.images)
    }
}

impl RowVisitor for Seen {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        self.images.push_str(match (image, column) {
            (Image::Before, 0) => " - ",
            (Image::After, 0) => " + ",
            _ => "|",
        });
        self.images.push_str(&tell_value(value));
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        self.images.push_str(match (image, column) {
            (Image::Before, 0) => " - ",
            (Image::After, 0) => " + ",
            _ => "|",
        });
        self.images.push_str(match absence {
            Absence::Unchanged => "=",
            Absence::Untold => "?",
        });
    }
}

fn tell_value(value: Value<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => format!("{number}u"),
        Value::Text(text) => {
            let letters = std::str::from_utf8(text.bytes);
            letters.map_or_else(|_| hex(text.bytes), |letters| format!("'{letters}'"))
        }
        Value::Bytes(bytes) => format!("x{}", hex(bytes)),
        Value::JsonBinary(bytes) => format!("json {}", hex(bytes)),
        Value::JsonText(bytes) => format!("json '{}'", String::from_utf8_lossy(bytes)),
        Value::Geometry(bytes) => format!("geometry {}", hex(bytes)),
        Value::Decimal(decimal) => decimal.to_string(),
        Value::Date(date) => date.to_string(),
        Value::DateTime(moment) => moment.to_string(),
        Value::Timestamp(instant) => format!("{}.{:06}", instant.seconds, instant.micros),
        Value::Time(time) => {
            let sign = if time.negative { "-" } else { "" };
            let (hours, minutes, seconds) = (time.hours, time.minutes, time.seconds);
            format!("{sign}{hours}:{minutes:02}:{seconds:02}.{:06}", time.micros)
        }
        other => format!("{other:?}"),
    }
}

/// Counts what it is shown, for bytes that mean nothing.
#[derive(Debug, Default)]
pub(super) struct Count(pub(super) usize);

impl RowVisitor for Count {
    fn cell(&mut self, _image: Image, _column: usize, _value: Value<'_>) {
        self.0 += 1;
    }

    fn absent(&mut self, _image: Image, _column: usize, _absence: Absence) {
        self.0 += 1;
    }
}
