//! The network fails on either side, in every way that it can, under load.

use std::time::Duration;

use crate::support::{Launch, Pair, Proxy, Writer, proxy::Ending, sakila};

const ENDINGS: [Ending; 3] = [Ending::Cut, Ending::Reset, Ending::HalfPacket];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_on_both_sides() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_source = Proxy::to(&pair.source.address).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let launch = Launch::of(&pair)
        .source_at(&to_source.address)
        .target_at(&to_target.address)
        .set("snapshot", "read_rate", "12000")
        .set("snapshot", "chunk_rows", "1000");
    let mut binleaf = launch.run();
    binleaf.copies().await;
    for round in 0..18 {
        let side = if round % 2 == 0 { &to_source } else { &to_target };
        side.end(ENDINGS[round / 2 % 3]);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..600))).await;
    }
    writing.finish().await;
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(to_source.connections() > 4 && to_target.connections() > 4, "nothing was reconnected");
    assert!(!binleaf.log().of("reconnected").is_empty(), "a reconnect is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_source_is_left_and_a_slow_one_is_borne() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_source = Proxy::to(&pair.source.address).await;
    let launch = Launch::of(&pair).source_at(&to_source.address);
    let mut binleaf = launch.set("source", "heartbeat", "\"300ms\"").run();
    binleaf.streams().await;
    binleaf.catches_up().await;

    let before = to_source.connections();
    to_source.stall();
    Writer::over(&pair.source).await.changes(300).await;
    binleaf.tries_again().await;
    to_source.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(to_source.connections() > before, "the silent connection was kept");

    to_source.slow();
    Writer::over(&pair.source).await.changes(300).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    to_source.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_hangs_and_one_that_is_slow_lose_nothing() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    binleaf.catches_up().await;

    to_target.stall();
    let mut writer = Writer::over(&pair.source).await;
    writer.changes(1000).await;
    binleaf.until("behind", |status| status["lag_seconds"].as_f64() > Some(1.0)).await;
    to_target.end(Ending::HalfPacket);
    to_target.slow();
    writer.changes(300).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    to_target.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
}
