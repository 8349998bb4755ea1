//! What the user may do, as far as the server says: nothing is tried that would leave a trace.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document, doc};

use super::{Subject, finding_of};
use crate::{
    model::{finding::Finding, write::Identity},
    sink::link::Link,
};

const WRITING: &[&str] =
    &["find", "insert", "update", "remove", "createCollection", "listCollections", "listIndexes"];

pub(super) async fn look(link: &Link, subject: &Subject<'_>) -> Vec<Finding> {
    let command = doc! { "connectionStatus": 1, "showPrivileges": true };
    match link.ask("admin", command, "tell the user's rights").await {
        Ok(status) => missing(&status, &needed(subject)),
        Err(error) => vec![finding_of("target_rights", &error)],
    }
}

/// The actions needed, by database.
fn needed(subject: &Subject<'_>) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut needed: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for (_, target) in subject.tables {
        let actions = needed.entry(target.collection.database.clone()).or_default();
        actions.extend(WRITING);
        if matches!(target.identity, Identity::Fields { .. }) {
            actions.insert("createIndex");
        }
    }
    let state = match subject.checkpoint.database.as_str() {
        "" => &subject.target.database,
        named => named,
    };
    if !state.contains('{') {
        needed.entry(state.to_owned()).or_default().extend(WRITING);
    }
    needed
}

fn missing(status: &Document, needed: &BTreeMap<String, BTreeSet<&'static str>>) -> Vec<Finding> {
    let Ok(info) = status.get_document("authInfo") else { return Vec::new() };
    let array = |name| info.get_array(name).map(Vec::as_slice).unwrap_or_default();
    let (users, privileges) = (array("authenticatedUsers"), array("authenticatedUserPrivileges"));
    // Without access control nobody is logged in; some servers tell no privileges.
    if users.is_empty() || privileges.is_empty() {
        return Vec::new();
    }
    let lacking = needed.iter().filter_map(|(database, actions)| {
        let granted = granted(privileges, database);
        let lacks: Vec<&str> =
            actions.iter().filter(|action| !granted.contains(*action)).copied().collect();
        (!lacks.is_empty()).then(|| finding(database, &lacks, users))
    });
    lacking.collect()
}

fn finding(database: &str, lacks: &[&str], users: &[Bson]) -> Finding {
    let user = users.first().and_then(Bson::as_document);
    let user = user.and_then(|user| user.get_str("user").ok()).unwrap_or("USER");
    let meaning =
        format!("user {user} lacks the rights {} on database {database}", lacks.join(", "));
    Finding::error("target_rights", format!("database {database}"), meaning).mend(format!(
        "db.getSiblingDB(\"admin\").grantRolesToUser(\"{user}\", [{{ role: \"readWrite\", db: \"{database}\" }}])"
    ))
}

/// The actions granted on all collections of a database.
fn granted<'a>(privileges: &'a [Bson], database: &str) -> BTreeSet<&'a str> {
    let applies = |privilege: &&Document| {
        let Ok(resource) = privilege.get_document("resource") else { return false };
        let named = resource.get_str("db").unwrap_or("?");
        let whole = resource.get_str("collection").is_ok_and(str::is_empty);
        resource.get_bool("anyResource").unwrap_or(false)
            || (whole && (named.is_empty() || named == database))
    };
    let documents = privileges.iter().filter_map(Bson::as_document).filter(applies);
    documents
        .filter_map(|privilege| privilege.get_array("actions").ok())
        .flatten()
        .filter_map(Bson::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(database: &str, actions: &[&str]) -> Document {
        let privilege =
            doc! { "resource": { "db": database, "collection": "" }, "actions": actions };
        doc! { "authInfo": {
            "authenticatedUsers": [{ "user": "copy", "db": "admin" }],
            "authenticatedUserPrivileges": [privilege],
        } }
    }

    #[test]
    fn what_is_lacking_is_told_with_the_statement_that_grants_it() {
        let needed = BTreeMap::from([("shop".to_owned(), BTreeSet::from(["find", "insert"]))]);
        assert!(missing(&status("shop", &["find", "insert"]), &needed).is_empty());
        assert!(missing(&status("", &["find", "insert"]), &needed).is_empty());
        let findings = missing(&status("shop", &["find"]), &needed);
        assert_eq!(findings.len(), 1);
        let finding = &findings[0];
        assert_eq!(finding.meaning, "user copy lacks the rights insert on database shop");
        assert!(finding.remedy.as_deref().is_some_and(|remedy| remedy.contains("readWrite")));
        assert_eq!(missing(&status("other", &["find", "insert"]), &needed).len(), 1);
    }

    #[test]
    fn a_server_without_access_control_lacks_nothing() {
        let status = doc! { "authInfo": { "authenticatedUsers": [] } };
        let needed = BTreeMap::from([("shop".to_owned(), BTreeSet::from(["find"]))]);
        assert!(missing(&status, &needed).is_empty());
    }
}
