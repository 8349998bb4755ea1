//! Where the source's binlog ends now, and whether a saved position is still in it.

mod anchor;
pub(super) mod dump;
pub(super) mod mariadb;
mod verify;

use std::time::Duration;

use mysql_async::{Conn, Row, prelude::Queryable};

pub use verify::verify;

use super::{
    answer::{cell, named},
    ask::Ask,
    connect::timed,
    error::SourceError,
    flavour::{self, Flavour},
};
use crate::model::{
    gtid::{GtidPosition, GtidSet},
    position::Position,
};

/// The longest that the server may take to tell its position.
const LIMIT: Duration = Duration::from_secs(60);

/// The offset of a binlog file's first event.
const FIRST_OFFSET: u64 = 4;

/// The first version that calls it SHOW BINARY LOG STATUS; 8.4 and newer know no other name.
const BINARY_LOG_STATUS_SINCE: (u16, u16, u16) = (8, 2, 0);

/// What the server says of its transactions.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) server_uuid: String,
    /// Whether every transaction has a GTID.
    pub(super) has_gtids: bool,
    pub(super) executed: GtidSet,
    pub(super) purged: GtidSet,
}

/// Reads the source's position: everything committed before the call is at or before it.
///
/// The GTID set is `@@gtid_executed`, which a transaction enters after its commit is visible; file and offset may be ahead
/// of that. MariaDB's `gtid_binlog_pos` may be ahead too.
///
/// # Errors
/// When the source does not answer, has no binlog, or refuses (REPLICATION CLIENT is needed).
pub async fn current(connection: &mut Conn) -> Result<Position, SourceError> {
    match flavour::of(connection).await? {
        Flavour::Mysql => current_of_mysql(connection).await,
        Flavour::Mariadb => mariadb::current(connection).await,
    }
}

async fn current_of_mysql(connection: &mut Conn) -> Result<Position, SourceError> {
    let history = history(connection).await?;
    let status = status(connection).await?.ok_or_else(no_binlog)?;
    Ok(Position {
        gtid_set: history.has_gtids.then_some(GtidPosition::Mysql(history.executed)),
        file: named(&status, "File")?,
        offset: named(&status, "Position")?,
        server_uuid: history.server_uuid,
        anchor: None,
        open_xa: None,
    })
}

/// Reads the position at which a stream must start so that it has everything that a read begun after this call may miss.
///
/// Without GTIDs that is the beginning of the current file: a transaction may be in the file before its commit is
/// visible, but a file is only left when the commits in it are done. On MariaDB it is the place of a consistent snapshot.
///
/// # Errors
/// As [`current`].
pub async fn snapshot_start(connection: &mut Conn) -> Result<Position, SourceError> {
    if flavour::of(connection).await? == Flavour::Mariadb {
        return mariadb::snapshot_start(connection).await;
    }
    let mut position = current_of_mysql(connection).await?;
    if position.gtid_set.is_none() {
        position.offset = FIRST_OFFSET;
    }
    Ok(position)
}

/// What tells the server from others: file and offset mean something on that one only.
///
/// # Errors
/// When the source does not answer.
pub(in crate::source) async fn identity(connection: &mut impl Ask) -> Result<String, SourceError> {
    match flavour::of(connection).await? {
        Flavour::Mysql => Ok(history(connection).await?.server_uuid),
        Flavour::Mariadb => mariadb::identity(connection).await,
    }
}

/// The row of SHOW BINARY LOG STATUS; `None` where the binlog is off.
pub(super) async fn status(connection: &mut Conn) -> Result<Option<Row>, SourceError> {
    let is_new = connection.server_version() >= BINARY_LOG_STATUS_SINCE;
    let sql = if is_new && flavour::of(connection).await? == Flavour::Mysql {
        "SHOW BINARY LOG STATUS"
    } else {
        "SHOW MASTER STATUS"
    };
    timed(LIMIT, connection.query_first(sql)).await
}

pub(in crate::source) fn no_binlog() -> SourceError {
    SourceError::Setting(
        "the source writes no binlog: start it with --log-bin, or without --skip-log-bin"
            .to_owned(),
    )
}

pub(super) async fn history(connection: &mut impl Ask) -> Result<History, SourceError> {
    let sql = "SELECT @@GLOBAL.server_uuid, @@GLOBAL.gtid_mode, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged";
    let rows = timed(LIMIT, connection.ask(sql)).await?;
    let row =
        rows.into_iter().next().ok_or_else(|| SourceError::Unexpected("no row".to_owned()))?;
    Ok(History {
        server_uuid: cell(&row, 0)?,
        has_gtids: cell::<String>(&row, 1)?.eq_ignore_ascii_case("ON"),
        executed: gtid_set(&row, 2)?,
        purged: gtid_set(&row, 3)?,
    })
}

fn gtid_set(row: &Row, index: usize) -> Result<GtidSet, SourceError> {
    let text: String = cell(row, index)?;
    text.parse()
        .map_err(|error| SourceError::Unexpected(format!("a GTID set that is none: {error}")))
}
