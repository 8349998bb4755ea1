//! Batches for tests.

use std::sync::Arc;

use bson::{Document, doc};

use crate::model::{
    change::Origin,
    table::TableSchema,
    write::{Collection, Identity, Operation, OperationKind, Target, WriteBatch, WriteGroup},
};

/// What is to be done with one row.
pub(crate) type Change = (OperationKind, Document, Option<Document>);

pub(crate) fn insert(id: i32, text: &str) -> Change {
    (OperationKind::Insert, doc! { "_id": id }, Some(doc! { "_id": id, "text": text }))
}

pub(crate) fn replace(id: i32, text: &str) -> Change {
    (OperationKind::Replace, doc! { "_id": id }, Some(doc! { "_id": id, "text": text }))
}

/// Sets `text` of the row.
pub(crate) fn set(id: i32, text: &str) -> Change {
    (OperationKind::Set, doc! { "_id": id }, Some(doc! { "text": text }))
}

pub(crate) fn delete(id: i32) -> Change {
    (OperationKind::Delete, doc! { "_id": id }, None)
}

/// A batch for `shop.orders`.
pub(crate) fn batch(changes: &[Change]) -> WriteBatch {
    let collection = Collection { database: "shop".into(), name: "orders".into() };
    group_of(Target { collection, identity: Identity::Id }, changes)
}

/// A batch of one group.
pub(crate) fn group_of(target: Target, changes: &[Change]) -> WriteBatch {
    let mut bytes = Vec::new();
    let mut push = |document: &Document| {
        let start = bytes.len();
        bytes.extend(bson::serialize_to_vec(document).unwrap_or_default());
        start..bytes.len()
    };
    let operations = changes
        .iter()
        .map(|(kind, filter, document)| Operation {
            kind: *kind,
            filter: push(filter),
            document: document.as_ref().map_or(0..0, &mut push),
            origin: Origin::Snapshot,
        })
        .collect();
    let group = WriteGroup { target: Arc::new(target), table: table(), operations, bytes };
    WriteBatch { groups: vec![group] }
}

fn table() -> Arc<TableSchema> {
    let name = serde_json::json!({ "database": "shop", "table": "orders" });
    let schema = serde_json::json!({ "name": name, "columns": [], "key": null });
    Arc::new(serde_json::from_value(schema).unwrap())
}
