//! Transactions of one recorded row each, as a server sends them, and the stream that takes them without a connection.

use std::{hint::black_box, ops::Range};

use binleaf::{
    config::SourceConfig,
    model::gtid::{GtidPosition, GtidSet},
    source::{
        binlog::offline::{self, Known, Offline},
        schema::TableFilter,
    },
};
use mysql_common::binlog::consts::EventType;

use crate::recorded::{Columns, HEADER, ROWS_HEAD, cut};

/// Where a GTID event has its number: behind flags and the server's UUID.
const GTID_NUMBER: Range<usize> = HEADER + 17..HEADER + 25;
/// The bytes of a checksum.
const CHECKSUM: usize = 4;

/// Some transactions.
pub(crate) struct Transactions {
    description: Vec<u8>,
    /// GTID, BEGIN, table map, row, XID of each.
    events: Vec<[Vec<u8>; 5]>,
}

impl Transactions {
    /// So many of them.
    pub(crate) fn of(columns: Columns, count: usize) -> Self {
        let raw: Vec<&[u8]> = offline::cut(&columns.file[4..]).collect();
        let of = |kind: EventType| {
            let is_it = |event: &&&[u8]| event[4] == kind as u8;
            raw.iter().find(is_it).expect("a recorded event").to_vec()
        };
        let (head, rows) = {
            let event = of(EventType::WRITE_ROWS_EVENT);
            let (head, rest) = event.split_at(HEADER + ROWS_HEAD);
            (head.to_vec(), rest[..rest.len() - CHECKSUM].to_vec())
        };
        let rows = cut(&rows);
        let transaction = |(number, row): (u64, &&[u8])| {
            let mut gtid = of(EventType::GTID_EVENT);
            gtid[GTID_NUMBER].copy_from_slice(&number.to_le_bytes());
            let row = [&head, *row, &[0; CHECKSUM]].concat();
            let (begin, map) = (of(EventType::QUERY_EVENT), of(EventType::TABLE_MAP_EVENT));
            [gtid, begin, map, row, of(EventType::XID_EVENT)].map(|event| offline::sealed(&event))
        };
        let numbered = (1..).zip(rows.iter().cycle().take(count));
        Self {
            description: of(EventType::FORMAT_DESCRIPTION_EVENT),
            events: numbered.map(transaction).collect(),
        }
    }

    /// Lets the stream take them, some at a time. Answers how many messages came of them.
    pub(crate) fn stream(&self) -> usize {
        const TOGETHER: usize = 10;
        let config = SourceConfig { databases: vec!["decode".to_owned()], ..Default::default() };
        let filter = TableFilter::new(&config).expect("a filter");
        let start = GtidPosition::Mysql(GtidSet::default());
        let mut stream = Offline::new(filter, start, Known::default(), 1 << 30).expect("a stream");
        let mut messages = 0;
        let mut tell = |message| {
            black_box(message);
            messages += 1;
        };
        stream.feed(&self.description, &mut tell).expect("a description");
        for some in self.events.chunks(TOGETHER) {
            let events = some.iter().flatten().map(Vec::as_slice);
            stream.feed_all(events, &mut tell).expect("transactions");
        }
        messages
    }
}
