//! One cell to the payload of a BSON element, by the codec that its column was given.

use std::sync::Arc;

use crate::{
    codec::{
        CellFault, charset, decimal, decimal128,
        element::{self, tag},
        geometry, json, temporal,
    },
    model::{
        table::ColumnType,
        value::{Date, DateTime, Decimal, Instant, Value},
    },
};

/// How a column's values are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Codec {
    Int32,
    Int64,
    UInt64,
    /// FLOAT and DOUBLE; `unsigned_zero` tells -0 as 0, since the server holds them for equal.
    Double {
        unsigned_zero: bool,
    },
    Decimal {
        scale: u8,
    },
    WideDecimal,
    Bit,
    Bits,
    Year,
    Date(Temporal),
    DateTime(Temporal),
    Timestamp(Temporal),
    Time {
        digits: u8,
    },
    Text,
    Binary {
        width: usize,
    },
    Enum(Arc<[String]>),
    Set(Arc<[String]>),
    /// A SET as one string, its members joined by commas.
    JoinedSet(Arc<[String]>),
    Json,
    Geometry,
}

/// How a date or time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Temporal {
    /// Fractional digits of the column.
    digits: u8,
    /// Whether two values must never be told alike: then digits below the millisecond, and dates that do not exist,
    /// make it a string.
    lossless: bool,
}

/// What was written.
pub(super) struct Written {
    /// The type byte.
    pub(super) tag: u8,
    /// Whether something that has no BSON form became Null.
    pub(super) coerced: bool,
}

impl From<u8> for Written {
    fn from(tag: u8) -> Self {
        Self { tag, coerced: false }
    }
}

impl Codec {
    /// For the body of a document; `None` for a type that is not mapped.
    pub(super) fn body(kind: &ColumnType) -> Option<Self> {
        Self::new(kind, false)
    }

    /// For telling rows apart by all their columns: no two values are told alike.
    pub(super) fn lossless(kind: &ColumnType) -> Option<Self> {
        Self::new(kind, true)
    }

    /// For a part of a key: lossless, and never an array.
    pub(super) fn key(kind: &ColumnType) -> Option<Self> {
        match Self::new(kind, true)? {
            Self::Set(labels) => Some(Self::JoinedSet(labels)),
            Self::Json | Self::Geometry => None,
            codec => Some(codec),
        }
    }

    fn new(kind: &ColumnType, lossless: bool) -> Option<Self> {
        let temporal = |digits| Temporal { digits, lossless };
        Some(match *kind {
            ColumnType::Int { bytes, unsigned, boolean: _ } => Self::integer(bytes, unsigned),
            ColumnType::Float | ColumnType::Double => Self::Double { unsigned_zero: lossless },
            ColumnType::Decimal { precision, scale } if precision <= Decimal::MAX_PRECISION => {
                Self::Decimal { scale }
            }
            ColumnType::Decimal { .. } => Self::WideDecimal,
            ColumnType::Bit { bits: 1 } => Self::Bit,
            ColumnType::Bit { .. } => Self::Bits,
            ColumnType::Year => Self::Year,
            ColumnType::Date => Self::Date(temporal(0)),
            ColumnType::DateTime { digits } => Self::DateTime(temporal(digits)),
            ColumnType::Timestamp { digits } => Self::Timestamp(temporal(digits)),
            ColumnType::Time { digits } => Self::Time { digits },
            ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Text { .. } => {
                Self::Text
            }
            ColumnType::Binary { length } => {
                Self::Binary { width: usize::try_from(length).unwrap_or(0) }
            }
            ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => Self::Binary { width: 0 },
            ColumnType::Enum { ref labels } => Self::Enum(labels.as_slice().into()),
            ColumnType::Set { ref labels } => Self::Set(labels.as_slice().into()),
            ColumnType::Json => Self::Json,
            ColumnType::Geometry => Self::Geometry,
            ColumnType::Unsupported { .. } => return None,
        })
    }

    const fn integer(bytes: u8, unsigned: bool) -> Self {
        match (bytes, unsigned) {
            (8.., true) => Self::UInt64,
            (8.., false) | (4.., true) => Self::Int64,
            _ => Self::Int32,
        }
    }

    /// Appends the payload of a value.
    pub(super) fn append(&self, out: &mut Vec<u8>, value: Value<'_>) -> Result<Written, CellFault> {
        let tag = match (self, value) {
            (_, Value::Null) => tag::NULL,
            (Self::Int32, value) => {
                let number: i32 = integer(value)?;
                out.extend_from_slice(&number.to_le_bytes());
                tag::INT32
            }
            (Self::Int64, value) => append_int64(out, integer(value)?),
            (Self::UInt64, value) => append_unsigned(out, integer(value)?)?,
            (Self::Text, Value::Text(text)) => {
                let at = element::begin_string(out);
                charset::append_utf8(out, text)?;
                element::end_string(out, at);
                tag::STRING
            }
            (Self::Decimal { scale }, Value::Decimal(decimal)) if decimal.scale == *scale => {
                decimal128::append(out, decimal)?
            }
            (Self::WideDecimal, Value::WideDecimal(text)) => append_wide_decimal(out, text),
            (Self::Double { unsigned_zero }, Value::Float(number)) => {
                append_double(out, f64::from(number), *unsigned_zero)
            }
            (Self::Double { unsigned_zero }, Value::Double(number)) => {
                append_double(out, number, *unsigned_zero)
            }
            (Self::Binary { width }, Value::Bytes(bytes)) => {
                element::binary(out, bytes, *width);
                tag::BINARY
            }
            (codec, Value::Date(_) | Value::DateTime(_) | Value::Timestamp(_) | Value::Time(_)) => {
                return codec.append_temporal(out, value);
            }
            (codec, value) => codec.append_rarer(out, value)?,
        };
        Ok(tag.into())
    }

    fn append_rarer(&self, out: &mut Vec<u8>, value: Value<'_>) -> Result<u8, CellFault> {
        match (self, value) {
            (Self::Year, Value::Year(year)) => {
                out.extend_from_slice(&i32::from(year).to_le_bytes());
                Ok(tag::INT32)
            }
            (Self::Bit, Value::Bit(bits @ 0..=1)) => {
                out.push(u8::from(bits == 1));
                Ok(tag::BOOLEAN)
            }
            (Self::Bits, Value::Bit(bits)) => append_unsigned(out, bits),
            (Self::Enum(labels), Value::Enum(index)) => {
                let label = match usize::from(index).checked_sub(1) {
                    Some(index) => labels.get(index).ok_or(CellFault::OutOfRange)?.as_str(),
                    None => "",
                };
                element::string(out, label.as_bytes());
                Ok(tag::STRING)
            }
            (Self::Set(labels), Value::Set(mask)) => append_set(out, labels, mask),
            (Self::JoinedSet(labels), Value::Set(mask)) => append_joined_set(out, labels, mask),
            (Self::Json, Value::JsonBinary(bytes)) => json::append_binary(out, bytes),
            (Self::Json, Value::JsonText(text)) => json::append_text(out, text),
            (Self::Geometry, Value::Geometry(bytes)) => geometry::append(out, bytes),
            _ => Err(CellFault::Mismatch),
        }
    }

    fn append_temporal(&self, out: &mut Vec<u8>, value: Value<'_>) -> Result<Written, CellFault> {
        match (self, value) {
            (Self::Date(form), Value::Date(date)) => {
                form.append(out, temporal::date_millis(date), |out| {
                    temporal::append_date(out, date);
                    Ok(())
                })
            }
            (Self::DateTime(form), Value::DateTime(moment)) => {
                form.append(out, temporal::date_time_millis(moment)?, |out| {
                    temporal::append_date_time(out, moment, b'T', form.digits)
                })
            }
            (Self::Timestamp(form), Value::Timestamp(instant)) => {
                form.append(out, temporal::instant_millis(instant)?, |out| {
                    append_instant(out, instant, form.digits)
                })
            }
            (Self::Time { digits }, Value::Time(time)) => {
                let at = element::begin_string(out);
                temporal::append_time(out, time, *digits)?;
                element::end_string(out, at);
                Ok(tag::STRING.into())
            }
            _ => Err(CellFault::Mismatch),
        }
    }
}

impl Temporal {
    /// Appends milliseconds (`None`: no such date) or, where those would lose something, the text.
    fn append(
        self,
        out: &mut Vec<u8>,
        millis: Option<i64>,
        text: impl FnOnce(&mut Vec<u8>) -> Result<(), CellFault>,
    ) -> Result<Written, CellFault> {
        let exact = !self.lossless || self.digits <= 3;
        match millis {
            Some(millis) if exact => {
                out.extend_from_slice(&millis.to_le_bytes());
                Ok(tag::DATE_TIME.into())
            }
            None if !self.lossless => Ok(Written { tag: tag::NULL, coerced: true }),
            Some(_) | None => {
                let at = element::begin_string(out);
                text(out)?;
                element::end_string(out, at);
                Ok(tag::STRING.into())
            }
        }
    }
}

fn append_instant(out: &mut Vec<u8>, instant: Instant, digits: u8) -> Result<(), CellFault> {
    let moment = if instant.is_zero() {
        DateTime { date: Date::default(), ..DateTime::default() }
    } else {
        DateTime::from(instant)
    };
    temporal::append_date_time(out, moment, b'T', digits)?;
    out.push(b'Z');
    Ok(())
}

/// Signedness is the column's affair: a number is the same whichever way the decoder holds it.
fn integer<N: TryFrom<i64> + TryFrom<u64>>(value: Value<'_>) -> Result<N, CellFault> {
    match value {
        Value::Int(number) => N::try_from(number).map_err(|_| CellFault::OutOfRange),
        Value::UInt(number) => N::try_from(number).map_err(|_| CellFault::OutOfRange),
        _ => Err(CellFault::Mismatch),
    }
}

fn append_int64(out: &mut Vec<u8>, number: i64) -> u8 {
    out.extend_from_slice(&number.to_le_bytes());
    tag::INT64
}

fn append_unsigned(out: &mut Vec<u8>, number: u64) -> Result<u8, CellFault> {
    match i64::try_from(number) {
        Ok(number) => Ok(append_int64(out, number)),
        Err(_) => {
            let coefficient = u128::from(number);
            decimal128::append(out, Decimal { negative: false, coefficient, scale: 0 })
        }
    }
}

fn append_double(out: &mut Vec<u8>, number: f64, unsigned_zero: bool) -> u8 {
    let number = if unsigned_zero && number == 0.0 { 0.0 } else { number };
    out.extend_from_slice(&number.to_le_bytes());
    tag::DOUBLE
}

/// The text without what ZEROFILL puts in front, which only one of the two roads has.
fn append_wide_decimal(out: &mut Vec<u8>, text: &str) -> u8 {
    element::string(out, decimal::without_zerofill(text).as_bytes());
    tag::STRING
}

fn members(labels: &[String], mask: u64) -> Result<impl Iterator<Item = &String>, CellFault> {
    let beyond = u32::try_from(labels.len()).ok().and_then(|count| mask.checked_shr(count));
    if beyond.unwrap_or(0) != 0 {
        return Err(CellFault::OutOfRange);
    }
    let member = move |(bit, label)| ((mask >> (bit & 63)) & 1 == 1).then_some(label);
    Ok(labels.iter().take(64).enumerate().filter_map(member))
}

fn append_set(out: &mut Vec<u8>, labels: &[String], mask: u64) -> Result<u8, CellFault> {
    let members = members(labels, mask)?;
    let at = element::begin(out);
    for (index, member) in members.enumerate() {
        out.push(tag::STRING);
        element::index_name(out, index);
        element::string(out, member.as_bytes());
    }
    element::end(out, at);
    Ok(tag::ARRAY)
}

fn append_joined_set(out: &mut Vec<u8>, labels: &[String], mask: u64) -> Result<u8, CellFault> {
    let members = members(labels, mask)?;
    let at = element::begin_string(out);
    for (index, member) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(member.as_bytes());
    }
    element::end_string(out, at);
    Ok(tag::STRING)
}

/// The bytes of a value that could not be told, as far as it has any.
pub(super) const fn raw(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text.bytes),
        Value::Bytes(bytes)
        | Value::JsonBinary(bytes)
        | Value::JsonText(bytes)
        | Value::Geometry(bytes) => Some(bytes),
        Value::WideDecimal(text) => Some(text.as_bytes()),
        _ => None,
    }
}
