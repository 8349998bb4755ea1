//! Looking before writing: which documents of a batch the target has already, and has as they should be.
//!
//! Polling reads many rows again that have not changed. Replacing a document by itself costs some targets as much as any
//! write, wakes change streams and fills the oplog; reading it costs little. What a lost connection makes uncertain is
//! looked at again with the next try, so that nothing is taken for written that is not.

use std::collections::{HashMap, HashSet};

use bson::{Document, RawDocument, RawDocumentBuf, doc};

use super::{
    MongoSink,
    command::{Place, Verb},
    errors::SinkError,
    link::Link,
};
use crate::model::write::{Identity, OperationKind, Target, WriteBatch, WriteGroup};

/// Identities that are asked for in one question.
const PAGE: usize = 500;

/// What the target has of the operations that look first.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those whose document is as it should be.
    unchanged: HashSet<Place>,
    /// Those that have another document.
    different: HashSet<Place>,
}

impl Looked {
    /// What is to be done for an operation; `None` where nothing is.
    pub(super) fn verb(&self, place: Place, kind: OperationKind) -> Option<Verb> {
        match kind {
            OperationKind::Renew if self.unchanged.contains(&place) => None,
            OperationKind::Renew if self.different.contains(&place) => Some(Verb::Replace),
            OperationKind::Renew => Some(Verb::Insert),
            kind => Some(Verb::from(kind)),
        }
    }

    /// How many documents of a group are as they should be.
    pub(super) fn unchanged_of(&self, group: usize) -> u64 {
        let of_group = self.unchanged.iter().filter(|place| place.group == group);
        u64::try_from(of_group.count()).unwrap_or(u64::MAX)
    }
}

/// Asks the target for the documents of all operations that look first.
pub(super) async fn look(link: &Link, batch: &WriteBatch) -> Result<Looked, SinkError> {
    let mut looked = Looked::default();
    for (number, group) in batch.groups.iter().enumerate() {
        let renewed = group.operations.iter().enumerate();
        let renewed: Vec<Place> = renewed
            .filter(|(_, operation)| operation.kind == OperationKind::Renew)
            .map(|(operation, _)| Place { group: number, operation })
            .collect();
        for page in renewed.chunks(PAGE) {
            look_at_page(link, batch, group, page, &mut looked).await?;
        }
    }
    Ok(looked)
}

async fn look_at_page(
    link: &Link,
    batch: &WriteBatch,
    group: &WriteGroup,
    page: &[Place],
    looked: &mut Looked,
) -> Result<(), SinkError> {
    let sought = page.iter().filter_map(|place| {
        let (_, operation) = place.find(batch)?;
        Some((group.filter(operation), (*place, group.document(operation))))
    });
    let sought: HashMap<&[u8], (Place, &[u8])> = sought.collect();
    let identity = &group.target.identity;
    let question = question(identity, sought.keys().copied());
    let compare = |found: &RawDocument| {
        let Some((filter, document)) = parts(identity, found) else { return };
        if let Some((place, wanted)) = sought.get(filter.as_bytes()) {
            let set = match document.as_bytes() == *wanted {
                true => &mut looked.unchanged,
                false => &mut looked.different,
            };
            set.insert(*place);
        }
    };
    link.each(&group.target.collection, (question, None), compare).await
}

impl MongoSink {
    /// Those of these filters, each `{_id: …}` or the identity's fields, that find a document.
    ///
    /// # Errors
    /// Whatever keeps the target from answering.
    pub async fn present(
        &self,
        target: &Target,
        filters: &[Vec<u8>],
    ) -> Result<HashSet<Vec<u8>>, SinkError> {
        let mut present = HashSet::new();
        let fields = match &target.identity {
            Identity::Id => &[][..],
            Identity::Fields { fields, .. } => fields,
        };
        let mut projection = doc! { "_id": 1 };
        projection.extend(fields.iter().map(|field| (field.clone(), bson::Bson::Int32(1))));
        for page in filters.chunks(PAGE) {
            let question = question(&target.identity, page.iter().map(Vec::as_slice));
            let keep = |found: &RawDocument| {
                let found = parts(&target.identity, found);
                present.extend(found.map(|(filter, _)| filter.into_bytes()));
            };
            let asked = (question, Some(projection.clone()));
            self.link().each(&target.collection, asked, keep).await?;
        }
        Ok(present)
    }
}

/// The filter that finds the documents of all these filters.
fn question<'f>(identity: &Identity, filters: impl Iterator<Item = &'f [u8]>) -> Document {
    let filters = filters.filter_map(|bytes| bson::deserialize_from_slice::<Document>(bytes).ok());
    match identity {
        Identity::Id => {
            let ids: Vec<bson::Bson> =
                filters.filter_map(|mut filter| filter.remove("_id")).collect();
            doc! { "_id": { "$in": ids } }
        }
        Identity::Fields { .. } => doc! { "$or": filters.collect::<Vec<_>>() },
    }
}

/// The filter that finds a document, and the document without an `_id` that the target has made.
fn parts(identity: &Identity, found: &RawDocument) -> Option<(RawDocumentBuf, RawDocumentBuf)> {
    let mut filter = RawDocumentBuf::new();
    match identity {
        Identity::Id => {
            filter.append(bson::cstr!("_id"), found.get("_id").ok()??);
            Some((filter, found.to_owned()))
        }
        Identity::Fields { fields, .. } => {
            for field in fields {
                filter.append(
                    bson::raw::CString::try_from(field.as_str()).ok()?,
                    found.get(field).ok()??,
                );
            }
            let mut document = RawDocumentBuf::new();
            for element in found.iter_elements() {
                let element = element.ok()?;
                if element.key() != bson::cstr!("_id") {
                    document.append(element.key(), element.value().ok()?);
                }
            }
            Some((filter, document))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(document: &Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(document).unwrap()
    }

    #[test]
    fn a_document_is_found_by_what_its_row_is_found_by() {
        let found = raw(&doc! { "_id": { "a": 1, "b": "x" }, "a": 1, "b": "x", "c": [1, null] });
        let (filter, document) = parts(&Identity::Id, &found).unwrap();
        assert_eq!(filter, raw(&doc! { "_id": { "a": 1, "b": "x" } }));
        assert_eq!(document, found);
        let fields = Identity::Fields { fields: vec!["b".into(), "a".into()], index: "k".into() };
        let made = raw(&doc! { "_id": bson::oid::ObjectId::new(), "a": 1, "b": "x", "c": 2.5 });
        let (filter, document) = parts(&fields, &made).unwrap();
        assert_eq!(filter, raw(&doc! { "b": "x", "a": 1 }));
        assert_eq!(document, raw(&doc! { "a": 1, "b": "x", "c": 2.5 }));
        assert!(parts(&fields, &raw(&doc! { "_id": 1, "a": 1 })).is_none(), "a stranger");
    }

    #[test]
    fn many_are_asked_for_at_once() {
        let filters = [raw(&doc! { "_id": 1 }), raw(&doc! { "_id": "a" })];
        let filters = filters.iter().map(|filter| filter.as_bytes());
        assert_eq!(question(&Identity::Id, filters), doc! { "_id": { "$in": [1, "a"] } });
    }
}
