//! `check` in MariaDB's words.

use serde_json::Value;

use super::pair;
use crate::support::{Launch, Pair, Spawned, sakila, servers};

async fn check(launch: &Launch) -> (Option<i32>, Vec<Value>) {
    let ended = launch.command(&["check", "--json"]).await;
    let findings = ended.json()["findings"].as_array().expect("a list").clone();
    let errors = findings.iter().any(|finding| finding["level"] == "error");
    assert_eq!(ended.code, Some(i32::from(errors)), "{findings:#?}");
    (ended.code, findings)
}

/// The finding of a level and code holds these words in its remedy.
fn assert_mended(findings: &[Value], level: &str, code: &str, remedy: &[&str]) {
    let found =
        findings.iter().find(|finding| finding["level"] == level && finding["code"] == code);
    let finding = found.unwrap_or_else(|| panic!("no {level} {code} in {findings:#?}"));
    let mends = finding["remedy"].as_str().unwrap_or_default();
    for word in remedy {
        assert!(mends.contains(word), "no {word:?} in the remedy of {finding:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_setup_passes() {
    let pair = pair().await;
    sakila::load(&pair.source).await;
    let (code, findings) = check(&Launch::of(&pair)).await;
    assert_eq!(code, Some(0), "{findings:#?}");
    assert_mended(
        &findings,
        "warning",
        "binlog_row_metadata",
        &["SET GLOBAL binlog_row_metadata = 'FULL'"],
    );
    assert_mended(&findings, "info", "gtid_strict_mode", &["SET GLOBAL gtid_strict_mode = 'ON'"]);
    assert!(findings.iter().all(|finding| finding["code"] != "gtid_mode"), "{findings:#?}");
    let text = findings.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("PERSIST") && !text.contains("MySQL 9"), "{findings:#?}");
    assert!(pair.target.collections().await.is_empty(), "something was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_named_with_their_grant() {
    let pair = pair().await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY)").await;
    let user = &pair.source.user;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");
    pair.source.run(format!("REVOKE REPLICATION SLAVE ON *.* FROM `{user}`@`%`")).await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", "grant", &["GRANT REPLICATION SLAVE ON *.* TO", user]);
    pair.source.run(format!("GRANT REPLICATION SLAVE ON *.* TO `{user}`@`%`")).await;
    pair.source.run(format!("REVOKE BINLOG MONITOR ON *.* FROM `{user}`@`%`")).await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", "grant", &["GRANT BINLOG MONITOR ON *.* TO", user]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1));
    assert!(pair.target.collections().await.is_empty(), "something was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_settings_are_told_with_what_mends_them() {
    let server = Spawned::mariadb(&[
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--expire-logs-days=0.2",
    ])
    .await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", "binlog_format", &["SET GLOBAL binlog_format = 'ROW'"]);
    assert_mended(&findings, "info", "binlog_row_image", &["SET GLOBAL binlog_row_image = 'FULL'"]);
    assert_mended(&findings, "warning", "retention", &["SET GLOBAL"]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1), "a start is refused too");
    pair.source.run("SET GLOBAL binlog_format = 'ROW', GLOBAL binlog_row_image = 'FULL'").await;
    assert_eq!(check(&launch).await.0, Some(0));
}

/// MariaDB's row images of updates lack them; without a key they are refused before a change is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_columns_without_a_key_are_told() {
    let pair = pair().await;
    pair.source.run("CREATE TABLE t (k INT, g INT AS (k + 1) STORED)").await;
    let (_, findings) = check(&Launch::of(&pair)).await;
    assert_mended(&findings, "error", "generated", &["source.exclude_tables"]);
    assert_eq!(Launch::of(&pair).command(&["run"]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_without_a_binlog_is_told() {
    let server = Spawned::mariadb(&["--skip-log-bin"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", "log_bin", &["log_bin"]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1));
    assert!(pair.target.collections().await.is_empty(), "something was written");
}
