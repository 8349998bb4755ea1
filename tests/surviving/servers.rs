//! Source and target die five times each, under load, while binleaf stays.

use crate::support::{Launch, Pair, Spawned, Writer, sakila, servers};

const DEATHS: u32 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_dies_five_times() {
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    survives(&pair, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_dies_five_times() {
    let server = Spawned::mongodb().await;
    let pair = Pair::on(servers::mysql(), server.address.clone()).await;
    survives(&pair, &server).await;
}

/// One of the pair's servers dies again and again.
async fn survives(pair: &Pair, server: &Spawned) {
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let mut binleaf = Launch::of(pair).set("snapshot", "read_rate", "20000").run();
    for death in 0..DEATHS {
        // The first one comes while tables are being read.
        if death == 0 {
            binleaf.copies().await
        } else {
            binleaf.streams().await
        };
        server.pull_the_plug().await;
        binleaf.tries_again().await;
        server.again().await;
        writing.pause().await;
        binleaf.catches_up_and_is_equal(pair).await;
        writing.resume();
    }
    writing.finish().await;
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf.stops().await;
}
