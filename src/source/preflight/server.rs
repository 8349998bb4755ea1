//! What the server is and how it is set. Pure but for the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{SOURCE, Variables, mariadb};
use crate::{
    config::Config,
    model::{finding::Finding, table::TableSchema},
    source::{answer::cell, connect::timed, error::SourceError, flavour::Flavour},
};

/// Clocks further apart than this make the lag untrue.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// Rows a second that a first copy is reckoned with; a careful guess, since the target decides.
const ROWS_PER_SECOND: u64 = 5_000;

/// A log kept for less than this is gone after an ordinary outage.
const SHORT_RETENTION_SECONDS: u64 = 86_400;

/// A server that this version does not copy from at all.
pub(super) fn unfit(variables: &Variables) -> Option<Finding> {
    let version = variables.get("version").unwrap_or_default();
    let (oldest, name) = match variables.flavour() {
        Flavour::Mysql => ((5, 7, 0), "5.7"),
        Flavour::Mariadb => ((10, 5, 0), "10.5 of MariaDB"),
    };
    if variables.version >= oldest {
        return None;
    }
    let meaning =
        format!("the source has version {version}; the oldest that binleaf reads is {name}");
    Some(Finding::error("version", SOURCE, meaning).mend("upgrade the server"))
}

/// The settings that the stream needs.
pub(super) fn settings(variables: &Variables, config: &Config) -> Vec<Finding> {
    if !variables.is_on("log_bin") {
        let meaning = "the source writes no binlog, so changes cannot be followed";
        return vec![
            Finding::error("log_bin", "log_bin", meaning)
                .mend("log_bin = binlog -- in my.cnf below [mysqld], without skip-log-bin; then restart the server"),
        ];
    }
    let mut findings = Vec::new();
    findings.extend(format(variables));
    findings.extend(row_image(variables));
    findings.extend(row_value_options(variables));
    findings.extend(row_metadata(variables));
    match variables.flavour() {
        Flavour::Mysql => findings.extend(gtid_mode(variables)),
        Flavour::Mariadb => findings.extend(mariadb::settings(variables, config)),
    }
    findings.extend(own_server_id(variables, config));
    findings
}

fn format(variables: &Variables) -> Option<Finding> {
    let value =
        variables.get("binlog_format").filter(|value| !value.eq_ignore_ascii_case("ROW"))?;
    let meaning = format!("binlog_format is {value}: the binlog holds statements instead of rows");
    Some(
        Finding::error("binlog_format", "binlog_format", meaning)
            .mend(variables.set("binlog_format", "ROW")),
    )
}

fn row_image(variables: &Variables) -> Option<Finding> {
    let value =
        variables.get("binlog_row_image").filter(|value| !value.eq_ignore_ascii_case("FULL"))?;
    let meaning = format!(
        "binlog_row_image is {value}: rows arrive without some of their columns, so an update sets the fields that it tells; \
         with nulls = \"omit\", after a change of the key, and where a default is not known, the row is read again from \
         the source, which is slower"
    );
    let finding = Finding::info("binlog_row_image", "binlog_row_image", meaning);
    Some(finding.mend(variables.set("binlog_row_image", "FULL")))
}

fn row_value_options(variables: &Variables) -> Option<Finding> {
    variables
        .get("binlog_row_value_options")
        .filter(|value| value.to_ascii_uppercase().contains("PARTIAL_JSON"))?;
    let meaning = "binlog_row_value_options has PARTIAL_JSON: changes of JSON columns arrive as differences; they are applied \
                   to the value before, and where binlog_row_image is not FULL the row is read again from the source, \
                   which is slower";
    let finding = Finding::info("binlog_row_value_options", "binlog_row_value_options", meaning);
    Some(finding.mend(variables.set("binlog_row_value_options", "")))
}

fn row_metadata(variables: &Variables) -> Option<Finding> {
    let value =
        variables.get("binlog_row_metadata").filter(|value| !value.eq_ignore_ascii_case("FULL"))?;
    let meaning = format!(
        "binlog_row_metadata is {value}: rows arrive without their columns' names; a table that is altered while binleaf is \
         behind may have to be copied again"
    );
    Some(
        Finding::warning("binlog_row_metadata", "binlog_row_metadata", meaning)
            .mend(variables.set("binlog_row_metadata", "FULL")),
    )
}

fn gtid_mode(variables: &Variables) -> Option<Finding> {
    let value = variables.get("gtid_mode").unwrap_or("OFF");
    if value.eq_ignore_ascii_case("ON") {
        return None;
    }
    let meaning = format!(
        "gtid_mode is {value}: the position is a file and an offset, which cannot be followed to another server, and a \
         history that was reset is recognised less surely"
    );
    Some(Finding::warning("gtid_mode", "gtid_mode", meaning).mend(
        "SET GLOBAL enforce_gtid_consistency = ON; then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON, one after the \
         other; and in my.cnf",
    ))
}

fn own_server_id(variables: &Variables, config: &Config) -> Option<Finding> {
    let configured = config.source.server_id;
    if configured == 0 || variables.get("server_id") != Some(configured.to_string().as_str()) {
        return None;
    }
    let meaning = format!(
        "source.server_id is {configured}, the source's own: it would send us nothing of its own"
    );
    Some(Finding::error("server_id", "source.server_id", meaning).mend("source.server_id = 0"))
}

/// Whether the binlog is kept long enough for the first copy and for an outage.
pub(super) fn retention(
    variables: &Variables,
    config: &Config,
    tables: &[TableSchema],
) -> Option<Finding> {
    let (name, seconds) = kept(variables)?;
    let rate = match config.snapshot.read_rate {
        0 => ROWS_PER_SECOND,
        limit => limit.min(ROWS_PER_SECOND),
    };
    let rows: u64 = tables.iter().map(|table| table.estimated_rows).sum();
    let needed = (rows / rate).saturating_mul(2);
    if seconds >= needed.max(SHORT_RETENTION_SECONDS) {
        return None;
    }
    let kept = humantime::format_duration(Duration::from_secs(seconds));
    let meaning = if seconds < needed {
        let copy = humantime::format_duration(Duration::from_secs(rows / rate));
        format!(
            "the binlog is kept for {kept}, and the first copy of about {rows} rows may take {copy}: its position may be gone before the stream begins"
        )
    } else {
        format!("the binlog is kept for {kept}: after a longer outage a new copy is needed")
    };
    let mended = needed.max(7 * SHORT_RETENTION_SECONDS);
    let mended = if name == "expire_logs_days" { mended.div_ceil(86_400) } else { mended };
    Some(
        Finding::warning("retention", name, meaning)
            .mend(format!("SET GLOBAL {name} = {mended}; -- and in my.cnf")),
    )
}

/// The variable that decides, and for how long; nothing where logs are kept for ever.
pub(super) fn kept(variables: &Variables) -> Option<(&'static str, u64)> {
    if variables.get("binlog_expire_logs_auto_purge").is_some()
        && !variables.is_on("binlog_expire_logs_auto_purge")
    {
        return None;
    }
    let number = |name| {
        // MariaDB tells days with a fraction.
        let whole = variables.get(name)?.split('.').next()?;
        whole.parse::<u64>().ok().filter(|value| *value > 0)
    };
    let seconds =
        number("binlog_expire_logs_seconds").map(|seconds| ("binlog_expire_logs_seconds", seconds));
    seconds.or_else(|| {
        number("expire_logs_days").map(|days| ("expire_logs_days", days.saturating_mul(86_400)))
    })
}

/// How far the server's clock is from ours.
pub(super) async fn clock(
    connection: &mut Conn,
    limit: Duration,
) -> Result<Vec<Finding>, SourceError> {
    let before = now_micros();
    let sql = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
    let row: Option<Row> = timed(limit, connection.query_first(sql)).await?;
    let after = now_micros();
    let row = row.ok_or_else(|| SourceError::Unexpected("no row".to_owned()))?;
    Ok(skew(before, after, cell(&row, 0)?).into_iter().collect())
}

/// Only what the time of the question cannot explain.
fn skew(before: i64, after: i64, theirs: i64) -> Option<Finding> {
    let (micros, direction) = if theirs > after {
        (theirs - after, "ahead of")
    } else {
        (before.saturating_sub(theirs), "behind")
    };
    let apart = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    if apart <= CLOCK_TOLERANCE {
        return None;
    }
    let apart = humantime::format_duration(Duration::from_secs(apart.as_secs()));
    let meaning = format!(
        "the source's clock is {apart} {direction} ours: the lag will be untrue by as much"
    );
    Some(Finding::warning("clock", SOURCE, meaning).mend("synchronise both machines' clocks (NTP)"))
}

fn now_micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{finding::Level, table::TableName};

    fn variables(list: &[(&str, &str)]) -> Variables {
        Variables::new(
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    fn codes(findings: &[Finding]) -> Vec<(&'static str, Level)> {
        findings.iter().map(|finding| (finding.code, finding.level)).collect()
    }

    #[test]
    fn a_well_set_server_gives_no_finding() {
        let variables = variables(&[
            ("version", "9.7.4"),
            ("log_bin", "ON"),
            ("binlog_format", "ROW"),
            ("binlog_row_image", "full"),
            ("binlog_row_value_options", ""),
            ("binlog_row_metadata", "FULL"),
            ("gtid_mode", "ON"),
            ("binlog_expire_logs_seconds", "2592000"),
        ]);
        assert!(unfit(&variables).is_none());
        assert!(settings(&variables, &Config::default()).is_empty());
        assert!(retention(&variables, &Config::default(), &[]).is_none());
    }

    #[test]
    fn every_wrong_setting_is_told_with_its_statement() {
        let variables = variables(&[
            ("version", "8.0.36"),
            ("log_bin", "ON"),
            ("server_id", "7"),
            ("binlog_format", "STATEMENT"),
            ("binlog_row_image", "MINIMAL"),
            ("binlog_row_value_options", "PARTIAL_JSON"),
            ("binlog_row_metadata", "MINIMAL"),
            ("gtid_mode", "OFF"),
        ]);
        let mut config = Config::default();
        config.source.server_id = 7;
        let findings = settings(&variables, &config);
        let expected = [
            ("binlog_format", Level::Error),
            ("binlog_row_image", Level::Info),
            ("binlog_row_value_options", Level::Info),
            ("binlog_row_metadata", Level::Warning),
            ("gtid_mode", Level::Warning),
            ("server_id", Level::Error),
        ];
        assert_eq!(codes(&findings), expected);
        assert!(findings.iter().all(|finding| finding.remedy.is_some()));
    }

    #[test]
    fn without_a_binlog_the_rest_does_not_matter() {
        let variables =
            variables(&[("version", "8.4.0"), ("log_bin", "OFF"), ("binlog_format", "MIXED")]);
        assert_eq!(codes(&settings(&variables, &Config::default())), [("log_bin", Level::Error)]);
    }

    #[test]
    fn old_versions_are_refused() {
        assert_eq!(unfit(&variables(&[("version", "5.6.51")])).unwrap().code, "version");
        let mariadb = |version| variables(&[("version", version), ("gtid_domain_id", "0")]);
        assert!(unfit(&mariadb("10.4.34-MariaDB")).unwrap().meaning.contains("10.5 of MariaDB"));
        assert!(unfit(&mariadb("10.5.9-MariaDB")).is_none());
        assert!(unfit(&mariadb("11.8.9-MariaDB-log")).is_none());
    }

    #[test]
    fn mariadb_has_no_gtid_mode_and_no_persist() {
        let variables = variables(&[
            ("version", "11.8.9-MariaDB-log"),
            ("gtid_domain_id", "0"),
            ("gtid_strict_mode", "ON"),
            ("log_bin", "ON"),
            ("binlog_format", "MIXED"),
            ("binlog_row_metadata", "NO_LOG"),
            ("expire_logs_days", "3.500000"),
        ]);
        let findings = settings(&variables, &Config::default());
        let expected = [("binlog_format", Level::Error), ("binlog_row_metadata", Level::Warning)];
        assert_eq!(codes(&findings), expected);
        assert!(findings.iter().all(|finding| {
            finding.remedy.as_ref().is_some_and(|remedy| remedy.starts_with("SET GLOBAL"))
        }));
        assert!(findings.iter().any(|finding| finding.meaning.contains("NO_LOG")));
        assert_eq!(kept(&variables), Some(("expire_logs_days", 3 * 86_400)));
    }

    #[test]
    fn retention_is_held_against_the_copy_and_against_an_outage() {
        let mut table = TableSchema {
            name: TableName::new("shop", "orders"),
            columns: Vec::new(),
            defaults: Vec::new(),
            key: None,
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            estimated_rows: 2_000_000_000,
            engine: String::new(),
            versioning: None,
        };
        let days = variables(&[("expire_logs_days", "3")]);
        let finding = retention(&days, &Config::default(), std::slice::from_ref(&table)).unwrap();
        assert!(finding.meaning.contains("first copy"), "{}", finding.meaning);
        assert!(finding.remedy.unwrap().contains("expire_logs_days = 10"));
        table.estimated_rows = 10;
        assert!(retention(&days, &Config::default(), std::slice::from_ref(&table)).is_none());
        let hour = variables(&[
            ("binlog_expire_logs_seconds", "3600"),
            ("binlog_expire_logs_auto_purge", "ON"),
        ]);
        assert!(retention(&hour, &Config::default(), &[]).unwrap().meaning.contains("outage"));
        let never = variables(&[
            ("binlog_expire_logs_seconds", "3600"),
            ("binlog_expire_logs_auto_purge", "OFF"),
        ]);
        assert!(retention(&never, &Config::default(), &[]).is_none());
    }

    #[test]
    fn clocks_are_compared_without_the_time_of_the_question() {
        assert!(skew(1_000_000, 9_000_000, 5_000_000).is_none());
        assert!(skew(0, 0, 2_000_000).is_none());
        assert!(skew(0, 0, 60_000_000).unwrap().meaning.contains("1m ahead of"));
        assert!(skew(60_000_000, 61_000_000, 0).unwrap().meaning.contains("1m behind"));
    }
}
