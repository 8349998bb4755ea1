//! Which of the two families of servers a connection leads to.

use std::time::Duration;

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{connect::timed, error::SourceError};

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
pub(super) async fn of(connection: &mut Conn) -> Result<Flavour, SourceError> {
    let sql = "SHOW GLOBAL VARIABLES LIKE 'gtid_domain_id'";
    let row: Option<Row> = timed(LIMIT, connection.query_first(sql)).await?;
    Ok(if row.is_some() { Flavour::Mariadb } else { Flavour::Mysql })
}
