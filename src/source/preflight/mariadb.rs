//! What only MariaDB has: its rights, and settings without a like in MySQL.

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{
    Variables,
    rights::{account, allowed, clash, missing, place, unlogged_upstream},
};
use crate::{
    config::{Config, TlsMode},
    model::finding::Finding,
    source::{Connector, connect::timed, error::SourceError, position::dump},
};

/// Settings that change what the stream means.
pub(super) fn settings(variables: &Variables, config: &Config) -> Vec<Finding> {
    strict_mode(variables).into_iter().chain(encryption(variables, config)).collect()
}

fn strict_mode(variables: &Variables) -> Option<Finding> {
    let value = variables.get("gtid_strict_mode")?;
    if variables.is_on("gtid_strict_mode") {
        return None;
    }
    let meaning = format!(
        "gtid_strict_mode is {value}: two servers that write to one domain at a time may give out the same numbers, and \
         then a failover cannot tell what was copied"
    );
    Some(
        Finding::info("gtid_strict_mode", "gtid_strict_mode", meaning)
            .mend(variables.set("gtid_strict_mode", "ON")),
    )
}

/// The server decrypts its binlog for whoever may read it.
fn encryption(variables: &Variables, config: &Config) -> Option<Finding> {
    let is_open = matches!(config.source.tls.mode, TlsMode::Disabled | TlsMode::Preferred);
    if !variables.is_on("encrypt_binlog") || !is_open {
        return None;
    }
    let meaning = "encrypt_binlog is ON, and the server sends its binlog decrypted over a connection that need not be \
                   encrypted";
    let finding = Finding::warning("encrypt_binlog", "source.tls.mode", meaning);
    Some(finding.mend("source.tls.mode = \"required\" -- or stricter"))
}

/// The rights for the stream, and what they let us see.
pub(super) async fn replication(
    connector: &Connector,
    connection: &mut Conn,
    variables: &Variables,
    config: &Config,
) -> Result<Vec<Finding>, SourceError> {
    let limit = config.source.read_timeout;
    let account = account(connection, limit).await?;
    let mut findings = place(connection, config, "BINLOG MONITOR", &account).await?;
    let has_binlog = variables.is_on("log_bin");
    if has_binlog && allowed(dump::is_allowed(connector.connect().await?).await)?.is_none() {
        findings.push(missing("REPLICATION SLAVE", "the binlog cannot be read", &account));
    }
    // Another right, REPLICATION MASTER ADMIN, which is too much to ask for.
    let replicas = timed(limit, connection.query::<Row, _>("SHOW SLAVE HOSTS")).await;
    if let Some(replicas) = allowed(replicas)? {
        findings.extend(clash(&replicas, config.source.server_id)?);
    }
    findings.extend(unlogged(variables));
    Ok(findings)
}

/// What it has replicated shows that it is a replica, or was one, without a right of its own.
fn unlogged(variables: &Variables) -> Option<Finding> {
    let has_replicated = variables.get("gtid_slave_pos").is_some_and(|text| !text.is_empty());
    (has_replicated && !variables.is_on("log_slave_updates"))
        .then(|| unlogged_upstream("log_slave_updates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Variables {
        let pairs = list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::new(pairs.collect())
    }

    #[test]
    fn an_encrypted_binlog_wants_an_encrypted_line() {
        let server = variables(&[("gtid_strict_mode", "ON"), ("encrypt_binlog", "ON")]);
        let mut config = Config::default();
        config.source.tls.mode = TlsMode::Preferred;
        let findings = settings(&server, &config);
        assert_eq!(findings.first().map(|finding| finding.code), Some("encrypt_binlog"));
        config.source.tls.mode = TlsMode::Required;
        assert!(settings(&server, &config).is_empty());
    }

    #[test]
    fn a_replica_that_does_not_log_is_told() {
        let pairs = [("gtid_slave_pos", "0-1-5"), ("log_slave_updates", "OFF")];
        let finding = unlogged(&variables(&pairs)).unwrap();
        assert!(finding.remedy.unwrap().contains("log_slave_updates = ON"));
        assert!(unlogged(&variables(&[("gtid_slave_pos", "")])).is_none());
        assert!(unlogged(&variables(&[pairs[0], ("log_slave_updates", "ON")])).is_none());
    }
}
