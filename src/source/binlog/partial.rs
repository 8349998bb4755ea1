//! Row images that do not hold every column (`binlog_row_image` MINIMAL and NOBLOB), and JSON told as differences
//! (`binlog_row_value_options = PARTIAL_JSON`).
//!
//! What an image holds is read from the event itself, never from a variable, which any session may change. Measured on
//! MySQL 9.7: under MINIMAL an INSERT holds what the statement or a default that is an expression gave, and generated
//! columns; an UPDATE the changed columns, those set by `ON UPDATE` and triggers and the generated ones that follow from
//! them among them, behind the key, or behind all columns where the table has no key. So a column that the after image
//! lacks is as it was; where the before image holds it, it is shown from there.
//!
//! MariaDB leaves generated columns, stored ones too, out of the images of UPDATE and DELETE whatever the setting (seen
//! on 11.8): of such a column that the after image lacks nothing is known.

use super::{
    cell::{Cell, prefixed},
    rows::{Plan, is_set},
    table_map::Dialect,
    wire::{Malformed, Wire},
};
use crate::{
    codec::json,
    model::{
        change::{Absence, ChangeKind, Image, RowVisitor},
        value::Value,
    },
};

/// What the images of an event hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Images {
    pub(super) before: Columns,
    pub(super) after: Columns,
    /// Whether options stand in front of every after image (PARTIAL_UPDATE_ROWS).
    pub(super) has_options: bool,
}

/// The columns that an image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    bitmap: Box<[u8]>,
    /// How many columns the table has, and how many of them the image holds.
    all: usize,
    held: usize,
}

/// The same where it stands in the event: most images hold all, of which nothing need be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bitmap<'e> {
    bits: &'e [u8],
    all: usize,
}

impl<'e> Bitmap<'e> {
    pub(super) fn read(wire: &mut Wire<'e>, all: usize) -> Result<Self, Malformed> {
        Ok(Self { bits: wire.take(all.div_ceil(8))?, all })
    }

    pub(super) fn are_all(self) -> bool {
        self.held() == self.all
    }

    fn held(self) -> usize {
        let unused = self.bits.len() * 8 - self.all;
        let ones = self.bits.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        // The last byte's highest bits belong to no column.
        let beyond =
            self.bits.last().map_or(0, |byte| (u32::from(*byte) << unused >> 8).count_ones());
        ones - beyond as usize
    }

    pub(super) fn columns(self) -> Columns {
        Columns { bitmap: self.bits.into(), all: self.all, held: self.held() }
    }
}

impl Images {
    /// Whether the images of a change take no bytes at all.
    pub(super) const fn are_bare(&self) -> bool {
        self.before.held == 0 && self.after.held == 0 && !self.has_options
    }
}

/// Where a cell of the before image is.
#[derive(Debug, Clone, Copy)]
enum Before<'a> {
    Absent,
    Null,
    At(Wire<'a>),
}

/// Shows the images of one change.
pub(super) fn show_change(
    plan: &Plan,
    images: &Images,
    change: ChangeKind,
    wire: &mut Wire<'_>,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    match change {
        ChangeKind::Insert | ChangeKind::Read => show_inserted(plan, &images.after, wire, visitor),
        ChangeKind::Delete => show_before(&plan.cells, &images.before, wire, visitor).map(drop),
        ChangeKind::Update => {
            let before = show_before(&plan.cells, &images.before, wire, visitor)?;
            let diffs = match images.has_options {
                true => Diffs::read(&plan.cells, wire)?,
                false => Diffs::default(),
            };
            show_after(plan, &images.after, &before, diffs, wire, visitor)
        }
    }
}

/// The cells of an image: what each is, and whether it is there. Each is to be read in turn.
struct Walk<'a, 'c> {
    columns: &'c Columns,
    nulls: &'a [u8],
    held: usize,
}

enum Found {
    Absent,
    Null,
    Here,
}

impl<'a, 'c> Walk<'a, 'c> {
    /// An image begins with one bit for each column that it holds: whether it is NULL.
    fn begin(columns: &'c Columns, wire: &mut Wire<'a>) -> Result<Self, Malformed> {
        Ok(Self { columns, nulls: wire.take(columns.held.div_ceil(8))?, held: 0 })
    }

    fn next(&mut self, column: usize) -> Found {
        if !is_set(&self.columns.bitmap, column) {
            return Found::Absent;
        }
        self.held += 1;
        if is_set(self.nulls, self.held - 1) { Found::Null } else { Found::Here }
    }
}

/// Shows a row that was inserted: what it lacks has the column's default.
fn show_inserted(
    plan: &Plan,
    columns: &Columns,
    wire: &mut Wire<'_>,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    let mut walk = Walk::begin(columns, wire)?;
    for (column, (cell, default)) in plan.cells.iter().zip(&plan.defaults).enumerate() {
        match (walk.next(column), default.value()) {
            (Found::Here, _) => cell.show(wire, Image::After, column, visitor)?,
            (Found::Null, _) => visitor.cell(Image::After, column, Value::Null),
            (Found::Absent, Some(value)) => visitor.cell(Image::After, column, value),
            (Found::Absent, None) => visitor.absent(Image::After, column, Absence::Untold),
        }
    }
    Ok(())
}

/// Shows a before image and remembers where its cells are.
fn show_before<'a>(
    cells: &[Cell],
    columns: &Columns,
    wire: &mut Wire<'a>,
    visitor: &mut dyn RowVisitor,
) -> Result<Vec<Before<'a>>, Malformed> {
    let mut walk = Walk::begin(columns, wire)?;
    let mut places = Vec::with_capacity(cells.len());
    for (column, cell) in cells.iter().enumerate() {
        places.push(match walk.next(column) {
            Found::Absent => {
                visitor.absent(Image::Before, column, Absence::Untold);
                Before::Absent
            }
            Found::Null => {
                visitor.cell(Image::Before, column, Value::Null);
                Before::Null
            }
            Found::Here => {
                let place = *wire;
                cell.show(wire, Image::Before, column, visitor)?;
                Before::At(place)
            }
        });
    }
    Ok(places)
}

fn show_after(
    plan: &Plan,
    columns: &Columns,
    before: &[Before<'_>],
    mut diffs: Diffs<'_>,
    wire: &mut Wire<'_>,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    let mut walk = Walk::begin(columns, wire)?;
    for (column, (cell, before)) in plan.cells.iter().zip(before).enumerate() {
        let is_diff = diffs.next_is_diff(cell);
        match walk.next(column) {
            Found::Null => visitor.cell(Image::After, column, Value::Null),
            Found::Here if is_diff => show_changed_json(cell, *before, wire, column, visitor)?,
            Found::Here => cell.show(wire, Image::After, column, visitor)?,
            Found::Absent if plan.hides(column) => {
                visitor.absent(Image::After, column, Absence::Untold);
            }
            Found::Absent => show_unchanged(cell, *before, column, visitor)?,
        }
    }
    Ok(())
}

impl Plan {
    /// Whether a column may have changed although an after image lacks it.
    fn hides(&self, column: usize) -> bool {
        self.dialect == Dialect::Mariadb
            && self.schema.columns.get(column).is_none_or(|column| column.generated)
    }
}

/// Shows a column that the change left as it was.
fn show_unchanged(
    cell: &Cell,
    before: Before<'_>,
    column: usize,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    match before {
        Before::Absent => visitor.absent(Image::After, column, Absence::Unchanged),
        Before::Null => visitor.cell(Image::After, column, Value::Null),
        Before::At(mut place) => cell.show(&mut place, Image::After, column, visitor)?,
    }
    Ok(())
}

/// Which JSON columns of an after image are told as differences.
#[derive(Debug, Default)]
struct Diffs<'a> {
    bits: &'a [u8],
    next: usize,
}

impl<'a> Diffs<'a> {
    /// The options in front of an after image (MySQL source, `rows_event.h`, `enum_row_image_type` and
    /// `Update_rows_log_event`): bit 0 says that one bit follows for each JSON column of the table, held or not.
    fn read(cells: &[Cell], wire: &mut Wire<'a>) -> Result<Self, Malformed> {
        const PARTIAL_JSON: u64 = 1;
        match wire.lenenc()? {
            0 => Ok(Self::default()),
            PARTIAL_JSON => {
                let count = cells.iter().filter(|cell| matches!(cell, Cell::Json { .. })).count();
                Ok(Self { bits: wire.take(count.div_ceil(8))?, next: 0 })
            }
            _ => Err(Malformed("the row has options that this version does not know")),
        }
    }

    fn next_is_diff(&mut self, cell: &Cell) -> bool {
        let is_json = matches!(cell, Cell::Json { .. });
        self.next += usize::from(is_json);
        is_json && is_set(self.bits, self.next - 1)
    }
}

/// Shows JSON that is told as differences from its value before.
fn show_changed_json(
    cell: &Cell,
    before: Before<'_>,
    wire: &mut Wire<'_>,
    column: usize,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Malformed> {
    let Cell::Json { length_bytes } = *cell else {
        return Err(Malformed("a difference of something that is not JSON"));
    };
    let diffs = prefixed(wire, length_bytes)?;
    match before {
        _ if diffs.is_empty() => show_unchanged(cell, before, column, visitor)?,
        Before::Absent => visitor.absent(Image::After, column, Absence::Untold),
        Before::Null => return Err(Malformed("a JSON difference from NULL")),
        Before::At(mut place) => {
            let mut changed = Vec::new();
            json::apply_diffs(&mut changed, prefixed(&mut place, length_bytes)?, diffs)
                .map_err(|_| Malformed("a JSON difference does not fit the value before"))?;
            visitor.cell(Image::After, column, Value::JsonBinary(&changed));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
