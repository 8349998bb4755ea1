//! The incremental pass: what has changed in a table since the last one, as far as a timestamp column tells it.
//!
//! # Why nothing is lost
//!
//! A change sets the column to the moment *t* of its statement and becomes visible at its commit, at most the overlap
//! later. A pass reads the clock, *s*, before its first row, then every row whose moment is at or behind *low*, in the
//! order of (moment, key), page by page. Its cursor never stands behind *s*; the next pass begins the overlap before the
//! cursor. Look at a change that the pass did not see: it was committed behind *s*, so *t* is behind *s* less the overlap,
//! and the next pass reads it. What it has seen twice is the same row, or a newer one; it is compared with its document
//! and written only where they differ.
//!
//! * **Equal moments** are told apart by the key, so that a page may end anywhere among them.
//! * **Rows without a moment** (NULL, the zero date) have no place in that order: they are read in each pass.
//! * **A clock that is put back** gives moments that were passed already. Each pass compares the source's clock with its
//!   last reading and the time in between by a clock of ours that only goes forward, and goes back by as much as the
//!   source's has lost. A DATETIME holds no instant but the wall clock of a zone, which loses an hour each autumn: that
//!   wall clock is the one that is read and compared.
//! * **Moments ahead of the clock** are read too, in each pass until the clock has passed them.
//! * **A pass that ends early** has saved the cursor of its last whole page, and what lies before it was read.
//!
//! What no moment tells it cannot see: rows that are gone, a transaction that took longer than the overlap, a change that
//! left the column as it was. Comparing keys and moments from time to time finds the first two, a pass over all rows all.

mod clock;
mod columns;
mod index;
mod page;
mod sql;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

pub use clock::{Zone, read_clock};
pub use columns::{Told, stamp_column};
pub use index::{Leading, leading_indexes};

use self::{
    page::{Pages, Reading},
    sql::Since,
};
use crate::{
    config::RetryConfig,
    model::{
        change::{Mark, Message},
        fault::{Fault, Stage},
        poll::{ClockReading, PollCursor, PollMark, micros_of_stamp, stamp_of_micros},
        table::TableSchema,
    },
    runtime::channel::Sender,
    source::{connect::Connector, snapshot::RateLimit},
};

/// A pass to be made.
#[derive(Debug)]
pub struct PassJob {
    /// How to reach the source.
    pub connector: Connector,
    /// Waits between tries.
    pub retry: RetryConfig,
    /// The table.
    pub table: Arc<TableSchema>,
    /// The timestamp column, as its place in the table.
    pub column: usize,
    /// The index that begins with it, if there is one.
    pub index: Option<String>,
    /// Where the last pass came to.
    pub cursor: PollCursor,
    /// The clocks now, before anything is read.
    pub now: ClockReading,
    /// How far before the cursor to begin: the overlap and what the source's clock has lost.
    pub back: Duration,
    /// The most rows of a page.
    pub page_rows: usize,
    /// The most rows a second.
    pub rate: RateLimit,
    /// Where rows and marks go.
    pub sender: Sender,
    /// Ends it at once.
    pub cancel: CancellationToken,
}

/// Reads what has changed; a mark follows each page. Ends early, without a fault, when cancelled. Answers how many rows
/// were read.
///
/// # Errors
/// What only a person can mend, or was tried as often as the settings allow.
pub async fn run(job: PassJob) -> Result<u64, Fault> {
    let bound = stamp_of_micros(job.now.source);
    let mut since = begin(&job.cursor, job.back);
    let mut pages = Pages::new(&job)?;
    let mut rows = 0;
    if pages.has_untimed() {
        let Some(page) = pages.read(&Reading::Untimed).await? else { return Ok(rows) };
        rows += page.rows;
    }
    loop {
        let Some(page) = pages.read(&Reading::Timed(since.clone())).await? else { return Ok(rows) };
        rows += page.rows;
        let Some((stamp, key)) = page.next else { break };
        let cursor = match stamp <= bound {
            true => reached(&job, stamp.clone(), Some(key.clone())),
            false => reached(&job, bound.clone(), None),
        };
        send(&job, cursor).await?;
        since = Since::Behind(stamp, key);
    }
    send(&job, reached(&job, bound, None)).await?;
    Ok(rows)
}

/// Where a pass begins.
fn begin(cursor: &PollCursor, back: Duration) -> Since {
    let back = i64::try_from(back.as_micros()).unwrap_or(i64::MAX);
    match (&cursor.key, micros_of_stamp(&cursor.stamp)) {
        (Some(key), _) if back == 0 => Since::Behind(cursor.stamp.clone(), key.clone()),
        (_, Some(micros)) => Since::At(stamp_of_micros(micros.saturating_sub(back))),
        // Not one of ours: from the beginning.
        (_, None) => Since::At(stamp_of_micros(0)),
    }
}

fn reached(job: &PassJob, stamp: String, key: Option<crate::model::key::Cursor>) -> PollMark {
    let column = job.cursor.column.clone();
    let cursor = PollCursor { column, stamp, key, seen: job.now };
    PollMark::Reached { table: job.table.name.clone(), cursor }
}

async fn send(job: &PassJob, mark: PollMark) -> Result<(), Fault> {
    let mark = Message::Mark(Mark::Poll(mark.into()));
    job.sender
        .send(mark)
        .await
        .map_err(|closed| Fault::fatal(Stage::Runtime, "the apply loop is gone").caused_by(closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::SqlValue;

    #[test]
    fn a_pass_begins_before_its_cursor() {
        let cursor = |key: Option<i64>| PollCursor {
            column: "at".to_owned(),
            stamp: "2026-03-01 00:00:10.500000".to_owned(),
            key: key.map(|key| vec![SqlValue::Int(key)]),
            seen: ClockReading { source: 0, local: 0 },
        };
        let at = |text: &str| Since::At(text.to_owned());
        let back = Duration::from_secs(30);
        assert_eq!(begin(&cursor(Some(7)), back), at("2026-02-28 23:59:40.500000"));
        assert_eq!(begin(&cursor(None), Duration::ZERO), at("2026-03-01 00:00:10.500000"));
        let behind = Since::Behind("2026-03-01 00:00:10.500000".into(), vec![SqlValue::Int(7)]);
        assert_eq!(begin(&cursor(Some(7)), Duration::ZERO), behind);
        let edited = PollCursor { stamp: "yesterday".to_owned(), ..cursor(None) };
        assert_eq!(begin(&edited, back), at("1970-01-02 00:00:00.000000"));
    }
}
