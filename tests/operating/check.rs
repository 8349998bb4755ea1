//! `check`: one list of findings, each with what mends it, and the exit code that a script goes by.

use serde_json::Value;

use crate::support::{
    Ended, Launch, Pair, Spawned, databases::Source, ports, sakila, servers, servers::Address,
};

async fn check(launch: &Launch) -> (Ended, Vec<Value>) {
    let ended = launch.command(&["check", "--json"]).await;
    let findings = ended.json()["findings"].as_array().expect("a list").clone();
    for finding in &findings {
        for field in ["level", "code", "object", "meaning"] {
            assert!(finding[field].is_string(), "no {field} in {finding}");
        }
        let bad = finding["level"] == "error";
        assert!(!bad || finding["remedy"].is_string(), "no remedy in {finding}");
    }
    let errors = findings.iter().any(|finding| finding["level"] == "error");
    assert_eq!(ended.code, Some(i32::from(errors)), "{findings:#?}");
    (ended, findings)
}

/// The finding of a level that holds all of these words in any of its fields.
fn find<'a>(findings: &'a [Value], level: &str, words: &[&str]) -> &'a Value {
    let holds = |finding: &&Value| {
        let text = finding.to_string().to_lowercase();
        finding["level"] == level && words.iter().all(|word| text.contains(&word.to_lowercase()))
    };
    let found = findings.iter().find(holds);
    found.unwrap_or_else(|| panic!("no {level} with {words:?} in {findings:#?}"))
}

/// The same, and its remedy holds these words.
fn assert_mended(findings: &[Value], level: &str, words: &[&str], remedy: &[&str]) {
    let finding = find(findings, level, words);
    let mends = finding["remedy"].as_str().unwrap_or_default().to_lowercase();
    for word in remedy {
        assert!(mends.contains(&word.to_lowercase()), "no {word:?} in the remedy of {finding}");
    }
}

async fn sakila_pair() -> Pair {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    pair
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_setup_passes_and_nothing_is_written() {
    let pair = sakila_pair().await;
    let (ended, findings) = check(&Launch::of(&pair)).await;
    assert_eq!(ended.code, Some(0), "{findings:#?}");
    assert!(pair.target.handle().list_collection_names().await.expect("names").is_empty());
    let shown = Launch::of(&pair).command(&["check"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_errors_are_told_at_once() {
    let pair = sakila_pair().await;
    let source = &pair.source;
    source.run("CREATE TABLE log (line TEXT)").await;
    source.run("CREATE TABLE flags (flag TINYINT(1) PRIMARY KEY)").await;
    source.run("CREATE TABLE letters (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET sjis)").await;
    source.run(format!("REVOKE REPLICATION SLAVE ON *.* FROM `{}`@`%`", source.user)).await;
    let launch = Launch::of(&pair)
        .set("source", "tables", "[\"actor\", \"log\", \"flags\", \"letters\", \"no_such_table\"]")
        .set("target", "keyless", "\"stop\"")
        .set("types", "tinyint1", "\"bool\"");
    let (_, findings) = check(&launch.set("", "mode", "\"stream\"")).await;
    assert_mended(
        &findings,
        "error",
        &["replication slave"],
        &["GRANT REPLICATION SLAVE", &source.user],
    );
    find(&findings, "error", &["no_such_table"]);
    find(&findings, "error", &["log", "key"]);
    assert_mended(
        &findings,
        "error",
        &["flags", "tinyint1 = \\\"bool"],
        &["columns.\"flag\".types", "tinyint1 = \"int\""],
    );
    assert!(!findings.iter().any(|finding| finding.to_string().contains("letters")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_a_key_is_told() {
    let pair = sakila_pair().await;
    pair.source.run("CREATE TABLE log (line TEXT)").await;
    let (ended, findings) = check(&Launch::of(&pair)).await;
    assert_eq!(ended.code, Some(0), "a hash serves");
    assert_mended(&findings, "warning", &["log", "key"], &["ALTER TABLE", "log"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_named_with_their_grant() {
    let pair = sakila_pair().await;
    let Source { user, database, .. } = &pair.source;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");
    let revoke = |right: &str| format!("REVOKE {right} FROM `{user}`@`%`");

    pair.source.run(revoke("REPLICATION CLIENT ON *.*")).await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", &["replication client"], &["GRANT REPLICATION CLIENT"]);

    pair.source.run(revoke(&format!("SELECT ON `{database}`.*"))).await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", &["select"], &["GRANT SELECT", database]);
    // A start is refused for the same reason, before anything is written.
    assert_eq!(launch.command(&["run"]).await.code, Some(1));
    assert!(pair.target.collections().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_without_telling_it() {
    let pair = sakila_pair().await;
    let launch = Launch::of(&pair).set("source", "password", "\"cnry-wrong\"");
    let (ended, findings) = check(&launch).await;
    find(&findings, "error", &["denied"]);
    assert!(!ended.said().contains("cnry-wrong"), "{}", ended.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_cannot_be_reached_are_told() {
    let pair = sakila_pair().await;
    let nobody = Address::local(ports::free());
    let launch = Launch::of(&pair).target_at(&nobody);
    let begun = std::time::Instant::now();
    let (_, findings) = check(&launch).await;
    find(&findings, "error", &["target"]);
    assert!(begun.elapsed().as_secs() < 40, "it took {:?}", begun.elapsed());
    let (_, findings) = check(&launch.source_at(&nobody)).await;
    find(&findings, "error", &["target"]);
    find(&findings, "error", &["source"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sources_settings_are_told_with_what_mends_them() {
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");

    pair.source.run("SET GLOBAL binlog_format = STATEMENT").await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", &["binlog_format"], &["SET", "binlog_format", "ROW"]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1), "a start is refused too");

    pair.source.run("SET GLOBAL binlog_format = ROW").await;
    pair.source.run("SET GLOBAL binlog_row_image = MINIMAL").await;
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "info", &["binlog_row_image"], &["SET", "binlog_row_image", "FULL"]);

    pair.source.run("SET GLOBAL binlog_row_image = FULL").await;
    let (ended, findings) = check(&launch).await;
    assert_eq!(ended.code, Some(0), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_without_a_binlog_is_told() {
    let server = Spawned::mysql(&["--skip-log-bin"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("", "mode", "\"stream\"");
    let (_, findings) = check(&launch).await;
    assert_mended(&findings, "error", &["log_bin"], &["log_bin"]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1));
    assert!(pair.target.collections().await.is_empty(), "something was written");
}

/// A first copy goes into no collection that is somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_not_ours_are_left_alone() {
    let pair = sakila_pair().await;
    let theirs = bson::doc! { "_id": "theirs" };
    pair.target.collection("actor").insert_one(theirs.clone()).await.expect("a document");
    let (_, findings) = check(&Launch::of(&pair)).await;
    assert_mended(&findings, "error", &["actor"], &["snapshot.existing"]);
    Launch::of(&pair).command(&["run"]).await.assert_said(1, &["actor"]);
    assert_eq!(pair.target.count("actor").await, 1);

    let mut binleaf = Launch::of(&pair).set("snapshot", "existing", "\"merge\"").run();
    binleaf.streams().await;
    assert_eq!(pair.target.count("actor").await, 201);
    binleaf.stops().await;
    drop(binleaf);

    let other = sakila_pair().await;
    other.target.collection("actor").insert_one(theirs).await.expect("a document");
    let mut binleaf = Launch::of(&other).set("snapshot", "existing", "\"replace\"").run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&other).await;
}
