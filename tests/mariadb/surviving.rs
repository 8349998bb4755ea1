//! Whatever dies, source and target are equal afterwards.

use std::time::Duration;

use super::pair;
use crate::support::{Launch, Pair, Spawned, Writer, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_copy_and_in_the_stream() {
    let pair = pair().await;
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    // Slow enough that the third kill comes before the copy's end, however late the copying is seen.
    let launch =
        Launch::of(&pair).set("snapshot", "read_rate", "6000").set("snapshot", "chunk_rows", "500");
    let mut binleaf = launch.run();
    for _ in 0..3 {
        binleaf.copies().await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..500))).await;
        binleaf.pull_the_plug_and_start().await;
    }
    binleaf.streams().await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..900))).await;
        binleaf.pull_the_plug_and_start().await;
        binleaf.streams().await;
    }
    binleaf.assert_no_new_snapshot().await;
    writing.finish().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_dies_is_restarted_and_rotates_its_binlog() {
    let server = Spawned::mariadb(&["--max-binlog-size=65536"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let mut binleaf = Launch::of(&pair).set("snapshot", "read_rate", "20000").run();
    for round in 0..4 {
        // The first one comes while tables are being read.
        if round == 0 {
            binleaf.copies().await
        } else {
            binleaf.streams().await
        };
        match round % 2 {
            0 => server.pull_the_plug().await,
            _ => server.stop().await,
        }
        binleaf.tries_again().await;
        server.again().await;
        writing.pause().await;
        binleaf.catches_up_and_is_equal(&pair).await;
        writing.resume();
        pair.source.run("FLUSH BINARY LOGS").await;
    }
    writing.finish().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let (file, _) = pair.source.coordinates().await;
    assert!(!file.ends_with("00001"), "the binlog was never rotated: {file}");
    binleaf.stops().await;
}
