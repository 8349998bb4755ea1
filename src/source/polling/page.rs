//! Reads the pages of a pass and sends their rows.

use tokio::time::{Instant, sleep};

use super::{
    PassJob,
    sql::{PassSql, Since},
};
use crate::{
    model::{
        change::Origin,
        fault::{Fault, Stage},
        key::{Cursor, SqlValue},
        table::TableSchema,
    },
    source::{
        connect::timed,
        snapshot::{
            block::{self, Filling, Room},
            cell,
            error::SnapshotError,
            form::{Cells, Forms},
            link::Link,
            read, shape,
        },
    },
};

/// What is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// Rows that have no moment.
    Untimed,
    /// Rows in the order of their moments.
    Timed(Since),
}

/// What a page held.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) rows: u64,
    /// Moment and key of its last row, where more may come behind it.
    pub(super) next: Option<(String, Cursor)>,
}

/// The pages of one pass.
pub(super) struct Pages<'j> {
    job: &'j PassJob,
    link: Link,
    sql: PassSql,
}

impl<'j> Pages<'j> {
    pub(super) fn new(job: &'j PassJob) -> Result<Self, Fault> {
        let gone = || {
            Fault::fatal(Stage::Source, "its timestamp column is gone").at_table(&job.table.name)
        };
        let column = job.table.columns.get(job.column).ok_or_else(gone)?;
        Ok(Self {
            job,
            link: Link::new(job.connector.clone(), job.retry.clone(), job.cancel.clone()),
            sql: PassSql::new(&job.table, column, job.index.as_deref()),
        })
    }

    /// Whether rows that have no moment are to be asked for apart.
    pub(super) fn has_untimed(&self) -> bool {
        self.sql.has_pages()
    }

    /// Reads a page, if need be again from its beginning: its rows are compared before they are written. `None` when
    /// told to stop.
    pub(super) async fn read(&mut self, reading: &Reading) -> Result<Option<Page>, Fault> {
        let (table, stop) = (&self.job.table.name, self.job.cancel.clone());
        loop {
            match stop.run_until_cancelled(self.read_once(reading)).await {
                None => {
                    self.link.hang_up();
                    return Ok(None);
                }
                Some(Ok(page)) => {
                    self.link.went_well(table);
                    return Ok(Some(page));
                }
                Some(Err(error)) => self.link.went_wrong(error, table).await?,
            }
        }
    }

    async fn read_once(&mut self, reading: &Reading) -> Result<Page, SnapshotError> {
        let Self { job, link, sql, .. } = self;
        let page_rows = job.page_rows.max(1);
        let statement = match reading {
            Reading::Untimed => sql.untimed(),
            Reading::Timed(since) => sql.rows(since, page_rows)?,
        };
        let limit = job.connector.config().read_timeout;
        let connection = link.open().await?;
        let statement = timed(limit, connection.prepare(&statement)).await?;
        if let Some(column) = shape::misfit(&job.table.columns, &statement.columns) {
            return Err(SnapshotError::Altered(column.to_owned()));
        }
        let forms = Forms::of(&statement.columns);
        let mut rows = timed(limit, connection.execute(&statement)).await?;
        let (mut page, mut last, mut room) = (Page::default(), None, Room::default());
        loop {
            let mut filling = Filling::new(&job.table, forms.clone(), room);
            let most = job.rate.most_at_once(block::MOST_ROWS);
            let is_end = read::fill(&mut filling, &mut rows, most, limit).await?;
            room = filling.room();
            if let Some(packet) = filling.last() {
                last = Some(packet.to_vec());
                sleep(job.rate.reserve(filling.row_count(), Instant::now())).await;
                page.rows += u64::try_from(filling.row_count()).unwrap_or(u64::MAX);
                job.sender.send(filling.into_message(Origin::Poll)).await?;
            }
            if is_end {
                break;
            }
        }
        timed(limit, connection.close(statement)).await?;
        let is_full = page.rows >= u64::try_from(page_rows).unwrap_or(u64::MAX);
        if matches!(reading, Reading::Timed(_)) && is_full && sql.has_pages() {
            let last = last.ok_or(SnapshotError::Key)?;
            page.next = Some(place(&job.table, job.column, &forms, &last)?);
        }
        Ok(page)
    }
}

/// Moment and key of a row.
fn place(
    table: &TableSchema,
    column: usize,
    forms: &Forms,
    packet: &[u8],
) -> Result<(String, Cursor), SnapshotError> {
    let cells = forms.cells(packet).and_then(Cells::all).map_err(|_| SnapshotError::Key)?;
    let value = |column: usize| {
        let (cell, kind) = (cells.get(column)?, &table.columns.get(column)?.kind);
        cell::read(kind, *cell).and_then(SqlValue::copy).filter(|value| *value != SqlValue::Null)
    };
    let Some(SqlValue::Literal(stamp)) = value(column) else { return Err(SnapshotError::Key) };
    let key = table.key.as_ref().ok_or(SnapshotError::Key)?;
    let key = key.columns.iter().map(|part| value(part.column)).collect::<Option<Cursor>>();
    Ok((stamp, key.ok_or(SnapshotError::Key)?))
}
