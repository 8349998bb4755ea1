//! Which of the two families of servers a connection leads to.

use std::time::Duration;

use super::{ask::Ask, connect::timed, error::SourceError};

/// A family of servers with a language of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// MySQL, Percona Server and what is made of them.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// The longest that the server may take to tell a variable.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks by a variable that only MariaDB has: version texts are set by whoever packs the server, or by a proxy before it.
pub(super) async fn of(connection: &mut impl Ask) -> Result<Flavour, SourceError> {
    let sql = "SHOW GLOBAL VARIABLES LIKE 'gtid_domain_id'";
    let rows = timed(LIMIT, connection.ask(sql)).await?;
    Ok(if rows.is_empty() { Flavour::Mysql } else { Flavour::Mariadb })
}
