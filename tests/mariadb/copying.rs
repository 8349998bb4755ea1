//! Sakila and random changes: copied by snapshot and by stream, and equal field by field.

use crate::support::{Launch, Pair, Writer, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sakila_and_ten_thousand_random_changes() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let written = Writer::over(&pair.source).await.changes(10_000).await;
    assert!(written.rollbacks > 0);
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}
