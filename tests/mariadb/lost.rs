//! A MariaDB that no longer has our position: recognised before anything is written, exit code 4, the way out told.

use std::time::Duration;

use crate::{
    positions::lost::{self, WAY_OUT},
    support::{Launch, Pair, Spawned, Writer, flavour::Flavour, sakila, servers},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_position_is_recognised_before_anything_is_written() {
    lost::a_lost_position(Flavour::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_behind_the_address_is_recognised() {
    lost::another_server(Flavour::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_copy_is_made_where_that_is_wished() {
    lost::a_new_copy(Flavour::Mariadb).await;
}

/// The server tells a stream that is open nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_under_an_open_stream_is_recognised() {
    let server = Spawned::mariadb(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).set("source", "heartbeat", "\"300ms\"").run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    pair.source.reset_binlog().await;
    Writer::over(&pair.source).await.changes(50).await;
    binleaf.patient(Duration::from_secs(30)).ends().await.assert_said(4, &WAY_OUT);
}
