//! One cell of a row image: how many bytes it takes and what they say.
//!
//! Compiled once per table map from the schema's type and the map's metadata; reading allocates nothing.

use super::{
    table_map::{MapColumn, column_type as ty},
    wire::{Malformed, Wire},
};
use crate::{
    codec::{MAX_CELL_BYTES, charset, compressed, decimal},
    model::{
        change::{Image, RowVisitor},
        table::{Charset, ColumnType},
        value::{Date, DateTime, Decimal, Instant, Text, Time, Value},
    },
};

/// JSON's `null`. The server stores nothing at all for it where a NOT NULL column was left out.
const JSON_NULL: [u8; 2] = [4, 0];

/// How a cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Int { bytes: u8 },
    UInt { bytes: u8 },
    Float,
    Double,
    Decimal { precision: u8, scale: u8, bytes: usize },
    WideDecimal { precision: u8, scale: u8, bytes: usize },
    Bit { bytes: u8 },
    Year,
    Date,
    DateTime { digits: u8 },
    Timestamp { digits: u8 },
    Time { digits: u8 },
    Char { charset: Charset, length_bytes: u8 },
    Text { charset: Charset, length_bytes: u8 },
    Bytes { length_bytes: u8 },
    Enum { bytes: u8 },
    Set { bytes: u8 },
    Json { length_bytes: u8 },
    JsonText { length_bytes: u8 },
    Geometry { length_bytes: u8 },
    Compressed { content: Content, length_bytes: u8 },
}

/// What a compressed cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Text(Charset),
    Bytes,
    Json,
}

impl Cell {
    /// Compiles the reading of a column whose type fits the table map's. `None` for types that are not read.
    pub(super) fn compile(kind: &ColumnType, column: &MapColumn<'_>) -> Option<Self> {
        let meta = u8::try_from(column.meta).unwrap_or(u8::MAX);
        let prefix_of_meta = prefix(u32::from(column.meta));
        let compressed_length = match column.code {
            ty::VARCHAR_COMPRESSED => Some(prefix_of_meta),
            ty::BLOB_COMPRESSED => Some(meta),
            _ => None,
        };
        if let Some(length_bytes) = compressed_length {
            return Some(Self::Compressed { content: Content::of(kind)?, length_bytes })
                .filter(Self::has_sane_widths);
        }
        Some(match *kind {
            ColumnType::Int { bytes, unsigned: true, .. } => Self::UInt { bytes },
            ColumnType::Int { bytes, unsigned: false, .. } => Self::Int { bytes },
            ColumnType::Float => Self::Float,
            ColumnType::Double => Self::Double,
            ColumnType::Decimal { precision, scale } => {
                let bytes = decimal::packed_length(precision, scale);
                match precision <= Decimal::MAX_PRECISION {
                    true => Self::Decimal { precision, scale, bytes },
                    false => Self::WideDecimal { precision, scale, bytes },
                }
            }
            ColumnType::Bit { bits } => Self::Bit { bytes: bits.div_ceil(8) },
            ColumnType::Year => Self::Year,
            ColumnType::Date => Self::Date,
            ColumnType::DateTime { digits } => Self::DateTime { digits },
            ColumnType::Timestamp { digits } => Self::Timestamp { digits },
            ColumnType::Time { digits } => Self::Time { digits },
            ColumnType::Char { charset, max_bytes } => {
                Self::Char { charset, length_bytes: prefix(max_bytes) }
            }
            ColumnType::Varchar { charset, max_bytes } => {
                Self::Text { charset, length_bytes: prefix(max_bytes) }
            }
            ColumnType::Text { charset, length_bytes } => Self::Text { charset, length_bytes },
            ColumnType::Binary { length } => Self::Bytes { length_bytes: prefix(length) },
            ColumnType::Varbinary { max_bytes } => Self::Bytes { length_bytes: prefix(max_bytes) },
            ColumnType::Blob { length_bytes } => Self::Bytes { length_bytes },
            ColumnType::Enum { .. } => Self::Enum { bytes: meta },
            ColumnType::Set { .. } => Self::Set { bytes: meta },
            ColumnType::Uuid | ColumnType::Inet4 | ColumnType::Inet6 => {
                Self::Bytes { length_bytes: 1 }
            }
            ColumnType::Vector { .. } if column.code == ty::VECTOR => {
                Self::Bytes { length_bytes: meta }
            }
            ColumnType::Vector { .. } => Self::Bytes { length_bytes: prefix_of_meta },
            ColumnType::Json if column.code == ty::BLOB => Self::JsonText { length_bytes: meta },
            ColumnType::Json => Self::Json { length_bytes: meta },
            ColumnType::Geometry => Self::Geometry { length_bytes: meta },
            ColumnType::Unsupported { .. } => return None,
        })
        .filter(Self::has_sane_widths)
    }

    /// Whether every width is one that a number of at most eight bytes holds.
    const fn has_sane_widths(&self) -> bool {
        match *self {
            Self::Bit { bytes } | Self::Set { bytes } => bytes >= 1 && bytes <= 8,
            Self::Enum { bytes } => bytes == 1 || bytes == 2,
            Self::Json { length_bytes }
            | Self::JsonText { length_bytes }
            | Self::Geometry { length_bytes }
            | Self::Bytes { length_bytes }
            | Self::Compressed { length_bytes, .. } => length_bytes >= 1 && length_bytes <= 4,
            Self::Decimal { precision, scale, .. } | Self::WideDecimal { precision, scale, .. } => {
                precision <= 65 && scale <= precision
            }
            _ => true,
        }
    }

    /// Reads the cell and shows it, as a part of its caller. Each arm makes its value where the visitor takes it: handing
    /// it through a result copied it twice, which took as long as reading it.
    #[inline(always)]
    pub(super) fn show(
        &self,
        wire: &mut Wire<'_>,
        image: Image,
        column: usize,
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), Malformed> {
        let mut show = |value: Value<'_>| visitor.cell(image, column, value);
        match *self {
            Self::Int { bytes } => show(Value::Int(signed(wire, bytes)?)),
            Self::UInt { bytes } => show(Value::UInt(unsigned(wire, bytes)?)),
            Self::Float => show(Value::Float(f32::from_bits(wire.u32()?))),
            Self::Double => show(Value::Double(f64::from_bits(wire.u64()?))),
            Self::Decimal { precision, scale, bytes } => {
                let packed = wire.take(bytes)?;
                let decimal = decimal::unpack(packed, precision, scale).map_err(no_decimal)?;
                show(Value::Decimal(decimal));
            }
            Self::WideDecimal { precision, scale, bytes } => {
                return show_wide(wire.take(bytes)?, precision, scale, show);
            }
            Self::Bit { bytes } => show(Value::Bit(wire.uint_be(bytes)?)),
            Self::Year => show(Value::Year(year(wire.u8()?))),
            Self::Date => show(Value::Date(date(wire.u24()?))),
            Self::DateTime { digits } => show(Value::DateTime(date_time(wire, digits)?)),
            Self::Timestamp { digits } => show(Value::Timestamp(instant(wire, digits)?)),
            Self::Time { digits } => show(Value::Time(time(wire, digits)?)),
            Self::Char { charset, length_bytes } => {
                let bytes = prefixed(wire, length_bytes)?;
                show(Value::Text(charset::trimmed(Text { bytes, charset })));
            }
            Self::Text { charset, length_bytes } => {
                show(Value::Text(Text { bytes: prefixed(wire, length_bytes)?, charset }));
            }
            Self::Bytes { length_bytes } => show(Value::Bytes(prefixed(wire, length_bytes)?)),
            Self::Enum { bytes: 1 } => show(Value::Enum(u16::from(wire.u8()?))),
            Self::Enum { .. } => show(Value::Enum(wire.u16()?)),
            Self::Set { bytes } => show(Value::Set(wire.uint(bytes)?)),
            Self::Json { length_bytes } => {
                show(Value::JsonBinary(match prefixed(wire, length_bytes)? {
                    [] => &JSON_NULL,
                    json => json,
                }));
            }
            Self::JsonText { length_bytes } => show(Value::JsonText(prefixed(wire, length_bytes)?)),
            Self::Geometry { length_bytes } => show(Value::Geometry(prefixed(wire, length_bytes)?)),
            Self::Compressed { content, length_bytes } => {
                return content.show(prefixed(wire, length_bytes)?, show);
            }
        }
        Ok(())
    }
}

/// Shows a DECIMAL that needs room for its text; apart, so that the other types do not pay for that room.
#[inline(never)]
fn show_wide(
    packed: &[u8],
    precision: u8,
    scale: u8,
    show: impl FnOnce(Value<'_>),
) -> Result<(), Malformed> {
    let text = decimal::unpack_text(packed, precision, scale).map_err(no_decimal)?;
    show(Value::WideDecimal(text.as_str()));
    Ok(())
}

thread_local! {
    /// Where compressed values are inflated: one buffer for all of them, so that a cell allocates nothing.
    static INFLATED: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}

/// A buffer that one huge value has blown up is cut back to this, in bytes.
const KEPT_BYTES: usize = 1 << 20;

impl Content {
    const fn of(kind: &ColumnType) -> Option<Self> {
        match *kind {
            ColumnType::Varchar { charset, .. } | ColumnType::Text { charset, .. } => {
                Some(Self::Text(charset))
            }
            ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => Some(Self::Bytes),
            ColumnType::Json => Some(Self::Json),
            _ => None,
        }
    }

    /// Inflates a cell and shows it; not one that no document holds.
    #[inline(never)]
    fn show(self, stored: &[u8], show: impl FnOnce(Value<'_>)) -> Result<(), Malformed> {
        let mut buffer = INFLATED.take();
        let shown = match compressed::inflate(stored, MAX_CELL_BYTES, &mut buffer) {
            Ok(bytes) => {
                show(match self {
                    Self::Text(charset) => Value::Text(Text { bytes, charset }),
                    Self::Bytes => Value::Bytes(bytes),
                    Self::Json => Value::JsonText(bytes),
                });
                Ok(())
            }
            Err(compressed::Failure::TooLarge) => {
                show(Value::TooLarge);
                Ok(())
            }
            Err(compressed::Failure::Malformed) => {
                Err(Malformed("a compressed value does not inflate to what it says"))
            }
        };
        buffer.clear();
        buffer.shrink_to(KEPT_BYTES);
        INFLATED.set(buffer);
        shown
    }
}

const fn no_decimal(_: decimal::NotADecimal) -> Malformed {
    Malformed("a DECIMAL has digits that are none")
}

/// How many bytes the length of a string takes that may be this long.
const fn prefix(max_bytes: u32) -> u8 {
    if max_bytes > 255 { 2 } else { 1 }
}

#[inline]
pub(super) fn prefixed<'a>(wire: &mut Wire<'a>, length_bytes: u8) -> Result<&'a [u8], Malformed> {
    let length = match length_bytes {
        1 => u32::from(wire.u8()?),
        2 => u32::from(wire.u16()?),
        3 => wire.u24()?,
        _ => wire.u32()?,
    };
    wire.take(usize::try_from(length).unwrap_or(usize::MAX))
}

#[inline]
fn signed(wire: &mut Wire<'_>, bytes: u8) -> Result<i64, Malformed> {
    Ok(match bytes {
        1 => i64::from(wire.u8()?.cast_signed()),
        2 => i64::from(wire.u16()?.cast_signed()),
        // Its sign is the highest of three bytes.
        3 => i64::from((wire.u24()? << 8).cast_signed() >> 8),
        4 => i64::from(wire.u32()?.cast_signed()),
        _ => wire.u64()?.cast_signed(),
    })
}

#[inline]
fn unsigned(wire: &mut Wire<'_>, bytes: u8) -> Result<u64, Malformed> {
    Ok(match bytes {
        1 => u64::from(wire.u8()?),
        2 => u64::from(wire.u16()?),
        3 => u64::from(wire.u24()?),
        4 => u64::from(wire.u32()?),
        _ => wire.u64()?,
    })
}

/// Years are counted from 1900; 0 is the year 0000.
fn year(byte: u8) -> u16 {
    if byte == 0 { 0 } else { 1900 + u16::from(byte) }
}

/// The lowest bits of a number.
fn bits(number: u64, count: u32) -> u8 {
    u8::try_from(number & ((1 << count) - 1)).unwrap_or(u8::MAX)
}

/// DATE: 5 bits of day, 4 of month, 15 of year.
fn date(packed: u32) -> Date {
    let packed = u64::from(packed);
    Date {
        year: u16::try_from(packed >> 9).unwrap_or(u16::MAX),
        month: bits(packed >> 5, 4),
        day: bits(packed, 5),
    }
}

/// DATETIME2: a sign bit that is always set, 17 bits of year × 13 + month, then 5, 5, 6 and 6 bits; the fraction.
#[inline(always)]
fn date_time(wire: &mut Wire<'_>, digits: u8) -> Result<DateTime, Malformed> {
    const SIGN: u64 = 1 << 39;
    let packed = wire.uint_be(5)? & !SIGN;
    let micros = micros(wire.uint_be(fraction_bytes(digits))?, digits);
    let months = packed >> 22;
    Ok(DateTime {
        date: Date {
            year: u16::try_from(months / 13).unwrap_or(u16::MAX),
            month: bits(months % 13, 4),
            day: bits(packed >> 17, 5),
        },
        hour: bits(packed >> 12, 5),
        minute: bits(packed >> 6, 6),
        second: bits(packed, 6),
        micros,
    })
}

/// TIMESTAMP2: seconds of the epoch, big endian; the fraction.
#[inline(always)]
fn instant(wire: &mut Wire<'_>, digits: u8) -> Result<Instant, Malformed> {
    let seconds = i64::try_from(wire.uint_be(4)?).unwrap_or(0);
    let micros = micros(wire.uint_be(fraction_bytes(digits))?, digits);
    Ok(Instant { seconds, micros })
}

/// TIME2: seconds as bit fields and fraction as one big-endian number, which is offset so that it sorts as bytes; below
/// zero the whole of it is negative, the fraction's borrow included.
fn time(wire: &mut Wire<'_>, digits: u8) -> Result<Time, Malformed> {
    let fraction_bytes = fraction_bytes(digits);
    let shift = u32::from(fraction_bytes) * 8;
    let packed = wire.uint_be(3 + fraction_bytes)?.cast_signed() - (0x80_0000_i64 << shift);
    let magnitude = packed.unsigned_abs();
    let whole = magnitude >> shift;
    Ok(Time {
        negative: packed < 0,
        hours: u16::try_from(whole >> 12).unwrap_or(u16::MAX),
        minutes: bits(whole >> 6, 6),
        seconds: bits(whole, 6),
        micros: micros(magnitude & ((1 << shift) - 1), digits),
    })
}

/// How many bytes a fraction takes: one for every two digits.
const fn fraction_bytes(digits: u8) -> u8 {
    digits.div_ceil(2)
}

/// A stored fraction in microseconds: it is kept in hundredths, ten-thousandths or millionths.
fn micros(fraction: u64, digits: u8) -> u32 {
    let unit = match fraction_bytes(digits) {
        0 | 3 => 1,
        1 => 10_000,
        _ => 100,
    };
    u32::try_from(fraction * unit).unwrap_or(0)
}
