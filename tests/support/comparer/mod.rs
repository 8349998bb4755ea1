//! Compares a source database with its copy, field by field, from its own understanding of what the copy must be.
//!
//! It asks MySQL for text (`CAST`, `HEX`, `DATE_FORMAT`) and MongoDB for documents; what a value must become is written
//! down here a second time, on purpose. A document counts as equal when its BSON is equal byte for byte, so types, order
//! of fields and `_id` count too.

mod expected;
pub mod json;
mod rows;
pub mod table;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
};

use bson::{Bson, Document};
use futures_util::TryStreamExt;

use super::databases::{Pair, Source, Target};
use table::Table;

/// How many differences are told of a table before the rest is only counted.
const TOLD: usize = 5;

/// What `_id` of a table's documents must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// The key of the row.
    #[default]
    Key,
    /// Made by the target; the key in the body tells rows apart.
    ObjectId,
    /// A hash of the row; equal rows are one document.
    Hash,
}

/// A comparison to be made.
#[derive(Debug)]
pub struct Comparison<'a> {
    source: &'a Source,
    target: &'a Target,
    identities: BTreeMap<String, Identity>,
    leave_out: Vec<String>,
    omits_nulls: bool,
}

impl<'a> Comparison<'a> {
    /// All tables, `_id` by the primary or first unique key, by hash where there is none.
    pub fn of(pair: &'a Pair) -> Self {
        Self {
            source: &pair.source,
            target: &pair.target,
            identities: BTreeMap::new(),
            leave_out: Vec::new(),
            omits_nulls: false,
        }
    }

    /// This table's `_id` is made by the target.
    pub fn object_id(mut self, table: &str) -> Self {
        self.identities.insert(table.to_owned(), Identity::ObjectId);
        self
    }

    /// NULL is no field. For tables without JSON `null` and zero dates, which are fields all the same.
    pub fn omitting_nulls(mut self) -> Self {
        self.omits_nulls = true;
        self
    }

    /// This table is not copied.
    pub fn without(mut self, table: &str) -> Self {
        self.leave_out.push(table.to_owned());
        self
    }

    /// Fails with the first differences unless the copy is whole and nothing else is there.
    pub async fn assert_equal(&self) {
        let found = self.differences().await;
        assert!(found.is_empty(), "source and target differ:\n{}", found.join("\n"));
    }

    /// Whether the copy is whole, and nothing else is there.
    pub async fn is_equal(&self) -> bool {
        self.differences().await.is_empty()
    }

    /// Every way in which the copy is not what it must be.
    pub async fn differences(&self) -> Vec<String> {
        let mut tables = table::all(self.source).await;
        tables.retain(|table| !self.leave_out.contains(&table.name));
        let mut found = self.strangers(&tables).await;
        for table in &tables {
            found.extend(self.compare(table).await);
        }
        found
    }

    /// Collections that no table has.
    async fn strangers(&self, tables: &[Table]) -> Vec<String> {
        let known = |name: &String| tables.iter().any(|table| table.name == *name);
        let names = self.target.collections().await;
        let unknown = names.iter().filter(|name| !known(name));
        unknown.map(|name| format!("collection {name} belongs to no table")).collect()
    }

    async fn compare(&self, table: &Table) -> Vec<String> {
        let wanted = self.identities.get(&table.name).copied().unwrap_or_default();
        let identity = if table.key.is_empty() { Identity::Hash } else { wanted };
        let mut tally = Tally::new(&table.name, identity, table);
        let shaped = |document: Document| match self.omits_nulls {
            true => document.into_iter().filter(|(_, value)| *value != Bson::Null).collect(),
            false => document,
        };
        rows::each(self.source, table, |document| tally.expect(&shaped(document))).await;
        let collection = self.target.collection(&table.name);
        let mut cursor = collection.find(Document::new()).await.expect("the target answers");
        while let Some(document) = cursor.try_next().await.expect("a document") {
            tally.find(document);
        }
        let mut report = tally.report();
        if !tally.differing.is_empty() {
            rows::each(self.source, table, |document| {
                report.extend(tally.explain(&shaped(document)));
            })
            .await;
        }
        report
    }
}

/// What was expected of one collection and what was found in it. Keeps a fingerprint a row, so a million rows fit.
#[derive(Debug)]
struct Tally<'a> {
    name: &'a str,
    identity: Identity,
    key_fields: Vec<String>,
    hasher: RandomState,
    expected: HashMap<u64, u64>,
    found: u64,
    unexpected: Vec<String>,
    differing: HashMap<u64, Document>,
    differing_count: u64,
}

impl<'a> Tally<'a> {
    fn new(name: &'a str, identity: Identity, table: &Table) -> Self {
        Self {
            name,
            identity,
            key_fields: table.key_fields(),
            hasher: RandomState::new(),
            expected: HashMap::new(),
            found: 0,
            unexpected: Vec::new(),
            differing: HashMap::new(),
            differing_count: 0,
        }
    }

    /// Notes a row of the source as the document that it must be.
    fn expect(&mut self, document: &Document) {
        let (name, content) = (self.name_of(document), self.content_of(document));
        self.expected.insert(name, content);
    }

    /// Crosses off a document of the target.
    fn find(&mut self, document: Document) {
        self.found += 1;
        if let Some(wrong) = self.wrong_id(&document) {
            return self.unexpected.push(wrong);
        }
        let name = self.name_of(&document);
        match self.expected.remove(&name) {
            Some(content) if content == self.content_of(&document) => {}
            Some(_) => {
                self.differing_count += 1;
                if self.differing.len() < TOLD {
                    self.differing.insert(name, document);
                }
            }
            None => self.unexpected.push(format!("not in the source, or twice: {document}")),
        }
    }

    /// A made `_id` has its type checked; what it is made of is checked where the key tells.
    fn wrong_id(&self, document: &Document) -> Option<String> {
        let id = document.get("_id");
        let right = match self.identity {
            Identity::Key => true,
            Identity::ObjectId => matches!(id, Some(Bson::ObjectId(_))),
            Identity::Hash => matches!(id, Some(Bson::Binary(hash)) if hash.bytes.len() == 16),
        };
        (!right).then(|| format!("an _id of another kind: {document}"))
    }

    /// What tells a document from others.
    fn name_of(&self, document: &Document) -> u64 {
        match self.identity {
            Identity::Key => self.fingerprint(&bson::doc! { "": document.get("_id").cloned() }),
            Identity::ObjectId => {
                let part = |field: &String| (field.clone(), document.get(field).cloned().into());
                let key: Document = self.key_fields.iter().map(part).collect();
                self.fingerprint(&key)
            }
            Identity::Hash => self.content_of(document),
        }
    }

    /// All of it, without an `_id` that the source cannot tell.
    fn content_of(&self, document: &Document) -> u64 {
        if self.identity == Identity::Key {
            return self.fingerprint(document);
        }
        let mut body = document.clone();
        body.remove("_id");
        self.fingerprint(&body)
    }

    fn fingerprint(&self, document: &Document) -> u64 {
        self.hasher.hash_one(document.to_vec().expect("a document"))
    }

    fn report(&self) -> Vec<String> {
        let mut report = Vec::new();
        let missing = self.expected.len();
        if missing > 0 {
            report.push(format!("{}: {missing} rows are not in the target", self.name));
        }
        if self.differing_count > 0 {
            report.push(format!("{}: {} documents differ", self.name, self.differing_count));
        }
        let unexpected = self.unexpected.len();
        if unexpected > 0 {
            report.push(format!("{}: {unexpected} of {} documents:", self.name, self.found));
            report.extend(self.unexpected.iter().take(TOLD).map(|line| shortened(line)));
        }
        report
    }

    /// The fields in which a row differs from the document noted for it; or which row is missing.
    fn explain(&self, wanted: &Document) -> Option<String> {
        let had = self.differing.get(&self.name_of(wanted))?;
        Some(shortened(&format!("{} {}: {}", self.name, had.get("_id")?, difference(wanted, had))))
    }
}

/// The first field that is not alike, with both values as the types that they are.
fn difference(wanted: &Document, had: &Document) -> String {
    for ((wanted_name, wanted), (had_name, had)) in wanted.iter().zip(had.iter()) {
        if wanted_name != had_name {
            return format!("field {wanted_name} is expected where {had_name} is");
        }
        if bson::doc! { "": wanted }.to_vec().ok() != bson::doc! { "": had }.to_vec().ok() {
            return format!("field {wanted_name} is {had:?} and must be {wanted:?}");
        }
    }
    let names = |document: &Document| document.keys().cloned().collect::<Vec<_>>().join(" ");
    format!("fields are [{}] and must be [{}]", names(had), names(wanted))
}

fn shortened(line: &str) -> String {
    line.chars().take(700).collect()
}
