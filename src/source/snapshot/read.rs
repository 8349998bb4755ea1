//! Reads ranges, one streamed query each, and sends their rows in blocks.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep, timeout},
};

use super::{
    Shared, Source,
    block::{self, Filling, Room},
    error::SnapshotError,
    form::Forms,
    link::Link,
    shape,
    split::{Cut, Task},
};
use crate::{
    model::{
        change::{Mark, Message},
        fault::Fault,
        snapshot::{KeyRange, RangeDone},
        table::ColumnType,
    },
    source::{
        connect::timed,
        error::SourceError,
        protocol::{Connection, Rows, Statement},
    },
};

/// The ranges that wait for a worker.
pub(super) type Tasks = Arc<Mutex<mpsc::Receiver<Task>>>;

/// A range whose rows have all been sent. It keeps its place until its mark is sent too.
#[derive(Debug)]
pub(super) struct Finished {
    done: RangeDone,
    is_last: bool,
    _place: OwnedSemaphorePermit,
}

/// Reads one range after the other.
pub(super) struct Worker {
    shared: Arc<Shared>,
    link: Link,
    tasks: Tasks,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let link = shared.link();
        Self { shared, link, tasks }
    }

    /// Reads until no range is left, or until told to stop.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let stop = self.shared.stop.clone();
        while let Some(Some(task)) = stop.run_until_cancelled(self.next()).await {
            let Some(row_count) = self.persist(&task).await? else { return Ok(()) };
            let table = task.source.schema.name.clone();
            let ending = end(&self.shared, task, row_count);
            match stop.run_until_cancelled(ending).await {
                None => break,
                Some(sent) => sent.map_err(|error| error.into_fault(&table))?,
            }
        }
        self.link.close().await;
        Ok(())
    }

    async fn next(&self) -> Option<Task> {
        self.tasks.lock().await.recv().await
    }

    /// Reads a range, if need be again from its beginning: its rows are replaced by key. `None` when told to stop.
    async fn persist(&mut self, task: &Task) -> Result<Option<u64>, Fault> {
        let table = &task.source.schema.name;
        let progress = &self.shared.progress;
        let stop = self.shared.stop.clone();
        progress.begin(table);
        loop {
            let mut row_count = 0;
            let reading =
                read(&mut self.link, &self.shared, &task.source, &task.cut.range, &mut row_count);
            match stop.run_until_cancelled(reading).await {
                None => {
                    self.link.hang_up();
                    return Ok(None);
                }
                Some(Ok(())) => {
                    self.link.went_well(table);
                    return Ok(Some(row_count));
                }
                Some(Err(error)) => {
                    progress.take_back(table, row_count);
                    self.link.went_wrong(error, table).await?;
                }
            }
        }
    }
}

/// Reads a range once.
async fn read(
    link: &mut Link,
    shared: &Shared,
    source: &Source,
    range: &KeyRange,
    row_count: &mut u64,
) -> Result<(), SnapshotError> {
    let limit = shared.read_timeout();
    let sql = source.sql.rows(range)?;
    let connection = link.open().await?;
    let statement = timed(limit, connection.prepare(&sql)).await?;
    if let Some(column) = shape::misfit(&source.schema.columns, &statement.columns) {
        return Err(altered(source, column));
    }
    pass_on(connection, &statement, shared, source, row_count).await?;
    timed(limit, connection.close(statement)).await?;
    Ok(())
}

/// Streams the rows of a statement into the channel, a block at a time. What the channel has no room for stays with
/// the server.
async fn pass_on(
    connection: &mut Connection,
    statement: &Statement,
    shared: &Shared,
    source: &Source,
    row_count: &mut u64,
) -> Result<(), SnapshotError> {
    let limit = shared.read_timeout();
    let most_rows = shared.rate.most_at_once(block::MOST_ROWS);
    let forms = Forms::of(&statement.columns);
    let mut rows = timed(limit, connection.execute(statement)).await?;
    let mut room = Room::default();
    loop {
        let mut filling = Filling::new(&source.schema, forms.clone(), room);
        let is_end = fill(&mut filling, &mut rows, most_rows, limit).await?;
        let filled = filling.row_count();
        room = filling.room();
        if filled > 0 {
            sleep(shared.rate.reserve(filled, Instant::now())).await;
            shared.sender.send(filling.into_message(shared.origin.clone())).await?;
            let filled = u64::try_from(filled).unwrap_or(u64::MAX);
            *row_count += filled;
            shared.progress.count(&source.schema.name, filled);
        }
        if is_end {
            return Ok(());
        }
    }
}

/// Fills a block; says whether the answer is at its end. A source that is slow is waited for as long as rows come.
pub(in crate::source) async fn fill(
    filling: &mut Filling,
    rows: &mut Rows<'_>,
    most_rows: usize,
    limit: Duration,
) -> Result<bool, SnapshotError> {
    loop {
        let before = filling.row_count();
        match timeout(limit, take(filling, rows, most_rows)).await {
            Ok(is_end) => return is_end,
            Err(_) if filling.row_count() > before => {}
            Err(_) => return Err(SourceError::ReadTimeout(limit).into()),
        }
    }
}

async fn take(
    filling: &mut Filling,
    rows: &mut Rows<'_>,
    most_rows: usize,
) -> Result<bool, SnapshotError> {
    while !filling.is_full(most_rows) {
        match rows.next().await? {
            Some(packet) => filling.push(&packet),
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// Tells that a range is done, when those before it are.
async fn end(shared: &Shared, task: Task, rows: u64) -> Result<(), SnapshotError> {
    let Task { source, cut, is_last, place } = task;
    let Cut { range, number, order } = cut;
    let table = source.schema.name.clone();
    let finished =
        Finished { done: RangeDone { table, range, rows, order }, is_last, _place: place };
    // Held over the sending, so that no mark overtakes another.
    let mut sequence = source.finished.lock().await;
    for due in sequence.end(number, finished) {
        let Finished { done, is_last, _place } = due;
        shared.sender.send(Message::Mark(Mark::Range(Box::new(done)))).await?;
        if is_last {
            shared.progress.finish(&source.schema.name);
        }
    }
    Ok(())
}

/// A type that is not mapped fits no answer; that is a finding of its own.
fn altered(source: &Source, column: &str) -> SnapshotError {
    let kind = source.schema.columns.iter().find(|known| known.name == column);
    match kind.map(|known| &known.kind) {
        Some(ColumnType::Unsupported { declared }) => {
            SnapshotError::Unsupported { column: column.to_owned(), declared: declared.clone() }
        }
        _ => SnapshotError::Altered(column.to_owned()),
    }
}
