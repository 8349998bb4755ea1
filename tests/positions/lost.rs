//! A source that no longer has our position: recognised before anything is written, exit code 4, the way out told.

use std::{collections::BTreeMap, time::Duration};

use bson::Document;
use mysql_async::prelude::Queryable;

use crate::support::{
    Ended, Launch, Pair, Spawned, Writer, databases::Source, flavour::Flavour, launch::quoted,
    sakila, servers,
};

/// What the output must offer: the command that forgets the position and copies anew.
pub const WAY_OUT: [&str; 1] = ["binleaf checkpoint reset"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_position_is_recognised_before_anything_is_written() {
    a_lost_position(Flavour::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_behind_the_address_is_recognised() {
    another_server(Flavour::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_copy_is_made_where_that_is_wished() {
    a_new_copy(Flavour::Mysql).await;
}

pub async fn a_lost_position(flavour: Flavour) {
    let server = flavour.spawned().await;
    purged(&server).await;
    purged_in_the_first_copy(&server).await;
    reset_to_fewer(&server).await;
    reset_and_grown_past(&server).await;
}

pub async fn another_server(flavour: Flavour) {
    let other = flavour.spawned().await;
    let pair = Pair::on(flavour.shared(), servers::mongodb()).await;
    let launch = copied_and_stopped(&pair).await;
    // The same names and rights on a server that has nothing to do with the first.
    let twin = Source { address: other.address.clone(), ..pair.source.clone() };
    let mut conn = twin.administrator().await;
    twin.create_in(&mut conn).await;
    sakila::load(&twin).await;
    assert_refused(&pair, &launch.source_at(&other.address), &[]).await;
}

/// `stream.on_purged = "snapshot"`: the operator has said beforehand what to do.
pub async fn a_new_copy(flavour: Flavour) {
    let server = flavour.spawned().await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let launch = copied_and_stopped(&pair).await;
    purge(&pair.source).await;
    let mut binleaf = launch.set("stream", "on_purged", "\"snapshot\"").run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

async fn purged(server: &Spawned) {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let launch = copied_and_stopped(&pair).await;
    purge(&pair.source).await;
    assert_refused(&pair, &launch, &["purged"]).await;
}

async fn purged_in_the_first_copy(server: &Spawned) {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("snapshot", "chunk_rows", "500");
    let slowly = launch.clone().set("snapshot", "read_rate", "8000");
    let mut binleaf = slowly.run();
    binleaf.copies().await;
    binleaf.stops().await;
    purge(&pair.source).await;
    assert_refused(&pair, &launch, &["purged"]).await;
}

async fn reset_to_fewer(server: &Spawned) {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let launch = copied_and_stopped(&pair).await;
    pair.source.reset_binlog().await;
    assert_refused(&pair, &launch, &[]).await;
}

/// The set that the source has now holds ours by its numbers, and yet none of the transactions is the same.
async fn reset_and_grown_past(server: &Spawned) {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let launch = copied_and_stopped(&pair).await;
    let saved = pair.target.saved_position().await.expect("a saved position");
    let ours = saved.get_str("gtid_set").expect("a GTID set").to_owned();
    pair.source.reset_binlog().await;
    let mut writer = Writer::over(&pair.source).await;
    while !pair.source.includes(&pair.source.executed().await, &ours).await {
        writer.changes(200).await;
    }
    writer.changes(50).await;
    assert_refused(&pair, &launch, &[]).await;
}

async fn copied_and_stopped(pair: &Pair) -> Launch {
    sakila::load(&pair.source).await;
    let launch = Launch::of(pair);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    Writer::over(&pair.source).await.changes(50).await;
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf.stops().await;
    launch
}

/// Changes that nobody has read are thrown away.
async fn purge(source: &Source) {
    Writer::over(source).await.changes(50).await;
    source.run("FLUSH BINARY LOGS").await;
    Writer::over(source).await.changes(50).await;
    // A file that a dump of before still holds open is left, and all behind it.
    for _ in 0..200 {
        let (file, _) = source.coordinates().await;
        source.run(format!("PURGE BINARY LOGS TO {}", quoted(&file))).await;
        let mut conn = source.administrator().await;
        let left: Vec<mysql_async::Row> = conn.query("SHOW BINARY LOGS").await.expect("the files");
        conn.disconnect().await.expect("a clean end");
        if left.len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("old files are not purged");
}

/// Fails unless `run` ends with code 4, says the way out, and leaves rows and position as they were; a second start does
/// the same.
async fn assert_refused(pair: &Pair, launch: &Launch, words: &[&str]) {
    let before = everything(pair).await;
    for _ in 0..2 {
        let ended: Ended = launch.command(&["run"]).await;
        ended.assert_said(4, words);
        ended.assert_said(4, &WAY_OUT);
        let after = everything(pair).await;
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (name, documents) in &before {
            assert!(*documents == after[name], "{name} was written to");
        }
    }
}

/// All rows' documents, and the saved position and progress.
async fn everything(pair: &Pair) -> BTreeMap<String, Vec<Document>> {
    let mut found = BTreeMap::new();
    for name in pair.target.collections().await {
        let mut documents = pair.target.find(&name, Document::new()).await;
        documents.sort_by_key(|document| document.get("_id").map(ToString::to_string));
        found.insert(name, documents);
    }
    let checkpoint = pair.target.checkpoint().await.expect("a checkpoint");
    let part = |key: &str| bson::doc! { key: checkpoint.get(key).cloned() };
    found.insert("saved".to_owned(), vec![part("position"), part("snapshot")]);
    found
}
