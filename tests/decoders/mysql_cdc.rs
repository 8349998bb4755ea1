//! What mysql_cdc 0.2.1 makes of the rows, by a program of its own that links the crate (`tests/oracle`).
//!
//! It reads less than the server writes. Each of these was seen with that version, whose source says why:
//! * VECTOR: `Unknown column type 242` (`constants/column_type.rs`, `from_code`).
//! * CHAR and VARCHAR that are not UTF-8, BINARY and VARBINARY: the event fails, all cells are `String::from_utf8`
//!   (`events/row_events/col_parser.rs`, `parse_string`). TEXT and BLOB are bytes.
//! * Negative TIME: the event fails, by design (`parse_time2`).
//! * A fraction of a second beyond milliseconds is cut off (`parse_fractional_part(…) / 1000`).
//! * Integers are unsigned whatever the column is (`row_parser.rs`, `parse_cell`); here they get their sign back.
//! * YEAR 0000 is 1900 (`parse_year`). No year is 1900, so it is known again here.
//! * JSON is the server's binary form, undecoded (`parse_cell`).
//! * TRANSACTION_PAYLOAD, PARTIAL_UPDATE_ROWS and GTIDs with a tag are `UnknownEvent`s without an error
//!   (`events/event_parser.rs`), and a tag in PREVIOUS_GTIDS ends the file (`binlog_reader.rs`: an end of input inside an
//!   event is taken for the end of the file).

use serde_json::Value;
use tokio::process::Command;

use super::{
    Precision, Said,
    columns::Column,
    mysqlbinlog::{self, Copied},
    played::{Change, Row},
};
use crate::random::values::Kind;

/// All of a FLOAT is told, and milliseconds.
pub const PRECISION: Precision = Precision { seconds: 3, float: 0.0 };

/// Reads the rows of a database from a binlog file.
pub async fn rows(
    copied: &Copied,
    database: &str,
    columns: &[Column],
    mut show: impl FnMut(Change),
) {
    let said = run(copied, database).await;
    for line in said.lines() {
        let change: Value = serde_json::from_str(line).expect("JSON");
        let row = |side: &str| read_row(change[side].as_array().expect("a row"), columns);
        show(match change["change"].as_str() {
            Some("insert") => Change::Insert(row("after")),
            Some("update") => Change::Update(row("before"), row("after")),
            Some("delete") => Change::Delete(row("before")),
            other => panic!("no change: {other:?}"),
        });
    }
}

/// Builds the program where that is yet to be done, which takes minutes for OpenSSL, and runs it.
async fn run(copied: &Copied, database: &str) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--locked", "--package", "binleaf-oracle", "--"])
        .arg(&copied.file)
        .arg(database)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .await
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("JSON")
}

fn read_row(cells: &[Value], columns: &[Column]) -> Row {
    assert_eq!(cells.len(), columns.len() + 1, "a cell for each column");
    let number = cells[0].as_i64().and_then(|number| i32::try_from(number).ok());
    let values = columns.iter().zip(&cells[1..]).map(|(column, cell)| read_cell(column, cell));
    (number.expect("a number"), values.collect())
}

fn read_cell(column: &Column, cell: &Value) -> Said {
    if cell.is_null() {
        return Said::Null;
    }
    let number = || i128::from(cell.as_u64().expect("a number"));
    let text = || cell.as_str().expect("a text");
    match column.kind {
        Kind::Number(bits) if bits < 0 => Said::Number(signed(number(), bits.unsigned_abs())),
        Kind::Year if number() == 1900 => Said::Number(0),
        Kind::Number(_) | Kind::Year | Kind::Enum(_) | Kind::Set(_) | Kind::Bit(_) => {
            Said::Number(number())
        }
        Kind::Float => Said::Float(f64::from(text().parse::<f32>().expect("a number"))),
        Kind::Double => Said::Float(text().parse().expect("a number")),
        Kind::Decimal(..) | Kind::Date => Said::Text(text().to_owned()),
        Kind::Moment(digits, false) | Kind::Time(digits) => Said::Text(cut(text(), digits)),
        Kind::Moment(digits, true) => Said::Text(instant(number(), digits)),
        Kind::Text(..) | Kind::Bytes(_) => {
            let bytes = cell.as_array().expect("bytes").iter();
            Said::Bytes(
                bytes
                    .map(|byte| u8::try_from(byte.as_u64().expect("a byte")).expect("a byte"))
                    .collect(),
            )
        }
        ref other => panic!("not read: {other:?}"),
    }
}

/// A number of so many bits whose highest one is its sign.
fn signed(number: i128, bits: u32) -> i128 {
    if number >> (bits - 1) == 0 { number } else { number - (1 << bits) }
}

/// Of three digits of milliseconds as many as the column has.
fn cut(text: &str, digits: usize) -> String {
    let (seconds, millis) = text.split_once('.').expect("milliseconds");
    let (kept, rest) = millis.split_at(digits.min(millis.len()));
    assert!(rest.bytes().all(|digit| digit == b'0'), "{text} has more digits than the column");
    if kept.is_empty() { seconds.to_owned() } else { format!("{seconds}.{kept}") }
}

fn instant(millis: i128, digits: usize) -> String {
    let seconds = i64::try_from(millis / 1000).expect("seconds");
    cut(&mysqlbinlog::date_of(seconds, &format!("{:03}", millis % 1000)), digits)
}
