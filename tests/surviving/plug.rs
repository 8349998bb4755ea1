//! Twenty times `kill -9` at random moments, ten in the first copy and ten in the stream, under load.

use std::time::Duration;

use bson::{Bson, Document};

use crate::support::{Binleaf, Launch, Pair, Spawned, Writer, evidence, metrics, sakila, servers};

/// Rows of a table that nobody writes to, so that what is read of it can be counted.
const STILL_ROWS: u64 = 60_000;

/// Rows of a range.
const CHUNK_ROWS: u64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_pulled_plugs_lose_nothing_and_copy_nothing_twice() {
    let server = Spawned::mysql(&[]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    create_still_table(&pair).await;
    let writer = Writer::over(&pair.source).await.sparing("still");
    let writing = writer.keep_writing();

    let launch = Launch::of(&pair).set("snapshot", "chunk_rows", &CHUNK_ROWS.to_string());
    let mut binleaf = launch.set("snapshot", "read_rate", "9000").run();
    let (mut saved, mut sent_before) = (0, 0);
    for _ in 0..kills() {
        binleaf.copies().await;
        a_moment(700).await;
        binleaf.pull_the_plug().await;
        let now = saved_rows(&pair, "still").await;
        assert!(now >= saved, "saved progress went back from {saved} to {now} rows");
        saved = now;
        sent_before = evidence::rows_sent(&pair.source, "still").await;
        binleaf.start_again();
    }
    binleaf.streams().await;
    assert_the_rest_was_read(&binleaf, &pair, saved, sent_before).await;
    writing.pause().await;
    binleaf.catches_up_and_is_equal(&pair).await;

    for _ in 0..kills() {
        writing.resume();
        a_moment(900).await;
        binleaf.pull_the_plug_and_start().await;
        a_moment(300).await;
        writing.pause().await;
        binleaf.catches_up_and_is_equal(&pair).await;
        binleaf.assert_no_new_snapshot().await;
    }
    writing.finish().await;
}

fn kills() -> u64 {
    std::env::var("TEST_KILLS").map_or(10, |text| text.parse().expect("a number"))
}

/// Some time that nobody chose.
async fn a_moment(most_millis: u64) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..most_millis))).await;
}

async fn create_still_table(pair: &Pair) {
    pair.source
        .run_all(&[
            "CREATE TABLE still (id INT NOT NULL PRIMARY KEY, body VARCHAR(60))",
            "SET cte_max_recursion_depth = 100000",
            &format!(
                "INSERT INTO still WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {STILL_ROWS})
                 SELECT i * 7, CONCAT('cnry ', i) FROM n"
            ),
        ])
        .await;
}

/// What the last start read of the still table is exactly what had not been saved, by its own count; the server has sent
/// it no more than that either, and a bound for each range.
async fn assert_the_rest_was_read(binleaf: &Binleaf, pair: &Pair, saved: u64, sent_before: u64) {
    let (_, text) = binleaf.get("/metrics").await.expect("the metrics");
    let table = format!("{}.still", pair.source.database);
    let read = metrics::value(&text, "binleaf_snapshot_rows_total", ("table", &table));
    let left = STILL_ROWS - saved;
    assert_eq!(read.to_string(), left.to_string(), "{saved} rows were saved");
    let sent = evidence::rows_sent(&pair.source, "still").await - sent_before;
    println!("the server was asked for {sent} rows where {left} were left");
    assert!(
        sent <= left + left / CHUNK_ROWS * 3 + 20,
        "{sent} rows were sent where {left} were left"
    );
}

/// How many rows of a table the saved progress covers.
async fn saved_rows(pair: &Pair, table: &str) -> u64 {
    let name = format!("{}.{table}", pair.source.database);
    let checkpoint = pair.target.checkpoint().await.unwrap_or_default();
    let Ok(snapshot) = checkpoint.get_document("snapshot") else { return 0 };
    progress_of(snapshot, &name).map_or(0, |progress| number(progress.get("rows")))
}

/// The progress of a table, under its name or in an entry that names it.
fn progress_of<'a>(snapshot: &'a Document, name: &str) -> Option<&'a Document> {
    let (database, table) = name.split_once('.')?;
    match snapshot.get("tables")? {
        // The point between the two is written as another letter, since field names may not hold it.
        Bson::Document(tables) => tables
            .iter()
            .find(|(key, _)| key.starts_with(database) && key.ends_with(table))
            .and_then(|(_, progress)| progress.as_document()),
        Bson::Array(tables) => tables
            .iter()
            .filter_map(Bson::as_document)
            .find(|entry| entry.values().any(|value| value.as_str() == Some(name))),
        _ => None,
    }
}

fn number(value: Option<&Bson>) -> u64 {
    match value {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or(0),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}
