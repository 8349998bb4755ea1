//! A large rows event made of recorded rows, and what is done with it: by binleaf as its apply loop does it, and by
//! mysql_common.

use std::{hint::black_box, sync::Arc};

use binleaf::{
    config::Config,
    mapping::{Mapped, Plan, RowMapper, RuleBook},
    model::{
        change::{ChangeKind, Origin, RowBlock},
        write::{OperationKind, WriteBatch},
    },
    pipeline::batch::{BatchBuilder, Write},
    source::binlog::recorded::RecordedTable,
};
use mysql_common::binlog::{
    EventStreamReader,
    consts::{BinlogVersion, EventType},
    events::{Event, FormatDescriptionEvent, TableMapEvent, WriteRowsEvent},
};

/// What columns rows have: twelve, in a binlog file of one table map and one WRITE_ROWS (see `record.sh`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) named: &'static str,
    pub(crate) file: &'static [u8],
}

/// Numbers, texts, dates.
pub(crate) const PLAIN: Columns =
    Columns { named: "plain columns", file: include_bytes!("plain.bin") };
/// Among them JSON of two levels, an ENUM, a SET and a BLOB.
pub(crate) const RICH: Columns =
    Columns { named: "rich columns", file: include_bytes!("rich.bin") };

/// The rows in a file; the first column of each is its number from 1, eight bytes.
const RECORDED: usize = 24;
/// What stands before the number: a bit for each of twelve columns that is NULL.
const BITMAP: usize = 2;
/// The bytes of a common header.
pub(crate) const HEADER: usize = 19;
/// The bytes of a rows event before its rows: table id, flags, own data, number of columns, columns present.
pub(crate) const ROWS_HEAD: usize = 6 + 2 + 2 + 1 + 2;
/// Writes in a batch: as the settings have it.
const BATCH: usize = 1000;

/// A table map and a rows event of it.
pub(crate) struct Recorded {
    table_map: Event,
    rows: Event,
    /// Bytes of the rows.
    pub(crate) bytes: usize,
}

impl Recorded {
    /// So many rows: the recorded ones again and again, each with a number of its own.
    pub(crate) fn rows(columns: Columns, count: usize) -> Self {
        let events = events(columns.file);
        let of = |kind| {
            let is_it = |event: &&Event| event.header().event_type() == Ok(kind);
            events.iter().find(is_it).expect("a recorded event").clone()
        };
        let (table_map, recorded) =
            (of(EventType::TABLE_MAP_EVENT), of(EventType::WRITE_ROWS_EVENT));
        let (head, rows) = recorded.data().split_at(ROWS_HEAD);
        let mut body = head.to_vec();
        let recorded = cut(rows);
        for (number, row) in (1_i64..).zip(recorded.iter().cycle().take(count)) {
            let (bitmap, rest) = row.split_at(BITMAP);
            body.extend_from_slice(bitmap);
            body.extend_from_slice(&number.to_le_bytes());
            body.extend_from_slice(&rest[size_of::<i64>()..]);
        }
        let bytes = body.len() - ROWS_HEAD;
        Self { table_map, rows: write_rows(&body), bytes }
    }
}

/// The events of a file, behind its magic number.
fn events(file: &[u8]) -> Vec<Event> {
    let mut reader = EventStreamReader::new(BinlogVersion::Version4);
    let mut rest = &file[4..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[9..13].try_into().expect("four bytes")) as usize;
        events.push(reader.read(&rest[..size]).expect("an event").expect("an event"));
        rest = &rest[size..];
    }
    events
}

/// Each row begins with its bitmap, in which only the last column may be NULL, and its number.
pub(crate) fn cut(rows: &[u8]) -> Vec<&[u8]> {
    let begins = |place: usize, number: i64| {
        let (bitmap, rest) = rows[place..].split_at(BITMAP);
        bitmap[0] == 0 && bitmap[1] & 0xF7 == 0 && rest.starts_with(&number.to_le_bytes())
    };
    let mut starts = vec![0];
    for place in 0..rows.len() - BITMAP {
        if begins(place, i64::try_from(starts.len()).expect("a few") + 1) {
            starts.push(place);
        }
    }
    assert_eq!(starts.len(), RECORDED, "every recorded row is found");
    starts.push(rows.len());
    starts.windows(2).map(|range| &rows[range[0]..range[1]]).collect()
}

fn write_rows(body: &[u8]) -> Event {
    let description = FormatDescriptionEvent::new(BinlogVersion::Version4);
    let bytes = event(EventType::WRITE_ROWS_EVENT as u8, body);
    Event::read(&description, bytes.as_slice()).expect("an event")
}

/// The bytes of an event, without a checksum.
fn plain(of: &Event) -> Vec<u8> {
    event(of.header().event_type_raw(), of.data())
}

fn event(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER + body.len()).expect("an event's size");
    let mut bytes = 1_u32.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend([0; 6]);
    bytes.extend(body);
    bytes
}

/// binleaf's decoder, mapping and batch, with buffers that have grown as far as they do.
pub(crate) struct Binleaf {
    table: RecordedTable,
    plan: Plan,
    mapper: RowMapper,
    batch: BatchBuilder,
}

impl Binleaf {
    pub(crate) fn new(recorded: &Recorded) -> Self {
        let table = RecordedTable::of(&plain(&recorded.table_map)).expect("a table");
        let rules = RuleBook::new(&Config::default()).resolve(&table.schema().name);
        let plan = Plan::compile(Arc::clone(table.schema()), &rules).expect("a plan");
        Self { table, plan, mapper: RowMapper::default(), batch: BatchBuilder::default() }
    }

    /// The rows as the stream hands them on.
    pub(crate) fn block(&self, recorded: &Recorded) -> Box<dyn RowBlock> {
        self.table.rows(&plain(&recorded.rows)).expect("rows")
    }

    /// Decodes all rows into documents, each looked at and forgotten. Answers their bytes.
    pub(crate) fn documents(
        &mut self,
        block: &mut dyn RowBlock,
        look: &mut dyn FnMut(&[u8]),
    ) -> usize {
        let mut bytes = 0;
        while let Some(kind) = self.decode(block) {
            let Mapped::Write { document, .. } = self.mapper.finish(&self.plan, kind) else {
                panic!("a row is not written")
            };
            bytes += document.len();
            look(document);
        }
        bytes
    }

    /// Decodes all rows into batches of writes, whose buffers come back as they do when a batch has landed.
    pub(crate) fn batches(&mut self, block: &mut dyn RowBlock) -> usize {
        let mut bytes = 0;
        while let Some(kind) = self.decode(block) {
            let Mapped::Write { filter, document, .. } = self.mapper.finish(&self.plan, kind)
            else {
                panic!("a row is not written")
            };
            let write = Write { kind: OperationKind::Insert, filter, document };
            self.batch.push(self.plan.target(), self.plan.schema(), write, &Origin::Snapshot);
            if self.batch.operation_count() == BATCH {
                bytes += self.land();
            }
        }
        bytes + self.land()
    }

    fn decode(&mut self, block: &mut dyn RowBlock) -> Option<ChangeKind> {
        block.next_change(&mut self.mapper.visitor(&self.plan)).expect("a row")
    }

    fn land(&mut self) -> usize {
        let writes: WriteBatch = self.batch.take().writes;
        let bytes = black_box(&writes).byte_count();
        self.batch.recycle(writes);
        bytes
    }
}

/// mysql_common's decoder, into its own values. Answers how many cells it decoded.
pub(crate) fn mysql_common(recorded: &Recorded) -> usize {
    let map = recorded.table_map.read_event::<TableMapEvent<'_>>().expect("a table map");
    let rows = recorded.rows.read_event::<WriteRowsEvent<'_>>().expect("rows");
    let decoded = rows.rows(&map).map(|row| black_box(row).expect("a row"));
    decoded.map(|(_, after)| after.expect("an inserted row").columns_ref().len()).sum()
}
