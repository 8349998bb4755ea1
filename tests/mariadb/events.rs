//! What only MariaDB writes into its binlog: followed where it can be, else a stop that says why.

use mysql_async::{Row, prelude::Queryable};

use super::pair;
use crate::guarding::statements;
use crate::support::{Binleaf, Launch, Pair, Spawned, Writer, databases::Source, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_events_are_inflated() {
    let server =
        Spawned::mariadb(&["--log-bin-compress=ON", "--log-bin-compress-min-len=10"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    pair.source.run("CREATE TABLE large (k INT PRIMARY KEY, v LONGTEXT)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source.run("INSERT INTO large VALUES (1, REPEAT('cnry', 2000000))").await;
    pair.source.run("UPDATE large SET v = CONCAT(v, 'x')").await;
    Writer::over(&pair.source).await.sparing("large").changes(3000).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    for kind in
        ["Write_rows_compressed_v1", "Update_rows_compressed_v1", "Delete_rows_compressed_v1"]
    {
        assert!(kinds(&pair.source).await.iter().any(|known| known == kind), "no {kind} was there");
    }
}

async fn kinds(source: &Source) -> Vec<String> {
    let (file, _) = source.coordinates().await;
    let mut conn = source.administrator().await;
    let rows: Vec<Row> =
        conn.query(format!("SHOW BINLOG EVENTS IN '{file}'")).await.expect("events");
    conn.disconnect().await.expect("a clean end");
    rows.iter().filter_map(|row| row.get("Event_type")).collect()
}

/// With full metadata the binlog tells names, charsets and keys by itself, in MariaDB's own collations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_metadata_is_understood() {
    let server = Spawned::mariadb(&["--binlog-row-metadata=FULL"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    pair.source
        .run(
            "CREATE TABLE texts (a VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci, b TEXT COLLATE utf8mb3_uca1400_as_cs,
             c CHAR(9) COLLATE latin1_swedish_nopad_ci, d VARCHAR(9) COLLATE utf8mb4_nopad_bin, k INT PRIMARY KEY,
             e ENUM('x', 'y') COLLATE utf8mb4_uca1400_ai_ci, s SET('p', 'q'), i INT INVISIBLE DEFAULT 4)",
        )
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    Writer::over(&pair.source).await.changes(3000).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
    pair.source
        .run_all(&[
            "INSERT INTO texts (a, k) VALUES ('cnry', 70001)",
            "ALTER TABLE texts ADD COLUMN z INT",
            "INSERT INTO texts (a, k, z) VALUES ('cnry', 70002, 3)",
            "ALTER TABLE texts ADD COLUMN y INT",
            "UPDATE texts SET y = k",
        ])
        .await;
    binleaf.start_again();
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_views_and_engines_without_transactions() {
    let pair = pair().await;
    let source = &pair.source;
    source
        .run_all(&[
            "CREATE SEQUENCE numbers",
            "CREATE TABLE t (k INT PRIMARY KEY DEFAULT NEXTVAL(numbers), v VARCHAR(20))",
            "CREATE VIEW seen AS SELECT * FROM t",
            "CREATE TABLE plain (k INT PRIMARY KEY, v INT) ENGINE = MyISAM",
            "CREATE TABLE aria (k INT PRIMARY KEY, v INT) ENGINE = Aria",
            "INSERT INTO t (v) VALUES ('cnry'), ('cnry')",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    source
        .run_all(
            &[
                "INSERT INTO t (v) VALUES ('cnry three'), ('cnry four')",
                "SELECT NEXTVAL(numbers)",
                "CREATE SEQUENCE others",
                "SELECT NEXTVAL(others)",
                "INSERT INTO seen (v) VALUES ('cnry by a view')",
                "INSERT INTO plain VALUES (1, 1), (2, 2)",
                "INSERT INTO aria VALUES (1, 1), (2, 2)",
                "UPDATE plain, aria SET plain.v = 7, aria.v = 8",
                "BEGIN",
                "INSERT INTO t (v) VALUES ('cnry mixed')",
                "DELETE FROM plain WHERE k = 1",
                "COMMIT",
                "CREATE TABLE made AS SELECT k, v FROM t",
                "ALTER TABLE made ADD PRIMARY KEY (k)",
            ][..13],
        )
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.target.collections().await, ["aria", "made", "plain", "t"]);
}

/// `binlog_alter_two_phase`: the statement comes when it begins and again when it is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alter_in_two_phases_counts_once() {
    let pair = pair().await;
    let source = &pair.source;
    source.run_all(&["CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"]).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    source
        .run_all(&[
            "SET binlog_alter_two_phase = ON",
            "ALTER TABLE t ADD COLUMN v INT",
            "UPDATE t SET v = k",
            "INSERT INTO t VALUES (3, 3)",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(binleaf.log().of("schema_changed").len(), 1);
}

async fn streaming() -> (Pair, Binleaf) {
    let pair = pair().await;
    let binleaf = statements::streaming_orders(&pair).await;
    (pair, binleaf)
}

async fn assert_stops(statement: &[&str], names: &[&str]) {
    let (pair, binleaf) = streaming().await;
    statements::assert_stops(&pair, binleaf, statement, names).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_followed_stops_it() {
    assert_stops(
        &["SET SESSION binlog_format = STATEMENT", "INSERT INTO orders VALUES (9, 'cnry secret')"],
        &["INSERT", "orders", "binlog_format"],
    )
    .await;
    assert_stops(
        &["CREATE OR REPLACE TABLE orders (id INT PRIMARY KEY)"],
        &["CREATE OR REPLACE TABLE", "orders", "checkpoint reset"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_xa_transaction_in_one_phase_is_an_ordinary_one() {
    let (pair, mut binleaf) = streaming().await;
    let xid = format!("cnry{:08x}", fastrand::u32(..));
    pair.source
        .run_all(&[
            &format!("XA START '{xid}'"),
            "INSERT INTO orders VALUES (9, 'cnry')",
            &format!("XA END '{xid}'"),
            &format!("XA COMMIT '{xid}' ONE PHASE"),
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.target.count("orders").await, 3);
}

/// Row images of updates and deletes lack them, stored ones too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_columns_follow_their_rows() {
    let pair = pair().await;
    pair.source
        .run(
            "CREATE TABLE t (k INT PRIMARY KEY, v INT, s VARCHAR(20) AS (CONCAT('s', v)) STORED,
             w INT AS (v * 2) VIRTUAL)",
        )
        .await;
    pair.source.run("INSERT INTO t (k, v) VALUES (1, 1), (2, 2), (3, 3)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source
        .run_all(&[
            "INSERT INTO t (k, v) VALUES (4, 4), (5, NULL)",
            "UPDATE t SET v = v + 10 WHERE k IN (1, 5)",
            "UPDATE t SET v = 7 WHERE k = 5",
            "UPDATE t SET k = 20 WHERE k = 2",
            "DELETE FROM t WHERE k = 3",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let changed = pair.target.find("t", bson::doc! { "_id": 1 }).await.remove(0);
    assert_eq!(changed.get_str("s").ok(), Some("s11"));
    assert_eq!(changed.get_i32("w").ok(), Some(22));
}
