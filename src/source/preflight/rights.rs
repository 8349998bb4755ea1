//! What this user may do, found by trying, since grants may come through roles, wildcards and partial revokes.

use std::{collections::BTreeMap, time::Duration};

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{SOURCE, Variables};
use crate::{
    config::Config,
    model::{
        finding::Finding,
        table::{TableName, TableSchema, quote_identifier},
    },
    source::{
        answer::{cell, named},
        connect::timed,
        error::{SourceError, is_denial},
        position,
        schema::TableFilter,
        xid,
    },
};

/// The first versions with the newer words.
const SHOW_REPLICAS_SINCE: (u16, u16, u16) = (8, 0, 22);

/// The rights for the stream, and what they let us see.
pub(super) async fn replication(
    connection: &mut Conn,
    variables: &Variables,
    config: &Config,
) -> Result<Vec<Finding>, SourceError> {
    let limit = config.source.read_timeout;
    let account = account(connection, limit).await?;
    let mut findings = place(connection, config, "REPLICATION CLIENT", &account).await?;
    match allowed(replicas(connection, variables, limit).await)? {
        None => findings.push(missing("REPLICATION SLAVE", "the binlog cannot be read", &account)),
        Some(replicas) => findings.extend(clash(&replicas, config.source.server_id)?),
    }
    if xid::recover(connection).await?.is_none() {
        findings.push(no_xa_recover(&account));
    }
    if !variables.is_on("log_replica_updates") && !variables.is_on("log_slave_updates") {
        let is_replica = allowed(upstream(connection, variables, limit).await)?;
        findings.extend(
            is_replica.filter(|yes| *yes).map(|_| unlogged_upstream("log_replica_updates")),
        );
    }
    Ok(findings)
}

/// Whether the position can be read, which takes a right, and what the server leaves out of its binlog.
pub(super) async fn place(
    connection: &mut Conn,
    config: &Config,
    right: &str,
    account: &str,
) -> Result<Vec<Finding>, SourceError> {
    match allowed(position::status(connection).await)? {
        None => Ok(vec![missing(right, "the position cannot be read", account)]),
        Some(Some(status)) => filters(&status, config),
        Some(None) => Ok(Vec::new()),
    }
}

/// Whether every table can be read in all its columns. Nothing is read.
pub(super) async fn select(
    connection: &mut Conn,
    limit: Duration,
    tables: &[TableSchema],
) -> Result<Vec<Finding>, SourceError> {
    let account = account(connection, limit).await?;
    let mut denied: BTreeMap<&str, Vec<&TableName>> = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT * FROM {} LIMIT 0", table.name.quoted());
        if allowed(timed(limit, connection.query_drop(sql)).await)?.is_none() {
            denied.entry(&table.name.database).or_default().push(&table.name);
        }
    }
    let mut findings = Vec::new();
    for (database, names) in denied {
        let all =
            tables.iter().filter(|table| table.name.database == database).count() == names.len();
        if all {
            let scope = format!("{}.*", quote_identifier(&database.replace('_', "\\_")));
            findings.push(unreadable(database, &scope, &account));
        } else {
            findings.extend(
                names.iter().map(|name| unreadable(&name.to_string(), &name.quoted(), &account)),
            );
        }
    }
    Ok(findings)
}

/// The account that the server took us for, as GRANT writes it.
pub(super) async fn account(connection: &mut Conn, limit: Duration) -> Result<String, SourceError> {
    let row: Option<Row> = timed(limit, connection.query_first("SELECT CURRENT_USER()")).await?;
    let row = row.ok_or_else(|| SourceError::Unexpected("no row".to_owned()))?;
    Ok(quoted_account(&cell::<String>(&row, 0)?))
}

/// The host is behind the last `@`.
fn quoted_account(account: &str) -> String {
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    let quote = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    format!("{}@{}", quote(user), quote(host))
}

/// `None` where the server said that we may not.
pub(super) fn allowed<T>(answer: Result<T, SourceError>) -> Result<Option<T>, SourceError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code().is_some_and(is_denial) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn missing(right: &str, consequence: &str, account: &str) -> Finding {
    let meaning = format!("{account} lacks {right}: {consequence}");
    Finding::error("grant", right, meaning).mend(format!("GRANT {right} ON *.* TO {account};"))
}

/// Only a warning: who uses no XA transactions in two phases needs nothing.
fn no_xa_recover(account: &str) -> Finding {
    const RIGHT: &str = "XA_RECOVER_ADMIN";
    let meaning = format!(
        "{account} lacks {RIGHT}: a first copy cannot wait for the XA transactions that are prepared when it begins; if one \
         of them is committed later, its rows are missing and the stream stops there"
    );
    Finding::warning("grant", RIGHT, meaning).mend(format!("GRANT {RIGHT} ON *.* TO {account};"))
}

fn unreadable(object: &str, scope: &str, account: &str) -> Finding {
    let meaning = format!("{account} may not SELECT all columns of {object}");
    Finding::error("grant", object, meaning).mend(format!("GRANT SELECT ON {scope} TO {account};"))
}

/// Databases that the server leaves out of its binlog.
pub(super) fn filters(status: &Row, config: &Config) -> Result<Vec<Finding>, SourceError> {
    let only: String = named::<Option<String>>(status, "Binlog_Do_DB")?.unwrap_or_default();
    let without: String = named::<Option<String>>(status, "Binlog_Ignore_DB")?.unwrap_or_default();
    let filter = TableFilter::new(&config.source)?;
    let mut findings = Vec::new();
    if !only.is_empty() {
        let meaning = format!(
            "only changes of {only} are in the binlog; those of other databases would be missed in silence"
        );
        findings.push(filtered("binlog_do_db", &meaning));
    }
    if without.split(',').any(|database| !database.is_empty() && filter.matches_database(database))
    {
        let meaning =
            format!("changes of {without} are not in the binlog and would be missed in silence");
        findings.push(filtered("binlog_ignore_db", &meaning));
    }
    Ok(findings)
}

fn filtered(code: &'static str, meaning: &str) -> Finding {
    let remedy = format!("take {} out of my.cnf and restart the server", code.replace('_', "-"));
    Finding::warning(code, SOURCE, meaning).mend(remedy)
}

async fn replicas(
    connection: &mut Conn,
    variables: &Variables,
    limit: Duration,
) -> Result<Vec<Row>, SourceError> {
    let is_new = variables.version >= SHOW_REPLICAS_SINCE;
    let sql = if is_new { "SHOW REPLICAS" } else { "SHOW SLAVE HOSTS" };
    timed(limit, connection.query(sql)).await
}

/// Only a warning: the other one may be an earlier run of ours that the server has not missed yet.
pub(super) fn clash(replicas: &[Row], server_id: u32) -> Result<Option<Finding>, SourceError> {
    for replica in replicas {
        let taken = server_id != 0 && named::<u32>(replica, "Server_Id")? == server_id;
        if taken {
            let meaning = format!(
                "a replica with server id {server_id} is connected already; the server lets only one stream of an id live, so \
                 that the two would end each other, unless it is this binleaf itself"
            );
            let finding = Finding::warning("server_id", "source.server_id", meaning);
            return Ok(Some(finding.mend("source.server_id = 0 -- or another number")));
        }
    }
    Ok(None)
}

/// Whether the source is itself a replica.
async fn upstream(
    connection: &mut Conn,
    variables: &Variables,
    limit: Duration,
) -> Result<bool, SourceError> {
    let is_new = variables.version >= SHOW_REPLICAS_SINCE;
    let sql = if is_new { "SHOW REPLICA STATUS" } else { "SHOW SLAVE STATUS" };
    let rows: Vec<Row> = timed(limit, connection.query(sql)).await?;
    Ok(!rows.is_empty())
}

pub(super) fn unlogged_upstream(variable: &'static str) -> Finding {
    let meaning = "the source is a replica and does not write what it replicates to its own binlog: such changes would be \
                   missed in silence";
    Finding::error(variable, variable, meaning).mend(format!(
        "{variable} = ON -- in my.cnf; then restart the server; or copy from its own source"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_quoted_as_grant_wants_them() {
        assert_eq!(quoted_account("binleaf@%"), "'binleaf'@'%'");
        assert_eq!(quoted_account("o'b@x@10.0.0.%"), "'o''b@x'@'10.0.0.%'");
        assert_eq!(quoted_account("@localhost"), "''@'localhost'");
    }

    #[test]
    fn a_missing_right_comes_with_its_statement() {
        let finding = missing("REPLICATION SLAVE", "…", "'u'@'%'");
        assert_eq!(finding.remedy.as_deref(), Some("GRANT REPLICATION SLAVE ON *.* TO 'u'@'%';"));
    }
}
