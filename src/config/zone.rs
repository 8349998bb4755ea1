//! Time zones as settings name them.

use jiff::tz::{Offset, TimeZone};

/// A zone by its name (`Europe/Berlin`, `UTC`) or its offset (`+02:00`).
///
/// # Errors
/// Words about a name that is none.
pub fn parse_zone(name: &str) -> Result<TimeZone, String> {
    by_offset(name).or_else(|| TimeZone::get(name).ok()).ok_or_else(|| {
        "the name of a time zone is expected, such as Europe/Berlin, UTC or +02:00".to_owned()
    })
}

fn by_offset(name: &str) -> Option<TimeZone> {
    let (hours, minutes) = name.strip_prefix(['+', '-'])?.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    let signed = if name.starts_with('-') { -seconds } else { seconds };
    Some(Offset::from_seconds(signed).ok()?.to_time_zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_and_offsets() {
        for name in ["Europe/Berlin", "UTC", "+02:00", "-11:30"] {
            assert!(parse_zone(name).is_ok(), "{name}");
        }
        for name in ["Mars/Base", "", "+2x:00", "+99:00"] {
            assert!(parse_zone(name).is_err(), "{name}");
        }
    }
}
