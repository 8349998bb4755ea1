//! At `trace` too, no log holds a secret or a value of a row; and every line is of the documented form.

use bson::doc;
use mongodb::{IndexModel, options::IndexOptions};

use crate::support::{Launch, Pair, Proxy, Writer, proxy::Ending, sakila};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_holds_a_secret_or_a_value() {
    let pair = Pair::new().await;
    let source = &pair.source;
    sakila::load(source).await;
    source
        .run("CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(60), word VARCHAR(40) UNIQUE)")
        .await;
    source
        .run("INSERT INTO people VALUES (1, 'cnry@one', 'cnry a'), (2, 'cnry@two', 'cnry b')")
        .await;
    source.run("CREATE TABLE by_text (k VARCHAR(40) PRIMARY KEY, v INT)").await;
    source.run("CREATE TABLE no_key (line VARCHAR(40))").await;
    let mut writer = Writer::over(source).await;
    writer.changes(1_000).await;

    let to_source = Proxy::to(&source.address).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = Launch::of(&pair)
        .level("trace")
        .source_at(&to_source.address)
        .target_at(&to_target.address)
        .set("snapshot", "chunk_rows", "400");
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    // Everything that servers complain about with the values in their texts.
    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
    pair.target.collection("people").create_index(index).await.ok();
    source.run("INSERT INTO people VALUES (3, 'cnry@one', 'cnry c')").await;
    writer.changes(500).await;
    to_source.end(Ending::HalfPacket);
    to_target.end(Ending::Reset);
    source.run("UPDATE people SET email = 'cnry@three' WHERE id = 3").await;
    source.run("DELETE FROM no_key LIMIT 3").await;
    writer.changes(500).await;
    binleaf.catches_up().await;
    binleaf.stops().await;
    // A statement with values in it stops the stream.
    source
        .run_all(&[
            "SET SESSION binlog_format = STATEMENT",
            "UPDATE people SET email = 'cnry@four' WHERE id = 3",
        ])
        .await;
    let ended = launch.command(&["run"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log.tail(5));

    let log = ended.log;
    assert!(log.text().lines().count() > 30, "hardly anything is logged at trace");
    log.assert_discreet(&source.password);
    log.assert_well_formed();
}

/// A wrong password in the address of the target is nobody's business either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_holds_the_targets_password() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY)").await;
    let socket = pair.target.address.socket();
    let uri = format!(
        "\"mongodb://someone:cnry-target@{socket}/?directConnection=true&serverSelectionTimeoutMS=2000\""
    );
    for command in ["check", "run", "tables", "status"] {
        let launch = Launch::of(&pair)
            .level("trace")
            .set("target", "uri", &uri)
            .set("retry", "attempts", "2");
        let ended = launch.command(&[command]).await;
        assert!(!ended.said().contains("cnry"), "{}", ended.said());
    }
}
