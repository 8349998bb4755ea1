//! Makes collections and indexes, and asks what is in them.

use bson::{Bson, Document, RawDocumentBuf, doc};

use super::{MongoSink, errors::SinkError, link::Link, pages};
use crate::model::write::{Collection, Identity, Target};

/// `NamespaceExists`.
const EXISTS: i32 = 48;
/// `NamespaceNotFound`.
const NOT_THERE: i32 = 26;

/// How many documents are looked at, or removed, at once: few enough that a command ends well within the time that a
/// write may take.
const PAGE: usize = 2000;

/// A document of the target, by what tells it from others.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// Its `_id`.
    pub id: Bson,
    /// What the operations of its row find it by: `{_id: …}`, or its key fields as far as it has them.
    pub identity: RawDocumentBuf,
    /// The value of the field that was asked for, where it has it.
    pub also: Option<Bson>,
}

/// An index of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) fields: Vec<String>,
    pub(super) unique: bool,
    /// Partial, sparse or with a collation: not for all documents, or not by their bytes.
    pub(super) special: bool,
}

impl Link {
    /// Makes the collection where it is missing, and the unique index that tells its rows apart.
    pub(super) async fn prepare(&self, target: &Target) -> Result<(), SinkError> {
        let collection = &target.collection;
        let create =
            doc! { "create": &collection.name, "writeConcern": self.concern().to_document() };
        match self.ask_patiently(&collection.database, create, "create a collection").await {
            Ok(_) => {}
            Err(error) if error.has_code(EXISTS) => {}
            Err(error) => return Err(error),
        }
        match &target.identity {
            Identity::Id => Ok(()),
            Identity::Fields { fields, index } => {
                self.prepare_index(collection, fields, index).await
            }
        }
    }

    async fn prepare_index(
        &self,
        collection: &Collection,
        fields: &[String],
        name: &str,
    ) -> Result<(), SinkError> {
        let indexes = self.indexes(collection).await?;
        if let Some(index) = indexes.iter().find(|index| index.fields == fields) {
            return check_index(collection, index, name);
        }
        let key: Document = fields.iter().map(|field| (field.clone(), Bson::Int32(1))).collect();
        let command = doc! {
            "createIndexes": &collection.name,
            "indexes": [{ "key": key, "name": name, "unique": true }],
            "writeConcern": self.concern().to_document(),
        };
        match self.ask_patiently(&collection.database, command, "make a unique index").await {
            Ok(_) => Ok(()),
            Err(error) if error.class() == crate::model::fault::Class::Transient => Err(error),
            Err(error) => Err(SinkError::Collection {
                collection: collection.clone(),
                reason: format!("the unique index {name} on its key fields cannot be made: {}", chain(&error)),
                hint: "documents that share a key are in the way: remove them, or set snapshot.existing = \"replace\" and drop the collection".to_owned(),
            }),
        }
    }

    /// The indexes of a collection; none where there is no collection.
    pub(super) async fn indexes(&self, collection: &Collection) -> Result<Vec<Index>, SinkError> {
        let command = doc! { "listIndexes": &collection.name, "cursor": { "batchSize": 1000 } };
        match self.ask(&collection.database, command, "list indexes").await {
            Ok(answer) => Ok(pages::first_batch(&answer).iter().map(read_index).collect()),
            Err(error) if error.has_code(NOT_THERE) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl MongoSink {
    /// Whether a collection has no document or does not exist.
    ///
    /// # Errors
    /// Whatever keeps the target from answering.
    pub async fn is_empty(&self, collection: &Collection) -> Result<bool, SinkError> {
        let page = self.link().page(collection, [].into_iter(), None, 1).await?;
        Ok(page.is_empty())
    }

    /// Removes every document of a collection; indexes and options stay. May be repeated after a failure.
    ///
    /// # Errors
    /// Whatever keeps the target from it.
    pub async fn delete_all(&self, collection: &Collection) -> Result<u64, SinkError> {
        let mut deleted = 0;
        loop {
            let page = self.page(collection, &Identity::Id, None, None).await?;
            if page.is_empty() {
                return Ok(deleted);
            }
            deleted += self.delete(collection, page.into_iter().map(|one| one.id)).await?;
        }
    }

    /// The next documents in the order of `_id`, behind this one; none at the end. All types of `_id` are found, in
    /// the target's order of types. `also` is a field whose values are wanted.
    ///
    /// # Errors
    /// Whatever keeps the target from answering.
    pub async fn page(
        &self,
        collection: &Collection,
        identity: &Identity,
        also: Option<&str>,
        after: Option<Bson>,
    ) -> Result<Vec<Identified>, SinkError> {
        let of_identity = match identity {
            Identity::Id => &[][..],
            Identity::Fields { fields, .. } => fields,
        };
        let fields = of_identity.iter().map(String::as_str).chain(also);
        let page = self.link().page(collection, fields, after, PAGE).await?;
        let identified = page.into_iter().map(|mut document| {
            let also = also.and_then(|field| document.get(field).cloned());
            let id = document.remove("_id")?;
            let identity = match identity {
                Identity::Id => doc! { "_id": id.clone() },
                Identity::Fields { fields, .. } => {
                    let taken =
                        fields.iter().map(|field| Some((field.clone(), document.remove(field)?)));
                    taken.flatten().collect()
                }
            };
            let identity = RawDocumentBuf::try_from(&identity).ok()?;
            Some(Identified { id, identity, also })
        });
        let unreadable = SinkError::Answer { doing: "list documents", field: "_id" };
        identified.collect::<Option<_>>().ok_or(unreadable)
    }

    /// Removes documents by their `_id`s; answers how many were there.
    ///
    /// # Errors
    /// Whatever keeps the target from it.
    pub async fn delete(
        &self,
        collection: &Collection,
        ids: impl Iterator<Item = Bson> + Send,
    ) -> Result<u64, SinkError> {
        let deletes: Vec<Document> =
            ids.map(|id| doc! { "q": { "_id": id }, "limit": 1 }).collect();
        let command = doc! { "delete": &collection.name, "deletes": deletes, "ordered": false };
        Ok(self.link().write_document(&collection.database, command).await?.count)
    }
}

/// An index on the right fields under another name would not be recognised where the target names it in an error.
fn check_index(collection: &Collection, index: &Index, name: &str) -> Result<(), SinkError> {
    if index.name == name && index.unique && !index.special {
        return Ok(());
    }
    let reason = if !index.unique || index.special {
        format!("the index {} on its key fields is not a plain unique index", index.name)
    } else {
        format!("the unique index on its key fields is called {}, not {name}", index.name)
    };
    Err(SinkError::Collection {
        collection: collection.clone(),
        reason,
        hint: format!(
            "drop it, binleaf makes its own: db.getSiblingDB(\"{}\").getCollection(\"{}\").dropIndex(\"{}\")",
            collection.database, collection.name, index.name
        ),
    })
}

fn read_index(index: &Document) -> Index {
    let fields = index.get_document("key").map(|key| key.keys().cloned().collect());
    let special =
        ["partialFilterExpression", "collation"].iter().any(|key| index.contains_key(key));
    Index {
        name: index.get_str("name").unwrap_or_default().to_owned(),
        fields: fields.unwrap_or_default(),
        unique: index.get_bool("unique").unwrap_or(false),
        special: special || index.get_bool("sparse").unwrap_or(false),
    }
}

fn chain(error: &SinkError) -> String {
    error.problem().map_or_else(|| error.to_string(), |problem| problem.text.clone())
}
