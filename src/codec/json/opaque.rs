//! Opaque values inside binary JSON: decimals, dates and raw column values, told as the server's text tells them.

use super::number;
use crate::{
    codec::{
        CellFault,
        decimal::{self, DecimalText},
        element::{self, tag},
        temporal,
    },
    model::value::{Date, DateTime, Time},
};

// Column type codes (field_types.h).
const TIMESTAMP: u8 = 7;
const DATE: u8 = 10;
const TIME: u8 = 11;
const DATETIME: u8 = 12;
const NEWDECIMAL: u8 = 246;

/// Dates and times inside JSON print six fractional digits, whatever the column had (seen on MySQL 9.7).
const FRACTION_DIGITS: u8 = 6;

pub(super) fn append(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Result<u8, CellFault> {
    if let Some(text) = decimal(kind, bytes)? {
        return number::append_text(out, text.as_str());
    }
    let at = element::begin_string(out);
    append_characters(out, kind, bytes)?;
    element::end_string(out, at);
    Ok(tag::STRING)
}

/// The number that an opaque decimal is; `None` for all other types.
pub(super) fn decimal(kind: u8, bytes: &[u8]) -> Result<Option<DecimalText>, CellFault> {
    if kind != NEWDECIMAL {
        return Ok(None);
    }
    let (&[precision, scale], packed) = bytes.split_first_chunk().ok_or(CellFault::Json)?;
    let text = decimal::unpack_text(packed, precision, scale).map_err(|_| CellFault::Json)?;
    Ok(Some(text))
}

/// The characters of the string that any other opaque value is.
pub(super) fn append_characters(
    out: &mut Vec<u8>,
    kind: u8,
    bytes: &[u8],
) -> Result<(), CellFault> {
    match kind {
        DATE => temporal::append_date(out, unpack_date_time(unpack(bytes)?).date),
        DATETIME | TIMESTAMP => {
            let moment = unpack_date_time(unpack(bytes)?);
            temporal::append_date_time(out, moment, b' ', FRACTION_DIGITS)?;
        }
        TIME => temporal::append_time(out, unpack_time(unpack(bytes)?), FRACTION_DIGITS)?,
        _ => append_base64(out, kind, bytes),
    }
    Ok(())
}

/// The packed form of dates and times in memory (`my_packed_time_get`): 24 bits of microseconds below the rest.
fn unpack(bytes: &[u8]) -> Result<i64, CellFault> {
    bytes.try_into().map(i64::from_le_bytes).map_err(|_| CellFault::Json)
}

/// `bits` bits of the packed number from `shift` on.
fn field(packed: u64, shift: u32, bits: u32) -> u64 {
    (packed >> shift) & ((1 << bits) - 1)
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn micros(packed: u64) -> u32 {
    u32::try_from(field(packed, 0, 24)).unwrap_or(u32::MAX)
}

fn unpack_date_time(packed: i64) -> DateTime {
    let packed = packed.unsigned_abs();
    let year_and_month = field(packed, 46, 18);
    let date = Date {
        year: u16::try_from(year_and_month / 13).unwrap_or(u16::MAX),
        month: small(year_and_month % 13),
        day: small(field(packed, 41, 5)),
    };
    DateTime {
        date,
        hour: small(field(packed, 36, 5)),
        minute: small(field(packed, 30, 6)),
        second: small(field(packed, 24, 6)),
        micros: micros(packed),
    }
}

fn unpack_time(packed: i64) -> Time {
    let negative = packed < 0;
    let packed = packed.unsigned_abs();
    Time {
        negative,
        hours: u16::try_from(field(packed, 36, 10)).unwrap_or(u16::MAX),
        minutes: small(field(packed, 30, 6)),
        seconds: small(field(packed, 24, 6)),
        micros: micros(packed),
    }
}

/// Appends `base64:typeN:…` with a line feed after every 76 characters that others follow (mysys/base64.cc).
fn append_base64(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    const BYTES_PER_LINE: usize = 57;
    out.extend_from_slice(b"base64:type");
    element::decimal(out, u64::from(kind), 1);
    out.push(b':');
    for (index, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        line.chunks(3).for_each(|group| out.extend_from_slice(&base64_group(group)));
    }
}

fn base64_group(group: &[u8]) -> [u8; 4] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
    let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
    let mut shift = 24;
    let mut used = 0;
    [(); 4].map(|()| {
        shift -= 6;
        used += 1;
        if used > group.len() + 1 {
            return b'=';
        }
        let index = usize::try_from((bits >> shift) & 63).unwrap_or(0);
        ALPHABET.get(index).copied().unwrap_or(b'=')
    })
}
