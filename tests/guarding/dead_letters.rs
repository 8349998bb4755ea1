//! A row that cannot be written is kept with its reason, the rest goes on, and a later good version settles it.

use bson::doc;

use super::letters;
use crate::support::{Binleaf, CANARY, Launch, Pair};

/// Fails unless one letter is open that says all that it must, and nothing of the row in its reason.
async fn assert_one_letter(pair: &Pair, table: &str) {
    let letters = letters(pair).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    for field in
        ["table", "key", "operation", "position", "reason", "code", "row", "at", "attempts"]
    {
        assert!(letters[0].contains_key(field), "a letter has no {field}: {}", letters[0]);
    }
    let reason = letters[0].get_str("reason").expect("a reason");
    assert!(!reason.is_empty() && !reason.contains(CANARY), "{reason}");
    assert!(letters[0].get_str("table").expect("a table").ends_with(table));
}

/// Fails unless status, saved state and metrics all count this many open letters of a table.
async fn assert_counted(binleaf: &mut Binleaf, pair: &Pair, table: &str, open: u64) {
    binleaf.until("counting letters", |status| status["dead_letters"].as_u64() == Some(open)).await;
    let wanted = if open == 0 { "success".to_owned() } else { format!("diverged: {open}") };
    for _ in 0..200 {
        let tables =
            pair.target.find("_sync_metadata", doc! { "table_name": { "$exists": true } }).await;
        let ours = tables.iter().find(|entry| {
            entry.get_str("table_name").is_ok_and(|name| name.rsplit('.').next() == Some(table))
        });
        if ours.and_then(|entry| entry.get_str("status").ok()) == Some(wanted.as_str()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the table's status never was {wanted}");
}

/// Runs a bad change, then a good one of the same row, and checks what is kept in between.
async fn assert_kept_and_settled(
    pair: &Pair,
    binleaf: &mut Binleaf,
    table: &str,
    bad: &str,
    good: &str,
) {
    pair.source.run(bad).await;
    binleaf.catches_up().await;
    assert_one_letter(pair, table).await;
    assert_counted(binleaf, pair, table, 1).await;
    assert!(!binleaf.log().of("dead_letter").is_empty(), "a letter is told");
    assert!(binleaf.metric("binleaf_dead_letters_total").await >= 1.0);

    // Others go on, and a crash makes no second letter.
    pair.source
        .run(format!("INSERT INTO {table} (id) VALUES (900 + FLOOR(RAND() * 1000000))"))
        .await;
    binleaf.catches_up().await;
    binleaf.pull_the_plug_and_start().await;
    binleaf.catches_up().await;
    assert_one_letter(pair, table).await;

    pair.source.run(good).await;
    binleaf.catches_up_and_is_equal(pair).await;
    assert_counted(binleaf, pair, table, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_no_document_can_hold() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB, notes JSON)").await;
    pair.source.run("INSERT INTO files VALUES (1, 'cnry', '{}')").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    assert_kept_and_settled(
        &pair,
        &mut binleaf,
        "files",
        "UPDATE files SET body = REPEAT('cnry', 17 << 18) WHERE id = 1",
        "UPDATE files SET body = 'small' WHERE id = 1",
    )
    .await;
    // A key of JSON that no field can be named by.
    assert_kept_and_settled(
        &pair,
        &mut binleaf,
        "files",
        "INSERT INTO files VALUES (2, NULL, JSON_OBJECT('cnry\\0key', 1))",
        "DELETE FROM files WHERE id = 2",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_an_index_of_the_users_refuses() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(60))").await;
    pair.source.run("INSERT INTO people VALUES (1, 'cnry@one'), (2, 'cnry@two')").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    pair.target.refuse_doubles("people", "email").await;

    assert_kept_and_settled(
        &pair,
        &mut binleaf,
        "people",
        "INSERT INTO people VALUES (3, 'cnry@one')",
        "UPDATE people SET email = 'cnry@three' WHERE id = 3",
    )
    .await;
    // One row takes what another gives up a moment later, in the same transaction.
    pair.source
        .run_all(&[
            "BEGIN",
            "UPDATE people SET email = 'cnry@one' WHERE id = 2",
            "UPDATE people SET email = 'cnry@free' WHERE id = 1",
            "COMMIT",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(letters(&pair).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_of_the_first_copy_is_kept_too() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB)").await;
    pair.source
        .run("INSERT INTO files VALUES (1, 'a'), (2, REPEAT('cnry', 17 << 18)), (3, 'c')")
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    assert_one_letter(&pair, "files").await;
    assert_eq!(pair.target.count("files").await, 2);
    pair.source.run("UPDATE files SET body = 'b' WHERE id = 2").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_counted(&mut binleaf, &pair, "files", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_or_skips_where_that_is_wished() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB)").await;
    let launch = Launch::of(&pair);
    let mut binleaf = launch.clone().set("errors", "record", "\"stop\"").run();
    binleaf.streams().await;
    pair.source.run("INSERT INTO files VALUES (2, REPEAT('cnry', 17 << 18))").await;
    binleaf.ends().await.assert_said(1, &["files"]);

    let mut binleaf = launch.set("errors", "record", "\"skip\"").run();
    pair.source.run("INSERT INTO files VALUES (3, 'cnry')").await;
    binleaf.catches_up().await;
    assert_eq!(pair.target.count("files").await, 1);
    assert!(letters(&pair).await.is_empty());
    assert!(binleaf.metric("binleaf_errors_total").await >= 1.0, "a skipped change is counted");
}
