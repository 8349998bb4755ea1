//! Prints the rows of one database in a binlog file as mysql_cdc reads them, a line of JSON each:
//! `binleaf-oracle FILE DATABASE`.
//!
//! Nothing is mended: integers are unsigned, times end at milliseconds, and what mysql_cdc does not read ends the program
//! with its error. Bytes are lists of numbers, floats are texts. `tests/decoders/mysql_cdc.rs` knows what to make of it.
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

use std::{collections::HashMap, error::Error, fs::File};

use mysql_cdc::{
    binlog_reader::BinlogReader,
    events::{
        binlog_event::BinlogEvent,
        row_events::{mysql_value::MySqlValue, row_data::RowData},
    },
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, database] = arguments.as_slice() else {
        return Err("usage: binleaf-oracle FILE DATABASE".into());
    };
    let mut length = File::open(file)?.metadata()?.len();
    let mut reader = Rows { database, tables: HashMap::new() };
    // The four bytes that every file begins with.
    length -= 4;
    for read in
        BinlogReader::new(File::open(file)?).map_err(|error| format!("{error:?}"))?.read_events()
    {
        let (header, event) = read.map_err(|error| format!("{error:?}"))?;
        length =
            length.checked_sub(header.event_length.into()).ok_or("an event beyond the file")?;
        reader.print(&event);
    }
    // It takes an event that is too short for what it expects for the end of the file.
    if length == 0 { Ok(()) } else { Err(format!("{length} bytes are left unread").into()) }
}

/// Prints the rows of a database.
struct Rows<'a> {
    database: &'a str,
    /// Whether a table id is of the database.
    tables: HashMap<u64, bool>,
}

impl Rows<'_> {
    fn print(&mut self, event: &BinlogEvent) {
        match event {
            BinlogEvent::TableMapEvent(map) => {
                self.tables.insert(map.table_id, map.database_name == self.database);
            }
            BinlogEvent::WriteRowsEvent(event) if self.is_ours(event.table_id) => {
                event.rows.iter().for_each(|after| {
                    println!("{}", json!({ "change": "insert", "after": row(after) }));
                });
            }
            BinlogEvent::UpdateRowsEvent(event) if self.is_ours(event.table_id) => {
                for both in &event.rows {
                    let (before, after) = (row(&both.before_update), row(&both.after_update));
                    println!("{}", json!({ "change": "update", "before": before, "after": after }));
                }
            }
            BinlogEvent::DeleteRowsEvent(event) if self.is_ours(event.table_id) => {
                event.rows.iter().for_each(|before| {
                    println!("{}", json!({ "change": "delete", "before": row(before) }));
                });
            }
            _ => {}
        }
    }

    fn is_ours(&self, table: u64) -> bool {
        self.tables.get(&table) == Some(&true)
    }
}

fn row(row: &RowData) -> Vec<Value> {
    row.cells.iter().map(|cell| cell.as_ref().map_or(Value::Null, value)).collect()
}

fn value(value: &MySqlValue) -> Value {
    match value {
        MySqlValue::TinyInt(number) => json!(number),
        MySqlValue::SmallInt(number) | MySqlValue::Year(number) => json!(number),
        MySqlValue::MediumInt(number) | MySqlValue::Int(number) | MySqlValue::Enum(number) => {
            json!(number)
        }
        MySqlValue::BigInt(number) | MySqlValue::Set(number) | MySqlValue::Timestamp(number) => {
            json!(number)
        }
        MySqlValue::Float(number) => json!(number.to_string()),
        MySqlValue::Double(number) => json!(number.to_string()),
        MySqlValue::Decimal(text) => json!(text),
        MySqlValue::String(text) => json!(text.as_bytes()),
        MySqlValue::Blob(bytes) => json!(bytes),
        MySqlValue::Bit(bits) => {
            json!(bits.iter().fold(0, |sum, bit| sum << 1 | u64::from(*bit)))
        }
        MySqlValue::Date(date) => {
            json!(format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
        }
        MySqlValue::Time(time) => {
            json!(format!(
                "{:02}:{:02}:{:02}.{:03}",
                time.hour, time.minute, time.second, time.millis
            ))
        }
        MySqlValue::DateTime(moment) => {
            let (date, time) = (
                (moment.year, moment.month, moment.day),
                (moment.hour, moment.minute, moment.second),
            );
            json!(format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
                date.0, date.1, date.2, time.0, time.1, time.2, moment.millis
            ))
        }
    }
}
