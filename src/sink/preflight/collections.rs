//! Every collection that is to be written: its name, what it is, what is in it, its indexes, how it is sharded.

use std::collections::BTreeMap;

use bson::{Document, doc};

use super::{Subject, Table, finding_of};
use crate::{
    config::Existing,
    model::{
        finding::Finding,
        write::{Collection, Identity, Target},
    },
    sink::{errors::SinkError, link::Link, prepare::Index},
};

/// MongoDB's limit on `database.collection` is 255 bytes; FerretDB 2.7 takes 235.
const LONGEST_NAME: usize = 235;

/// MongoDB manual, "Naming Restrictions", for servers on Windows and elsewhere.
const NOT_IN_DATABASE_NAMES: &[char] =
    &['/', '\\', '.', '"', '$', '*', '<', '>', ':', '|', '?', ' ', '\0'];

/// A database's collections as they are.
pub(super) struct Place<'a> {
    pub(super) link: &'a Link,
    pub(super) subject: &'a Subject<'a>,
    pub(super) existing: &'a BTreeMap<String, Document>,
    pub(super) cluster: bool,
}

impl Place<'_> {
    pub(super) async fn look(&self, (table, target): &Table) -> Vec<Finding> {
        let collection = &target.collection;
        let mut findings: Vec<Finding> = of_name(collection).into_iter().collect();
        let Some(existing) = self.existing.get(&collection.name) else { return findings };
        findings.extend(of_kind(collection, existing));
        if !findings.is_empty() {
            return findings;
        }
        match self.link.indexes(collection).await {
            Ok(indexes) => findings.extend(of_indexes(target, &indexes)),
            Err(error) => findings.push(finding_of("target_indexes", &error)),
        }
        if !self.subject.begun.contains(&table.to_string()) {
            findings.extend(self.of_content(collection).await);
        }
        if self.cluster {
            findings.extend(self.of_shards(collection).await);
        }
        findings
    }

    /// A first copy into a collection that holds something.
    async fn of_content(&self, collection: &Collection) -> Option<Finding> {
        match self.link.page(collection, [].into_iter(), None, 1).await {
            Ok(page) if page.is_empty() => None,
            Ok(_) => Some(of_strangers(collection, self.subject.existing)),
            Err(error) => Some(finding_of("target_content", &error)),
        }
    }

    async fn of_shards(&self, collection: &Collection) -> Option<Finding> {
        match self.shard_key(collection).await {
            Ok(None) => None,
            Ok(Some(key)) if key.keys().eq(["_id"]) => None,
            Ok(Some(key)) => {
                let fields: Vec<&str> = key.keys().map(String::as_str).collect();
                let meaning = format!(
                    "the collection is sharded by {}; this version writes only collections that are sharded by _id",
                    fields.join(", ")
                );
                let finding = Finding::error("target_shard_key", collection.to_string(), meaning);
                Some(finding.mend("shard the collection by _id, or name an unsharded one with tables.\"…\".collection"))
            }
            Err(_) => {
                let meaning = "whether it is sharded cannot be read (config.collections); sharded by anything but _id it would refuse writes";
                Some(Finding::warning("target_shard_key", collection.to_string(), meaning))
            }
        }
    }

    async fn shard_key(&self, collection: &Collection) -> Result<Option<Document>, SinkError> {
        let what = doc! { "filter": { "_id": collection.to_string() } };
        let found = self.link.find("config", "collections", what, 1).await?;
        Ok(found.first().and_then(|one| one.get_document("key").ok().cloned()))
    }
}

fn of_name(collection: &Collection) -> Option<Finding> {
    let Collection { database, name } = collection;
    let meaning = if name.starts_with("system.") {
        "collections whose names begin with `system.` belong to the server".to_owned()
    } else if name.is_empty() || name.contains(['$', '\0']) {
        "a collection's name is neither empty nor holds `$`".to_owned()
    } else if database.is_empty() || database.len() > 63 || database.contains(NOT_IN_DATABASE_NAMES)
    {
        "the target cannot have a database of this name".to_owned()
    } else if database.len() + 1 + name.len() > LONGEST_NAME {
        format!("database and collection together have more than {LONGEST_NAME} bytes")
    } else {
        return None;
    };
    let finding = Finding::error("target_name", collection.to_string(), meaning);
    Some(finding.mend("set tables.\"…\".collection (or target.database, target.collection)"))
}

fn of_kind(collection: &Collection, existing: &Document) -> Option<Finding> {
    let kind = existing.get_str("type").unwrap_or("collection");
    let capped = existing
        .get_document("options")
        .is_ok_and(|options| options.get_bool("capped").unwrap_or(false));
    let what = match kind {
        "collection" if capped => "a capped collection, which drops documents by itself",
        "collection" => return None,
        "view" => "a view, which cannot be written",
        "timeseries" => "a time series collection, which cannot be updated by key",
        _ => "no ordinary collection",
    };
    let finding = Finding::error("target_kind", collection.to_string(), format!("it is {what}"));
    Some(finding.mend("drop it, or name another one with tables.\"…\".collection"))
}

fn of_indexes(target: &Target, indexes: &[Index]) -> Vec<Finding> {
    let is_identity = |index: &Index| match &target.identity {
        Identity::Id => index.fields.iter().eq(["_id"]),
        Identity::Fields { fields, .. } => {
            index.fields == *fields || index.fields.iter().eq(["_id"])
        }
    };
    let object = target.collection.to_string();
    let users = indexes.iter().filter(|index| index.unique && !is_identity(index));
    let told = users.map(|index| {
        let meaning = format!(
            "the unique index {} on {} is not the row's key: a row that it refuses is tried again after its batch, then it goes to the dead letters",
            index.name,
            index.fields.join(", ")
        );
        Finding::warning(super::UNIQUE_INDEX, object.clone(), meaning).mend(drop_statement(&target.collection, &index.name))
    });
    let mut findings: Vec<Finding> = told.collect();
    if let Identity::Fields { fields, index: ours } = &target.identity {
        let on_key = indexes.iter().filter(|index| index.fields == *fields);
        let unfit = on_key.filter(|index| !index.unique || index.special || index.name != *ours);
        findings.extend(unfit.map(|index| {
            let meaning = format!("the index {} lies on the key fields, where binleaf needs its own unique index {ours}", index.name);
            Finding::error("target_key_index", object.clone(), meaning).mend(drop_statement(&target.collection, &index.name))
        }));
    }
    findings
}

fn drop_statement(collection: &Collection, index: &str) -> String {
    format!(
        "db.getSiblingDB(\"{}\").getCollection(\"{}\").dropIndex(\"{index}\")",
        collection.database, collection.name
    )
}

fn of_strangers(collection: &Collection, existing: Existing) -> Finding {
    let object = collection.to_string();
    let code = "target_not_empty";
    match existing {
        Existing::Stop => Finding::error(code, object, "it holds documents that binleaf did not copy").mend(
            "empty it; or set snapshot.existing = \"merge\" (rows are added and replaced, other documents stay) or \"replace\" (what the source does not have is removed after the copy)",
        ),
        Existing::Merge => Finding::info(code, object, "it holds documents; rows are merged into them"),
        Existing::Replace => Finding::warning(code, object, "it holds documents: those that the source does not have are removed after the copy (before it, for a table without a key)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Level;

    fn collection(database: &str, name: &str) -> Collection {
        Collection { database: database.into(), name: name.into() }
    }

    #[test]
    fn names_that_no_server_takes_are_errors() {
        assert!(of_name(&collection("shop", "orders")).is_none());
        for (database, name) in [("shop", "system.users"), ("a b", "x"), ("shop", "a$b"), ("", "x")]
        {
            assert!(of_name(&collection(database, name)).is_some(), "{database}.{name}");
        }
        assert!(of_name(&collection("shop", &"x".repeat(240))).is_some());
    }

    #[test]
    fn only_ordinary_collections_are_written() {
        let at = collection("shop", "orders");
        assert!(of_kind(&at, &doc! { "type": "collection", "options": {} }).is_none());
        assert!(of_kind(&at, &doc! { "type": "view" }).is_some());
        assert!(
            of_kind(&at, &doc! { "type": "collection", "options": { "capped": true } }).is_some()
        );
    }

    #[test]
    fn unique_indexes_of_others_are_told() {
        let index = |name: &str, field: &str, unique| Index {
            name: name.into(),
            fields: vec![field.into()],
            unique,
            special: false,
        };
        let by_id = Target { collection: collection("shop", "orders"), identity: Identity::Id };
        let indexes =
            [index("_id_", "_id", true), index("email_1", "email", true), index("a", "a", false)];
        let levels: Vec<Level> = of_indexes(&by_id, &indexes).iter().map(|one| one.level).collect();
        assert_eq!(levels, [Level::Warning]);
        let identity = Identity::Fields { fields: vec!["no".into()], index: "binleaf_key".into() };
        let by_field = Target { identity, ..by_id };
        assert!(of_indexes(&by_field, &[index("binleaf_key", "no", true)]).is_empty());
        assert_eq!(of_indexes(&by_field, &[index("no_1", "no", true)]).len(), 1);
    }
}
