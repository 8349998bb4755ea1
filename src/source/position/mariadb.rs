//! MariaDB's position: the last transaction of each domain, with file and offset beside it.
//!
//! `gtid_binlog_pos` runs ahead of visibility: a transaction enters it when it is written to the binlog, before others
//! can see what it did. Seen to lose rows of a copy that began there. So a copy begins at the place that belongs to a
//! consistent snapshot: what the snapshot shows is at or before it, what it does not show is behind it.

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{
    super::{
        Connector,
        answer::cell,
        ask::Ask,
        connect::timed,
        error::{ServerAnswer, SourceError},
        literal,
    },
    LIMIT, no_binlog, status, verify,
};
use crate::{
    model::{
        fault::Fault,
        gtid::{DomainGtid, DomainPosition, GtidPosition},
        position::Position,
    },
    source::{answer::named, position::dump},
};

/// What the server says of its transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
struct History {
    identity: String,
    /// The last transaction of each domain and server id in the binlog, purged files included.
    state: Vec<DomainGtid>,
}

/// Reads the position: everything committed before the call is at or before it, and maybe more.
pub(super) async fn current(connection: &mut Conn) -> Result<Position, SourceError> {
    let server_uuid = identity(connection).await?;
    let status = status(connection).await?.ok_or_else(no_binlog)?;
    let text = one_text(connection, "SELECT @@GLOBAL.gtid_binlog_pos").await?;
    Ok(Position {
        gtid_set: Some(GtidPosition::Mariadb(domains(&text)?)),
        file: named(&status, "File")?,
        offset: named(&status, "Position")?,
        server_uuid,
        anchor: None,
        open_xa: None,
    })
}

/// Reads the position that a snapshot taken now belongs to.
pub(super) async fn snapshot_start(connection: &mut Conn) -> Result<Position, SourceError> {
    let server_uuid = identity(connection).await?;
    let seen = open_snapshot(connection).await?;
    timed(LIMIT, connection.query_drop("ROLLBACK")).await?;
    let (file, offset) = seen.ok_or_else(no_binlog)?;
    let position = position_at(connection, &file, offset).await?;
    Ok(Position {
        gtid_set: Some(GtidPosition::Mariadb(position)),
        file,
        offset,
        server_uuid,
        anchor: None,
        open_xa: None,
    })
}

/// Begins a transaction with a consistent snapshot; answers with the file and offset that belong to it, or nothing
/// where the binlog is off. Reads on the connection are of that snapshot until the transaction ends.
pub(in crate::source) async fn open_snapshot(
    connection: &mut impl Ask,
) -> Result<Option<(String, u64)>, SourceError> {
    let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
    timed(LIMIT, connection.ask(begin)).await?;
    let rows = timed(LIMIT, connection.ask("SHOW STATUS LIKE 'binlog_snapshot_%'")).await?;
    let (mut file, mut offset) = (String::new(), 0);
    for row in &rows {
        match cell::<String>(row, 0)?.to_ascii_lowercase().as_str() {
            "binlog_snapshot_file" => file = cell(row, 1)?,
            "binlog_snapshot_position" => offset = cell(row, 1)?,
            _ => {}
        }
    }
    Ok((!file.is_empty()).then_some((file, offset)))
}

/// The position at a place in the binlog. A server without an index of its binlog (before 11.4) reads the file for it.
pub(in crate::source) async fn position_at(
    connection: &mut impl Ask,
    file: &str,
    offset: u64,
) -> Result<DomainPosition, SourceError> {
    let sql = format!("SELECT BINLOG_GTID_POS({}, {offset})", literal::of_text(file));
    let rows = timed(LIMIT, connection.ask(&sql)).await?;
    let text = rows.first().map(|row| cell::<Option<String>>(row, 0)).transpose()?.flatten();
    let text = text.ok_or_else(|| {
        SourceError::Unexpected(format!("it does not know the position at {file}:{offset}"))
    })?;
    domains(&text)
}

/// What tells this server from others: its id, and where the version has it the hash that it makes of its machine.
pub(in crate::source) async fn identity(connection: &mut impl Ask) -> Result<String, SourceError> {
    let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_id', 'server_uid')";
    let rows = timed(LIMIT, connection.ask(sql)).await?;
    let (mut id, mut hash) = (String::new(), String::new());
    for row in &rows {
        match cell::<String>(row, 0)?.to_ascii_lowercase().as_str() {
            "server_id" => id = cell(row, 1)?,
            _ => hash = cell(row, 1)?,
        }
    }
    Ok(if hash.is_empty() { id } else { format!("{id}/{hash}") })
}

async fn one_text(connection: &mut Conn, sql: &str) -> Result<String, SourceError> {
    let row: Option<Row> = timed(LIMIT, connection.query_first(sql)).await?;
    let row = row.ok_or_else(|| SourceError::Unexpected("no row".to_owned()))?;
    Ok(cell::<Option<String>>(&row, 0)?.unwrap_or_default())
}

fn domains(text: &str) -> Result<DomainPosition, SourceError> {
    text.parse()
        .map_err(|error| SourceError::Unexpected(format!("a GTID position that is none: {error}")))
}

/// The state names a domain once for each server id that wrote to it.
fn state(text: &str) -> Result<Vec<DomainGtid>, SourceError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let gtids: Result<Vec<DomainGtid>, _> = parts.map(str::parse).collect();
    gtids.map_err(|error| SourceError::Unexpected(format!("a GTID state that is none: {error}")))
}

/// Sees that a stream can go on at `position` without a gap.
pub(super) async fn check(
    connector: &Connector,
    connection: &mut Conn,
    position: &Position,
) -> Result<(), Fault> {
    let identity = identity(connection).await?;
    let files = verify::log_files(connection).await?;
    let ours = match &position.gtid_set {
        Some(GtidPosition::Mariadb(ours)) => ours,
        Some(GtidPosition::Mysql(_)) => {
            let reason = "the saved position is a GTID set of MySQL's, and the source is MariaDB";
            return Err(verify::lost(position, reason.to_owned()));
        }
        None => {
            return verify::by_file(position, &identity, &files)
                .map_err(|reason| verify::lost(position, reason));
        }
    };
    let text = one_text(connection, "SELECT @@GLOBAL.gtid_binlog_state").await?;
    let history = History { identity, state: state(&text)? };
    // What is known behind an open XA transaction is passed over when it comes again, so it must be there.
    let covered = match position.covered() {
        Some(GtidPosition::Mariadb(covered)) => covered,
        _ => ours,
    };
    compare(position, covered, &history).map_err(|reason| verify::lost(position, reason))?;
    if let Some(answer) = dump::refusal(connector, ours).await? {
        return Err(verify::lost(position, refused(ours, &answer)));
    }
    let is_same = position.server_uuid == history.identity;
    match position.anchor.as_ref().filter(|_| is_same) {
        Some(anchor) => verify::find_anchor(connector, position, anchor, &files).await,
        None => Ok(()),
    }
}

/// Whether the server knows the last transaction of each of our domains.
fn compare(position: &Position, ours: &DomainPosition, history: &History) -> Result<(), String> {
    let knows = |gtid: &DomainGtid| {
        history.state.iter().any(|known| {
            (known.domain, known.server) == (gtid.domain, gtid.server)
                && known.sequence >= gtid.sequence
        })
    };
    let unknown: DomainPosition = ours.iter().filter(|gtid| !knows(gtid)).copied().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(if position.server_uuid == history.identity {
        format!(
            "the source no longer knows transactions that were copied (up to {unknown}): its history was reset, or it was \
             restored from an older backup"
        )
    } else {
        format!(
            "the source is another server ({} instead of {}) and lacks transactions that were copied (up to {unknown})",
            history.identity, position.server_uuid
        )
    })
}

/// What a refused dump means: the numbers are known, so what is asked for is no longer, or not, in the files.
fn refused(ours: &DomainPosition, answer: &ServerAnswer) -> String {
    match answer.message.contains("purged") {
        true => {
            format!("the source has purged transactions behind {ours} that were not copied yet")
        }
        false => format!("the source does not have the position {ours} in its binlog: {answer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ours: &str, known: &str, saved_of: &str) -> Result<(), String> {
        let history = History { identity: "1/a".to_owned(), state: state(known).unwrap() };
        let position = Position { server_uuid: saved_of.to_owned(), ..Position::default() };
        compare(&position, &ours.parse().unwrap(), &history)
    }

    #[test]
    fn a_position_inside_the_history_is_an_ordinary_start() {
        let known = "0-99-13,0-1-18,7-1-1,7-99-2";
        assert_eq!(told("0-1-18,7-99-2", known, "1/a"), Ok(()));
        assert_eq!(told("0-99-13", known, "2/b"), Ok(()), "after a failover");
        assert_eq!(told("", "", "1/a"), Ok(()));
        assert_eq!(told("", known, "1/a"), Ok(()));
    }

    #[test]
    fn a_reset_history_and_another_server_are_told_apart() {
        let reset = told("0-1-18", "0-1-3", "1/a").unwrap_err();
        assert!(reset.contains("history was reset") && reset.contains("0-1-18"), "{reset}");
        let emptied = told("0-1-18", "", "1/a").unwrap_err();
        assert!(emptied.contains("history was reset"), "{emptied}");
        let other = told("0-1-18,3-1-2", "0-1-18", "2/b").unwrap_err();
        assert!(other.contains("another server") && other.contains("up to 3-1-2)"), "{other}");
        assert!(told("0-2-18", "0-1-18", "1/a").is_err(), "the number alone does not tell");
    }

    #[test]
    fn a_refused_dump_tells_what_was_purged() {
        let message = "Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old \
                       and required binlog files have been purged.";
        let answer = ServerAnswer { code: 1236, message: message.to_owned() };
        assert!(
            refused(&"0-1-3".parse().unwrap(), &answer)
                .contains("purged transactions behind 0-1-3")
        );
    }
}
