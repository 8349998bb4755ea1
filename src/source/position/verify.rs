//! Whether the source still has everything behind a saved position.
//!
//! Told before anything is written: what was purged, a server that lacks what was copied already, another server behind
//! the address, and a history that was reset and has grown past ours since. The last one looks well by numbers alone;
//! the anchor, the last transaction applied, is read back from its place in the binlog and compared.

use mysql_async::{Conn, Row, prelude::Queryable};

use super::{
    super::{
        Connector,
        answer::named,
        connect::timed,
        error::SourceError,
        flavour::{self, Flavour},
    },
    History, LIMIT, anchor, history, mariadb,
};
use crate::model::{
    fault::{Class, Fault, Stage},
    gtid::{GtidPosition, GtidSet},
    position::{Anchor, Position, file_number},
};

const WAY_OUT: &str = "a new copy is needed: `binleaf checkpoint reset`, then `binleaf run`; with stream.on_purged = \
     \"snapshot\" binleaf does so by itself";

/// A binlog file of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFile {
    pub(super) name: String,
    pub(super) size: u64,
}

/// Sees that a stream can go on at `position` without a gap, from one of the hosts at least: connections go there then.
///
/// # Errors
/// [`Class::PositionLost`] with what was seen first when it can from none; whatever the connection says when nothing was
/// seen.
pub async fn verify(connector: &Connector, position: &Position) -> Result<(), Fault> {
    let mut first_seen = None;
    for _ in 0..connector.host_count().max(1) {
        match verify_here(connector, position).await {
            Err(fault) if fault.class == Class::PositionLost => {
                if connector.host_count() > 1 {
                    tracing::warn!(error = %fault.chain(), "this host cannot serve the position");
                }
                connector.turn_away();
                first_seen.get_or_insert(fault);
            }
            seen => return seen,
        }
    }
    first_seen.map_or(Ok(()), Err)
}

async fn verify_here(connector: &Connector, position: &Position) -> Result<(), Fault> {
    let mut connection = connector.connect().await?;
    let answer = match flavour::of(&mut connection).await? {
        Flavour::Mysql => on_mysql(connector, &mut connection, position).await,
        Flavour::Mariadb => mariadb::check(connector, &mut connection, position).await,
    };
    if let Err(error) = connection.disconnect().await {
        tracing::debug!(%error, "closing a connection to the source");
    }
    answer
}

async fn on_mysql(
    connector: &Connector,
    connection: &mut Conn,
    position: &Position,
) -> Result<(), Fault> {
    let history = history(connection).await?;
    let files = log_files(connection).await?;
    match &position.gtid_set {
        Some(GtidPosition::Mysql(ours)) => {
            by_gtid(connector, position, ours, &history, &files).await
        }
        Some(GtidPosition::Mariadb(_)) => {
            let reason = "the saved position is one of MariaDB's, and the source is not MariaDB";
            Err(lost(position, reason.to_owned()))
        }
        None => {
            by_file(position, &history.server_uuid, &files).map_err(|reason| lost(position, reason))
        }
    }
}

async fn by_gtid(
    connector: &Connector,
    position: &Position,
    ours: &GtidSet,
    history: &History,
    files: &[LogFile],
) -> Result<(), Fault> {
    compare_sets(position, ours, history).map_err(|reason| lost(position, reason))?;
    let is_same = position.server_uuid == history.server_uuid;
    // On another server of the same group file and offset say nothing.
    match position.anchor.as_ref().filter(|_| is_same) {
        Some(anchor) => find_anchor(connector, position, anchor, files).await,
        None => Ok(()),
    }
}

/// Sees that the last transaction applied is where it was.
pub(super) async fn find_anchor(
    connector: &Connector,
    position: &Position,
    anchor: &Anchor,
    files: &[LogFile],
) -> Result<(), Fault> {
    match place_of(anchor, files).map_err(|reason| lost(position, reason))? {
        Place::Gone => Ok(()),
        Place::Readable if anchor::is_there(connector, anchor).await? => Ok(()),
        Place::Readable => Err(lost(position, history_was_reset(anchor))),
    }
}

/// What the GTID sets alone say.
fn compare_sets(position: &Position, ours: &GtidSet, history: &History) -> Result<(), String> {
    if !history.has_gtids {
        return Err(
            "the source has GTIDs switched off (gtid_mode), and the saved position is a GTID set"
                .to_owned(),
        );
    }
    let purged = history.purged.subtract(ours);
    if !purged.is_empty() {
        return Err(format!(
            "the source has purged {} transactions that were not copied yet ({purged})",
            purged.count()
        ));
    }
    let ahead = ours.subtract(&history.executed);
    if ahead.is_empty() {
        return Ok(());
    }
    let count = ahead.count();
    Err(if position.server_uuid == history.server_uuid {
        format!(
            "the source no longer knows {count} transactions that were copied ({ahead}): its history was reset, or it was \
             restored from an older backup"
        )
    } else {
        format!(
            "the source is another server ({} instead of {}) and lacks {count} transactions that were copied ({ahead})",
            history.server_uuid, position.server_uuid
        )
    })
}

/// Where the anchor can be looked for.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In a file that is there.
    Readable,
    /// Its file was purged.
    Gone,
}

fn place_of(anchor: &Anchor, files: &[LogFile]) -> Result<Place, String> {
    match files.iter().find(|file| file.name == anchor.file) {
        Some(file) if file.size > anchor.offset => Ok(Place::Readable),
        Some(_) => Err(history_was_reset(anchor)),
        None if is_newer_than_all(&anchor.file, files) => Err(history_was_reset(anchor)),
        None => Ok(Place::Gone),
    }
}

/// File numbers only grow, unless the history is reset.
fn is_newer_than_all(name: &str, files: &[LogFile]) -> bool {
    files.last().is_some_and(|newest| {
        base_name(&newest.name) == base_name(name) && file_number(&newest.name) < file_number(name)
    })
}

fn base_name(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(base, _)| base)
}

fn history_was_reset(anchor: &Anchor) -> String {
    format!(
        "the source's history was reset: transaction {} is no longer at {}:{}, though newer numbers are there",
        anchor.gtid, anchor.file, anchor.offset
    )
}

/// What file and offset say, where there are no GTIDs.
pub(super) fn by_file(
    position: &Position,
    server_uuid: &str,
    files: &[LogFile],
) -> Result<(), String> {
    if position.server_uuid != server_uuid {
        return Err(format!(
            "the source is another server ({server_uuid} instead of {}), where file and offset mean nothing; only GTIDs \
             can be followed from server to server",
            position.server_uuid
        ));
    }
    match files.iter().find(|file| file.name == position.file) {
        Some(file) if position.offset <= file.size => Ok(()),
        Some(file) => Err(format!(
            "the source's history was reset: {} ends at {}, and {} was reached already",
            file.name, file.size, position.offset
        )),
        None if is_newer_than_all(&position.file, files) => Err(format!(
            "the source's history was reset: there is no {} any more, though older numbers are there",
            position.file
        )),
        None => Err(format!("the source has purged {}", position.file)),
    }
}

pub(super) fn lost(position: &Position, reason: String) -> Fault {
    let place = format!("{}:{}", position.file, position.offset);
    Fault::new(Class::PositionLost, Stage::Source, reason).at_position(place).with_hint(WAY_OUT)
}

/// The source's binlog files, oldest first.
pub(super) async fn log_files(connection: &mut Conn) -> Result<Vec<LogFile>, SourceError> {
    let rows: Vec<Row> = timed(LIMIT, connection.query("SHOW BINARY LOGS")).await.map_err(off)?;
    rows.iter()
        .map(|row| Ok(LogFile { name: named(row, "Log_name")?, size: named(row, "File_size")? }))
        .collect()
}

/// `You are not using binary logging`.
fn off(error: SourceError) -> SourceError {
    if error.code() == Some(1381) { super::no_binlog() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429563";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    fn history(executed: &str, purged: &str) -> History {
        History {
            server_uuid: A.to_owned(),
            has_gtids: true,
            executed: set(executed),
            purged: set(purged),
        }
    }

    fn position(server_uuid: &str) -> Position {
        Position {
            file: "binlog.000003".to_owned(),
            offset: 100,
            server_uuid: server_uuid.to_owned(),
            ..Position::default()
        }
    }

    fn files(list: &[(&str, u64)]) -> Vec<LogFile> {
        list.iter().map(|(name, size)| LogFile { name: (*name).to_owned(), size: *size }).collect()
    }

    fn compare(ours: &str, history: &History, server_uuid: &str) -> Result<(), String> {
        compare_sets(&position(server_uuid), &set(ours), history)
    }

    #[test]
    fn a_position_inside_the_history_is_an_ordinary_start() {
        let history = history(&format!("{A}:1-20"), &format!("{A}:1-5"));
        assert_eq!(compare(&format!("{A}:1-5"), &history, A), Ok(()));
        assert_eq!(compare(&format!("{A}:1-20"), &history, B), Ok(()), "after a failover");
    }

    #[test]
    fn a_fresh_server_with_an_empty_set_is_an_ordinary_start() {
        assert_eq!(compare("", &history("", ""), A), Ok(()));
        assert_eq!(compare("", &history(&format!("{A}:1-3"), ""), A), Ok(()));
    }

    #[test]
    fn purged_ahead_and_another_server_are_told_apart() {
        let server = history(&format!("{A}:1-20"), &format!("{A}:1-10"));
        let told = compare(&format!("{A}:1-8"), &server, A).unwrap_err();
        assert!(told.contains("purged 2 transactions") && told.contains(":9-10"), "{told}");
        let told = compare(&format!("{A}:1-21"), &server, A).unwrap_err();
        assert!(told.contains("history was reset"), "{told}");
        let told = compare(&format!("{A}:1-10,{B}:1-7"), &server, B).unwrap_err();
        assert!(told.contains("another server") && told.contains("lacks 7"), "{told}");
        let off = History { has_gtids: false, ..server };
        assert!(compare("", &off, A).unwrap_err().contains("gtid_mode"));
    }

    #[test]
    fn files_and_offsets() {
        let have = files(&[("binlog.000002", 900), ("binlog.000003", 100)]);
        assert_eq!(by_file(&position(A), A, &have), Ok(()));
        assert!(by_file(&position(B), A, &have).unwrap_err().contains("another server"));
        let short = files(&[("binlog.000003", 99)]);
        assert!(by_file(&position(A), A, &short).unwrap_err().contains("was reset"));
        let newer = files(&[("binlog.000004", 900)]);
        assert!(by_file(&position(A), A, &newer).unwrap_err().contains("purged"));
        let older = files(&[("binlog.000001", 900)]);
        assert!(by_file(&position(A), A, &older).unwrap_err().contains("was reset"));
    }

    #[test]
    fn an_anchor_is_read_back_where_its_file_is() {
        let anchor = Anchor {
            gtid: format!("{A}:7").parse().unwrap(),
            file: "binlog.000003".to_owned(),
            offset: 100,
            committed_micros: 1,
        };
        assert_eq!(place_of(&anchor, &files(&[("binlog.000003", 101)])), Ok(Place::Readable));
        assert_eq!(place_of(&anchor, &files(&[("binlog.000004", 900)])), Ok(Place::Gone));
        assert!(place_of(&anchor, &files(&[("binlog.000003", 100)])).is_err());
        assert!(place_of(&anchor, &files(&[("binlog.000001", 900)])).is_err());
        assert_eq!(place_of(&anchor, &files(&[("other.000001", 900)])), Ok(Place::Gone));
    }
}
