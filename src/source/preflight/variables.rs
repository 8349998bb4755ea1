//! The server's variables, as far as checks need them.

use std::{collections::HashMap, time::Duration};

use mysql_async::{Conn, Row, prelude::Queryable};

use crate::source::{answer::cell, connect::timed, error::SourceError, flavour::Flavour};

/// Asked for in one query; a server that does not know one leaves it out.
const QUERY: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'server_id', \
     'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_value_options', 'binlog_row_metadata', 'gtid_mode', \
     'binlog_expire_logs_seconds', 'binlog_expire_logs_auto_purge', 'expire_logs_days', 'innodb_native_foreign_keys', \
     'log_replica_updates', 'log_slave_updates', 'gtid_domain_id', 'gtid_strict_mode', 'gtid_slave_pos', \
     'encrypt_binlog')";

/// What the server is set to. Names are in lower case.
#[derive(Debug, Clone)]
pub(super) struct Variables {
    pub(super) version: (u16, u16, u16),
    values: HashMap<String, String>,
}

impl Variables {
    pub(super) async fn read(connection: &mut Conn, limit: Duration) -> Result<Self, SourceError> {
        let rows: Vec<Row> = timed(limit, connection.query(QUERY)).await?;
        let mut values = HashMap::new();
        for row in &rows {
            values.insert(cell::<String>(row, 0)?.to_ascii_lowercase(), cell(row, 1)?);
        }
        Ok(Self::new(values))
    }

    pub(super) fn new(values: HashMap<String, String>) -> Self {
        let version = values.get("version").map_or((0, 0, 0), |text| version(text));
        Self { version, values }
    }

    /// The value, or nothing where the server does not know the variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The family of the server; only MariaDB has domains.
    pub(super) fn flavour(&self) -> Flavour {
        match self.get("gtid_domain_id") {
            Some(_) => Flavour::Mariadb,
            None => Flavour::Mysql,
        }
    }

    /// Whether it is on. Unknown ones are not.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("ON") || value == "1")
    }

    /// The statement that sets a variable for good, where the version has one.
    pub(super) fn set(&self, name: &str, value: &str) -> String {
        if self.version >= (8, 0, 0) && self.flavour() == Flavour::Mysql {
            format!(
                "SET PERSIST {name} = '{value}'; -- then reconnect the writers: open sessions keep the old value"
            )
        } else {
            format!("SET GLOBAL {name} = '{value}'; -- and in my.cnf; then reconnect the writers")
        }
    }
}

/// `9.7.4-2` is (9, 7, 4).
fn version(text: &str) -> (u16, u16, u16) {
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .map(|digits| digits.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_mended_in_the_servers_own_words() {
        let of = |list: &[(&str, &str)]| {
            let pairs = list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Variables::new(pairs.collect()).set("binlog_format", "ROW")
        };
        assert!(of(&[("version", "9.7.4")]).starts_with("SET PERSIST binlog_format = 'ROW';"));
        assert!(of(&[("version", "5.7.44")]).starts_with("SET GLOBAL binlog_format = 'ROW';"));
        let mariadb = of(&[("version", "11.8.9-MariaDB"), ("gtid_domain_id", "0")]);
        assert!(mariadb.starts_with("SET GLOBAL binlog_format = 'ROW';"), "{mariadb}");
    }

    #[test]
    fn versions_of_distributions_are_understood() {
        assert_eq!(version("9.7.4-2"), (9, 7, 4));
        assert_eq!(version("8.0.36-28.1"), (8, 0, 36));
        assert_eq!(version("5.7.44-log"), (5, 7, 44));
        assert_eq!(version("8.4"), (8, 4, 0));
        assert_eq!(version(""), (0, 0, 0));
    }
}
