//! What `check` tells of the target, and what every start looks at first. Writes nothing.

mod collections;
mod rights;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bson::{Document, doc};
use futures_util::{StreamExt, stream};

use super::{errors::SinkError, link::Link, pages};
use crate::{
    config::{CheckpointConfig, Existing, TargetConfig},
    model::{finding::Finding, table::TableName, write::Target},
};

/// The code of the finding that a collection has a unique index besides its key.
pub const UNIQUE_INDEX: &str = "target_unique_index";

/// Collections that are looked at side by side: with thousands of them a round trip each takes long.
const SIDE_BY_SIDE: usize = 16;

/// What is to be copied where.
#[derive(Debug)]
pub struct Subject<'a> {
    /// `[target]`.
    pub target: &'a TargetConfig,
    /// `[checkpoint]`.
    pub checkpoint: &'a CheckpointConfig,
    /// `snapshot.existing`.
    pub existing: Existing,
    /// Every table with its place.
    pub tables: &'a [(TableName, Arc<Target>)],
    /// The tables (`database.table`) whose copy has begun in an earlier run: what lies in their collections is ours.
    pub begun: &'a BTreeSet<String>,
}

/// Looks at the target.
pub async fn run(subject: &Subject<'_>) -> Vec<Finding> {
    let link = match Link::open(subject.target).await {
        Ok(link) => link,
        Err(error) => return vec![finding_of("target_uri", &error)],
    };
    let findings = look(&link, subject).await;
    link.close().await;
    findings
}

async fn look(link: &Link, subject: &Subject<'_>) -> Vec<Finding> {
    if let Err(error) = link.ping().await {
        return vec![finding_of("target_unreachable", &error)];
    }
    let mut findings = server::look(link, subject.target).await;
    findings.extend(rights::look(link, subject).await);
    let cluster = findings.iter().any(|finding| finding.code == server::SHARDED_CLUSTER);
    for (database, tables) in by_database(subject) {
        match list_collections(link, &database).await {
            Ok(existing) => {
                let place = collections::Place { link, subject, existing: &existing, cluster };
                let looks = stream::iter(tables).map(|table| place.look(table));
                let looks = looks.buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await;
                findings.extend(looks.into_iter().flatten());
            }
            Err(error) => findings.push(finding_of("target_list", &error)),
        }
    }
    findings
}

type Table = (TableName, Arc<Target>);

fn by_database<'a>(subject: &Subject<'a>) -> BTreeMap<String, Vec<&'a Table>> {
    let mut databases: BTreeMap<String, Vec<&Table>> = BTreeMap::new();
    for table in subject.tables {
        databases.entry(table.1.collection.database.clone()).or_default().push(table);
    }
    databases
}

/// Every collection and view of a database, by name.
async fn list_collections(
    link: &Link,
    database: &str,
) -> Result<BTreeMap<String, Document>, SinkError> {
    let command = doc! { "listCollections": 1, "cursor": { "batchSize": 100_000 } };
    let answer = link.ask(database, command, "list collections").await?;
    let named = |one: Document| Some((one.get_str("name").ok()?.to_owned(), one));
    Ok(pages::first_batch(&answer).into_iter().filter_map(named).collect())
}

/// An error as a finding: what it is, its cause, and the way out.
fn finding_of(code: &'static str, error: &SinkError) -> Finding {
    let cause = error.problem().map(|problem| format!(": {problem}")).unwrap_or_default();
    let finding = Finding::error(code, "target", format!("{error}{cause}"));
    match error.hint() {
        Some(hint) => finding.mend(hint),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Secret, model::finding::Level};

    #[tokio::test]
    async fn a_target_that_is_not_there_is_one_finding_without_its_password() {
        let uri = "mongodb://user:hush@127.0.0.1:1/?serverSelectionTimeoutMS=300&authSource=admin";
        let target = TargetConfig { uri: Secret::Inline(uri.into()), ..TargetConfig::default() };
        let subject = Subject {
            target: &target,
            checkpoint: &CheckpointConfig::default(),
            existing: Existing::Stop,
            tables: &[],
            begun: &BTreeSet::new(),
        };
        let findings = run(&subject).await;
        assert_eq!(findings.len(), 1);
        let finding = findings.first().unwrap();
        assert_eq!((finding.code, finding.level), ("target_unreachable", Level::Error));
        assert!(finding.meaning.contains("refused"), "{}", finding.meaning);
        assert!(!format!("{finding:?}").contains("hush"));
    }
}
