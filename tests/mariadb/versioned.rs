//! System-versioned tables: of their rows the current ones, by both roads.

use super::pair;
use crate::support::{Launch, Pair, Spawned, servers};

const TABLES: [&str; 2] = [
    "CREATE TABLE hidden (k INT PRIMARY KEY, v VARCHAR(20)) WITH SYSTEM VERSIONING",
    "CREATE TABLE declared (k INT PRIMARY KEY, v INT, began TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE,
     ended TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (began, ended)) WITH SYSTEM VERSIONING",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_current_rows_are_copied() {
    follow(&pair().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_full_metadata() {
    let server = Spawned::mariadb(&["--binlog-row-metadata=FULL"]).await;
    follow(&Pair::on(server.address.clone(), servers::mongodb()).await).await;
}

async fn follow(pair: &Pair) {
    let source = &pair.source;
    source.run_all(&TABLES).await;
    change_all(pair, 0).await;
    let mut binleaf = Launch::of(pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(pair).await;
    change_all(pair, 10).await;
    binleaf.catches_up_and_is_equal(pair).await;
    assert_eq!(pair.target.count("hidden").await, 4);
    binleaf.pull_the_plug_and_start().await;
    change_all(pair, 20).await;
    source.run("DELETE HISTORY FROM hidden").await;
    source.run("CREATE TABLE late (k INT PRIMARY KEY) WITH SYSTEM VERSIONING").await;
    source.run_all(&["INSERT INTO late VALUES (1), (2)", "DELETE FROM late WHERE k = 1"]).await;
    binleaf.catches_up_and_is_equal(pair).await;
    assert_eq!(pair.target.count("hidden").await, 6);
    assert_eq!(pair.target.count("late").await, 1);
}

/// Three rows come, one goes, one changes twice.
async fn change_all(pair: &Pair, key: u32) {
    for table in ["hidden", "declared"] {
        let (one, two, three) = (key + 1, key + 2, key + 3);
        pair.source
            .run_all(&[
                &format!("INSERT INTO {table} (k, v) VALUES ({one}, 1), ({two}, 1), ({three}, 1)"),
                &format!("UPDATE {table} SET v = v + 1 WHERE k = {one}"),
                &format!("UPDATE {table} SET v = v + 1 WHERE k IN ({one}, {two})"),
                &format!("DELETE FROM {table} WHERE k = {three}"),
            ])
            .await;
    }
}

/// The server logs its changes as statements, so `check` refuses it before they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_by_transaction_numbers_is_told() {
    let pair = pair().await;
    pair.source
        .run(
            "CREATE TABLE numbered (k INT PRIMARY KEY, v INT, began BIGINT UNSIGNED GENERATED ALWAYS AS ROW START,
             ended BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (began, ended))
             WITH SYSTEM VERSIONING",
        )
        .await;
    let launch = Launch::of(&pair);
    launch.command(&["check"]).await.assert_said(1, &["numbered", "exclude_tables"]);
    assert_eq!(launch.command(&["run"]).await.code, Some(1));
}
