//! The names of XA transactions, as the server writes them in four places.

use std::collections::BTreeSet;

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{answer::named, connect::timed, error::SourceError};

/// `ER_XAER_RMERR`: what XA RECOVER answers to who lacks XA_RECOVER_ADMIN (seen on 9.7), instead of a denial.
const MAY_NOT_RECOVER: u16 = 1401;

/// The longest that XA RECOVER may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// The name that a client gave to an XA transaction. It is never shown: it may hold anything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Xid {
    /// The lower 32 bits of the format: the binlog's event has no more.
    pub(super) format: u32,
    pub(super) global: Vec<u8>,
    pub(super) branch: Vec<u8>,
}

impl std::fmt::Debug for Xid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Xid")
    }
}

impl Xid {
    /// Reads it out of a statement of the binlog, which the server wrote anew: `XA COMMIT X'6f6e65',X'',1`.
    pub(super) fn of_statement(statement: &str) -> Option<Self> {
        let (_, rest) = statement.split_once("X'")?;
        let (global, rest) = rest.split_once("',X'")?;
        let (branch, rest) = rest.split_once("',")?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let format = lower_half(number.parse::<u64>().ok()?);
        Some(Self { format, global: unhex(global)?, branch: unhex(branch)? })
    }

    /// Reads a row of XA RECOVER.
    fn of_row(row: &Row) -> Result<Self, SourceError> {
        let format: i64 = named(row, "formatID")?;
        let split: usize = named(row, "gtrid_length")?;
        let mut global: Vec<u8> = named(row, "data")?;
        let branch = global.split_off(split.min(global.len()));
        Ok(Self { format: lower_half(format.cast_unsigned()), global, branch })
    }
}

/// The lower 32 bits.
const fn lower_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

/// The XA transactions that are prepared now; `None` where this user may not ask.
pub(super) async fn recover(connection: &mut Conn) -> Result<Option<BTreeSet<Xid>>, SourceError> {
    let rows: Vec<Row> = match timed(LIMIT, connection.query("XA RECOVER")).await {
        Err(error) if error.code() == Some(MAY_NOT_RECOVER) => return Ok(None),
        answer => answer?,
    };
    rows.iter().map(Xid::of_row).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xid(format: u32, global: &[u8], branch: &[u8]) -> Option<Xid> {
        Some(Xid { format, global: global.to_vec(), branch: branch.to_vec() })
    }

    #[test]
    fn statements_name_theirs_in_hex() {
        for (statement, expected) in [
            ("XA START X'6f6e65',X'',1", xid(1, b"one", b"")),
            ("XA COMMIT X'74776f',X'6271',7", xid(7, b"two", b"bq")),
            ("XA COMMIT X'6F',X'',4294967297 ONE PHASE", xid(1, b"o", b"")),
            ("XA COMMIT 'one'", None),
            ("XA COMMIT X'6',X'',1", None),
            ("XA COMMIT X'6g',X'',1", None),
            ("XA COMMIT X'66',X'',", None),
        ] {
            assert_eq!(Xid::of_statement(statement), expected, "{statement}");
        }
        assert_eq!(format!("{:?}", xid(1, b"secret", b"")), "Some(Xid)");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(XA COMMIT X'|XA START )?[0-9a-fX',é]{0,30}") {
            Xid::of_statement(&text);
        }
    }
}
