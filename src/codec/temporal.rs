//! Dates and times: which dates exist, milliseconds since the epoch, and the ISO 8601 text forms.
//!
//! Digits below the millisecond are cut from the wall clock, which is a floor, before 1970 too.

use super::{CellFault, element::decimal};
use crate::model::{
    key::days_from_civil,
    value::{Date, DateTime, Instant, Time},
};

const DAY_MILLIS: i64 = 86_400_000;

/// Whether the date exists. A date with any zero part does not (nor does the year 0).
#[must_use]
pub const fn exists(date: Date) -> bool {
    date.year != 0 && date.day != 0 && date.day <= days_in_month(date.year, date.month)
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// Midnight UTC of the date in milliseconds since the epoch; `None` for a date that does not exist.
#[must_use]
#[inline]
pub fn date_millis(date: Date) -> Option<i64> {
    let days = exists(date).then(|| days_from_civil(date.year, date.month, date.day))?;
    Some(days * DAY_MILLIS)
}

/// The wall clock read as UTC, in milliseconds since the epoch; `None` for a date that does not exist.
///
/// # Errors
/// [`CellFault::OutOfRange`] when the time of day does not exist.
#[inline]
pub fn date_time_millis(moment: DateTime) -> Result<Option<i64>, CellFault> {
    let DateTime { date, hour, minute, second, micros } = moment;
    check_clock(u16::from(hour), 23, minute, second, micros)?;
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Ok(date_millis(date).map(|midnight| midnight + seconds * 1_000 + i64::from(micros / 1_000)))
}

/// An instant in milliseconds since the epoch; `None` for the zero timestamp.
///
/// # Errors
/// [`CellFault::OutOfRange`] when it is outside of the years 1970 to 9999 or has more than a second of microseconds.
#[inline]
pub fn instant_millis(instant: Instant) -> Result<Option<i64>, CellFault> {
    const END_OF_9999: i64 = 253_402_300_800;
    if !(0..END_OF_9999).contains(&instant.seconds) || instant.micros > 999_999 {
        return Err(CellFault::OutOfRange);
    }
    let millis = instant.seconds * 1_000 + i64::from(instant.micros / 1_000);
    Ok((!instant.is_zero()).then_some(millis))
}

fn check_clock(
    hours: u16,
    most_hours: u16,
    minutes: u8,
    seconds: u8,
    micros: u32,
) -> Result<(), CellFault> {
    let fits = hours <= most_hours && minutes <= 59 && seconds <= 59 && micros <= 999_999;
    if fits { Ok(()) } else { Err(CellFault::OutOfRange) }
}

/// Appends `YYYY-MM-DD`.
pub fn append_date(out: &mut Vec<u8>, date: Date) {
    decimal(out, u64::from(date.year), 4);
    out.push(b'-');
    decimal(out, u64::from(date.month), 2);
    out.push(b'-');
    decimal(out, u64::from(date.day), 2);
}

/// Appends `YYYY-MM-DD`, a separator, `HH:MM:SS` and the column's fractional digits.
///
/// # Errors
/// [`CellFault::OutOfRange`] when the time of day does not exist.
pub fn append_date_time(
    out: &mut Vec<u8>,
    moment: DateTime,
    separator: u8,
    digits: u8,
) -> Result<(), CellFault> {
    let DateTime { date, hour, minute, second, micros } = moment;
    check_clock(u16::from(hour), 23, minute, second, micros)?;
    append_date(out, date);
    out.push(separator);
    append_clock(out, u16::from(hour), minute, second);
    append_fraction(out, micros, digits);
    Ok(())
}

/// Appends `[-]HH:MM:SS` and the column's fractional digits; zero has no sign.
///
/// # Errors
/// [`CellFault::OutOfRange`] when a part is outside of what TIME holds.
pub fn append_time(out: &mut Vec<u8>, time: Time, digits: u8) -> Result<(), CellFault> {
    let Time { negative, hours, minutes, seconds, micros } = time;
    check_clock(hours, 838, minutes, seconds, micros)?;
    let zero = hours == 0 && minutes == 0 && seconds == 0 && micros == 0;
    if negative && !zero {
        out.push(b'-');
    }
    append_clock(out, hours, minutes, seconds);
    append_fraction(out, micros, digits);
    Ok(())
}

fn append_clock(out: &mut Vec<u8>, hours: u16, minutes: u8, seconds: u8) {
    decimal(out, u64::from(hours), 2);
    out.push(b':');
    decimal(out, u64::from(minutes), 2);
    out.push(b':');
    decimal(out, u64::from(seconds), 2);
}

fn append_fraction(out: &mut Vec<u8>, micros: u32, digits: u8) {
    if digits == 0 {
        return;
    }
    let start = out.len();
    out.push(b'.');
    decimal(out, u64::from(micros), 6);
    out.truncate(start + 1 + usize::from(digits.min(6)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn date(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    fn moment(date: Date, micros: u32) -> DateTime {
        DateTime { date, hour: 23, minute: 59, second: 58, micros }
    }

    #[test]
    fn zero_and_impossible_dates_do_not_exist() {
        for (year, month, day) in [
            (0, 0, 0),
            (0, 1, 1),
            (2020, 0, 1),
            (2020, 1, 0),
            (2021, 2, 29),
            (1900, 2, 29),
            (2020, 4, 31),
            (2020, 13, 1),
            (2020, 255, 1),
        ] {
            assert_eq!(date_millis(date(year, month, day)), None, "{year}-{month}-{day}");
        }
        assert!(exists(date(2000, 2, 29)) && exists(date(1, 1, 1)) && exists(date(9999, 12, 31)));
    }

    #[test]
    fn milliseconds_are_a_floor_before_the_epoch_too() {
        let millis = date_time_millis(moment(date(1969, 12, 31), 999_999)).unwrap().unwrap();
        assert_eq!(millis, -2_000 + 999);
        assert_eq!(instant_millis(Instant { seconds: 1, micros: 1_999 }), Ok(Some(1_001)));
        assert_eq!(instant_millis(Instant::default()), Ok(None));
    }

    #[test]
    fn impossible_clocks_are_out_of_range() {
        let late = DateTime { date: date(2020, 1, 1), hour: 24, ..DateTime::default() };
        assert_eq!(date_time_millis(late), Err(CellFault::OutOfRange));
        let long = Time { hours: 839, ..Time::default() };
        assert_eq!(append_time(&mut Vec::new(), long, 0), Err(CellFault::OutOfRange));
    }

    #[test]
    fn text_forms_have_the_digits_of_the_column() {
        let print = |digits| {
            let mut out = Vec::new();
            append_date_time(&mut out, moment(date(2020, 2, 3), 120_450), b'T', digits).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(0), "2020-02-03T23:59:58");
        assert_eq!(print(2), "2020-02-03T23:59:58.12");
        assert_eq!(print(6), "2020-02-03T23:59:58.120450");
        let mut out = Vec::new();
        let time = Time { negative: true, hours: 838, minutes: 0, seconds: 9, micros: 1 };
        append_time(&mut out, time, 6).unwrap();
        append_time(&mut out, Time { negative: true, ..Time::default() }, 0).unwrap();
        assert_eq!(out, b"-838:00:09.00000100:00:00");
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(year in 1_u16..=9999, month in 0_u8..=13, day in 0_u8..=32, micros in 0_u32..1_000_000) {
            let theirs = jiff::civil::Date::new(i16::try_from(year).unwrap(), i8::try_from(month).unwrap(), i8::try_from(day).unwrap())
                .ok()
                .map(|date| date.at(23, 59, 58, i32::try_from(micros * 1_000).unwrap()))
                .map(|moment| moment.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_microsecond().div_euclid(1_000));
            prop_assert_eq!(date_time_millis(moment(date(year, month, day), micros)).unwrap(), theirs);
        }
    }
}
