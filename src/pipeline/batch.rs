//! Gathers operations into a batch in which every key stands once.
//!
//! Several changes of one key inside a batch become one operation, the last one winning. Since no two operations of a
//! batch then touch the same document, their order is free, and the sink may send them in whatever commands are
//! cheapest; order per key (promise P4) is kept because batches are written one after another.
//!
//! Fields that are set, where a change does not tell the whole row, are put into what the batch has for the document
//! already. Replaying them is harmless too (promise P3): set over a document that is newer they make it older for a
//! while, but every change behind a saved position comes again in its order, and each field's last one decides.

use std::{hash::BuildHasher, ops::Range, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable, hash_table::Entry};

use crate::{
    mapping,
    model::{
        change::Origin,
        letter::DeadLetter,
        table::TableSchema,
        write::{Operation, OperationKind, Target, WriteBatch, WriteGroup},
    },
};

/// What an operation costs beyond its bytes.
const OPERATION_BYTES: usize = size_of::<Operation>() + size_of::<Slot>();

/// Where an operation stands.
#[derive(Debug, Clone, Copy)]
struct Slot {
    group: u32,
    operation: u32,
}

/// One write as the mapping gives it, still borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// What to do.
    pub kind: OperationKind,
    /// Which document, as a BSON filter.
    pub filter: &'a [u8],
    /// The document, or the fields to be set; empty for a delete.
    pub document: &'a [u8],
}

/// A batch that is being filled.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    groups: Vec<WriteGroup>,
    group_of: HashMap<Arc<Target>, u32>,
    slots: HashTable<Slot>,
    hasher: RandomState,
    letters: Vec<DeadLetter>,
    operations: usize,
    bytes: usize,
    oldest_commit_micros: Option<u64>,
    spares: Vec<Spare>,
}

/// The emptied buffers of a batch that has landed: fresh ones would have to grow, and be zeroed by the kernel, anew.
#[derive(Debug, Default)]
struct Spare {
    operations: Vec<Operation>,
    bytes: Vec<u8>,
}

impl Spare {
    /// The most that are kept: those of a few batches on their way, not of every table of a wide one.
    const MOST: usize = 8;
    /// A buffer that a huge row made larger than this is given back to the system.
    const MOST_BYTES: usize = 8 << 20;
}

/// A batch that is ready to be written.
#[derive(Debug)]
pub struct ReadyBatch {
    /// The operations.
    pub writes: WriteBatch,
    /// Rows that could not be mapped.
    pub letters: Vec<DeadLetter>,
    /// The commit time of the oldest change in it, in microseconds since the Unix epoch.
    pub oldest_commit_micros: Option<u64>,
}

impl BatchBuilder {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations == 0 && self.letters.is_empty()
    }

    /// Operations in the batch.
    #[must_use]
    pub const fn operation_count(&self) -> usize {
        self.operations
    }

    /// Memory that the batch takes, in bytes.
    #[must_use]
    pub const fn byte_count(&self) -> usize {
        self.bytes
    }

    /// Adds a write, or folds it into the one that the batch already has for this document.
    pub fn push(
        &mut self,
        target: &Arc<Target>,
        table: &Arc<TableSchema>,
        write: Write<'_>,
        origin: &Origin,
    ) {
        self.note_origin(origin);
        if write.kind != OperationKind::Set {
            self.forget_letter(table, write.filter);
        }
        let group = self.group(target, table);
        let hash = self.hasher.hash_one((group, write.filter));
        let (groups, hasher) = (&self.groups, &self.hasher);
        let entry = self.slots.entry(
            hash,
            |slot| slot.group == group && filter_of(groups, *slot) == write.filter,
            |slot| hasher.hash_one((slot.group, filter_of(groups, *slot))),
        );
        let before = self.groups.get(group as usize).map_or(0, |group| group.bytes.len());
        match entry {
            Entry::Occupied(slot) => {
                let slot = *slot.get();
                if let Some(group) = self.groups.get_mut(group as usize) {
                    fold(group, slot.operation, write, origin);
                }
            }
            Entry::Vacant(vacant) => {
                let Some(group_ref) = self.groups.get_mut(group as usize) else { return };
                let operation = u32::try_from(group_ref.operations.len()).unwrap_or(u32::MAX);
                append(group_ref, write, origin);
                vacant.insert(Slot { group, operation });
                self.operations += 1;
                self.bytes += OPERATION_BYTES;
            }
        }
        self.bytes += self.groups.get(group as usize).map_or(0, |group| group.bytes.len()) - before;
    }

    /// Adds a row that cannot be mapped. It takes the place of an earlier letter of the same row.
    pub fn push_letter(&mut self, letter: DeadLetter, origin: &Origin) {
        self.note_origin(origin);
        self.letters.retain(|other| other.table != letter.table || other.key != letter.key);
        self.bytes += letter.key.len() + letter.row.len();
        self.letters.push(letter);
    }

    /// Takes the batch out, leaving an empty one.
    pub fn take(&mut self) -> ReadyBatch {
        self.group_of.clear();
        self.slots.clear();
        (self.operations, self.bytes) = (0, 0);
        ReadyBatch {
            writes: WriteBatch { groups: std::mem::take(&mut self.groups) },
            letters: std::mem::take(&mut self.letters),
            oldest_commit_micros: self.oldest_commit_micros.take(),
        }
    }

    /// Takes back the buffers of a batch that has landed.
    pub fn recycle(&mut self, batch: WriteBatch) {
        for WriteGroup { mut operations, mut bytes, .. } in batch.groups {
            if self.spares.len() < Spare::MOST && bytes.capacity() <= Spare::MOST_BYTES {
                operations.clear();
                bytes.clear();
                self.spares.push(Spare { operations, bytes });
            }
        }
    }

    fn note_origin(&mut self, origin: &Origin) {
        if let Origin::Stream(transaction) = origin {
            self.oldest_commit_micros.get_or_insert(transaction.committed_micros);
        }
    }

    /// A good version of a row behind a bad one in the same batch settles it before it was ever kept.
    fn forget_letter(&mut self, table: &TableSchema, filter: &[u8]) {
        if !self.letters.is_empty() {
            self.letters.retain(|letter| letter.table != table.name || letter.key != filter);
        }
    }

    fn group(&mut self, target: &Arc<Target>, table: &Arc<TableSchema>) -> u32 {
        // Mostly the next row is of the same table.
        let last = self.groups.last().filter(|last| Arc::ptr_eq(&last.target, target));
        let known = match last {
            Some(_) => u32::try_from(self.groups.len() - 1).ok(),
            None => self.group_of.get(target).copied(),
        };
        if let Some(group) = known {
            return group;
        }
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.group_of.insert(Arc::clone(target), group);
        let Spare { operations, bytes } = self.spares.pop().unwrap_or_default();
        self.groups.push(WriteGroup {
            target: Arc::clone(target),
            table: Arc::clone(table),
            operations,
            bytes,
        });
        group
    }
}

fn filter_of(groups: &[WriteGroup], slot: Slot) -> &[u8] {
    let Some(group) = groups.get(slot.group as usize) else { return &[] };
    group.operations.get(slot.operation as usize).map_or(&[], |operation| group.filter(operation))
}

fn append(group: &mut WriteGroup, write: Write<'_>, origin: &Origin) {
    let filter = store(&mut group.bytes, write.filter);
    let document = store(&mut group.bytes, write.document);
    group.operations.push(Operation { kind: write.kind, filter, document, origin: origin.clone() });
}

fn fold(group: &mut WriteGroup, index: u32, write: Write<'_>, origin: &Origin) {
    let Some(first) = group.operations.get(index as usize) else { return };
    let kind = folded(first.kind, write.kind);
    let document = match (first.kind, write.kind) {
        (OperationKind::Delete, OperationKind::Set) => return,
        (_, OperationKind::Set) => {
            let mut merged = Vec::new();
            mapping::merge(&mut merged, group.document(first), write.document);
            let place = first.document.clone();
            put(&mut group.bytes, place, &merged)
        }
        _ => store(&mut group.bytes, write.document),
    };
    if let Some(operation) = group.operations.get_mut(index as usize) {
        operation.kind = kind;
        operation.document = document;
        operation.origin = origin.clone();
    }
}

/// Puts a document in the place of an older one where it fits, so that many small changes of a large document do not
/// fill the batch.
fn put(bytes: &mut Vec<u8>, place: Range<usize>, document: &[u8]) -> Range<usize> {
    let end = place.start.saturating_add(document.len());
    match bytes.get_mut(place.start..end).filter(|_| end <= place.end) {
        Some(room) => {
            room.copy_from_slice(document);
            place.start..end
        }
        None => store(bytes, document),
    }
}

fn store(bytes: &mut Vec<u8>, part: &[u8]) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(part);
    start..bytes.len()
}

/// What two operations on one document amount to. A row that was new stays new when it is changed again; behind a
/// delete the document may or may not be there, so it is replaced. Setting fields changes what is written, not how;
/// behind a delete it would find nothing.
const fn folded(first: OperationKind, second: OperationKind) -> OperationKind {
    match (first, second) {
        (_, OperationKind::Delete) => OperationKind::Delete,
        (first, OperationKind::Set) => first,
        (OperationKind::Insert, _) => OperationKind::Insert,
        (OperationKind::Renew, OperationKind::Renew) => OperationKind::Renew,
        (
            OperationKind::Replace
            | OperationKind::Renew
            | OperationKind::Set
            | OperationKind::Delete,
            _,
        ) => OperationKind::Replace,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        table::TableName,
        write::{Collection, Identity},
    };

    fn target() -> (Arc<Target>, Arc<TableSchema>) {
        let collection = Collection { database: "shop".into(), name: "orders".into() };
        let table = TableSchema::named(TableName::new("shop", "orders"));
        (Arc::new(Target { collection, identity: Identity::Id }), Arc::new(table))
    }

    fn delete(filter: &[u8]) -> Write<'_> {
        Write { kind: OperationKind::Delete, filter, document: &[] }
    }

    #[test]
    fn one_key_stands_once_and_the_last_change_wins() {
        let (target, table) = target();
        let mut batch = BatchBuilder::default();
        let write = |kind, document: &'static [u8]| Write { kind, filter: b"a", document };
        batch.push(&target, &table, write(OperationKind::Insert, b"1"), &Origin::Snapshot);
        batch.push(&target, &table, write(OperationKind::Replace, b"2"), &Origin::Snapshot);
        batch.push(&target, &table, delete(b"b"), &Origin::Snapshot);
        let ready = batch.take();
        let group = &ready.writes.groups[0];
        assert_eq!(group.operations.len(), 2);
        assert_eq!(group.operations[0].kind, OperationKind::Insert);
        assert_eq!(group.document(&group.operations[0]), b"2");
        assert!(batch.is_empty());
    }

    #[test]
    fn a_good_version_settles_a_letter_of_the_same_batch() {
        let (target, table) = target();
        let mut batch = BatchBuilder::default();
        let letter = DeadLetter {
            table: table.name.clone(),
            key: b"a".to_vec(),
            operation: "insert",
            transaction: None,
            reason: "no".into(),
            code: 0,
            row: Vec::new(),
            is_again: false,
        };
        batch.push_letter(letter, &Origin::Snapshot);
        assert!(!batch.is_empty());
        batch.push(&target, &table, delete(b"a"), &Origin::Snapshot);
        assert!(batch.take().letters.is_empty());
    }

    proptest! {
        #[test]
        fn a_batch_ends_where_its_changes_one_by_one_would(changes in proptest::collection::vec((0u8..6, 0u8..3), 0..60)) {
            let (target, table) = target();
            let mut batch = BatchBuilder::default();
            let mut expected = std::collections::BTreeMap::new();
            let documents: Vec<[u8; 1]> = (0..60u8).map(|index| [index]).collect();
            for (index, (key, kind)) in changes.iter().enumerate() {
                let filter = std::slice::from_ref(key);
                let document = &documents[index];
                let write = match kind {
                    0 => Write { kind: OperationKind::Insert, filter, document },
                    1 => Write { kind: OperationKind::Replace, filter, document },
                    _ => delete(filter),
                };
                batch.push(&target, &table, write, &Origin::Snapshot);
                expected.insert(*key, (*kind < 2).then(|| document.to_vec()));
            }
            let ready = batch.take();
            let mut actual = std::collections::BTreeMap::new();
            for group in &ready.writes.groups {
                for operation in &group.operations {
                    let document = (operation.kind != OperationKind::Delete).then(|| group.document(operation).to_vec());
                    prop_assert!(actual.insert(group.filter(operation)[0], document).is_none());
                }
            }
            prop_assert_eq!(actual, expected);
        }

        /// Whatever the collection held before, also where the stream is read again from the middle.
        #[test]
        fn fields_that_are_set_end_where_they_would_one_by_one(
            changes in proptest::collection::vec((0u8..3, 0u8..4, 0u8..8), 0..40),
            held in proptest::collection::vec(any::<bool>(), 3),
        ) {
            let (target, table) = target();
            let mut batch = BatchBuilder::default();
            let start: Collected = (0..3_u8)
                .filter(|key| held[usize::from(*key)])
                .map(|key| (i32::from(key), document(-1, 7)))
                .collect();
            let mut expected = start.clone();
            for (index, (key, kind, fields)) in changes.iter().enumerate() {
                let kind = [OperationKind::Insert, OperationKind::Replace, OperationKind::Set, OperationKind::Delete][usize::from(*kind)];
                let told = document(i32::try_from(index).unwrap(), if kind == OperationKind::Set { *fields } else { 7 });
                let filter = bson::serialize_to_vec(&bson::doc! { "_id": i32::from(*key) }).unwrap();
                let bytes = bson::serialize_to_vec(&told).unwrap();
                let document: &[u8] = if kind == OperationKind::Delete { &[] } else { &bytes };
                batch.push(&target, &table, Write { kind, filter: &filter, document }, &Origin::Snapshot);
                apply(&mut expected, i32::from(*key), kind, told);
            }
            let mut actual = start;
            for group in &batch.take().writes.groups {
                for operation in &group.operations {
                    let key = bson::deserialize_from_slice::<bson::Document>(group.filter(operation)).unwrap().get_i32("_id").unwrap();
                    let told = bson::deserialize_from_slice(group.document(operation)).unwrap_or_default();
                    apply(&mut actual, key, operation.kind, told);
                }
            }
            prop_assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
        }
    }

    type Collected = std::collections::BTreeMap<i32, bson::Document>;

    /// Those of the fields `a`, `b`, `c` whose bit is set.
    fn document(number: i32, fields: u8) -> bson::Document {
        let told =
            ["a", "b", "c"].into_iter().enumerate().filter(|(bit, _)| fields >> bit & 1 == 1);
        told.map(|(bit, name)| match number % 3 {
            0 => (name.to_owned(), bson::Bson::Int32(number)),
            1 => (name.to_owned(), bson::Bson::String("x".repeat(bit + 1))),
            _ => (name.to_owned(), bson::Bson::Null),
        })
        .collect()
    }

    fn apply(collected: &mut Collected, key: i32, kind: OperationKind, told: bson::Document) {
        match kind {
            OperationKind::Insert | OperationKind::Replace | OperationKind::Renew => {
                drop(collected.insert(key, told));
            }
            OperationKind::Delete => drop(collected.remove(&key)),
            OperationKind::Set => {
                if let Some(document) = collected.get_mut(&key) {
                    document.extend(told);
                }
            }
        }
    }
}
