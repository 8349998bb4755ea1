//! Asking the source for its binlog.

use std::{
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use mysql_async::{GnoInterval, Sid};
use mysql_common::packets::{ComRegisterSlave, Tag, binlog_request::BinlogRequest};

use super::{dump::Dump, error::BinlogError};
use crate::{
    model::{
        gtid::{GtidPosition, GtidSet},
        position::Position,
    },
    source::{
        answer::cell,
        ask::Ask,
        error::SourceError,
        position::dump,
        protocol::{Connection, bytes_of},
    },
};

/// The offset of a file's first event, behind its magic number.
pub(super) const FIRST_EVENT: u64 = 4;

/// As what this process registers with the source.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    id: u32,
    uuid: uuid::Uuid,
}

impl Replica {
    /// The replica of these settings; an id of 0 is made from host, process and time, above those that people give.
    pub(super) fn new(configured_id: u32) -> Self {
        let uuid = uuid::Uuid::new_v4();
        if configured_id != 0 {
            return Self { id: configured_id, uuid };
        }
        let mut hasher = foldhash::fast::FixedState::default().build_hasher();
        hasher.write(gethostname::gethostname().as_encoded_bytes());
        hasher.write_u32(std::process::id());
        hasher.write_u128(uuid.as_u128());
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        Self { id: u32::from_le_bytes([a, b, c, d]) | 1 << 31, uuid }
    }
}

/// How the session is set up before the dump behind a position begins.
pub(super) async fn prepare(
    connection: &mut Connection,
    replica: &Replica,
    heartbeat: Duration,
    position: &Position,
) -> Result<(), BinlogError> {
    // Both names: servers before 8.0.26 know the old one only, and some later may drop it.
    let nanos = heartbeat.as_nanos();
    let uuid = replica.uuid;
    let statement = format!(
        "SET @master_heartbeat_period = {nanos}, @source_heartbeat_period = {nanos}, \
         @slave_uuid = '{uuid}', @replica_uuid = '{uuid}'"
    );
    connection.run(&statement).await.map_err(refused)?;
    connection.run(&begin_behind(position)).await.map_err(refused)?;
    // Whatever the files have: who does not say so gets the events without their checksums.
    connection.run("SET @master_binlog_checksum = 'ALL'").await.map_err(refused)
}

/// What tells MariaDB where to begin; to MySQL it is a variable that nobody asks for.
fn begin_behind(position: &Position) -> String {
    match &position.gtid_set {
        Some(GtidPosition::Mariadb(domains)) => dump::begin_behind(domains),
        Some(GtidPosition::Mysql(_)) | None => "SET @mariadb_slave_capability = 4".to_owned(),
    }
}

/// Whether the server takes names in any case.
pub(super) async fn folds_case(connection: &mut Connection) -> Result<bool, BinlogError> {
    let rows = connection.ask("SELECT @@lower_case_table_names").await.map_err(refused)?;
    let setting = rows.first().map(|row| cell::<u8>(row, 0)).transpose()?;
    Ok(setting.unwrap_or(0) != 0)
}

/// Where the dump of a position begins in its file.
pub(super) fn first_offset(position: &Position) -> u64 {
    let is_nameable = u32::try_from(position.offset).is_ok();
    // The command for dumps by offset has 32 bits for it.
    if position.gtid_set.is_none() && is_nameable {
        position.offset.max(FIRST_EVENT)
    } else {
        FIRST_EVENT
    }
}

/// Starts the dump behind the position.
pub(super) async fn dump(
    mut connection: Connection,
    replica: &Replica,
    position: &Position,
) -> Result<Dump, BinlogError> {
    let register = bytes_of(&ComRegisterSlave::new(replica.id));
    connection.agree(&register).await.map_err(refused)?;
    let request = BinlogRequest::new(replica.id).with_pos(first_offset(position));
    let request = match &position.gtid_set {
        Some(GtidPosition::Mysql(set)) => request.with_use_gtid(true).with_sids(sids(set)),
        // The session's variables say it.
        Some(GtidPosition::Mariadb(_)) => request,
        None => request.with_filename(position.file.as_bytes()),
    };
    let packets = connection.hand_over(&bytes_of(&request.as_cmd())).await.map_err(refused)?;
    Ok(Dump::new(packets))
}

/// The set in the driver's form: one entry for each UUID and tag, ends exclusive.
fn sids(set: &GtidSet) -> Vec<Sid<'static>> {
    set.parts()
        .map(|(uuid, tag, intervals)| {
            let intervals = intervals
                .iter()
                .map(|interval| GnoInterval::new(interval.first, interval.last + 1))
                .collect();
            let sid = Sid::new(uuid.to_be_bytes()).with_intervals(intervals);
            match Tag::new(tag.to_owned()) {
                Ok(tag) => sid.with_tag(tag),
                Err(_) => sid,
            }
        })
        .collect()
}

/// What the server refuses is told as the stream's own refusal.
pub(super) fn refused(error: SourceError) -> BinlogError {
    match error {
        SourceError::Refused(answer) => BinlogError::Refused(answer),
        other => BinlogError::Source(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn a_set_is_sent_as_it_is() {
        let text = format!("{UUID}:1-5:7:tag_a:1-3");
        let sent: Vec<String> =
            sids(&text.parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(sent, [format!("{UUID}:1-5:7"), format!("{UUID}:tag_a:1-3")]);
    }

    #[test]
    fn offsets_that_the_command_cannot_name_begin_at_the_files_first_event() {
        let at = |offset, gtid_set| Position { offset, gtid_set, ..Position::default() };
        assert_eq!(first_offset(&at(1234, None)), 1234);
        assert_eq!(first_offset(&at(0, None)), 4);
        assert_eq!(first_offset(&at(1 << 32, None)), 4);
        assert_eq!(first_offset(&at(1234, Some(GtidPosition::Mysql(GtidSet::default())))), 4);
    }

    #[test]
    fn mariadb_is_told_its_position_by_variables() {
        let at = |gtid_set| Position { gtid_set, ..Position::default() };
        let told = begin_behind(&at(Some("0-1-42,1-7-3".parse().unwrap())));
        assert!(told.contains("@slave_connect_state = '0-1-42,1-7-3'"), "{told}");
        assert!(!begin_behind(&at(None)).contains("connect_state"));
    }

    #[test]
    fn derived_ids_are_not_those_that_people_give() {
        assert_eq!(Replica::new(7).id, 7);
        assert!(Replica::new(0).id >= 1 << 31);
    }
}
