//! One change after another into reusable buffers.
//!
//! A document is `_id` first, then the columns in table order. The body and the key's parts are appended to buffers of
//! their own while the cells come by, and joined when the row is whole. Of a before image only the key is told, unless
//! all columns are the key.

use std::fmt;

use super::{
    plan::Plan,
    side::{self, Side},
};
use crate::{
    codec::{CellFault, element},
    model::{
        change::{Absence, ChangeKind, Image, RowVisitor},
        value::Value,
    },
};

/// What a change of a row means for the target.
#[derive(Debug)]
pub enum Mapped<'a> {
    /// The document is to be written.
    Write {
        /// Whether it is believed to be new.
        insert: bool,
        /// What finds it.
        filter: &'a [u8],
        /// The whole document; without `_id` where the target makes it.
        document: &'a [u8],
        /// What finds the document that the row had before its key changed; that one goes.
        replaced: Option<&'a [u8]>,
        /// How many cells have no BSON form and became Null.
        coerced: u32,
    },
    /// These fields of the document are to be set, where there is one.
    Set {
        /// What finds it.
        filter: &'a [u8],
        /// The fields that the change has told; without those of the key, which it did not change. Never empty.
        fields: &'a [u8],
        /// How many cells have no BSON form and became Null.
        coerced: u32,
    },
    /// The change has told nothing that the document holds.
    Nothing,
    /// The change does not tell the whole document: its row is to be read from the table.
    Reread {
        /// What finds the document.
        filter: &'a [u8],
        /// What finds the document that the row had before its key changed; that one goes.
        replaced: Option<&'a [u8]>,
    },
    /// The change does not tell which row it is of: the image lacks this column, and the row cannot be asked for.
    Unknown {
        /// The column.
        column: &'a str,
    },
    /// The document is to be deleted.
    Delete {
        /// What finds it.
        filter: &'a [u8],
    },
    /// The row cannot be told.
    Rejected {
        /// What would find its document.
        filter: &'a [u8],
        /// The document with the bytes of what cannot be told as they are.
        row: &'a [u8],
        /// What finds the document that the row had before its key changed; that one goes all the same.
        replaced: Option<&'a [u8]>,
        /// Why.
        reason: RowFault<'a>,
    },
}

/// Why a row cannot be told: the first cell that cannot, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFault<'a> {
    /// The column.
    pub column: &'a str,
    /// What is wrong with it.
    pub fault: CellFault,
}

impl fmt::Display for RowFault<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "column {}: {}", self.column, self.fault)
    }
}

impl std::error::Error for RowFault<'_> {}

/// Maps changes one after another, always in the same buffers.
#[derive(Debug, Default)]
pub struct RowMapper {
    before: Side,
    after: Side,
    old_filter: Vec<u8>,
    filter: Vec<u8>,
    /// What cannot be made where the fields are.
    spare: Vec<u8>,
}

/// Takes the cells of one change.
#[derive(Debug)]
pub struct Visitor<'m> {
    plan: &'m Plan,
    before: &'m mut Side,
    after: &'m mut Side,
}

impl RowVisitor for Visitor<'_> {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        let (side, is_whole) = match image {
            Image::After => (&mut *self.after, true),
            Image::Before => (&mut *self.before, self.plan.is_keyless()),
        };
        match is_whole {
            true => side.whole_cell(self.plan, column, &value),
            false => side.key_cell(self.plan, column, &value),
        }
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        match image {
            Image::After => self.after.absent_cell(self.plan, column, absence),
            Image::Before => self.before.absent_cell(self.plan, column, absence),
        }
    }
}

impl RowMapper {
    /// Begins a change: what takes its cells.
    pub fn visitor<'m>(&'m mut self, plan: &'m Plan) -> Visitor<'m> {
        self.before.reset(plan);
        self.after.reset(plan);
        Visitor { plan, before: &mut self.before, after: &mut self.after }
    }

    /// Ends the change whose cells [`Self::visitor`] took.
    pub fn finish<'m>(&'m mut self, plan: &'m Plan, kind: ChangeKind) -> Mapped<'m> {
        match self.unknown(plan) {
            Some(column) => Mapped::Unknown { column },
            None if kind == ChangeKind::Delete => self.deleted(plan),
            None => self.written(plan, kind == ChangeKind::Update),
        }
    }

    fn deleted<'m>(&'m mut self, plan: &'m Plan) -> Mapped<'m> {
        let Self { before, filter, .. } = self;
        before.ends(plan);
        before.filter(plan, filter);
        match before.lost_key(plan) {
            Some(reason) => Mapped::Rejected { filter, row: filter, replaced: None, reason },
            None => Mapped::Delete { filter },
        }
    }

    fn written<'m>(&'m mut self, plan: &'m Plan, is_update: bool) -> Mapped<'m> {
        let Self { before, after, old_filter, filter, spare } = self;
        // Whether or not it is needed: else what a huge row made of it would stay.
        side::clear(spare);
        after.ends(plan);
        after.filter(plan, filter);
        let (mut replaced, mut lost) = (None, None);
        if is_update {
            before.ends(plan);
            before.filter(plan, old_filter);
            replaced = (old_filter != filter).then_some(old_filter.as_slice());
            lost = before.lost_key(plan);
        }
        let (absence, coerced) = (after.absence, after.coerced);
        if let Some(reason) = after.reason(plan).or(lost) {
            // A before image that does not tell its key names no document.
            let replaced = replaced.filter(|_| lost.is_none());
            let row = match absence {
                None => after.document(plan, filter, spare),
                Some(_) => after.told_fields(plan, spare),
            };
            return Mapped::Rejected { filter, row, replaced, reason };
        }
        let Some(absence) = absence else {
            let document = after.document(plan, filter, spare);
            return Mapped::Write { insert: !is_update, filter, document, replaced, coerced };
        };
        let is_whole_row_needed = absence == Absence::Untold || plan.omits_nulls();
        if is_whole_row_needed || replaced.is_some() {
            return Mapped::Reread { filter, replaced };
        }
        let fields = after.told_fields(plan, spare);
        match element::is_empty(fields) {
            true => Mapped::Nothing,
            false => Mapped::Set { filter, fields, coerced },
        }
    }
}

impl RowMapper {
    /// The column that an image lacks without which nothing can be done. Of an image that the change does not have nothing
    /// is lacking.
    fn unknown<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        let column = self.before.unknown.or(self.after.unknown)?;
        plan.schema().columns.get(column).map(|column| column.name.as_str())
    }
}
