//! The server itself: version, kind, what it can tell of running commands, disk.

use bson::{Document, doc};

use super::finding_of;
use crate::{
    config::{TargetConfig, WriteConcern},
    model::finding::Finding,
    sink::{
        errors::SinkError,
        link::Link,
        reply::number,
        settle::{SETTLING, Sight},
    },
};

/// The code of the finding that tells of a cluster.
pub(super) const SHARDED_CLUSTER: &str = "target_sharded_cluster";

/// MongoDB 4.4.
const OLDEST_WIRE_VERSION: u64 = 9;

/// Used more than this many percent, a disk is told of.
const FULL_PERCENT: u64 = 90;

pub(super) async fn look(link: &Link, target: &TargetConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    match link.ask("admin", doc! { "hello": 1 }, "greet").await {
        Ok(hello) => {
            let version = version(link).await.unwrap_or_else(|_| "of unknown version".to_owned());
            findings.extend(of_hello(&hello, &version, target));
        }
        Err(error) => findings.push(finding_of("target_hello", &error)),
    }
    match link.sight().await {
        Ok(sight) => findings.extend(of_sight(sight)),
        Err(error) => findings.push(finding_of("target_operations", &error)),
    }
    let database = target.database.replace(['{', '}'], "");
    if let Ok(stats) = link.ask(&database, doc! { "dbStats": 1 }, "tell its size").await {
        findings.extend(of_disk(&stats));
    }
    findings
}

async fn version(link: &Link) -> Result<String, SinkError> {
    let info = link.ask("admin", doc! { "buildInfo": 1 }, "tell its version").await?;
    let version = info.get_str("version").unwrap_or("of unknown version");
    let ferretdb = info.get_document("ferretdb").and_then(|ferretdb| ferretdb.get_str("version"));
    Ok(match ferretdb {
        Ok(ferretdb) => format!("{version} (FerretDB {ferretdb})"),
        Err(_) => version.to_owned(),
    })
}

fn of_hello(hello: &Document, version: &str, target: &TargetConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if hello.get("maxWireVersion").and_then(number).is_some_and(|wire| wire < OLDEST_WIRE_VERSION) {
        let meaning = format!("the target is MongoDB {version}; 4.4 or newer is needed");
        findings
            .push(Finding::error("target_version", "target", meaning).mend("upgrade the target"));
    }
    findings.push(of_kind(hello, version));
    if !hello.get_bool("isWritablePrimary").unwrap_or(true) {
        let meaning = "the server of target.uri is not the primary: it takes no writes";
        let finding = Finding::warning("target_not_primary", "target", meaning);
        findings.push(finding.mend(
            "name all members in target.uri, with replicaSet=NAME and without directConnection",
        ));
    }
    if let (WriteConcern::Nodes(wanted), Ok(hosts)) =
        (target.write_concern, hello.get_array("hosts"))
    {
        let members = hosts.len() + hello.get_array("passives").map_or(0, Vec::len);
        if usize::try_from(wanted).is_ok_and(|wanted| wanted > members) {
            let meaning = format!(
                "target.write_concern asks for {wanted} members, the replica set has {members}"
            );
            findings.push(
                Finding::error("target_write_concern", "target", meaning)
                    .mend("target.write_concern = \"majority\""),
            );
        }
    }
    findings
}

fn of_kind(hello: &Document, version: &str) -> Finding {
    if let Ok(name) = hello.get_str("setName") {
        let meaning = format!("MongoDB {version}, replica set {name}");
        return Finding::info("target_replica_set", "target", meaning);
    }
    if hello.get_str("msg").is_ok_and(|message| message == "isdbgrid") {
        let meaning = format!("MongoDB {version}, sharded cluster");
        return Finding::info(SHARDED_CLUSTER, "target", meaning);
    }
    let meaning = format!(
        "MongoDB {version}, a single server: \"majority\" means this one, and what it loses is lost"
    );
    Finding::info("target_standalone", "target", meaning)
}

fn of_sight(sight: Sight) -> Option<Finding> {
    let shown = match sight {
        Sight::Comments => return None,
        Sight::Writes => "shows running writes without saying whose they are",
        Sight::Nothing => "does not show running operations",
    };
    let meaning = format!(
        "the target {shown}: after a lost connection binleaf waits {} seconds before it writes again, so that no lost write overtakes",
        SETTLING.as_secs()
    );
    Some(Finding::info("target_settling", "target", meaning))
}

fn of_disk(stats: &Document) -> Option<Finding> {
    let used = stats.get("fsUsedSize").and_then(number)?;
    let total = stats.get("fsTotalSize").and_then(number).filter(|total| *total > 0)?;
    let percent = used.saturating_mul(100).checked_div(total)?;
    (percent >= FULL_PERCENT).then(|| {
        let meaning = format!("the target's disk is {percent} percent full");
        Finding::warning("target_disk", "target", meaning).mend("make room before the first copy")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Level;

    fn codes(hello: &Document, target: &TargetConfig) -> Vec<(&'static str, Level)> {
        of_hello(hello, "x", target).iter().map(|finding| (finding.code, finding.level)).collect()
    }

    #[test]
    fn the_kind_of_server_is_told() {
        let target = TargetConfig::default();
        let standalone = doc! { "isWritablePrimary": true, "maxWireVersion": 21 };
        assert_eq!(codes(&standalone, &target), [("target_standalone", Level::Info)]);
        let old = doc! { "isWritablePrimary": true, "maxWireVersion": 8, "setName": "rs" };
        let expected = [("target_version", Level::Error), ("target_replica_set", Level::Info)];
        assert_eq!(codes(&old, &target), expected);
    }

    #[test]
    fn a_write_concern_that_cannot_be_met_is_an_error() {
        let target =
            TargetConfig { write_concern: WriteConcern::Nodes(4), ..TargetConfig::default() };
        let hello = doc! { "maxWireVersion": 21, "setName": "rs", "hosts": ["a", "b", "c"] };
        assert!(codes(&hello, &target).contains(&("target_write_concern", Level::Error)));
    }

    #[test]
    fn a_full_disk_is_told() {
        assert!(of_disk(&doc! { "fsUsedSize": 95.0, "fsTotalSize": 100.0 }).is_some());
        assert!(of_disk(&doc! { "fsUsedSize": 50.0, "fsTotalSize": 100.0 }).is_none());
        assert!(of_disk(&doc! {}).is_none());
    }
}
