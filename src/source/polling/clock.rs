//! The source's clock as a timestamp column shows it.

use jiff::{Timestamp, tz::TimeZone};
use mysql_async::{Conn, Row, prelude::Queryable};

use crate::{
    model::{poll::ClockReading, table::ColumnType},
    source::{answer::cell, connect::timed, error::SourceError},
};

/// The zone of the wall clock that a DATETIME column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// The source's own (`@@GLOBAL.time_zone`), which NOW() goes by where a session sets no other.
    OfSource,
    /// One that the settings name.
    Named(TimeZone),
}

/// The wall clock of the source's zone, and UTC; without tables of time zones a named one is NULL.
const QUERY: &str =
    "SELECT UTC_TIMESTAMP(6), CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', @@GLOBAL.time_zone)";

/// Reads the clocks on a connection whose session is in UTC.
///
/// # Errors
/// When the source does not answer.
pub async fn read_clock(
    connection: &mut Conn,
    kind: &ColumnType,
    zone: &Zone,
    limit: std::time::Duration,
) -> Result<ClockReading, SourceError> {
    let row: Option<Row> = timed(limit, connection.query_first(QUERY)).await?;
    let local = Timestamp::now().as_microsecond();
    let row = row.ok_or_else(|| SourceError::Unexpected("no row".to_owned()))?;
    let utc = micros(&row, 0)?.ok_or_else(|| SourceError::Unexpected("no clock".to_owned()))?;
    let source = match (kind, zone) {
        (ColumnType::Timestamp { .. }, _) => utc,
        (_, Zone::OfSource) => micros(&row, 1)?.unwrap_or(utc),
        (_, Zone::Named(zone)) => on_the_wall(utc, zone),
    };
    Ok(ClockReading { source, local })
}

/// What a clock on a wall of this zone shows, counted as if that were UTC.
fn on_the_wall(utc: i64, zone: &TimeZone) -> i64 {
    let instant = Timestamp::from_microsecond(utc).unwrap_or_default();
    utc + i64::from(zone.to_offset(instant).seconds()) * 1_000_000
}

/// A DATETIME(6) of an answer, counted from 1970.
fn micros(row: &Row, index: usize) -> Result<Option<i64>, SourceError> {
    let value: Option<mysql_async::Value> = cell(row, index)?;
    let text = match value {
        None | Some(mysql_async::Value::NULL) => return Ok(None),
        Some(mysql_async::Value::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Some(mysql_async::Value::Date(year, month, day, hour, minute, second, micros)) => {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
        }
        Some(_) => return Err(SourceError::Unexpected("a clock of another type".to_owned())),
    };
    crate::model::poll::micros_of_stamp(&text)
        .map(Some)
        .ok_or_else(|| SourceError::Unexpected("a clock that cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_loses_an_hour_in_autumn() {
        let zone = crate::config::parse_zone("Europe/Berlin").unwrap();
        let before: Timestamp = "2026-10-25T00:59:00Z".parse().unwrap();
        let after: Timestamp = "2026-10-25T01:01:00Z".parse().unwrap();
        let at = |utc: Timestamp| {
            let utc = utc.as_microsecond();
            ClockReading { source: on_the_wall(utc, &zone), local: utc }
        };
        let (before, after) = (at(before), at(after));
        assert_eq!(before.source - before.local, 7_200_000_000);
        assert_eq!(after.step_back_since(&before, None), 3_600_000_000);
    }
}
