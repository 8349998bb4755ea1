//! What a column holds that an INSERT did not name, where the image does not say (`binlog_row_image = MINIMAL`).
//!
//! Under MINIMAL the server logs what a default that is an expression gave (`CURRENT_TIMESTAMP` too) and leaves literal
//! ones out (measured on MySQL 9.7). information_schema tells those as text. A text that does not say the stored value
//! exactly is not taken: FLOAT is told with six digits, TIMESTAMP in the time zone of whoever declared it, bytes in a
//! notation of their own. Such a row is read from the table instead.

use crate::{
    codec::decimal,
    model::{
        table::{Charset, Column, ColumnDefault, ColumnType, TableSchema},
        value::{Date, DateTime, Decimal, Instant, Text, Time, Value},
    },
};

/// A column's default, ready to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// Not known.
    Unknown,
    /// A value that borrows nothing.
    Plain(Value<'static>),
    /// Text.
    Text(Box<[u8]>, Charset),
}

impl Given {
    pub(super) fn value(&self) -> Option<Value<'_>> {
        match self {
            Self::Unknown => None,
            Self::Plain(value) => Some(*value),
            Self::Text(bytes, charset) => Some(Value::Text(Text { bytes, charset: *charset })),
        }
    }
}

/// The defaults of a table's columns.
pub(super) fn of(schema: &TableSchema) -> Box<[Given]> {
    let columns = schema.columns.iter().enumerate();
    columns.map(|(index, column)| given(column, schema.defaults.get(index))).collect()
}

fn given(column: &Column, default: Option<&Option<ColumnDefault>>) -> Given {
    let found = match default {
        Some(Some(ColumnDefault::Null)) => Some(Given::Plain(Value::Null)),
        Some(Some(ColumnDefault::Implicit)) => zero(&column.kind),
        Some(Some(ColumnDefault::Literal(text))) => literal(&column.kind, text),
        Some(None) | None => None,
    };
    found.filter(|_| !column.generated).unwrap_or(Given::Unknown)
}

/// The zero of a type (MySQL manual, "Data Type Default Values"): what a column without default that must not be NULL
/// takes where the session is not strict.
fn zero(kind: &ColumnType) -> Option<Given> {
    Some(Given::Plain(match *kind {
        ColumnType::Int { unsigned: false, .. } => Value::Int(0),
        ColumnType::Int { unsigned: true, .. } => Value::UInt(0),
        ColumnType::Float => Value::Float(0.0),
        ColumnType::Double => Value::Double(0.0),
        ColumnType::Decimal { precision, scale } => return decimal("0", precision, scale),
        ColumnType::Bit { .. } => Value::Bit(0),
        ColumnType::Year => Value::Year(0),
        ColumnType::Date => Value::Date(Date::default()),
        ColumnType::DateTime { .. } => Value::DateTime(DateTime::default()),
        ColumnType::Timestamp { .. } => Value::Timestamp(Instant::default()),
        ColumnType::Time { .. } => Value::Time(Time::default()),
        ColumnType::Char { charset, .. }
        | ColumnType::Varchar { charset, .. }
        | ColumnType::Text { charset, .. } => return Some(Given::Text(Box::default(), charset)),
        ColumnType::Binary { .. } | ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => {
            Value::Bytes(b"")
        }
        ColumnType::Enum { .. } => Value::Enum(1),
        ColumnType::Set { .. } => Value::Set(0),
        _ => return None,
    }))
}

fn literal(kind: &ColumnType, text: &str) -> Option<Given> {
    Some(Given::Plain(match kind {
        ColumnType::Int { unsigned: false, .. } => Value::Int(text.parse().ok()?),
        ColumnType::Int { unsigned: true, .. } => Value::UInt(text.parse().ok()?),
        ColumnType::Decimal { precision, scale } => return decimal(text, *precision, *scale),
        ColumnType::Year => Value::Year(text.parse().ok()?),
        ColumnType::Bit { .. } => {
            let digits = text.strip_prefix("b'")?.strip_suffix('\'')?;
            Value::Bit(u64::from_str_radix(digits, 2).ok()?)
        }
        ColumnType::Enum { labels } => {
            let place = labels.iter().position(|label| label == text)?;
            Value::Enum(u16::try_from(place + 1).ok()?)
        }
        ColumnType::Set { labels } => Value::Set(members(labels, text)?),
        ColumnType::Date => Value::Date(date(text)?),
        ColumnType::DateTime { .. } => Value::DateTime(date_time(text)?),
        ColumnType::Char { charset, .. } | ColumnType::Varchar { charset, .. } => {
            let is_same = text.is_ascii() && is_like_ascii(*charset);
            return is_same.then(|| Given::Text(text.as_bytes().into(), *charset));
        }
        _ => return None,
    }))
}

fn decimal(text: &str, precision: u8, scale: u8) -> Option<Given> {
    if precision > Decimal::MAX_PRECISION {
        return None;
    }
    let padded = match (text.contains('.'), scale) {
        (false, 1..) => format!("{text}.{}", "0".repeat(usize::from(scale))),
        _ => text.to_owned(),
    };
    decimal::parse(&padded, scale).ok().map(|decimal| Given::Plain(Value::Decimal(decimal)))
}

/// Whether ASCII letters are the same bytes in it, of those charsets of which that is sure.
const fn is_like_ascii(charset: Charset) -> bool {
    matches!(charset, Charset::Utf8 | Charset::Latin1 | Charset::Ascii)
}

fn members(labels: &[String], text: &str) -> Option<u64> {
    if text.is_empty() {
        return Some(0);
    }
    text.split(',').try_fold(0_u64, |mask, member| {
        let bit = u32::try_from(labels.iter().position(|label| label == member)?).ok()?;
        Some(mask | 1_u64.checked_shl(bit)?)
    })
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date =
        Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
    parts.next().is_none().then_some(date)
}

fn date_time(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once(' ')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let micros = format!("{fraction:0<6}").parse().ok().filter(|_| fraction.len() <= 6)?;
    Some(DateTime { date: date(day)?, hour, minute, second, micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &ColumnType, text: &str, expected: Option<Value<'_>>) {
        let given = literal(kind, text).unwrap_or(Given::Unknown);
        assert_eq!(given.value(), expected, "{kind:?} {text}");
    }

    #[test]
    fn literals_are_read_as_the_server_stores_them() {
        let int = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
        check(&int, "-5", Some(Value::Int(-5)));
        check(&int, "x", None);
        let money = ColumnType::Decimal { precision: 6, scale: 2 };
        let exact = Decimal { negative: false, coefficient: 150, scale: 2 };
        check(&money, "1.50", Some(Value::Decimal(exact)));
        check(&ColumnType::Bit { bits: 4 }, "b'101'", Some(Value::Bit(5)));
        let labels = vec!["q".to_owned(), "w".to_owned()];
        check(&ColumnType::Enum { labels: labels.clone() }, "w", Some(Value::Enum(2)));
        check(&ColumnType::Set { labels: labels.clone() }, "q,w", Some(Value::Set(3)));
        check(&ColumnType::Set { labels }, "q,e", None);
        let date = Date { year: 2020, month: 1, day: 2 };
        check(&ColumnType::Date, "2020-01-02", Some(Value::Date(date)));
        let moment = DateTime { date, hour: 3, minute: 4, second: 5, micros: 120_000 };
        let kind = ColumnType::DateTime { digits: 2 };
        check(&kind, "2020-01-02 03:04:05.12", Some(Value::DateTime(moment)));
    }

    #[test]
    fn what_a_text_does_not_say_exactly_is_not_taken() {
        let latin1 = ColumnType::Varchar { charset: Charset::Latin1, max_bytes: 10 };
        let text = Value::Text(Text { bytes: b"x", charset: Charset::Latin1 });
        check(&latin1, "x", Some(text));
        check(&latin1, "\u{e9}", None);
        check(&ColumnType::Float, "0.123457", None);
        check(&ColumnType::Timestamp { digits: 0 }, "2020-01-01 00:00:00", None);
        check(&ColumnType::Binary { length: 3 }, "0x6162", None);
    }

    #[test]
    fn a_column_without_default_takes_the_zero_of_its_type() {
        let money = ColumnType::Decimal { precision: 6, scale: 2 };
        let exact = Decimal { negative: false, coefficient: 0, scale: 2 };
        assert_eq!(zero(&money), Some(Given::Plain(Value::Decimal(exact))));
        assert_eq!(zero(&ColumnType::Json), None);
    }
}
