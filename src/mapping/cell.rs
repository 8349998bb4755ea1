//! One cell to the payload of a BSON element, by the codec that its column was given.

use super::{
    codec::{Codec, Temporal},
    labels::{self, Labels},
};
use crate::{
    codec::{
        CellFault, charset, decimal, decimal128,
        element::{self, subtype, tag},
        geometry, json, network, temporal, vector,
    },
    config::types::ZeroDateAs,
    model::{
        table::Charset,
        value::{Date, DateTime, Decimal, Instant, Value},
    },
};

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
    /// Appends the payload of a value. The types that most cells have are told here, without another call.
    #[inline(always)]
    pub(super) fn append(
        &self,
        out: &mut Vec<u8>,
        value: &Value<'_>,
    ) -> Result<Written, CellFault> {
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
                charset::append_string(out, *text)?;
                tag::STRING
            }
            (Self::Decimal { scale }, Value::Decimal(decimal)) if decimal.scale == *scale => {
                decimal128::append(out, *decimal)?
            }
            (Self::Double { unsigned_zero }, Value::Float(number)) => {
                append_double(out, f64::from(*number), *unsigned_zero)
            }
            (Self::Double { unsigned_zero }, Value::Double(number)) => {
                append_double(out, *number, *unsigned_zero)
            }
            (Self::Enum(labels), Value::Enum(index)) => {
                labels.payload(*index)?.append(out);
                tag::STRING
            }
            (Self::Binary { width, uuid }, Value::Bytes(bytes)) => {
                let is_uuid = *uuid && bytes.len().max(*width) == 16;
                let subtype = if is_uuid { subtype::UUID } else { subtype::GENERIC };
                element::binary_of(out, subtype, bytes, *width);
                tag::BINARY
            }
            (codec, Value::Date(_) | Value::DateTime(_) | Value::Timestamp(_) | Value::Time(_)) => {
                return codec.append_temporal(out, value);
            }
            (codec, value) => codec.append_rarer(out, value)?,
        };
        Ok(tag.into())
    }

    fn append_rarer(&self, out: &mut Vec<u8>, value: &Value<'_>) -> Result<u8, CellFault> {
        match (self, *value) {
            (_, Value::TooLarge) => Err(CellFault::TooLarge),
            (Self::Truth, _) => {
                out.push(u8::from(integer::<i64>(value)? != 0));
                Ok(tag::BOOLEAN)
            }
            (Self::DecimalText | Self::DecimalDouble, _) => self.append_decimal(out, value),
            (Self::Year, Value::Year(year)) => {
                out.extend_from_slice(&i32::from(year).to_le_bytes());
                Ok(tag::INT32)
            }
            (Self::Bit, Value::Bit(bits @ 0..=1)) => {
                out.push(u8::from(bits == 1));
                Ok(tag::BOOLEAN)
            }
            (Self::Bits, Value::Bit(bits)) => append_unsigned(out, bits),
            (Self::Set(labels), Value::Set(mask)) => append_set(out, labels, mask),
            (Self::JoinedSet(labels), Value::Set(mask)) => append_joined_set(out, labels, mask),
            (Self::Json, Value::JsonBinary(bytes)) => json::append_binary(out, bytes),
            (Self::Json, Value::JsonText(text)) => json::append_text(out, text),
            (Self::JsonText, Value::JsonBinary(bytes)) => {
                let at = element::begin_string(out);
                json::print_binary(out, bytes)?;
                element::end_string(out, at);
                Ok(tag::STRING)
            }
            (Self::JsonText, Value::JsonText(text)) => {
                std::str::from_utf8(text).map_err(|_| CellFault::Charset(Charset::Utf8))?;
                element::string(out, text);
                Ok(tag::STRING)
            }
            (codec, Value::Geometry(bytes)) => codec.append_geometry(out, bytes),
            (codec, Value::Bytes(bytes)) => codec.append_bytes(out, bytes),
            _ => Err(CellFault::Mismatch),
        }
    }

    /// A DECIMAL of any width as text or as the nearest double.
    fn append_decimal(&self, out: &mut Vec<u8>, value: &Value<'_>) -> Result<u8, CellFault> {
        let printed;
        let text = match *value {
            // Without what ZEROFILL puts in front, which only one of the two roads has.
            Value::WideDecimal(text) => decimal::without_zerofill(text),
            Value::Decimal(narrow) => {
                printed = decimal::print_narrow(narrow);
                printed.as_str()
            }
            _ => return Err(CellFault::Mismatch),
        };
        if *self == Self::DecimalText {
            element::string(out, text.as_bytes());
            return Ok(tag::STRING);
        }
        let number: f64 = text.parse().map_err(|_| CellFault::Mismatch)?;
        // A negative number may be too small for a double, and zero has no sign in SQL.
        Ok(append_double(out, number, true))
    }

    fn append_geometry(&self, out: &mut Vec<u8>, stored: &[u8]) -> Result<u8, CellFault> {
        let bytes = match self {
            Self::Geometry => return geometry::append(out, stored),
            Self::Wkb => geometry::well_known(stored)?,
            Self::StoredGeometry => stored,
            _ => return Err(CellFault::Mismatch),
        };
        element::binary(out, bytes, 0);
        Ok(tag::BINARY)
    }

    /// Types that are bytes of their own form.
    fn append_bytes(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
        match self {
            Self::Vector => vector::append_binary(out, bytes),
            Self::VectorArray => vector::append_array(out, bytes),
            Self::Uuid => {
                element::binary_of(out, subtype::UUID, &padded::<16>(bytes)?, 0);
                Ok(tag::BINARY)
            }
            Self::Inet4 | Self::Inet6 => {
                let at = element::begin_string(out);
                match self {
                    Self::Inet4 => network::append_inet4(out, padded(bytes)?),
                    _ => network::append_inet6(out, padded(bytes)?),
                }
                element::end_string(out, at);
                Ok(tag::STRING)
            }
            _ => Err(CellFault::Mismatch),
        }
    }

    fn append_temporal(&self, out: &mut Vec<u8>, value: &Value<'_>) -> Result<Written, CellFault> {
        match (self, *value) {
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
        match (millis, self.zero) {
            (Some(millis), _) if !self.is_text => {
                out.extend_from_slice(&millis.to_le_bytes());
                Ok(tag::DATE_TIME.into())
            }
            (None, ZeroDateAs::Null) => Ok(Written { tag: tag::NULL, coerced: true }),
            (None, ZeroDateAs::DeadLetter) => Err(CellFault::ZeroDate),
            (Some(_), _) | (None, ZeroDateAs::String) => {
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
fn integer<N: TryFrom<i64> + TryFrom<u64>>(value: &Value<'_>) -> Result<N, CellFault> {
    match *value {
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

/// The bytes with the trailing zeros that the binlog leaves out.
fn padded<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CellFault> {
    let mut whole = [0; N];
    whole.get_mut(..bytes.len()).ok_or(CellFault::OutOfRange)?.copy_from_slice(bytes);
    Ok(whole)
}

fn append_set(out: &mut Vec<u8>, labels: &Labels, mask: u64) -> Result<u8, CellFault> {
    let members = labels.members(mask)?;
    let at = element::begin(out);
    for (index, member) in members.enumerate() {
        element::begin_item(out, tag::STRING, index);
        member.append(out);
    }
    element::end(out, at);
    Ok(tag::ARRAY)
}

fn append_joined_set(out: &mut Vec<u8>, labels: &Labels, mask: u64) -> Result<u8, CellFault> {
    let members = labels.members(mask)?;
    let at = element::begin_string(out);
    for (index, member) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(labels::text(member));
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
