//! What can be known of the source before the start: one list, each finding with the statement that mends it.
//!
//! A check that fails by itself becomes a finding, and the others go on. What the mapping makes of tables (keys, types,
//! names) is told by the mapping.

mod identity;
mod limits;
mod mariadb;
mod names;
mod rights;
mod server;
mod tables;
mod variables;

use std::time::Duration;

use mysql_async::Conn;

use super::{
    Connector,
    error::SourceError,
    flavour::Flavour,
    schema::{self, TableFilter},
};
use crate::{
    config::Config,
    model::{fault::Fault, finding::Finding, table::TableSchema},
};
pub use identity::Identities;
use variables::Variables;

/// The object of findings that are about the server as a whole.
const SOURCE: &str = "source";

/// What was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What concerns every way of having changes.
    pub general: Vec<Finding>,
    /// Whether the binlog can be followed at all.
    pub stream: Vec<Finding>,
    /// What matters of single tables where it is.
    pub tables: Vec<Finding>,
}

/// Checks the source against the settings and the identities that they give to documents. Writes nothing.
pub async fn run(connector: &Connector, config: &Config, identities: &Identities) -> Checked {
    let mut checked = Checked::default();
    checked.general.extend(limits::memory(config));
    checked.stream.extend(limits::temporary_files());
    match connector.connect().await {
        Err(error) => checked.general.push(no_connection(error)),
        Ok(mut connection) => {
            check(connector, &mut connection, config, identities, &mut checked).await;
            if let Err(error) = connection.disconnect().await {
                tracing::debug!(%error, "closing a connection to the source");
            }
        }
    }
    checked
}

/// For how long the source keeps its binlog; `None` where that is for ever.
///
/// # Errors
/// When the source does not answer; the connection is then not to be used again.
pub async fn binlog_kept(
    connection: &mut Conn,
    limit: Duration,
) -> Result<Option<Duration>, SourceError> {
    let variables = Variables::read(connection, limit).await?;
    Ok(server::kept(&variables).map(|(_, seconds)| Duration::from_secs(seconds)))
}

async fn check(
    connector: &Connector,
    connection: &mut Conn,
    config: &Config,
    identities: &Identities,
    checked: &mut Checked,
) {
    let Checked { general, stream, tables } = checked;
    let variables = match Variables::read(connection, config.source.read_timeout).await {
        Ok(variables) => variables,
        Err(error) => return general.push(not_checked("variables", error)),
    };
    if let Some(unfit) = server::unfit(&variables) {
        return general.push(unfit);
    }
    stream.extend(server::settings(&variables, config));
    let rights = match variables.flavour() {
        Flavour::Mysql => rights::replication(connection, &variables, config).await,
        Flavour::Mariadb => mariadb::replication(connector, connection, &variables, config).await,
    };
    match rights {
        Ok(more) => stream.extend(more),
        // What is not known stands in the way of everything; what is refused, in that of the stream.
        Err(error) if error.is_transient() => general.push(not_checked("account", error)),
        Err(error) => stream.push(not_checked("account", error)),
    }
    keep(general, "clock", server::clock(connection, config.source.read_timeout).await);
    match discover(connection, config).await {
        Err(error) => general.push(not_checked("tables", error)),
        Ok(found) => {
            check_tables(connection, config, &found, general).await;
            general.extend(tables::none(&found));
            stream.extend(server::retention(&variables, config, &found));
            tables.extend(tables::findings(&found, &variables));
            tables.extend(identity::findings(&found, &variables, identities));
        }
    }
}

/// The tables chosen.
async fn discover(connection: &mut Conn, config: &Config) -> Result<Vec<TableSchema>, SourceError> {
    schema::discover(connection, &config.source).await
}

async fn check_tables(
    connection: &mut Conn,
    config: &Config,
    found: &[TableSchema],
    findings: &mut Vec<Finding>,
) {
    keep(findings, "names", unknown_names(connection, config, found).await);
    let readable = rights::select(connection, config.source.read_timeout, found).await;
    keep(findings, "rights", readable);
}

async fn unknown_names(
    connection: &mut Conn,
    config: &Config,
    found: &[TableSchema],
) -> Result<Vec<Finding>, SourceError> {
    let filter = TableFilter::new(&config.source)?;
    let seen = names::Seen::read(connection, config, &filter).await?;
    Ok(names::findings(&seen, config, &filter, found))
}

fn keep(findings: &mut Vec<Finding>, what: &str, checked: Result<Vec<Finding>, SourceError>) {
    match checked {
        Ok(more) => findings.extend(more),
        Err(error) => findings.push(not_checked(what, error)),
    }
}

fn no_connection(error: SourceError) -> Finding {
    let code = match &error {
        SourceError::Denied { .. } => "access_denied",
        error if error.is_transient() => "unreachable",
        error => match error.root() {
            SourceError::AuthPlugin(_) => "access_denied",
            SourceError::Tls(_) | SourceError::NoTls => "tls",
            _ => "connection",
        },
    };
    of_error(code, SOURCE, error)
}

fn not_checked(what: &str, error: SourceError) -> Finding {
    of_error("not_checked", what, error)
}

fn of_error(code: &'static str, object: &str, error: SourceError) -> Finding {
    let fault = Fault::from(error);
    let finding = Finding::error(code, object, fault.chain());
    match &fault.hint {
        Some(hint) => finding.mend(hint.to_string()),
        None => finding,
    }
}
