//! Waits until MariaDB shows a transaction.
//!
//! It has no wait for a transaction of its own (`MASTER_GTID_WAIT` waits for what a replica applies). But a consistent
//! snapshot tells its place in the binlog, and a place its position. On servers that keep no index of their binlog
//! asking for that costs the reading of a file, so the last answer is kept: a later place of the same server has at
//! least what an earlier one has.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::ReaderError;
use crate::{
    model::{
        gtid::{DomainGtid, DomainPosition},
        position::file_number,
    },
    source::{
        ask::Ask,
        connect::timed,
        error::SourceError,
        position::{mariadb, no_binlog},
    },
};

/// The waits between two looks, the first and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// What is known of what the source shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Visible(Arc<Mutex<Option<Seen>>>);

/// A place in a server's binlog and the position there.
#[derive(Debug, Clone)]
struct Seen {
    identity: String,
    place: (u64, u64),
    position: DomainPosition,
}

impl Visible {
    /// Begins a transaction whose snapshot shows what this transaction did. It is the caller's to end.
    pub(super) async fn open_snapshot(
        &self,
        connection: &mut impl Ask,
        gtid: &DomainGtid,
        patience: Duration,
    ) -> Result<(), ReaderError> {
        let identity = mariadb::identity(connection).await?;
        let (mut wait, end) = (WAITS.0, Instant::now() + patience);
        loop {
            let place = mariadb::open_snapshot(connection).await?;
            let (file, offset) = place.ok_or_else(no_binlog)?;
            if self.shows(connection, &identity, (&file, offset), gtid).await? {
                return Ok(());
            }
            timed(patience, connection.ask("ROLLBACK")).await?;
            if Instant::now() + wait > end {
                return Err(ReaderError::Behind);
            }
            sleep(wait).await;
            wait = (wait * 2).min(WAITS.1);
        }
    }

    async fn shows(
        &self,
        connection: &mut impl Ask,
        identity: &str,
        (file, offset): (&str, u64),
        gtid: &DomainGtid,
    ) -> Result<bool, SourceError> {
        let place = (file_number(file), offset);
        if self.knows(identity, place, gtid) {
            return Ok(true);
        }
        let position = mariadb::position_at(connection, file, offset).await?;
        let shows = position.contains(gtid);
        let seen = Seen { identity: identity.to_owned(), place, position };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(shows)
    }

    /// Whether an earlier place of the same server had it already.
    fn knows(&self, identity: &str, place: (u64, u64), gtid: &DomainGtid) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|seen| {
            seen.identity == identity && seen.place <= place && seen.position.contains(gtid)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_place_of_the_same_server_proves_something() {
        let visible = Visible::default();
        let gtid = |text: &str| text.parse().unwrap();
        assert!(!visible.knows("1/a", (2, 100), &gtid("0-1-5")));
        *visible.0.lock().unwrap() = Some(Seen {
            identity: "1/a".to_owned(),
            place: (2, 100),
            position: "0-1-5".parse().unwrap(),
        });
        assert!(visible.knows("1/a", (2, 100), &gtid("0-1-5")));
        assert!(visible.knows("1/a", (3, 4), &gtid("0-1-4")));
        assert!(!visible.knows("1/a", (3, 4), &gtid("0-1-6")));
        assert!(!visible.knows("1/a", (1, 900), &gtid("0-1-5")));
        assert!(!visible.knows("2/b", (3, 4), &gtid("0-1-5")));
    }
}
