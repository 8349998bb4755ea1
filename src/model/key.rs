//! Cell values that outlive their packet, to be bound in SQL: keyset cursors, and rows asked for again.

use serde::{Deserialize, Serialize};

use super::{
    table::{Charset, TableSchema},
    value::{Date, DateTime, Instant, Value},
};

/// A cell's value as a statement's operand. Equal rows give equal values, so that ranges can be compared by `==`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlValue {
    /// NULL.
    Null,
    /// A signed number.
    Int(i64),
    /// An unsigned number; ENUM, SET, BIT and YEAR too.
    UInt(u64),
    /// FLOAT: compared through DOUBLE, which holds every float exactly.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// A literal in quotes: DECIMAL and the temporal types. Never free text.
    Literal(String),
    /// Text in the column's charset.
    Text {
        /// The bytes in hexadecimal, so that state documents stay readable in any charset.
        hex: String,
        /// What they are encoded in.
        charset: Charset,
    },
    /// Bytes in hexadecimal.
    Bytes {
        /// The bytes.
        hex: String,
    },
}

/// The values of a key's columns in index order.
pub type Cursor = Vec<SqlValue>;

impl SqlValue {
    /// Copies a cell. `None` for JSON, which no key holds and whose binary form no operand has.
    #[must_use]
    pub fn copy(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Int(number) => Self::Int(number),
            Value::UInt(number) | Value::Set(number) | Value::Bit(number) => Self::UInt(number),
            Value::Enum(number) | Value::Year(number) => Self::UInt(u64::from(number)),
            Value::Float(number) => Self::Float(number),
            Value::Double(number) => Self::Double(number),
            Value::Decimal(decimal) => Self::Literal(decimal.to_string()),
            Value::WideDecimal(text) => Self::Literal(text.to_owned()),
            Value::Text(text) => Self::Text { hex: hex(text.bytes), charset: text.charset },
            Value::Bytes(bytes) | Value::Geometry(bytes) => Self::Bytes { hex: hex(bytes) },
            Value::Date(date) => Self::Literal(date.to_string()),
            Value::DateTime(moment) => Self::Literal(moment.to_string()),
            Value::Timestamp(instant) => Self::Literal(DateTime::from(instant).to_string()),
            Value::Time(time) => Self::Literal(time.to_string()),
            Value::JsonBinary(_) | Value::JsonText(_) | Value::TooLarge => return None,
        })
    }
}

/// The names of a key's columns in index order.
pub fn key_names(schema: &TableSchema) -> impl Iterator<Item = &str> {
    let parts = schema.key.as_ref().map_or(&[][..], |key| &key.columns);
    parts
        .iter()
        .filter_map(|part| schema.columns.get(part.column))
        .map(|column| column.name.as_str())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl std::fmt::Display for super::value::Decimal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.coefficient, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.negative { "-" } else { "" };
        if fraction.is_empty() {
            write!(formatter, "{sign}{whole}")
        } else {
            write!(formatter, "{sign}{whole}.{fraction}")
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl std::fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { date, hour, minute, second, micros } = self;
        write!(formatter, "{date} {hour:02}:{minute:02}:{second:02}.{micros:06}")
    }
}

impl std::fmt::Display for super::value::Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(
            formatter,
            "{sign}{:02}:{:02}:{:02}.{:06}",
            self.hours, self.minutes, self.seconds, self.micros
        )
    }
}

/// Civil date of a day count since 1970-01-01, by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
#[must_use]
pub fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0))
}

/// Days since 1970-01-01 of a civil date, counted as in Howard Hinnant's `days_from_civil`: from the first of March, so
/// that the day that leap years add is a year's last.
#[must_use]
pub fn days_from_civil(year: u16, month: u8, day: u8) -> i64 {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const FIRST_OF_MARCH_OF_YEAR_0: i64 = -719_468;
    let is_of_last_year = month <= 2;
    // 400 years are added, so that no year is below zero.
    let year = u32::from(year) + 400 - u32::from(is_of_last_year);
    let shifted_month = if is_of_last_year { month + 9 } else { month - 3 };
    let days_before = (153 * u32::from(shifted_month) + 2) / 5;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + days_before + u32::from(day);
    i64::from(days) - 1 - DAYS_OF_400_YEARS + FIRST_OF_MARCH_OF_YEAR_0
}

impl From<Instant> for DateTime {
    /// The wall clock in UTC; the zero instant is the zero date.
    fn from(instant: Instant) -> Self {
        if instant.is_zero() {
            return Self::default();
        }
        let (year, month, day) = civil_from_days(instant.seconds.div_euclid(86_400));
        let second_of_day = instant.seconds.rem_euclid(86_400);
        let part = |number: i64| u8::try_from(number).unwrap_or(0);
        Self {
            date: Date { year: u16::try_from(year).unwrap_or(0), month, day },
            hour: part(second_of_day / 3_600),
            minute: part(second_of_day / 60 % 60),
            second: part(second_of_day % 60),
            micros: instant.micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::Decimal;
    use super::*;

    #[test]
    fn decimals_print_as_the_server_prints_them() {
        let print =
            |negative, coefficient, scale| Decimal { negative, coefficient, scale }.to_string();
        assert_eq!(print(true, 10, 2), "-0.10");
        assert_eq!(print(false, 0, 0), "0");
        assert_eq!(print(false, 123_456, 3), "123.456");
    }

    #[test]
    fn civil_dates_and_day_counts_are_inverse() {
        for days in -719_528..=2_932_896 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year.try_into().unwrap(), month, day), days);
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(11_016), (2000, 2, 29));
    }

    #[test]
    fn an_instant_reads_as_utc() {
        let text = DateTime::from(Instant { seconds: 1_139_979_573, micros: 20 }).to_string();
        assert_eq!(text, "2006-02-15 04:59:33.000020");
    }
}
