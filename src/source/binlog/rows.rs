//! WRITE, UPDATE and DELETE_ROWS: the event is kept as it came and decoded row by row when somebody asks.

use std::{fmt, sync::Arc};

use mysql_common::binlog::events::Event;

use super::{
    cell::Cell,
    event::kind,
    versioned::History,
    wire::{Malformed, Wire},
};
use crate::model::{
    change::{ChangeKind, Image, RowBlock, RowVisitor},
    fault::{Fault, Stage},
    table::TableSchema,
};

/// The table id of an event without rows that only ends a statement.
pub(super) const NO_TABLE: u64 = 0x00FF_FFFF;

/// How the rows of a table map are read.
#[derive(Debug)]
pub(super) struct Plan {
    /// The schema that they were written under.
    pub(super) schema: Arc<TableSchema>,
    /// One for each column of a row image.
    pub(super) cells: Box<[Cell]>,
    /// Where a versioned table's rows end.
    pub(super) history: Option<History>,
}

/// The head of a rows event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowsHead {
    pub(super) change: ChangeKind,
    pub(super) columns: usize,
    /// Whether every image has every column (`binlog_row_image=FULL`).
    pub(super) is_full: bool,
    /// Where the first row begins.
    pub(super) start: usize,
}

/// The table that a rows event belongs to.
pub(super) fn table_id(body: &[u8]) -> Result<u64, Malformed> {
    Wire(body).u48()
}

/// Reads what stands before the rows.
pub(super) fn head(event_kind: u8, body: &[u8]) -> Result<RowsHead, Malformed> {
    let (change, has_extra) = match event_kind {
        kind::WRITE_ROWS => (ChangeKind::Insert, true),
        kind::UPDATE_ROWS => (ChangeKind::Update, true),
        kind::DELETE_ROWS => (ChangeKind::Delete, true),
        kind::WRITE_ROWS_V1 => (ChangeKind::Insert, false),
        kind::UPDATE_ROWS_V1 => (ChangeKind::Update, false),
        kind::DELETE_ROWS_V1 => (ChangeKind::Delete, false),
        _ => return Err(Malformed("the event has no rows")),
    };
    let mut wire = Wire(body);
    let (_table_id, _flags) = (wire.u48()?, wire.u16()?);
    if has_extra {
        // The length counts itself.
        let extra = usize::from(wire.u16()?);
        wire.take(extra.checked_sub(2).ok_or(Malformed("the event's own data is too short"))?)?;
    }
    let columns = wire.length()?;
    let mut is_full = all_ones(wire.take(columns.div_ceil(8))?, columns);
    if change == ChangeKind::Update {
        is_full &= all_ones(wire.take(columns.div_ceil(8))?, columns);
    }
    Ok(RowsHead { change, columns, is_full, start: body.len() - wire.0.len() })
}

/// Whether the first bits are all set.
fn all_ones(bitmap: &[u8], count: usize) -> bool {
    (0..count).all(|index| is_set(bitmap, index))
}

#[inline]
fn is_set(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

/// Where the bytes of rows are.
pub(super) enum Held {
    /// In the event as it came.
    Event(Event),
    /// Inflated: the rows alone.
    Inflated(Vec<u8>),
}

impl Held {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Event(event) => event.data(),
            Self::Inflated(bytes) => bytes,
        }
    }
}

/// The rows of one event.
pub(super) struct EventRows {
    held: Held,
    next: usize,
    change: ChangeKind,
    plan: Arc<Plan>,
}

impl EventRows {
    /// The rows of an event with this head; of inflated ones the first stands first.
    pub(super) const fn new(held: Held, head: &RowsHead, plan: Arc<Plan>) -> Self {
        let next = match held {
            Held::Event(_) => head.start,
            Held::Inflated(_) => 0,
        };
        Self { held, next, change: head.change, plan }
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.held.bytes().len()
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        // The event keeps a copy of the stream's format description: its name and one byte for each kind of event.
        self.held.bytes().len() + size_of::<Self>() + 64
    }
}

impl fmt::Debug for EventRows {
    /// Without the rows.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventRows")
            .field("table", &self.plan.schema.name)
            .field("change", &self.change)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl RowBlock for EventRows {
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        let body = self.held.bytes();
        let mut wire = Wire(body.get(self.next..).unwrap_or_default());
        if wire.is_empty() {
            return Ok(None);
        }
        let Plan { schema, cells, history } = &*self.plan;
        let shown = match history {
            None => show_change(cells, self.change, &mut wire, visitor).map(|()| Some(self.change)),
            Some(history) => history.next_change(cells, self.change, &mut wire, visitor),
        };
        let shown = shown.map_err(|malformed| undecodable(schema, malformed))?;
        self.next = body.len() - wire.0.len();
        Ok(shown)
    }
}

fn undecodable(schema: &TableSchema, malformed: Malformed) -> Fault {
    Fault::fatal(Stage::Binlog, "a row event does not hold what its table map says")
        .at_table(&schema.name)
        .with_hint("report this with the server's version and the table's CREATE statement; `binleaf checkpoint reset --tables` copies the table anew")
        .caused_by(malformed)
}

/// Shows the images of one change.
pub(super) fn show_change(
    cells: &[Cell],
    change: ChangeKind,
    wire: &mut Wire<'_>,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    match change {
        ChangeKind::Insert | ChangeKind::Read => show_image(cells, Image::After, wire, visitor),
        ChangeKind::Delete => show_image(cells, Image::Before, wire, visitor),
        ChangeKind::Update => {
            show_image(cells, Image::Before, wire, visitor)?;
            show_image(cells, Image::After, wire, visitor)
        }
    }
}

/// An image: one bit for each column that is NULL, then the cells of the others.
fn show_image(
    cells: &[Cell],
    image: Image,
    wire: &mut Wire<'_>,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    let nulls = wire.take(cells.len().div_ceil(8))?;
    for (column, cell) in cells.iter().enumerate() {
        if is_set(nulls, column) {
            visitor.cell(image, column, crate::model::value::Value::Null);
        } else {
            cell.show(wire, image, column, visitor)?;
        }
    }
    Ok(())
}
