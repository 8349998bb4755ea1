//! The sample database: every row equal, then ten thousand random changes equal again.

use crate::support::{Launch, Pair, Writer, sakila};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sakila_is_copied_and_kept_current() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;

    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_all_of_it(&pair).await;

    let written = Writer::over(&pair.source).await.changes(10_000).await;
    assert!(written.rollbacks > 0, "nothing was rolled back");
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_a_writer_is_equal_once_caught_up() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    super::types::create(&pair.source).await;
    Writer::over(&pair.source).await.changes(2_000).await;
    let writing = Writer::over(&pair.source).await.keep_writing();

    let slowly = Launch::of(&pair).set("snapshot", "chunk_rows", "700");
    let mut binleaf = slowly.set("snapshot", "read_rate", "15000").run();
    binleaf.copies().await;
    binleaf.streams().await;
    let written = writing.finish().await;
    assert!(written.changes > 500, "the writer hardly wrote: {written:?}");
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

/// `snapshot` follows the stream to where the copy is consistent, and ends by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_copy_is_consistent_as_of_its_end() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let launch = Launch::of(&pair).set("snapshot", "read_rate", "30000");
    let ended = launch.command(&["snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    writing.finish().await;
    // What was written after the copy's end comes with the stream, which goes on from there.
    let mut binleaf = launch.run();
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.assert_no_new_snapshot().await;
}

async fn assert_all_of_it(pair: &Pair) {
    let collections = pair.target.collections().await;
    assert_eq!(collections.len(), sakila::TABLES, "{collections:?}");
    let mut rows = 0;
    for collection in &collections {
        rows += pair.target.count(collection).await;
    }
    assert_eq!(rows, sakila::ROWS);
}
