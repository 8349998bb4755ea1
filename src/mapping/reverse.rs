//! From a document's identity back to the key of its row, so that the source can be asked whether the row is there.
//!
//! Keys are told losslessly, so a value of BSON comes from one key at most; but what is no image of any key is told
//! apart only as far as its type and form go. So the answer is a question to ask, not a proof: the row that the source
//! finds is mapped forward again, and only a row with just this identity counts.

use std::net::{Ipv4Addr, Ipv6Addr};

use bson::{RawBsonRef, RawDocument, raw::RawElement, spec::BinarySubtype};

use super::plan::{Plan, Shape};
use crate::{
    codec::decimal128,
    model::{
        key::{Cursor, SqlValue, civil_from_days, hex},
        table::{Charset, ColumnType},
        value::{Date, DateTime},
    },
};

impl Plan {
    /// The columns of the key as positions in the table, in the order of [`Plan::key_of`]; none for a table whose rows
    /// are told apart by a hash.
    #[must_use]
    pub fn key_columns(&self) -> Vec<usize> {
        let parts = self.columns.iter().enumerate();
        let mut places: Vec<(usize, usize)> = parts
            .filter_map(|(column, planned)| Some((planned.part.as_ref()?.place, column)))
            .collect();
        places.sort_unstable();
        places.into_iter().map(|(_, column)| column).collect()
    }

    /// The key of the row that a document with this identity (`{_id: …}`, or its key fields) would be of. `None` when
    /// no row of the table has it.
    #[must_use]
    pub fn key_of(&self, identity: &RawDocument) -> Option<Cursor> {
        match &self.shape {
            Shape::Scalar => self.values(identity, &[b"_id\0"[..].into()]),
            Shape::Composite(names) => match identity.get("_id").ok()?? {
                RawBsonRef::Document(id) => self.values(id, names),
                _ => None,
            },
            Shape::Fields(names) => self.values(identity, names),
            Shape::Hash { .. } => None,
        }
    }

    /// The same of the bytes of such a document.
    #[must_use]
    pub fn key_of_filter(&self, filter: &[u8]) -> Option<Cursor> {
        self.key_of(RawDocument::from_bytes(filter).ok()?)
    }

    /// The values of just these fields in just this order.
    fn values(&self, document: &RawDocument, names: &[Box<[u8]>]) -> Option<Cursor> {
        let columns = self.key_columns();
        let elements: Vec<RawElement<'_>> =
            document.iter_elements().collect::<Result<_, _>>().ok()?;
        if elements.len() != columns.len() {
            return None;
        }
        let value = |element: &RawElement<'_>, name: &[u8], column: &usize| {
            let is_named = name.strip_suffix(b"\0") == Some(element.key().as_str().as_bytes());
            let kind = &self.schema().columns.get(*column)?.kind;
            value_of(kind, element.value().ok()?).filter(|_| is_named)
        };
        let fields = elements.iter().zip(names).zip(&columns);
        fields.map(|((element, name), column)| value(element, name, column)).collect()
    }
}

/// What a column of this type holds where its key codec, under whatever settings, tells this; `None` where it tells
/// nothing like it.
fn value_of(kind: &ColumnType, value: RawBsonRef<'_>) -> Option<SqlValue> {
    match kind {
        ColumnType::Int { bytes: 8, unsigned: true, .. } | ColumnType::Bit { .. } => {
            unsigned(value).map(SqlValue::UInt)
        }
        ColumnType::Int { .. } => signed(value).map(SqlValue::Int),
        ColumnType::Year => u64::try_from(signed(value)?).ok().map(SqlValue::UInt),
        ColumnType::Float => single(value.as_f64()?).map(SqlValue::Float),
        ColumnType::Double => value.as_f64().map(SqlValue::Double),
        ColumnType::Decimal { .. } => decimal(value).map(SqlValue::Literal),
        ColumnType::Time { .. } => plain(value.as_str()?).map(SqlValue::Literal),
        ColumnType::Date => day(value).map(SqlValue::Literal),
        ColumnType::DateTime { .. } | ColumnType::Timestamp { .. } => {
            moment(value).map(SqlValue::Literal)
        }
        ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Text { .. } => {
            let hex = hex(value.as_str()?.as_bytes());
            Some(SqlValue::Text { hex, charset: Charset::Utf8 })
        }
        ColumnType::Binary { .. }
        | ColumnType::Varbinary { .. }
        | ColumnType::Blob { .. }
        | ColumnType::Uuid => binary(value),
        ColumnType::Inet4 | ColumnType::Inet6 => address(kind, value.as_str()?),
        ColumnType::Enum { labels } => index(labels, value.as_str()?).map(SqlValue::UInt),
        ColumnType::Set { labels } => mask(labels, value.as_str()?).map(SqlValue::UInt),
        // None of these can be a part of a key.
        ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector { .. }
        | ColumnType::Unsupported { .. } => None,
    }
}

fn signed(value: RawBsonRef<'_>) -> Option<i64> {
    value.as_i32().map(i64::from).or(value.as_i64())
}

fn decimal(value: RawBsonRef<'_>) -> Option<String> {
    match value {
        RawBsonRef::Decimal128(number) => Some(decimal128::decode(number.bytes())?.to_string()),
        value => plain(value.as_str()?),
    }
}

fn binary(value: RawBsonRef<'_>) -> Option<SqlValue> {
    let binary = value.as_binary()?;
    let is_ours = matches!(binary.subtype, BinarySubtype::Generic | BinarySubtype::Uuid);
    is_ours.then(|| SqlValue::Bytes { hex: hex(binary.bytes) })
}

fn address(kind: &ColumnType, text: &str) -> Option<SqlValue> {
    let hex = match kind {
        ColumnType::Inet4 => hex(&text.parse::<Ipv4Addr>().ok()?.octets()),
        _ => hex(&text.parse::<Ipv6Addr>().ok()?.octets()),
    };
    Some(SqlValue::Bytes { hex })
}

fn unsigned(value: RawBsonRef<'_>) -> Option<u64> {
    match value {
        RawBsonRef::Boolean(bit) => Some(u64::from(bit)),
        RawBsonRef::Int64(number) => u64::try_from(number).ok(),
        RawBsonRef::Decimal128(number) => {
            let decimal = decimal128::decode(number.bytes())?;
            let is_whole = decimal.scale == 0 && !decimal.negative;
            u64::try_from(decimal.coefficient).ok().filter(|_| is_whole)
        }
        _ => None,
    }
}

/// The float that widens to just this double.
fn single(number: f64) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what does not fit is found out by the way back"
    )]
    let narrow = number as f32;
    (f64::from(narrow).to_bits() == number.to_bits()).then_some(narrow)
}

/// A text of digits, as decimals and spans of time are told.
fn plain(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_digit() || b"-.:".contains(&byte);
    (!text.is_empty() && text.bytes().all(fits)).then(|| text.to_owned())
}

fn day(value: RawBsonRef<'_>) -> Option<String> {
    let Some(at) = value.as_datetime() else { return plain(value.as_str()?) };
    let at = civil(at.timestamp_millis())?;
    let midnight = DateTime { date: at.date, ..DateTime::default() };
    (at == midnight).then(|| at.date.to_string())
}

fn moment(value: RawBsonRef<'_>) -> Option<String> {
    if let Some(at) = value.as_datetime() {
        return civil(at.timestamp_millis()).map(|at| at.to_string());
    }
    let text = value.as_str()?;
    let (day, time) = text.strip_suffix('Z').unwrap_or(text).split_once('T')?;
    Some(format!("{} {}", plain(day)?, plain(time)?))
}

/// The wall clock at so many milliseconds since 1970, in the years that a column can hold.
fn civil(millis: i64) -> Option<DateTime> {
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999)?;
    let part = |unit: i64, of: i64| u8::try_from(of_day / unit % of).ok();
    Some(DateTime {
        date: Date { year, month, day },
        hour: part(3_600_000, 24)?,
        minute: part(60_000, 60)?,
        second: part(1000, 60)?,
        micros: u32::try_from(of_day % 1000).ok()? * 1000,
    })
}

fn index(labels: &[String], label: &str) -> Option<u64> {
    let place = labels.iter().position(|known| known == label);
    match place {
        Some(place) => u64::try_from(place + 1).ok(),
        None => label.is_empty().then_some(0),
    }
}

fn mask(labels: &[String], members: &str) -> Option<u64> {
    if members.is_empty() {
        return Some(0);
    }
    members.split(',').try_fold(0_u64, |mask, member| {
        let bit = labels.iter().position(|label| label == member)?;
        Some(mask | 1_u64.checked_shl(u32::try_from(bit).ok()?)?)
    })
}
