//! Writes as the sink takes them: one batch, grouped by collection, every operation in BSON bytes already.

use std::{ops::Range, sync::Arc};

use super::{change::Origin, table::TableSchema};

/// A collection of the target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Collection {
    /// The target database.
    pub database: String,
    /// The collection.
    pub name: String,
}

impl std::fmt::Display for Collection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.database, self.name)
    }
}

/// What tells one document of a collection from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// `_id` is made from the row.
    Id,
    /// The target makes `_id`; these fields, with a unique index of this name on them, tell rows apart.
    Fields {
        /// Field names in key order.
        fields: Vec<String>,
        /// The unique index.
        index: String,
    },
}

/// A table's place in the target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where its rows go.
    pub collection: Collection,
    /// What tells them apart.
    pub identity: Identity,
}

/// A batch of writes. No two operations of a batch have the same collection and filter, so their order is free.
#[derive(Debug, Default)]
pub struct WriteBatch {
    /// The operations by collection.
    pub groups: Vec<WriteGroup>,
}

impl WriteBatch {
    /// How many operations it holds.
    #[must_use]
    pub fn operation_count(&self) -> usize {
        self.groups.iter().map(|group| group.operations.len()).sum()
    }

    /// How many bytes its filters and documents take.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.groups.iter().map(|group| group.bytes.len()).sum()
    }
}

/// The operations on one collection.
#[derive(Debug)]
pub struct WriteGroup {
    /// Where they go.
    pub target: Arc<Target>,
    /// The table that they come from.
    pub table: Arc<TableSchema>,
    /// The operations; filters and documents are ranges of `bytes`.
    pub operations: Vec<Operation>,
    /// All filters and documents, each a whole BSON document.
    pub bytes: Vec<u8>,
}

impl WriteGroup {
    /// The filter of an operation as a BSON document; empty for an operation that is not of this group.
    #[must_use]
    pub fn filter(&self, operation: &Operation) -> &[u8] {
        self.bytes.get(operation.filter.clone()).unwrap_or_default()
    }

    /// The document of an operation as BSON, or the fields to be set; empty for a delete.
    #[must_use]
    pub fn document(&self, operation: &Operation) -> &[u8] {
        self.bytes.get(operation.document.clone()).unwrap_or_default()
    }
}

/// One write.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What to do.
    pub kind: OperationKind,
    /// The filter in [`WriteGroup::bytes`]: `{_id: …}` or the identity's fields.
    pub filter: Range<usize>,
    /// The document in [`WriteGroup::bytes`], or the fields to be set; empty for a delete.
    pub document: Range<usize>,
    /// Where the change came from, for dead letters.
    pub origin: Origin,
}

/// What a write does. All are harmless to repeat: what a [`OperationKind::Set`] puts over a document that is newer is
/// written again behind it, since everything behind a saved position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// The document is believed to be new: insert, and where the identity is taken replace.
    Insert,
    /// Replace, or insert where there is none.
    Replace,
    /// Look first: replace the document where it is another one, insert it where there is none.
    Renew,
    /// Set the fields of [`Operation::document`], where there is a document.
    Set,
    /// Delete, where there is one.
    Delete,
}

impl OperationKind {
    /// The label that metrics and dead letters carry.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Renew => "renew",
            Self::Set => "set",
            Self::Delete => "delete",
        }
    }
}

/// What became of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteCounts {
    /// Documents that were not there before.
    pub created: u64,
    /// Documents that were there and are others now.
    pub updated: u64,
    /// Documents that were as their rows are, and were not written.
    pub unchanged: u64,
    /// Documents of rows that are gone, which were removed.
    pub deleted: u64,
}

impl WriteCounts {
    /// What has been added to an earlier count.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            created: self.created.saturating_sub(before.created),
            updated: self.updated.saturating_sub(before.updated),
            unchanged: self.unchanged.saturating_sub(before.unchanged),
            deleted: self.deleted.saturating_sub(before.deleted),
        }
    }
}

impl std::ops::AddAssign for WriteCounts {
    fn add_assign(&mut self, more: Self) {
        self.created += more.created;
        self.updated += more.updated;
        self.unchanged += more.unchanged;
        self.deleted += more.deleted;
    }
}

/// What became of a batch, once every operation in it is either durable or rejected.
#[derive(Debug, Default)]
pub struct WriteReport {
    /// What became of the documents, by [`WriteBatch::groups`].
    pub by_group: Vec<WriteCounts>,
    /// Operations that the target refused for good.
    pub rejected: Vec<Rejection>,
}

impl WriteReport {
    /// Operations of a group that wrote nothing: they were refused, or their document was as it should be.
    #[must_use]
    pub fn unwritten(&self, group: usize) -> usize {
        let refused = self.rejected.iter().filter(|one| one.group == group).count();
        let unchanged = self.by_group.get(group).map_or(0, |counts| counts.unchanged);
        refused.saturating_add(usize::try_from(unchanged).unwrap_or(usize::MAX))
    }

    /// What became of all documents.
    #[must_use]
    pub fn totals(&self) -> WriteCounts {
        self.by_group.iter().fold(WriteCounts::default(), |mut sum, group| {
            sum += *group;
            sum
        })
    }
}

/// An operation that the target refuses, whatever is tried.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Index into [`WriteBatch::groups`].
    pub group: usize,
    /// Index into [`WriteGroup::operations`].
    pub operation: usize,
    /// The target's error code; 0 for our own reasons (size).
    pub code: i32,
    /// Why, without values of the row.
    pub reason: String,
}
