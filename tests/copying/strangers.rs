//! `snapshot.existing = "replace"`: what the source does not have goes, once the copy is there.

use bson::{Bson, Document, doc};

use crate::support::{Comparison, Launch, Pair, flavour::Flavour, servers};

const NUMBERS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) SELECT";

/// One table for every way in which keys are told, each with rows whose key a stranger has too.
async fn fill(pair: &Pair) {
    let recursion = match pair.source.flavour {
        Flavour::Mysql => "SET cte_max_recursion_depth = 100000",
        Flavour::Mariadb => "SET max_recursive_iterations = 100000",
    };
    pair.source
        .run_all(&[
            recursion,
            "CREATE TABLE plain (id INT PRIMARY KEY, v VARCHAR(40))",
            &format!("INSERT INTO plain {NUMBERS} i * 2, SHA2(i, 224) FROM n"),
            "CREATE TABLE named (name VARCHAR(20) CHARSET latin1 PRIMARY KEY)",
            "INSERT INTO named VALUES ('a'), ('é'), ('')",
            "CREATE TABLE pairs (day DATE, kind ENUM('x', 'y'), at DATETIME(6), sum DECIMAL(9,2), PRIMARY KEY (kind, day, at, sum))",
            "INSERT INTO pairs VALUES ('2026-02-01', 'y', '1969-12-31 23:59:59.000001', -1.50)",
            "CREATE TABLE made (a INT, b BIGINT UNSIGNED, PRIMARY KEY (b, a))",
            "INSERT INTO made VALUES (1, 18446744073709551615), (2, 2)",
            "CREATE TABLE bare (v INT)",
            "INSERT INTO bare VALUES (1), (1), (NULL)",
        ])
        .await;
}

async fn put_strangers(pair: &Pair) {
    let insert = async |name: &str, documents: Vec<Document>| {
        pair.target.collection(name).insert_many(documents).await.expect("strangers");
    };
    let ids: Vec<Bson> = (0..7000).map(Bson::Int32).collect();
    insert("plain", ids.into_iter().map(|id| doc! { "_id": id, "old": true }).collect()).await;
    let odd =
        [Bson::from("2"), Bson::Double(2.5), Bson::Int64(1 << 40), Bson::from(doc! { "id": 2 })];
    insert("plain", odd.into_iter().map(|id| doc! { "_id": id }).collect()).await;
    let names = ["a", "A", "É", "漢", "a ", "-"];
    insert("named", names.into_iter().map(|id| doc! { "_id": id }).collect()).await;
    insert("pairs", vec![doc! { "_id": 1 }, doc! { "_id": { "kind": "x", "day": 1 } }]).await;
    let made = [doc! { "a": 1, "b": 1_i64 }, doc! { "a": 2, "b": 2_i64 }, doc! { "c": 1 }];
    insert("made", made.to_vec()).await;
    insert("bare", vec![doc! { "_id": 1 }]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mysql_does_not_have_goes_after_the_copy() {
    goes_after_the_copy(Pair::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mariadb_does_not_have_goes_after_the_copy() {
    goes_after_the_copy(Pair::on(servers::mariadb(), servers::mongodb()).await).await;
}

async fn goes_after_the_copy(pair: Pair) {
    fill(&pair).await;
    put_strangers(&pair).await;
    let launch = Launch::of(&pair)
        .set("snapshot", "existing", "\"replace\"")
        .set("snapshot", "chunk_rows", "500")
        .set("snapshot", "read_rate", "3000")
        .set("tables.made", "id", "\"object_id\"");
    let mut binleaf = launch.run();
    binleaf.until("some rows", |status| crate::support::binleaf::rows_done(status) > 500).await;
    let strangers = doc! { "_id": { "$in": ["2", 1] } };
    assert_eq!(pair.target.find("plain", strangers.clone()).await.len(), 2, "not before the copy");
    binleaf.pull_the_plug_and_start().await;
    binleaf.streams().await;
    binleaf.catches_up().await;
    assert_eq!(pair.target.find("plain", strangers).await.len(), 0);
    Comparison::of(&pair).object_id("made").assert_equal().await;

    pair.source.run("INSERT INTO plain VALUES (1, 'after')").await;
    binleaf.pull_the_plug_and_start().await;
    binleaf.catches_up().await;
    Comparison::of(&pair).object_id("made").assert_equal().await;
}

/// Killed when all is copied and nothing is swept: the next start sweeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_not_swept_is_swept_at_the_next_start() {
    let pair = Pair::new().await;
    fill(&pair).await;
    put_strangers(&pair).await;
    let launch = Launch::of(&pair).set("snapshot", "existing", "\"replace\"").set(
        "tables.made",
        "id",
        "\"object_id\"",
    );
    let mut binleaf = launch.clone().environment("FAILPOINTS", "before_sweep=return").run();
    binleaf.until("all rows", |status| crate::support::binleaf::rows_done(status) >= 6009).await;
    for _ in 0..100 {
        if is_copied(&pair).await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(is_copied(&pair).await && pair.target.count("plain").await > 6000);
    binleaf.pull_the_plug().await;
    drop(binleaf);
    let mut binleaf = launch.run();
    binleaf.catches_up().await;
    Comparison::of(&pair).object_id("made").assert_equal().await;
}

/// Whether the saved state says that every table is in the target.
async fn is_copied(pair: &Pair) -> bool {
    let Some(checkpoint) = pair.target.checkpoint().await else { return false };
    let tables =
        checkpoint.get_document("snapshot").and_then(|snapshot| snapshot.get_document("tables"));
    tables.is_ok_and(|tables| {
        let complete = |table: &Bson| {
            table.as_document().is_some_and(|table| table.get_bool("complete").unwrap_or(false))
        };
        tables.len() == 5 && tables.values().all(complete)
    })
}
