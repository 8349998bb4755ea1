//! A server whose GTID set is still empty is an ordinary start, by snapshot and after a restart.

use crate::support::{Launch, Pair, Writer, flavour::Flavour, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_any_transaction_is_an_ordinary_start() {
    without_any_transaction(Flavour::Mysql).await;
}

pub async fn without_any_transaction(flavour: Flavour) {
    let server = flavour.spawned().await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    pair.source.reset_binlog().await;
    assert_eq!(pair.source.executed().await, "");

    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.source.executed().await, "", "binleaf has written to the source");
    binleaf.stops().await;

    binleaf.start_again();
    binleaf.streams().await;
    binleaf.assert_no_new_snapshot().await;
    binleaf.pull_the_plug_and_start().await;
    binleaf.streams().await;
    Writer::over(&pair.source).await.changes(500).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_touch_no_table_of_ours_move_the_position() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE quiet (id INT PRIMARY KEY)").await;
    let elsewhere = Pair::new().await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    elsewhere.source.run("CREATE TABLE loud (id INT PRIMARY KEY)").await;
    elsewhere.source.run("INSERT INTO loud VALUES (1), (2)").await;
    binleaf.catches_up_and_is_equal(&pair).await;
}
