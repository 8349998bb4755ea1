//! Killed between a write and the saved mark that covers it. Needs the feature `failpoints`, which `dev/test` builds with.

use std::time::Duration;

use bson::doc;

use crate::support::{Binleaf, Launch, Pair, Writer, sakila, servers, servers::Spawned};

/// The pipeline stands still behind a write that the target has acknowledged.
const STAND_STILL: &str = "after_write=return";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_a_streamed_write_and_its_mark() {
    // On a server that others write to as well their transactions would move the mark.
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    binleaf.stops().await;
    // The marker is nobody else's to change.
    let mut writer = Writer::over(&pair.source).await.sparing("actor");

    for skipped in [0, 1, 3] {
        let before = pair.target.saved_position().await.expect("a saved position");
        pair.source
            .run("REPLACE INTO actor (actor_id, first_name, last_name) VALUES (60001, 'cnry', 'MARKER')")
            .await;
        writer.changes(1500).await;
        let point = if skipped == 0 { STAND_STILL.to_owned() } else { skipping(skipped) };
        let mut standing = launch.clone().environment("FAILPOINTS", &point).run();
        wait_for_a_write(&mut standing, &pair).await;
        if skipped == 0 {
            assert_eq!(pair.target.saved_position().await, Some(before), "the mark came first");
        }
        standing.pull_the_plug().await;
        pair.source.run("DELETE FROM actor WHERE last_name = 'MARKER'").await;
        binleaf = launch.run();
        binleaf.catches_up_and_is_equal(&pair).await;
        binleaf.stops().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_a_copied_range_and_its_mark() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("snapshot", "chunk_rows", "500");
    for skipped in [1, 5, 9] {
        let mut standing = launch.clone().environment("FAILPOINTS", &skipping(skipped)).run();
        standing.copies().await;
        stands_still(&pair).await;
        standing.pull_the_plug().await;
    }
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

fn skipping(writes: u32) -> String {
    format!("after_write={writes}*off->return")
}

async fn wait_for_a_write(binleaf: &mut Binleaf, pair: &Pair) {
    for _ in 0..600 {
        if !pair.target.find("actor", doc! { "last_name": "MARKER" }).await.is_empty() {
            return stands_still(pair).await;
        }
        assert!(binleaf.get("/health/live").await.is_none_or(|(code, _)| code == 200));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the write never came");
}

/// Waits until nothing more is saved: a second is five times the interval of marks.
async fn stands_still(pair: &Pair) {
    let mut last = progress(pair).await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        let now = progress(pair).await;
        if now == last {
            return;
        }
        last = now;
    }
    panic!("it never stood still: is binleaf built with the feature `failpoints`? Run dev/test");
}

async fn progress(pair: &Pair) -> Option<(Option<bson::Bson>, Option<bson::Bson>)> {
    let checkpoint = pair.target.checkpoint().await?;
    Some((checkpoint.get("position").cloned(), checkpoint.get("snapshot").cloned()))
}
