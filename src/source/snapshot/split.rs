//! Cuts tables into ranges, a little ahead of the workers that read them.
//!
//! A range ends at the key that is `chunk_rows` rows further on in the index. How far ahead of the oldest unfinished
//! range this goes is bounded, so memory does not depend on a table's size.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{
    Shared, Source, cell,
    error::SnapshotError,
    form::{Cells, Forms},
    link::Link,
    lookup::Found,
    shape,
    steps::Steps,
};
use crate::{
    model::{
        fault::Fault,
        key::{Cursor, SqlValue},
        snapshot::KeyRange,
        table::Column,
    },
    source::{connect::timed, protocol::Connection},
};

/// A range to be read.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) source: Arc<Source>,
    pub(super) cut: Cut,
    /// Whether nothing of the table comes behind it.
    pub(super) is_last: bool,
    /// Its place among the ranges that may be cut and not finished.
    pub(super) place: OwnedSemaphorePermit,
}

/// A range with its place.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) range: KeyRange,
    /// Its place among the table's ranges of this start: 0, 1, 2…
    pub(super) number: u64,
    /// Its place among all ranges of the table, those of earlier starts too.
    pub(super) order: u64,
}

/// Cuts one table after the other.
pub(super) struct Splitter {
    shared: Arc<Shared>,
    link: Link,
    places: Arc<Semaphore>,
    tasks: mpsc::Sender<Task>,
}

/// Nothing more is to be cut: told to stop, or nobody reads.
struct Stopped;

enum Halt {
    Stopped,
    Fault(Fault),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Splitter {
    pub(super) fn new(shared: Arc<Shared>, run_ahead: usize, tasks: mpsc::Sender<Task>) -> Self {
        let link = shared.link();
        Self { shared, link, places: Arc::new(Semaphore::new(run_ahead)), tasks }
    }

    /// Cuts all tables, in the order given.
    pub(super) async fn run(mut self, sources: Vec<Arc<Source>>) -> Result<(), Fault> {
        for source in sources {
            match self.cut(&source).await {
                Ok(()) => {}
                Err(Halt::Stopped) => {
                    self.link.hang_up();
                    return Ok(());
                }
                Err(Halt::Fault(fault)) => return Err(fault),
            }
        }
        self.link.close().await;
        Ok(())
    }

    /// Cuts what is left of a table. A range is held back until it is known whether anything comes behind it, so that
    /// the last one is open and a small table is one range.
    async fn cut(&mut self, source: &Arc<Source>) -> Result<(), Halt> {
        let mut number = 0;
        let mut held: Option<Cut> = None;
        let mut way = Way::Unknown;
        for (first_order, stretch) in &source.left {
            let mut order = *first_order;
            let mut low = stretch.low.clone();
            loop {
                let rest = KeyRange { low: low.clone(), high: stretch.high.clone() };
                let end = self.end_of_range(source, &rest, &mut way).await?;
                let is_empty = end.is_none();
                let range = match end {
                    Some(key) if Some(&key) != rest.high.as_ref() => {
                        KeyRange { high: Some(key), ..rest }
                    }
                    _ => rest,
                };
                let is_end = range.high == stretch.high;
                low.clone_from(&range.high);
                match held.as_mut().filter(|held| is_empty && held.range.high == range.low) {
                    Some(held) => held.range.high = range.high,
                    None => {
                        if let Some(done) = held.replace(Cut { range, number, order }) {
                            self.hand_out(source, done, false).await?;
                        }
                        (number, order) = (number + 1, order + 1);
                    }
                }
                if is_end {
                    break;
                }
            }
        }
        match held {
            Some(last) => Ok(self.hand_out(source, last, true).await?),
            None => Ok(()),
        }
    }

    async fn hand_out(&self, source: &Arc<Source>, cut: Cut, is_last: bool) -> Result<(), Stopped> {
        let handing = async {
            let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
            let source = Arc::clone(source);
            self.tasks.send(Task { source, cut, is_last, place }).await.ok()
        };
        self.shared.stop.run_until_cancelled(handing).await.flatten().ok_or(Stopped)
    }

    /// The key at which a range that begins where `rest` does shall end; `None` where `rest` is empty or the table has
    /// no key.
    async fn end_of_range(
        &mut self,
        source: &Source,
        rest: &KeyRange,
        way: &mut Way,
    ) -> Result<Option<Cursor>, Halt> {
        let table = &source.schema.name;
        loop {
            let stop = self.shared.stop.clone();
            let asking = ask(&mut self.link, &self.shared, source, rest, way);
            match stop.run_until_cancelled(asking).await {
                None => return Err(Halt::Stopped),
                Some(Ok(key)) => {
                    self.link.went_well(table);
                    return Ok(key);
                }
                Some(Err(error)) => self.link.went_wrong(error, table).await?,
            }
        }
    }
}

/// How a table is cut.
enum Way {
    Unknown,
    Numbers(Steps),
    /// By asking for the key so many rows further on.
    Index,
}

async fn ask(
    link: &mut Link,
    shared: &Shared,
    source: &Source,
    rest: &KeyRange,
    way: &mut Way,
) -> Result<Option<Cursor>, SnapshotError> {
    if matches!(way, Way::Unknown) {
        *way = find_way(link, shared, source).await?;
    }
    if let Way::Numbers(steps) = way {
        return Ok(steps.end(rest.low.as_ref()));
    }
    let Some(sql) = source.sql.boundary(rest, shared.chunk_rows)? else { return Ok(None) };
    let connection = link.open().await?;
    let columns: Vec<&Column> = source.key_columns().collect();
    first_row(connection, shared, &sql, &columns).await
}

async fn find_way(link: &mut Link, shared: &Shared, source: &Source) -> Result<Way, SnapshotError> {
    let (Some(sql), Some(column)) = (source.sql.extent(), source.key_columns().next()) else {
        return Ok(Way::Index);
    };
    let limit = shared.read_timeout();
    let connection = link.open().await?;
    let Found { forms, packets } = timed(limit, Found::by(connection, &sql)).await?;
    let packet = packets.first().ok_or(SnapshotError::Key)?;
    // Of an empty table both are NULL.
    let steps = match cursor(&forms, packet, &[column, column]).as_deref() {
        Ok([first, last]) => {
            Steps::new((first, last), source.schema.estimated_rows, shared.chunk_rows)
        }
        _ => None,
    };
    Ok(steps.map_or(Way::Index, Way::Numbers))
}

async fn first_row(
    connection: &mut Connection,
    shared: &Shared,
    sql: &str,
    columns: &[&Column],
) -> Result<Option<Cursor>, SnapshotError> {
    let limit = shared.read_timeout();
    let statement = timed(limit, connection.prepare(sql)).await?;
    if let Some(column) = shape::misfit(columns.iter().copied(), &statement.columns) {
        return Err(SnapshotError::Altered(column.to_owned()));
    }
    let mut rows = timed(limit, connection.execute(&statement)).await?;
    let row = match timed(limit, rows.next()).await? {
        None => None,
        Some(packet) => Some(cursor(&Forms::of(&statement.columns), &packet, columns)?),
    };
    while timed(limit, rows.next()).await?.is_some() {}
    timed(limit, connection.close(statement)).await?;
    Ok(row)
}

/// The key in a row of its columns.
pub(super) fn cursor(
    forms: &Forms,
    packet: &[u8],
    columns: &[&Column],
) -> Result<Cursor, SnapshotError> {
    let cells = forms.cells(packet).and_then(Cells::all).map_err(|_| SnapshotError::Key)?;
    let values = columns.iter().zip(cells).map(|(column, cell)| {
        let value = cell::read(&column.kind, cell).and_then(SqlValue::copy);
        value.filter(|value| *value != SqlValue::Null)
    });
    values.collect::<Option<Cursor>>().ok_or(SnapshotError::Key)
}
