//! WRITE, UPDATE and DELETE_ROWS: the event is kept as it came and decoded row by row when somebody asks.

use std::{fmt, sync::Arc};

use super::{
    cell::Cell,
    defaults::{self, Given},
    event::kind,
    partial::{self, Bitmap, Images},
    raw::Event,
    table_map::Dialect,
    versioned::{History, Reading},
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
    /// For each column what it holds where an INSERT does not name it.
    pub(super) defaults: Box<[Given]>,
    /// Who wrote the rows.
    pub(super) dialect: Dialect,
}

impl Plan {
    pub(super) fn new(
        schema: Arc<TableSchema>,
        (cells, history): Reading,
        dialect: Dialect,
    ) -> Self {
        // Hidden columns, which the schema does not have, stand behind the others.
        let mut defaults = defaults::of(&schema).into_vec();
        defaults.resize(cells.len(), Given::Unknown);
        Self { schema, cells, history, defaults: defaults.into(), dialect }
    }
}

/// The head of a rows event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowsHead {
    pub(super) change: ChangeKind,
    pub(super) columns: usize,
    /// What the images hold, where it is not simply every column (`binlog_row_image=FULL`).
    pub(super) images: Option<Images>,
    /// Where the first row begins.
    pub(super) start: usize,
}

/// The bytes at the beginning of a body that say whose rows they are.
pub(super) const TABLE_ID: usize = 6;

/// The table that a rows event or a table map belongs to.
pub(super) fn table_id(body: &[u8]) -> Result<u64, Malformed> {
    Wire(body).u48()
}

/// Reads what stands before the rows.
pub(super) fn head(event_kind: u8, body: &[u8]) -> Result<RowsHead, Malformed> {
    let (change, has_extra) = match event_kind {
        kind::WRITE_ROWS => (ChangeKind::Insert, true),
        kind::UPDATE_ROWS | kind::PARTIAL_UPDATE_ROWS => (ChangeKind::Update, true),
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
    let before = Bitmap::read(&mut wire, columns)?;
    let after = match change {
        ChangeKind::Update => Bitmap::read(&mut wire, columns)?,
        _ => before,
    };
    let has_options = event_kind == kind::PARTIAL_UPDATE_ROWS;
    let is_simple = before.are_all() && after.are_all() && !has_options;
    let images = (!is_simple).then(|| Images {
        before: before.columns(),
        after: after.columns(),
        has_options,
    });
    Ok(RowsHead { change, columns, images, start: body.len() - wire.0.len() })
}

#[inline]
pub(super) fn is_set(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

/// Where the bytes of rows are.
pub(super) enum Held {
    /// In the event as it came.
    Event(Event<'static>),
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
    /// A row that takes no bytes is still to be shown.
    is_bare: bool,
    change: ChangeKind,
    images: Option<Images>,
    plan: Arc<Plan>,
}

impl EventRows {
    /// The rows of an event with this head; of inflated ones the first stands first.
    ///
    /// A row of which no column is told takes no bytes, so that an event can hold only one: an INSERT of nothing but
    /// defaults under MINIMAL (MySQL 9.7 refuses the statement where it would have to log two).
    pub(super) fn new(held: Held, head: RowsHead, plan: Arc<Plan>) -> Result<Self, Malformed> {
        let RowsHead { change, images, start, .. } = head;
        let next = match held {
            Held::Event(_) => start,
            Held::Inflated(_) => 0,
        };
        let is_bare = images.as_ref().is_some_and(Images::are_bare);
        let has_bytes = held.bytes().len() > next;
        if is_bare && (has_bytes || change != ChangeKind::Insert || plan.history.is_some()) {
            return Err(Malformed("rows of which no column is told"));
        }
        Ok(Self { held, next, is_bare, change, images, plan })
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_bare && self.next == self.held.bytes().len()
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        self.held.bytes().len() + size_of::<Self>()
    }
}

impl EventRows {
    /// Shows the images of one change.
    fn show(&self, wire: &mut Wire<'_>, visitor: &mut dyn RowVisitor) -> Result<(), Malformed> {
        match &self.images {
            None => show_change(&self.plan.cells, self.change, wire, visitor),
            Some(images) => partial::show_change(&self.plan, images, self.change, wire, visitor),
        }
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
        if !std::mem::take(&mut self.is_bare) && wire.is_empty() {
            return Ok(None);
        }
        let shown = match &self.plan.history {
            None => self.show(&mut wire, visitor).map(|()| Some(self.change)),
            Some(history) => {
                let show =
                    |wire: &mut Wire<'_>, visitor: &mut dyn RowVisitor| self.show(wire, visitor);
                history.next_change(show, self.change, &mut wire, visitor)
            }
        };
        let shown = shown.map_err(|malformed| undecodable(&self.plan.schema, malformed))?;
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
    let mut column = 0;
    for (eight, mut bits) in cells.chunks(8).zip(nulls.iter().copied()) {
        for cell in eight {
            if bits & 1 == 1 {
                visitor.cell(image, column, crate::model::value::Value::Null);
            } else {
                cell.show(wire, image, column, visitor)?;
            }
            bits >>= 1;
            column += 1;
        }
    }
    Ok(())
}
