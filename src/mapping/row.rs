//! One change after another into reusable buffers.
//!
//! A document is `_id` first, then the columns in table order. The body and the key's parts are appended to buffers of
//! their own while the cells come by, and joined when the row is whole. Of a before image only the key is told, unless
//! all columns are the key.

use std::{fmt, ops::Range};

use super::{
    cell::{self, Written},
    codec::Codec,
    plan::{ColumnPlan, Part, Plan, Shape},
    stamp::Stamp,
};
use crate::{
    codec::{
        CellFault,
        element::{self, tag},
    },
    model::{
        change::{Absence, ChangeKind, Image, RowVisitor},
        value::Value,
    },
};

/// A buffer that one huge row has blown up is cut back to this, in bytes.
const KEPT_BYTES: usize = 1 << 20;

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
    document: Vec<u8>,
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
        if let Some(column) = self.unknown(plan, kind) {
            return Mapped::Unknown { column };
        }
        let Self { before, after, old_filter, filter, document } = self;
        for buffer in [&mut *old_filter, filter, document] {
            clear(buffer);
        }
        if kind == ChangeKind::Delete {
            before.ends(plan);
            before.filter(plan, filter);
            return match before.lost_key(plan) {
                Some(reason) => Mapped::Rejected { filter, row: filter, replaced: None, reason },
                None => Mapped::Delete { filter },
            };
        }
        after.ends(plan);
        after.filter(plan, filter);
        if after.absence.is_none() {
            after.document(plan, filter, document);
        } else {
            after.told_fields(plan, document);
        }
        if kind == ChangeKind::Update {
            before.ends(plan);
            before.filter(plan, old_filter);
        }
        let moved = kind == ChangeKind::Update && old_filter != filter;
        let replaced = moved.then_some(old_filter.as_slice());
        let lost = (kind == ChangeKind::Update).then(|| before.lost_key(plan)).flatten();
        match after.reason(plan).or(lost) {
            Some(reason) => {
                // A before image that does not tell its key names no document.
                let replaced = replaced.filter(|_| lost.is_none());
                Mapped::Rejected { filter, row: document, replaced, reason }
            }
            None if let Some(absence) = after.absence => {
                let is_whole_row_needed = absence == Absence::Untold || plan.omits_nulls();
                if is_whole_row_needed || moved {
                    return Mapped::Reread { filter, replaced };
                }
                match element::is_empty(document) {
                    true => Mapped::Nothing,
                    false => Mapped::Set { filter, fields: document, coerced: after.coerced },
                }
            }
            None => Mapped::Write {
                insert: kind != ChangeKind::Update,
                filter,
                document,
                replaced,
                coerced: after.coerced,
            },
        }
    }
}

impl RowMapper {
    /// The column that an image lacks without which nothing can be done.
    fn unknown<'p>(&self, plan: &'p Plan, kind: ChangeKind) -> Option<&'p str> {
        let sides = match kind {
            ChangeKind::Insert | ChangeKind::Read => [Some(&self.after), None],
            ChangeKind::Delete => [Some(&self.before), None],
            ChangeKind::Update => [Some(&self.before), Some(&self.after)],
        };
        let column = sides.into_iter().flatten().find_map(|side| side.unknown)?;
        plan.schema().columns.get(column).map(|column| column.name.as_str())
    }
}

/// One image of a row.
#[derive(Debug, Default)]
struct Side {
    /// The fields of the body, without length and end.
    body: Vec<u8>,
    /// The same by the lossless codecs, where the plan asks for it.
    lossless: Vec<u8>,
    /// The payloads of the key's parts, as they came by.
    key: Vec<u8>,
    /// The key's parts in index order.
    parts: Vec<KeyPart>,
    /// The column that comes next.
    next: usize,
    coerced: u32,
    /// The first cell that cannot be told.
    fault: Option<(usize, CellFault)>,
    /// What is known of cells that the image lacks; `None` where it lacks none.
    absence: Option<Absence>,
    /// The first column that the image lacks although it tells rows apart.
    unknown: Option<usize>,
}

/// A part of the key: type and payload; no type as long as it has not come by.
#[derive(Debug, Clone, Default)]
struct KeyPart {
    tag: Option<u8>,
    payload: Range<usize>,
}

impl Side {
    fn reset(&mut self, plan: &Plan) {
        for buffer in [&mut self.body, &mut self.lossless, &mut self.key] {
            clear(buffer);
        }
        let parts = match &plan.shape {
            Shape::Scalar => 1,
            Shape::Composite(names) | Shape::Fields(names) => names.len(),
            Shape::Hash { .. } => 0,
        };
        self.parts.clear();
        self.parts.resize(parts, KeyPart::default());
        (self.next, self.coerced, self.fault) = (0, 0, None);
        (self.absence, self.unknown) = (None, None);
    }

    /// A cell of an image of which everything is told.
    fn whole_cell(&mut self, plan: &Plan, column: usize, value: &Value<'_>) {
        let Some(planned) = self.planned(plan, column) else { return };
        let field = planned.field.as_ref();
        if let Some(field) = field.filter(|field| !field.omits_null || *value != Value::Null) {
            match append_element(&mut self.body, &field.head, &field.codec, value) {
                (written, None) => self.coerced += u32::from(written.coerced),
                (_, Some(fault)) => self.fail(column, fault),
            }
            if let Some(codec) = &planned.lossless {
                self.lossless_cell(&field.head, codec, column, value);
            }
        }
        if let Some(part) = &planned.part {
            self.key_part(part, column, value);
        }
    }

    /// The same cell where rows are told apart by all columns.
    #[inline(never)]
    fn lossless_cell(&mut self, head: &Stamp, codec: &Codec, column: usize, value: &Value<'_>) {
        if let (_, Some(fault)) = append_element(&mut self.lossless, head, codec, value) {
            self.fail(column, fault);
        }
    }

    /// A cell of an image of which only the key is told.
    fn key_cell(&mut self, plan: &Plan, column: usize, value: &Value<'_>) {
        let Some(planned) = self.planned(plan, column) else { return };
        if let Some(part) = &planned.part {
            self.key_part(part, column, value);
        }
    }

    /// A cell that the image lacks.
    fn absent_cell(&mut self, plan: &Plan, column: usize, absence: Absence) {
        let Some(planned) = self.planned(plan, column) else { return };
        if planned.part.is_some() || plan.is_keyless() {
            self.unknown = self.unknown.or(Some(column));
        }
        if planned.field.is_some() {
            self.absence = match (self.absence, absence) {
                (Some(Absence::Untold), _) | (_, Absence::Untold) => Some(Absence::Untold),
                _ => Some(Absence::Unchanged),
            };
        }
    }

    /// The plan of the column, if it is this one's turn.
    fn planned<'p>(&mut self, plan: &'p Plan, column: usize) -> Option<&'p ColumnPlan> {
        let planned = plan.columns.get(column).filter(|_| column == self.next);
        match planned {
            Some(_) => self.next += 1,
            None => self.fail(self.next.min(column), CellFault::Missing),
        }
        planned
    }

    #[inline(never)]
    fn key_part(&mut self, part: &Part, column: usize, value: &Value<'_>) {
        let start = self.key.len();
        let (tag, fault) = append_or_raw(&mut self.key, &part.codec, value);
        if let Some(place) = self.parts.get_mut(part.place) {
            *place = KeyPart { tag: Some(tag.tag), payload: start..self.key.len() };
        }
        if let Some(fault) = fault {
            self.fail(column, fault);
        }
    }

    fn fail(&mut self, column: usize, fault: CellFault) {
        self.fault = self.fault.or(Some((column, fault)));
    }

    /// Looks whether all columns have come by.
    fn ends(&mut self, plan: &Plan) {
        if self.next < plan.columns.len() {
            self.fail(self.next, CellFault::Missing);
        }
    }

    fn reason<'p>(&self, plan: &'p Plan) -> Option<RowFault<'p>> {
        let (column, fault) = self.fault?;
        let column = plan.schema().columns.get(column).map_or("?", |column| column.name.as_str());
        Some(RowFault { column, fault })
    }

    /// Why the filter does not name the row that it should. Bytes that do not convert are in the filter as they are,
    /// as they were when the row was refused: that filter finds no document but settles the row's dead letter.
    fn lost_key<'p>(&self, plan: &'p Plan) -> Option<RowFault<'p>> {
        self.reason(plan).filter(|reason| match reason.fault {
            CellFault::Missing | CellFault::Mismatch | CellFault::OutOfRange => true,
            CellFault::Charset(_)
            | CellFault::Json
            | CellFault::JsonKey
            | CellFault::Nesting
            | CellFault::Geometry
            | CellFault::ZeroDate
            | CellFault::TooLarge => false,
        })
    }

    /// Appends the document that finds the row's.
    fn filter(&self, plan: &Plan, out: &mut Vec<u8>) {
        let at = element::begin(out);
        match &plan.shape {
            Shape::Scalar => {
                self.parts.iter().for_each(|part| self.append_part(part, b"_id\0", out));
            }
            Shape::Composite(names) => {
                out.extend_from_slice(&[tag::DOCUMENT, b'_', b'i', b'd', 0]);
                let inner = element::begin(out);
                self.append_parts(names, out);
                element::end(out, inner);
            }
            Shape::Fields(names) => self.append_parts(names, out),
            Shape::Hash { apart } => {
                let row = if *apart { &self.lossless } else { &self.body };
                out.extend_from_slice(&[tag::BINARY, b'_', b'i', b'd', 0]);
                element::binary(out, &hash(row), 0);
            }
        }
        element::end(out, at);
    }

    fn append_parts(&self, names: &[Box<[u8]>], out: &mut Vec<u8>) {
        for (part, name) in self.parts.iter().zip(names) {
            self.append_part(part, name, out);
        }
    }

    fn append_part(&self, part: &KeyPart, name: &[u8], out: &mut Vec<u8>) {
        out.push(part.tag.unwrap_or(tag::NULL));
        out.extend_from_slice(name);
        out.extend_from_slice(self.key.get(part.payload.clone()).unwrap_or_default());
    }

    /// Appends the document: the filter's `_id`, if that is what it holds, then the body.
    fn document(&self, plan: &Plan, filter: &[u8], out: &mut Vec<u8>) {
        let at = element::begin(out);
        if !matches!(plan.shape, Shape::Fields(_)) {
            let id = filter.get(4..filter.len().saturating_sub(1)).unwrap_or_default();
            out.extend_from_slice(id);
        }
        out.extend_from_slice(&self.body);
        element::end(out, at);
    }
}

impl Side {
    /// Appends the fields that the image has told, without those of the key.
    fn told_fields(&self, plan: &Plan, out: &mut Vec<u8>) {
        let keys = plan.columns.iter().filter(|planned| planned.part.is_some());
        let names: Vec<&[u8]> = keys.filter_map(|planned| planned.field.as_ref()?.name()).collect();
        let at = element::begin(out);
        for told in element::elements(&self.body) {
            if !names.contains(&told.name) {
                out.extend_from_slice(told.bytes);
            }
        }
        element::end(out, at);
    }
}

/// Appends an element; what cannot be told is there as raw bytes. A part of its caller, as what it calls is: the calls
/// themselves took as long as writing a number does.
#[inline(always)]
fn append_element(
    out: &mut Vec<u8>,
    head: &Stamp,
    codec: &Codec,
    value: &Value<'_>,
) -> (Written, Option<CellFault>) {
    let at = out.len();
    head.append(out);
    let (written, fault) = append_or_raw(out, codec, value);
    element::set_tag(out, at, written.tag);
    (written, fault)
}

/// Appends the payload; for a value that cannot be told its bytes, or nothing (Null) where it has none.
#[inline(always)]
fn append_or_raw(
    out: &mut Vec<u8>,
    codec: &Codec,
    value: &Value<'_>,
) -> (Written, Option<CellFault>) {
    let start = out.len();
    match codec.append(out, value) {
        Ok(written) => (written, None),
        Err(fault) => {
            out.truncate(start);
            (append_raw(out, codec, value, fault), Some(fault))
        }
    }
}

/// Appends what is left of a value that cannot be told.
#[cold]
fn append_raw(out: &mut Vec<u8>, codec: &Codec, value: &Value<'_>, fault: CellFault) -> Written {
    if fault == CellFault::ZeroDate
        && let Some(Ok(written)) = codec.told_aside().map(|aside| aside.append(out, value))
    {
        return written;
    }
    match cell::raw(*value) {
        Some(bytes) => {
            element::binary(out, bytes, 0);
            tag::BINARY.into()
        }
        None => tag::NULL.into(),
    }
}

/// The first 128 bits of the BLAKE3 of the row's body as a BSON document.
fn hash(body: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let length = i32::try_from(body.len() + 5).unwrap_or(i32::MAX);
    hasher.update(&length.to_le_bytes()).update(body).update(&[0]);
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}

fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}
