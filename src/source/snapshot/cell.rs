//! A cell of the binary protocol as the [`Value`] that the binlog's decoder gives for the same cell (promise P2).

use crate::{
    codec::decimal,
    model::{
        key::days_from_civil,
        table::{Charset, ColumnType},
        value::{Date, DateTime, Decimal, Instant, Text, Time, Value},
    },
};

/// A cell as it was sent.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::source) enum Cell<'r> {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Bytes(&'r [u8]),
    Moment(DateTime),
    Duration { negative: bool, days: u32, hours: u8, minutes: u8, seconds: u8, micros: u32 },
}

/// Reads a cell. `None` when the server sent something else than the column's type.
pub(in crate::source) fn read<'r>(kind: &ColumnType, wire: Cell<'r>) -> Option<Value<'r>> {
    if wire == Cell::Null {
        return Some(Value::Null);
    }
    Some(match kind {
        ColumnType::Int { unsigned: false, .. } => Value::Int(signed(wire)?),
        ColumnType::Int { unsigned: true, .. } => Value::UInt(unsigned(wire)?),
        ColumnType::Float => match wire {
            Cell::Float(number) => Value::Float(number),
            _ => return None,
        },
        ColumnType::Double => match wire {
            Cell::Double(number) => Value::Double(number),
            _ => return None,
        },
        ColumnType::Decimal { precision, scale } => decimal(bytes(wire)?, *precision, *scale)?,
        ColumnType::Bit { .. } => Value::Bit(unsigned(wire)?),
        ColumnType::Set { .. } => Value::Set(unsigned(wire)?),
        ColumnType::Enum { .. } => Value::Enum(u16::try_from(unsigned(wire)?).ok()?),
        ColumnType::Year => Value::Year(u16::try_from(unsigned(wire)?).ok()?),
        ColumnType::Date => Value::Date(date_time(wire)?.date),
        ColumnType::DateTime { .. } => Value::DateTime(date_time(wire)?),
        ColumnType::Timestamp { .. } => Value::Timestamp(instant(date_time(wire)?)),
        ColumnType::Time { .. } => Value::Time(time(wire)?),
        ColumnType::Char { charset, .. }
        | ColumnType::Varchar { charset, .. }
        | ColumnType::Text { charset, .. } => text(bytes(wire)?, *charset),
        ColumnType::Binary { .. } | ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => {
            Value::Bytes(bytes(wire)?)
        }
        ColumnType::Vector { .. } | ColumnType::Uuid | ColumnType::Inet4 | ColumnType::Inet6 => {
            Value::Bytes(bytes(wire)?)
        }
        ColumnType::Json => Value::JsonText(bytes(wire)?),
        ColumnType::Geometry => Value::Geometry(bytes(wire)?),
        ColumnType::Unsupported { .. } => return None,
    })
}

fn signed(wire: Cell<'_>) -> Option<i64> {
    match wire {
        Cell::Int(number) => Some(number),
        Cell::UInt(number) => i64::try_from(number).ok(),
        _ => None,
    }
}

fn unsigned(wire: Cell<'_>) -> Option<u64> {
    match wire {
        Cell::Int(number) => u64::try_from(number).ok(),
        Cell::UInt(number) => Some(number),
        _ => None,
    }
}

const fn bytes(wire: Cell<'_>) -> Option<&[u8]> {
    match wire {
        Cell::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

const fn text(bytes: &[u8], charset: Charset) -> Value<'_> {
    Value::Text(Text { bytes, charset })
}

fn decimal(digits: &[u8], precision: u8, scale: u8) -> Option<Value<'_>> {
    let text = str::from_utf8(digits).ok()?;
    if precision <= Decimal::MAX_PRECISION {
        return decimal::parse(text, scale).ok().map(Value::Decimal);
    }
    Some(Value::WideDecimal(decimal::without_zerofill(text)))
}

const fn date_time(wire: Cell<'_>) -> Option<DateTime> {
    match wire {
        Cell::Moment(moment) => Some(moment),
        _ => None,
    }
}

/// The session's time zone is UTC. The zero timestamp is second 0, which no other one is.
fn instant(moment: DateTime) -> Instant {
    let DateTime { date, hour, minute, second, micros } = moment;
    if date == Date::default() {
        return Instant::default();
    }
    let days = days_from_civil(date.year, date.month, date.day);
    let seconds_of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Instant { seconds: days * 86_400 + seconds_of_day, micros }
}

fn time(wire: Cell<'_>) -> Option<Time> {
    match wire {
        Cell::Duration { negative, days, hours, minutes, seconds, micros } => {
            let hours = days.checked_mul(24)?.checked_add(u32::from(hours))?;
            Some(Time { negative, hours: u16::try_from(hours).ok()?, minutes, seconds, micros })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &ColumnType, cell: Cell<'_>, expected: Option<Value<'_>>) {
        assert_eq!(read(kind, cell), expected, "{kind:?}");
    }

    const fn moment(year: u16, month: u8, day: u8) -> DateTime {
        let date = Date { year, month, day };
        DateTime { date, hour: 0, minute: 0, second: 0, micros: 0 }
    }

    #[test]
    fn numbers() {
        let big = ColumnType::Int { bytes: 8, unsigned: true, boolean: false };
        let small = ColumnType::Int { bytes: 1, unsigned: false, boolean: true };
        check(&big, Cell::UInt(u64::MAX), Some(Value::UInt(u64::MAX)));
        check(&big, Cell::Int(5), Some(Value::UInt(5)));
        check(&big, Cell::Int(-5), None);
        check(&small, Cell::Int(-1), Some(Value::Int(-1)));
        check(&small, Cell::Null, Some(Value::Null));
        check(&ColumnType::Float, Cell::Float(0.1), Some(Value::Float(0.1)));
        check(&ColumnType::Year, Cell::Int(0), Some(Value::Year(0)));
        let labels = ColumnType::Enum { labels: Vec::new() };
        check(&labels, Cell::UInt(0), Some(Value::Enum(0)));
        check(&labels, Cell::Bytes(b"a"), None);
    }

    #[test]
    fn decimals_are_exact_or_the_server_s_own_text() {
        let wire = Cell::Bytes(b"-0.10");
        let exact = Decimal { negative: true, coefficient: 10, scale: 2 };
        let narrow = ColumnType::Decimal { precision: 34, scale: 2 };
        check(&narrow, wire, Some(Value::Decimal(exact)));
        let wide = ColumnType::Decimal { precision: 35, scale: 2 };
        check(&wide, wire, Some(Value::WideDecimal("-0.10")));
        check(&narrow, Cell::Bytes(b"1"), None);
    }

    #[test]
    fn moments_are_read_part_by_part() {
        let wire = Cell::Moment(DateTime {
            hour: 4,
            minute: 59,
            second: 33,
            micros: 20,
            ..moment(2006, 2, 15)
        });
        let seconds = 1_139_979_573;
        let stamp = ColumnType::Timestamp { digits: 6 };
        check(&stamp, wire, Some(Value::Timestamp(Instant { seconds, micros: 20 })));
        let zero = Cell::Moment(moment(0, 0, 0));
        check(&stamp, zero, Some(Value::Timestamp(Instant::default())));
        check(&ColumnType::Date, zero, Some(Value::Date(Date::default())));
        let partial = Cell::Moment(moment(2020, 2, 0));
        let date = Date { year: 2020, month: 2, day: 0 };
        check(&ColumnType::Date, partial, Some(Value::Date(date)));
        check(&ColumnType::Date, Cell::Int(1), None);
    }

    #[test]
    fn a_time_of_many_hours_keeps_its_sign() {
        let (days, hours, minutes, seconds) = (34, 22, 59, 59);
        let wire = Cell::Duration { negative: true, days, hours, minutes, seconds, micros: 1 };
        let time = Time { negative: true, hours: 838, minutes: 59, seconds: 59, micros: 1 };
        check(&ColumnType::Time { digits: 6 }, wire, Some(Value::Time(time)));
    }
}
