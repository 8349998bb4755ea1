//! Cuts a batch into commands that the target takes, and writes them.
//!
//! A command never exceeds the target's limits: bytes of its body, number of operations. The order of operations
//! within a batch is free, since no two concern one document; deletes go first, so that the values of unique indexes
//! are free again before they are used.

use bson::RawDocumentBuf;

use super::{body::BodyWriter, compare::Looked};
use crate::{
    config::WriteConcern,
    model::write::{Operation, OperationKind, Rejection, WriteBatch, WriteGroup},
};

/// What the target takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// The largest document, in bytes. A body may be larger by [`Limits::SLACK`].
    pub(super) document: usize,
    /// The most operations of a command.
    pub(super) operations: usize,
}

impl Limits {
    /// A server takes bodies 16 KiB larger than a document (`BSONObjMaxInternalSize`); of that the driver's own fields
    /// (`lsid`, `$db`, `$clusterTime`) take a part.
    const SLACK: usize = 14 * 1024;
    /// FerretDB 2.7 announces 100,000 in `hello` and refuses more than 25,000; nothing is gained above this.
    pub(super) const MOST_OPERATIONS: usize = 10_000;
    /// Name, write concern, comment.
    const ENVELOPE: usize = 1024;
    /// What an operation takes besides its filter and document: headers, names, flags.
    const FRAME: usize = 64;

    /// The commands of a batch that are under way at once: those of several collections or verbs.
    pub(super) const SIDE_BY_SIDE: usize = 2;

    fn room(&self) -> usize {
        self.document.saturating_sub(Self::ENVELOPE)
    }

    fn size_of(&self, group: &WriteGroup, operation: &Operation) -> Result<usize, String> {
        let document = group.document(operation).len();
        if document > self.document {
            return Err(format!(
                "the document has {document} bytes, the target takes {}",
                self.document
            ));
        }
        let size = document + group.filter(operation).len() + Self::FRAME;
        if size > self.room() + Self::SLACK {
            return Err(format!(
                "document and key together have {size} bytes, too many for one command of {}",
                self.document
            ));
        }
        Ok(size)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { document: 16 << 20, operations: Self::MOST_OPERATIONS }
    }
}

/// What a command does. The order is that of the commands of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Delete,
    Replace,
    Insert,
    /// Set fields; no document is made.
    Set,
}

impl From<OperationKind> for Verb {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Delete => Self::Delete,
            OperationKind::Replace | OperationKind::Renew => Self::Replace,
            OperationKind::Insert => Self::Insert,
            OperationKind::Set => Self::Set,
        }
    }
}

/// An operation of a batch, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) operation: usize,
}

impl Place {
    pub(super) fn find(self, batch: &WriteBatch) -> Option<(&WriteGroup, &Operation)> {
        let group = batch.groups.get(self.group)?;
        Some((group, group.operations.get(self.operation)?))
    }

    pub(super) const fn reject(self, code: i32, reason: String) -> Rejection {
        Rejection { group: self.group, operation: self.operation, code, reason }
    }
}

/// The operations of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) group: usize,
    pub(super) verb: Verb,
    pub(super) operations: Vec<usize>,
    /// About how large the body will be.
    bytes: usize,
}

impl Chunk {
    pub(super) fn place(&self, index: usize) -> Option<Place> {
        let operation = *self.operations.get(index)?;
        Some(Place { group: self.group, operation })
    }

    /// Two commands in place of one; one where there is nothing to halve.
    pub(super) fn halve(mut self) -> (Self, Option<Self>) {
        if self.operations.len() < 2 {
            return (self, None);
        }
        let rest = self.operations.split_off(self.operations.len() / 2);
        let other =
            Self { group: self.group, verb: self.verb, operations: rest, bytes: self.bytes };
        (self, Some(other))
    }
}

/// A batch cut into commands, and what fits into none.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) chunks: Vec<Chunk>,
    pub(super) rejected: Vec<Rejection>,
}

/// Cuts a whole batch, but for what the target has as it should be.
pub(super) fn cut(batch: &WriteBatch, limits: &Limits, looked: &Looked) -> Cut {
    let mut cut = Cut::default();
    for (group_index, group) in batch.groups.iter().enumerate() {
        for verb in [Verb::Delete, Verb::Replace, Verb::Insert, Verb::Set] {
            let of_verb = group.operations.iter().enumerate();
            let places = of_verb.filter_map(|(operation, one)| {
                let place = Place { group: group_index, operation };
                (looked.verb(place, one.kind) == Some(verb)).then_some(place)
            });
            cut.add(batch, limits, verb, places);
        }
    }
    cut.chunks.sort_by_key(|chunk| chunk.verb);
    cut
}

/// Cuts some operations of a batch, all to be done in one way.
pub(super) fn cut_some(batch: &WriteBatch, limits: &Limits, verb: Verb, places: &[Place]) -> Cut {
    let mut cut = Cut::default();
    for of_one_group in places.chunk_by(|one, next| one.group == next.group) {
        cut.add(batch, limits, verb, of_one_group.iter().copied());
    }
    cut
}

impl Cut {
    /// Adds operations of one group.
    fn add(
        &mut self,
        batch: &WriteBatch,
        limits: &Limits,
        verb: Verb,
        places: impl Iterator<Item = Place>,
    ) {
        let mut current: Option<Chunk> = None;
        for place in places {
            let Some((group, operation)) = place.find(batch) else { continue };
            let size = match limits.size_of(group, operation) {
                Ok(size) => size,
                Err(reason) => {
                    self.rejected.push(place.reject(0, reason));
                    continue;
                }
            };
            match &mut current {
                Some(chunk)
                    if chunk.bytes + size <= limits.room()
                        && chunk.operations.len() < limits.operations =>
                {
                    chunk.bytes += size;
                    chunk.operations.push(place.operation);
                }
                _ => {
                    let next = Chunk {
                        group: place.group,
                        verb,
                        operations: vec![place.operation],
                        bytes: size,
                    };
                    self.chunks.extend(current.replace(next));
                }
            }
        }
        self.chunks.extend(current);
    }
}

/// How every write is to be acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concern {
    pub(super) write_concern: WriteConcern,
    pub(super) journal: bool,
}

impl Concern {
    /// A replica set without a majority answers after this long (`WriteConcernTimeout`) and the batch is sent again;
    /// without it the answer would not come at all.
    const PATIENCE_MILLIS: i32 = 30_000;

    /// For commands that are not written by hand.
    pub(super) fn to_document(self) -> bson::Document {
        let mut body = BodyWriter::new(128);
        self.write(&mut body);
        let whole = body.finish().and_then(|raw| bson::Document::try_from(raw).ok());
        let concern = whole.and_then(|mut whole| whole.remove("writeConcern"));
        concern.and_then(|concern| concern.as_document().cloned()).unwrap_or_default()
    }

    fn write(self, body: &mut BodyWriter) {
        let open = body.open_document("writeConcern");
        match self.write_concern {
            WriteConcern::Majority => body.string("w", "majority"),
            WriteConcern::Nodes(count) => body.int32("w", i32::try_from(count).unwrap_or(i32::MAX)),
        }
        body.boolean("j", self.journal);
        body.int32("wtimeout", Self::PATIENCE_MILLIS);
        body.close(open);
    }
}

/// Writes the body of a command. `None` when the operations are not of this batch.
pub(super) fn encode(
    batch: &WriteBatch,
    chunk: &Chunk,
    concern: Concern,
    comment: &str,
) -> Option<RawDocumentBuf> {
    let group = batch.groups.get(chunk.group)?;
    let (command, list) = match chunk.verb {
        Verb::Delete => ("delete", "deletes"),
        Verb::Replace | Verb::Set => ("update", "updates"),
        Verb::Insert => ("insert", "documents"),
    };
    let mut body = BodyWriter::new(chunk.bytes + Limits::ENVELOPE);
    body.string(command, &group.target.collection.name);
    let array = body.open_array(list);
    for (index, operation) in chunk.operations.iter().enumerate() {
        let operation = group.operations.get(*operation)?;
        encode_operation(&mut body, index, chunk.verb, group, operation);
    }
    body.close(array);
    body.boolean("ordered", false);
    concern.write(&mut body);
    body.string("comment", comment);
    body.finish()
}

fn encode_operation(
    body: &mut BodyWriter,
    index: usize,
    verb: Verb,
    group: &WriteGroup,
    operation: &Operation,
) {
    if verb == Verb::Insert {
        body.document_at(index, group.document(operation));
        return;
    }
    let open = body.open_document_at(index);
    body.document("q", group.filter(operation));
    match verb {
        Verb::Replace => {
            body.document("u", group.document(operation));
            body.boolean("upsert", true);
        }
        Verb::Set => {
            let update = body.open_document("u");
            body.document("$set", group.document(operation));
            body.close(update);
            body.boolean("upsert", false);
        }
        Verb::Delete | Verb::Insert => body.int32("limit", 1),
    }
    body.close(open);
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::*;
    use crate::sink::testing::{batch, delete, insert, replace, set};

    const CONCERN: Concern = Concern { write_concern: WriteConcern::Majority, journal: true };

    fn body(batch: &WriteBatch, chunk: &Chunk) -> Document {
        Document::try_from(encode(batch, chunk, CONCERN, "c").unwrap()).unwrap()
    }

    #[test]
    fn a_batch_becomes_one_command_a_verb_and_deletes_go_first() {
        let batch = batch(&[insert(1, "a"), replace(2, "b"), delete(3), insert(4, "c")]);
        let cut = cut(&batch, &Limits::default(), &Looked::default());
        let bodies: Vec<Document> = cut.chunks.iter().map(|chunk| body(&batch, chunk)).collect();
        let concern = doc! { "w": "majority", "j": true, "wtimeout": 30_000 };
        let expected = [
            doc! { "delete": "orders", "deletes": [{ "q": { "_id": 3 }, "limit": 1 }], "ordered": false, "writeConcern": concern.clone(), "comment": "c" },
            doc! { "update": "orders", "updates": [{ "q": { "_id": 2 }, "u": { "_id": 2, "text": "b" }, "upsert": true }], "ordered": false, "writeConcern": concern.clone(), "comment": "c" },
            doc! { "insert": "orders", "documents": [{ "_id": 1, "text": "a" }, { "_id": 4, "text": "c" }], "ordered": false, "writeConcern": concern, "comment": "c" },
        ];
        assert_eq!(bodies, expected);
    }

    #[test]
    fn fields_are_set_and_never_make_a_document() {
        let batch = batch(&[set(1, "a"), replace(2, "b")]);
        let cut = cut(&batch, &Limits::default(), &Looked::default());
        assert_eq!(cut.chunks.len(), 2);
        let updates = doc! { "q": { "_id": 1 }, "u": { "$set": { "text": "a" } }, "upsert": false };
        let body = body(&batch, &cut.chunks[1]);
        assert_eq!(body.get_str("update").unwrap(), "orders");
        assert_eq!(body.get_array("updates").unwrap(), &[updates.into()]);
    }

    #[test]
    fn no_body_exceeds_the_limits_and_none_is_lost() {
        let text = "x".repeat(700);
        let batch = batch(&(0..100).map(|id| replace(id, &text)).collect::<Vec<_>>());
        let limits = Limits { document: 10_000, operations: 7 };
        let cut = cut(&batch, &limits, &Looked::default());
        assert!(cut.rejected.is_empty());
        let count: usize = cut.chunks.iter().map(|chunk| chunk.operations.len()).sum();
        assert_eq!(count, 100);
        for chunk in &cut.chunks {
            assert!(chunk.operations.len() <= 7);
            assert!(encode(&batch, chunk, CONCERN, "c").unwrap().as_bytes().len() <= 10_000);
        }
    }

    #[test]
    fn a_document_of_just_the_limit_goes_alone_and_one_past_it_not_at_all() {
        let frame = bson::serialize_to_vec(&doc! { "_id": 1, "text": "" }).unwrap().len();
        let limits = Limits::default();
        let largest = "x".repeat(limits.document - frame);
        let batch =
            batch(&[replace(1, &largest), replace(2, &format!("{largest}x")), replace(3, "")]);
        let cut = cut(&batch, &limits, &Looked::default());
        assert_eq!(cut.chunks.len(), 2);
        let length = encode(&batch, &cut.chunks[0], CONCERN, "c").unwrap().as_bytes().len();
        assert!(length > limits.document && length < limits.document + Limits::SLACK);
        assert_eq!(cut.rejected.len(), 1);
        assert_eq!((cut.rejected[0].operation, cut.rejected[0].code), (1, 0));
    }
}
