//! One image of a row on its way into a document.
//!
//! The fields stand behind a little room, in which length and `_id` are put when the row is whole: so most documents are
//! made where their fields are, and are copied once only, into the batch.

use std::ops::Range;

use super::{
    cell::{self, Written},
    codec::Codec,
    plan::{ColumnPlan, Part, Plan, Shape},
    row::RowFault,
    stamp::Stamp,
};
use crate::{
    codec::{
        CellFault,
        element::{self, tag},
    },
    model::{change::Absence, value::Value},
};

/// A buffer that one huge row has blown up is cut back to this, in bytes.
const KEPT_BYTES: usize = 1 << 20;

/// Room before the fields: for a length, and for an `_id` of any number or date and of most texts.
const ROOM: usize = 64;

/// The bytes of a document's length.
const LENGTH: usize = 4;

/// One image of a row.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// The fields of the body behind [`ROOM`], without length and end.
    body: Vec<u8>,
    /// The same by the lossless codecs, where the plan asks for it.
    lossless: Vec<u8>,
    /// The payloads of the key's parts, as they came by.
    key: Vec<u8>,
    /// The key's parts in index order.
    parts: Vec<KeyPart>,
    /// The column that comes next.
    next: usize,
    /// How many cells have no BSON form and became Null.
    pub(super) coerced: u32,
    /// The first cell that cannot be told.
    fault: Option<(usize, CellFault)>,
    /// What is known of cells that the image lacks; `None` where it lacks none.
    pub(super) absence: Option<Absence>,
    /// The first column that the image lacks although it tells rows apart.
    pub(super) unknown: Option<usize>,
}

/// A part of the key: type and payload; no type as long as it has not come by.
#[derive(Debug, Clone, Default)]
struct KeyPart {
    tag: Option<u8>,
    payload: Range<usize>,
}

impl Side {
    /// Begins an image of a row of the plan's table.
    pub(super) fn reset(&mut self, plan: &Plan) {
        let parts = plan.shape.parts();
        let is_untouched = self.next == 0 && self.fault.is_none();
        if is_untouched && self.parts.len() == parts && self.body.len() == ROOM {
            return;
        }
        for buffer in [&mut self.lossless, &mut self.key] {
            clear(buffer);
        }
        self.body.truncate(ROOM);
        if self.body.len() < ROOM || self.body.capacity() > KEPT_BYTES {
            self.make_room();
        }
        if self.parts.len() == parts {
            self.parts.iter_mut().for_each(|part| part.tag = None);
        } else {
            self.parts.clear();
            self.parts.resize(parts, KeyPart::default());
        }
        (self.next, self.coerced, self.fault) = (0, 0, None);
        (self.absence, self.unknown) = (None, None);
    }

    #[cold]
    fn make_room(&mut self) {
        self.body.resize(ROOM, 0);
        self.body.shrink_to(KEPT_BYTES);
    }

    /// A cell of an image of which everything is told.
    pub(super) fn whole_cell(&mut self, plan: &Plan, column: usize, value: &Value<'_>) {
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
    pub(super) fn key_cell(&mut self, plan: &Plan, column: usize, value: &Value<'_>) {
        let Some(planned) = self.planned(plan, column) else { return };
        if let Some(part) = &planned.part {
            self.key_part(part, column, value);
        }
    }

    /// A cell that the image lacks.
    pub(super) fn absent_cell(&mut self, plan: &Plan, column: usize, absence: Absence) {
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
    pub(super) fn ends(&mut self, plan: &Plan) {
        if self.next < plan.columns.len() {
            self.fail(self.next, CellFault::Missing);
        }
    }

    /// What of the row cannot be told, if anything.
    pub(super) fn reason<'p>(&self, plan: &'p Plan) -> Option<RowFault<'p>> {
        let (column, fault) = self.fault?;
        let column = plan.schema().columns.get(column).map_or("?", |column| column.name.as_str());
        Some(RowFault { column, fault })
    }

    /// Why the filter does not name the row that it should. Bytes that do not convert are in the filter as they are,
    /// as they were when the row was refused: that filter finds no document but settles the row's dead letter.
    pub(super) fn lost_key<'p>(&self, plan: &'p Plan) -> Option<RowFault<'p>> {
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

    /// Writes the document that finds the row's.
    pub(super) fn filter(&self, plan: &Plan, out: &mut Vec<u8>) {
        clear(out);
        if let (Shape::Scalar, [part]) = (&plan.shape, self.parts.as_slice()) {
            let (tag, payload) = self.part(part);
            // The length is put in behind.
            out.extend_from_slice(&[0, 0, 0, 0, tag, b'_', b'i', b'd', 0]);
            out.extend_from_slice(payload);
            out.push(0);
            return element::set_document_length(out);
        }
        let at = element::begin(out);
        match &plan.shape {
            Shape::Scalar => {}
            Shape::Composite(names) => {
                out.extend_from_slice(&[tag::DOCUMENT, b'_', b'i', b'd', 0]);
                let inner = element::begin(out);
                self.append_parts(names, out);
                element::end(out, inner);
            }
            Shape::Fields(names) => self.append_parts(names, out),
            Shape::Hash { apart } => {
                let row = if *apart { &self.lossless } else { self.fields() };
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
        let (tag, payload) = self.part(part);
        out.push(tag);
        out.extend_from_slice(name);
        out.extend_from_slice(payload);
    }

    /// The type and the payload of a part of the key; Null for one that has not come by.
    fn part(&self, part: &KeyPart) -> (u8, &[u8]) {
        match part.tag {
            Some(tag) => (tag, self.key.get(part.payload.clone()).unwrap_or_default()),
            None => (tag::NULL, &[]),
        }
    }

    /// The fields of the body.
    fn fields(&self) -> &[u8] {
        self.body.get(ROOM..).unwrap_or_default()
    }

    /// The document: the filter's `_id`, if that is what it holds, then the fields; in `spare`, which is empty, where the `_id` is
    /// too long for the room. The image ends by it.
    pub(super) fn document<'s>(
        &'s mut self,
        plan: &Plan,
        filter: &[u8],
        spare: &'s mut Vec<u8>,
    ) -> &'s [u8] {
        let id = match plan.shape {
            Shape::Fields(_) => &[],
            Shape::Scalar | Shape::Composite(_) | Shape::Hash { .. } => element::inside(filter),
        };
        self.body.push(0);
        let Some(start) = ROOM.checked_sub(LENGTH + id.len()) else {
            spare.extend_from_slice(&[0; LENGTH]);
            spare.extend_from_slice(id);
            spare.extend_from_slice(self.fields());
            element::set_document_length(spare);
            return spare;
        };
        let document = self.body.get_mut(start..).unwrap_or_default();
        let place = document.get_mut(LENGTH..LENGTH + id.len()).unwrap_or_default();
        place.copy_from_slice(id);
        element::set_document_length(document);
        document
    }

    /// Appends the document of the fields that the image has told, without those of the key.
    pub(super) fn told_fields<'o>(&self, plan: &Plan, out: &'o mut Vec<u8>) -> &'o [u8] {
        let keys = plan.columns.iter().filter(|planned| planned.part.is_some());
        let names: Vec<&[u8]> = keys.filter_map(|planned| planned.field.as_ref()?.name()).collect();
        let at = element::begin(out);
        for told in element::elements(self.fields()) {
            if !names.contains(&told.name) {
                out.extend_from_slice(told.bytes);
            }
        }
        element::end(out, at);
        out
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

/// Empties a buffer, and cuts back a huge one.
#[inline]
pub(super) fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_BYTES {
        shrink(buffer);
    }
}

#[cold]
fn shrink(buffer: &mut Vec<u8>) {
    buffer.shrink_to(KEPT_BYTES);
}
