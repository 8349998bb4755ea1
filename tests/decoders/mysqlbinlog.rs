//! What `mysqlbinlog -vv` prints, read back.
//!
//! A row is printed as comment lines: `### INSERT INTO`, `### SET`, then one line a column, such as
//! `###   @2=-1 (255) /* TINYINT meta=0 nullable=1 is_null=0 */`. The lines are bytes: text stands in its own charset.

use std::path::PathBuf;

use bson::Bson;
use tempfile::TempDir;

use super::{
    Precision, Said,
    columns::Column,
    played::{Change, Row},
};
use crate::{
    random::values::Kind,
    support::{
        comparer::json::{self, Numbers},
        databases::Source,
        mysqlbinlog,
    },
};

/// Six digits of a FLOAT are printed, and all of a time.
pub const PRECISION: Precision = Precision { seconds: 6, float: 5e-6 };

/// Prints the rows of the database that stand in the binlog behind a place.
pub async fn print(source: &Source, (file, offset): &(String, u64)) -> Vec<u8> {
    let (database, start) =
        (format!("--database={}", source.database), format!("--start-position={offset}"));
    let how = ["-vv", "--base64-output=decode-rows", "--to-last-log", &database, &start, file];
    mysqlbinlog::run(source, &how).await
}

/// A whole file of the binlog, and the folder that it goes with.
pub struct Copied {
    pub file: PathBuf,
    _folder: TempDir,
}

/// Copies a file of the binlog as it is.
pub async fn copy(source: &Source, file: &str) -> Copied {
    let folder = tempfile::tempdir().expect("a folder");
    let result = format!("--result-file={}/", folder.path().display());
    mysqlbinlog::run(source, &["--raw", &result, file]).await;
    Copied { file: folder.path().join(file), _folder: folder }
}

/// Reads the rows of what was printed.
pub fn rows(printed: &[u8], columns: &[Column], mut show: impl FnMut(Change)) {
    let mut lines = printed
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"### "))
        .peekable();
    while let Some(head) = lines.next() {
        let mut row = |wanted: &[u8]| {
            assert_eq!(lines.next(), Some(wanted), "a row begins");
            let cells = std::iter::from_fn(|| lines.next_if(|line| line.starts_with(b"  @")));
            read_row(&cells.collect::<Vec<_>>(), columns)
        };
        show(match head.split(|byte| *byte == b' ').next() {
            Some(b"INSERT") => Change::Insert(row(b"SET")),
            Some(b"UPDATE") => Change::Update(row(b"WHERE"), row(b"SET")),
            Some(b"DELETE") => Change::Delete(row(b"WHERE")),
            _ => panic!("no change: {}", String::from_utf8_lossy(head)),
        });
    }
}

fn read_row(lines: &[&[u8]], columns: &[Column]) -> Row {
    assert_eq!(lines.len(), columns.len() + 1, "a line for each column");
    let cells = lines.iter().zip(1..).map(|(line, number)| {
        let start = format!("  @{number}=");
        let line = line.strip_prefix(start.as_bytes()).expect("the columns in order");
        let end =
            line.windows(4).rposition(|bytes| bytes == b" /* ").expect("the type as a comment");
        &line[..end]
    });
    let cells: Vec<&[u8]> = cells.collect();
    let number = text(cells[0]).parse().expect("a number");
    (
        number,
        columns.iter().zip(&cells[1..]).map(|(column, cell)| read_cell(column, cell)).collect(),
    )
}

fn read_cell(column: &Column, cell: &[u8]) -> Said {
    if cell == b"NULL" {
        return Said::Null;
    }
    match column.kind {
        Kind::Number(bits) => Said::Number(number(&text(cell), bits > 0)),
        Kind::Float | Kind::Double => Said::Float(text(cell).trim().parse().expect("a number")),
        Kind::Decimal(..) => Said::Text(text(cell)),
        Kind::Bit(_) => Said::Number(bits(&cell[1..])),
        // Byte by byte as stored, the lowest first.
        Kind::Set(_) => {
            let stored = unquoted(&cell[1..]);
            let bytes = stored.chunks(8).rev().flatten().copied().collect::<Vec<_>>();
            Said::Number(bits(&[b"'", &bytes[..], b"'"].concat()))
        }
        // It adds 1900 to what is stored, also to the 0 of the year 0000; a YEAR begins with 1901.
        Kind::Year => match text(cell).parse().expect("a year") {
            1900 => Said::Number(0),
            year => Said::Number(year),
        },
        Kind::Enum(_) => Said::Number(text(cell).parse().expect("an index")),
        Kind::Date => Said::Text(text(&unquoted(cell)).replace(':', "-")),
        Kind::Moment(_, false) | Kind::Time(_) => Said::Text(text(&unquoted(cell))),
        Kind::Moment(digits, true) => Said::Text(instant(&text(cell), digits)),
        Kind::Text(..) => Said::Bytes(unquoted(cell)),
        Kind::Bytes(_) => Said::Bytes(padded(column, unquoted(cell))),
        // A document tells this null and SQL's alike.
        Kind::Json if cell == b"'null'" => Said::Null,
        Kind::Json => Said::Json(json_value(text(&unquoted(cell)))),
        Kind::Vector(_) => {
            let list = text(cell);
            let list = list.trim_matches(['[', ']']).split(',');
            Said::Floats(list.map(|number| number.parse().expect("a number")).collect())
        }
        ref other => panic!("not printed: {other:?}"),
    }
}

/// The number whose bits stand between quotes.
fn bits(quoted: &[u8]) -> i128 {
    i128::from_str_radix(&text(&unquoted(quoted)), 2).expect("bits")
}

/// A string that is not inside of something is printed without its quotes; the ones that are written here are empty or
/// begin as nothing else does.
fn json_value(printed: String) -> Bson {
    match printed.starts_with(['{', '[', 't', 'f', 'n', '-'])
        || printed.starts_with(|first: char| first.is_ascii_digit())
    {
        true => json::parse(&printed, Numbers::AsWritten),
        false => Bson::String(printed),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A number that is negative when taken as signed has the unsigned one behind it.
fn number(printed: &str, is_unsigned: bool) -> i128 {
    let (signed, unsigned) = printed.split_once(" (").unwrap_or((printed, printed));
    let meant = if is_unsigned { unsigned.trim_end_matches(')') } else { signed };
    meant.parse().expect("a number")
}

/// Seconds since 1970 as a date in UTC; 0 is the zero date.
fn instant(printed: &str, digits: usize) -> String {
    let (seconds, fraction) = printed.split_once('.').unwrap_or((printed, ""));
    let seconds: i64 = seconds.parse().expect("seconds");
    assert_eq!(fraction.len(), if seconds == 0 { fraction.len() } else { digits }, "{printed}");
    date_of(seconds, &format!("{fraction:0<digits$}"))
}

/// An instant as UTC, with these digits behind the seconds.
pub fn date_of(seconds: i64, fraction: &str) -> String {
    let instant = jiff::Timestamp::from_second(seconds).expect("an instant").to_string();
    let date = match seconds {
        0 => "0000-00-00 00:00:00".to_owned(),
        _ => instant.replace('T', " ").replace('Z', ""),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{date}{point}{fraction}")
}

/// The binlog leaves the zero bytes at the end of a BINARY out.
fn padded(column: &Column, mut bytes: Vec<u8>) -> Vec<u8> {
    if column.declared.starts_with("BINARY") {
        bytes.resize(16, 0);
    }
    bytes
}

/// What stands between quotes, with its escapes undone.
fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let inside =
        quoted.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'")).expect("quotes");
    let mut bytes = inside.iter().copied();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("an escape") {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'f' => 0x0C,
            b'x' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.expect("a digit"));
                u8::from_str_radix(&text(&digits), 16).expect("hexadecimal digits")
            }
            same @ (b'\\' | b'\'' | b'"') => same,
            other => panic!("an unknown escape: {other:#x}"),
        });
    }
    out
}
