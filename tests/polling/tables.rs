//! Tables of every kind, and tables that come, change and go between two runs.

use super::{counts, kind, launch, poll_once};
use crate::support::{Comparison, Pair, flavour::Flavour, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_every_kind_on_mysql() {
    of_every_kind(Pair::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_every_kind_on_mariadb() {
    of_every_kind(Pair::on(servers::mariadb(), servers::mongodb()).await).await;
}

const MOMENT: &str =
    "updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)";

async fn of_every_kind(pair: Pair) {
    let source = &pair.source;
    let recursion = match source.flavour {
        Flavour::Mysql => "SET cte_max_recursion_depth = 100000",
        Flavour::Mariadb => "SET max_recursive_iterations = 100000",
    };
    let numbers =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT";
    source
        .run_all(&[
            recursion,
            "CREATE TABLE bare (v INT, w VARCHAR(9))",
            "INSERT INTO bare VALUES (1, 'a'), (1, 'a'), (NULL, NULL), (2, 'b')",
            &format!("CREATE TABLE made (a INT, b VARCHAR(9) CHARSET latin1, n INT, {MOMENT}, PRIMARY KEY (b, a), KEY (updated_at))"),
            &format!("INSERT INTO made (a, b, n) {numbers} i, CONCAT('é', i % 13), i FROM n"),
            &format!("CREATE TABLE labelled (l ENUM('z', 'a', 'm'), d DATE, n INT, {MOMENT}, PRIMARY KEY (l DESC, d), KEY (updated_at))"),
            "INSERT INTO labelled (l, d, n) VALUES ('z', '2020-01-01', 1), ('a', '2020-01-02', 2), ('m', '1999-12-31', 3), ('z', '2020-01-05', 4)",
            &format!("CREATE TABLE `odd``name` (`_id` INT PRIMARY KEY, `a.b` INT, {MOMENT})"),
            "INSERT INTO `odd``name` (`_id`, `a.b`) VALUES (1, 1), (2, 2)",
            "CREATE TABLE since (id INT PRIMARY KEY, n INT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP)",
            "INSERT INTO since (id, n) VALUES (1, 1), (2, 2)",
        ])
        .await;
    let launch = launch(&pair).set("tables.made", "id", "\"object_id\"").set(
        "snapshot",
        "chunk_rows",
        "300",
    );
    poll_once(&launch).await;
    let compare = async || {
        let comparison = Comparison::of(&pair).object_id("made");
        comparison.assert_equal().await;
    };
    compare().await;
    assert_eq!(pair.target.count("odd`name").await, 2);

    source
        .run_all(&[
            "DELETE FROM bare WHERE v = 1 LIMIT 1",
            "UPDATE bare SET w = 'c' WHERE v = 2",
            "UPDATE made SET n = -n WHERE a % 5 = 0",
            "UPDATE made SET a = a + 10000 WHERE a % 7 = 0",
            "DELETE FROM made WHERE a % 11 = 0",
            "UPDATE labelled SET n = 9",
            "DELETE FROM labelled WHERE l = 'a'",
            "INSERT INTO labelled (l, d, n) VALUES ('a', '2021-01-01', 5)",
            "INSERT INTO since (id, n) VALUES (3, 3)",
            "DELETE FROM since WHERE id = 1",
            "DELETE FROM `odd``name` WHERE `_id` = 1",
        ])
        .await;
    let result = poll_once(&launch).await;
    compare().await;
    assert_eq!((kind(&result, "bare"), kind(&result, "made")), ("full", "incremental"));
    assert_eq!(pair.target.count("odd`name").await, 1);
    source.run("DELETE FROM bare WHERE v = 1").await;
    poll_once(&launch).await;
    compare().await;
    assert_eq!(counts(&poll_once(&launch).await)[..3], [0, 0, 0]);

    // What a column of creation does not tell, a pass over all rows does.
    source.run("UPDATE since SET n = 7 WHERE id = 2").await;
    poll_once(&launch).await;
    let ended = launch.command(&["snapshot", "--tables", "since", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    compare().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_come_change_and_go() {
    let pair = Pair::new().await;
    let source = &pair.source;
    source
        .run_all(&[
            &format!("CREATE TABLE first (id INT PRIMARY KEY, n INT, {MOMENT})"),
            "INSERT INTO first (id, n) VALUES (1, 1), (2, 2)",
        ])
        .await;
    let launch = launch(&pair);
    poll_once(&launch).await;
    source
        .run_all(&[
            &format!("CREATE TABLE second (id INT PRIMARY KEY, {MOMENT})"),
            "INSERT INTO second (id) VALUES (1)",
            // No row's moment tells of this.
            "ALTER TABLE first ADD COLUMN extra VARCHAR(9) NOT NULL DEFAULT 'new'",
        ])
        .await;
    let result = poll_once(&launch).await;
    assert_eq!((kind(&result, "first"), kind(&result, "second")), ("full", "full"));
    pair.assert_equal().await;
    let changes = pair.target.find("_sync_schema_changes", bson::doc! {}).await;
    assert_eq!(changes.len(), 1, "{changes:?}");
    source.run_all(&["DROP TABLE second", "UPDATE first SET n = 3 WHERE id = 1"]).await;
    let result = poll_once(&launch).await;
    assert_eq!(kind(&result, "first"), "incremental");
    assert!(result["tables"]["second"].is_null());
    assert_eq!(pair.target.count("second").await, 1, "its documents stay");
    Comparison::of(&pair).without("second").is_equal().await;
}

/// Documents of somebody else are left alone where the settings say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_stay_or_go_as_the_settings_say() {
    for (existing, left) in [("merge", 3), ("replace", 1)] {
        let pair = Pair::new().await;
        let create = format!("CREATE TABLE shared (id INT PRIMARY KEY, {MOMENT})");
        pair.source.run_all(&[&create, "INSERT INTO shared (id) VALUES (1), (2)"]).await;
        let stranger = bson::doc! { "_id": "stranger" };
        pair.target.collection("shared").insert_one(stranger).await.expect("a stranger");
        let quoted = format!("\"{existing}\"");
        let launch = launch(&pair).set("snapshot", "existing", &quoted);
        poll_once(&launch).await;
        pair.source.run("DELETE FROM shared WHERE id = 2").await;
        poll_once(&launch).await;
        assert_eq!(pair.target.count("shared").await, left, "{existing}");
    }
    let pair = Pair::new().await;
    let create = format!("CREATE TABLE shared (id INT PRIMARY KEY, {MOMENT})");
    pair.source.run(&create).await;
    let stranger = bson::doc! { "_id": "stranger" };
    pair.target.collection("shared").insert_one(stranger).await.expect("a stranger");
    let ended = launch(&pair).command(&["poll", "--once"]).await;
    ended.assert_said(1, &["target_not_empty", "snapshot.existing"]);
}
