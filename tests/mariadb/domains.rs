//! Several domains in one binlog, several servers in one domain.

use super::pair;
use crate::{
    positions::fresh,
    support::{Launch, Pair, Spawned, Writer, flavour::Flavour, sakila, servers},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_domains_and_a_second_server_in_one_binlog() {
    let server = Spawned::mariadb(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY, v INT)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    for round in 0..4 {
        let key = round * 10;
        pair.source
            .run_all(
                &[
                    "SET gtid_domain_id = 7",
                    &format!("INSERT INTO t VALUES ({key}, 1), ({}, 1)", key + 1),
                    "SET server_id = 4000",
                    &format!("UPDATE t SET v = v + 1 WHERE k = {key}"),
                    "SET gtid_domain_id = 0",
                    &format!("DELETE FROM t WHERE k = {}", key + 1),
                    "SET gtid_domain_id = 12, gtid_seq_no = 5000000",
                    &format!("INSERT INTO t VALUES ({}, 3)", key + 2),
                    "SET gtid_domain_id = 13",
                ][..if round == 0 { 9 } else { 6 }],
            )
            .await;
        if round % 2 == 0 {
            binleaf.pull_the_plug_and_start().await;
        }
        binleaf.catches_up().await;
    }
    writing.finish().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let status = binleaf.replication().await;
    let told = status["position"]["gtid_set"].as_str().expect("a position");
    assert!(
        told.contains("0-") && told.contains("7-4000-8") && told.contains("12-4000-5000000"),
        "{told}"
    );
    binleaf.stops().await;
    binleaf.start_again();
    pair.source.run_all(&["SET gtid_domain_id = 9", "INSERT INTO t VALUES (999, 9)"]).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.assert_no_new_snapshot().await;
}

/// Nothing keeps a session from going back with its number while `gtid_strict_mode` is off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_below_the_last_one_is_followed() {
    let server = Spawned::mariadb(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run("CREATE TABLE t (k INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source
        .run_all(&[
            "INSERT INTO t VALUES (1)",
            "SET server_id = 4000, gtid_seq_no = 2",
            "INSERT INTO t VALUES (2)",
            "INSERT INTO t VALUES (3)",
        ])
        .await;
    for _ in 0..200 {
        if pair.target.count("t").await == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    pair.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_touch_no_table_of_ours_move_the_position() {
    let (quiet, loud) = (pair().await, pair().await);
    quiet.source.run("CREATE TABLE quiet (id INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&quiet).run();
    binleaf.streams().await;
    loud.source.run("CREATE TABLE loud (id INT PRIMARY KEY)").await;
    loud.source.run("INSERT INTO loud VALUES (1), (2)").await;
    binleaf.catches_up_and_is_equal(&quiet).await;
}

/// Idle, the saved file follows a rotation, so that old files need not be kept for a copy that has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_copy_follows_into_the_next_file() {
    let server = Spawned::mariadb(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run_all(&["CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"]).await;
    let mut binleaf = Launch::of(&pair).set("source", "heartbeat", "\"300ms\"").run();
    binleaf.streams().await;
    pair.source.run_all(&["FLUSH BINARY LOGS", "FLUSH BINARY LOGS"]).await;
    binleaf.catches_up_by_file().await;
    let saved = pair.target.saved_position().await.expect("a saved position");
    assert_eq!(saved.get_str("gtid_set").expect("a position"), pair.source.executed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_any_transaction_is_an_ordinary_start() {
    fresh::without_any_transaction(Flavour::Mariadb).await;
}
