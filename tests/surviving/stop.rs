//! Told to stop, binleaf drains, saves its mark and ends well; told twice, it ends at once.

use std::time::Duration;

use crate::support::{Launch, Pair, Proxy, Writer, sakila};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_ends_well_and_the_restart_goes_on() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for _ in 0..3 {
        binleaf.stops().await;
        assert!(!binleaf.log().of("stopped").is_empty(), "a stop is told");
        binleaf.start_again();
        binleaf.streams().await;
        binleaf.assert_no_new_snapshot().await;
    }
    writing.finish().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_first_copy_ends_well_and_the_restart_goes_on() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("snapshot", "chunk_rows", "500");
    let mut binleaf = launch.set("snapshot", "read_rate", "15000").run();
    binleaf.copies().await;
    binleaf.stops().await;
    binleaf.start_again();
    binleaf.streams().await;
    let rows = binleaf.metric("binleaf_snapshot_rows_total").await;
    assert!(rows < 47_273.0, "all of it was copied again");
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    // There is something to drain that cannot be drained.
    to_target.stall();
    Writer::over(&pair.source).await.changes(500).await;
    binleaf.until("behind", |status| status["lag_seconds"].as_f64() > Some(0.5)).await;
    binleaf.terminate().await;
    while binleaf.log().of("stopping").is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    binleaf.terminate().await;
    let ended = binleaf.exits_within(Duration::from_secs(2)).await;
    assert_eq!(ended.code(), Some(130));

    to_target.fair();
    binleaf.start_again();
    binleaf.catches_up_and_is_equal(&pair).await;
}
