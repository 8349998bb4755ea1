//! Statements in the binlog: those that are followed, and those that stop the pipeline.

use crate::support::{Binleaf, Launch, Pair};

async fn streaming() -> (Pair, Binleaf) {
    let pair = Pair::new().await;
    let binleaf = streaming_orders(&pair).await;
    (pair, binleaf)
}

/// Two rows of a table are copied and followed.
pub async fn streaming_orders(pair: &Pair) -> Binleaf {
    pair.source
        .run_all(&[
            "CREATE TABLE orders (id INT PRIMARY KEY, v VARCHAR(20))",
            "INSERT INTO orders VALUES (1, 'cnry one'), (2, 'cnry two')",
        ])
        .await;
    let mut binleaf = Launch::of(pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf
}

/// Fails unless it ends with code 1 and names these things, now and at the next start; what came before is written.
pub async fn assert_stops(pair: &Pair, binleaf: Binleaf, statement: &[&str], names: &[&str]) {
    let launch = binleaf.launch.clone();
    pair.source.run("INSERT INTO orders VALUES (3, 'cnry before')").await;
    pair.source.run_all(statement).await;
    binleaf.ends().await.assert_said(1, names);
    assert_eq!(pair.target.count("orders").await, 3, "what came before is written");
    launch.command(&["run"]).await.assert_said(1, names);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_logged_as_a_statement_stops_it() {
    let (pair, binleaf) = streaming().await;
    let statements =
        ["SET SESSION binlog_format = STATEMENT", "INSERT INTO orders VALUES (9, 'cnry secret')"];
    assert_stops(&pair, binleaf, &statements, &["INSERT", "orders", "binlog_format"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncate_stops_it() {
    let (pair, binleaf) = streaming().await;
    assert_stops(&pair, binleaf, &["TRUNCATE TABLE orders"], &["TRUNCATE", "orders"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_stops_it() {
    let (pair, binleaf) = streaming().await;
    assert_stops(&pair, binleaf, &["DROP TABLE orders"], &["DROP", "orders"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_column_stops_it() {
    let (pair, binleaf) = streaming().await;
    let statement = ["ALTER TABLE orders MODIFY COLUMN v VARBINARY(30)"];
    assert_stops(&pair, binleaf, &statement, &["ALTER", "orders"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_added_column_and_statements_elsewhere_are_followed() {
    let (pair, mut binleaf) = streaming().await;
    let elsewhere = Pair::new().await;
    elsewhere.source.run_all(&["CREATE TABLE orders (id INT)", "DROP TABLE orders"]).await;
    pair.source
        .run_all(&[
            "ALTER TABLE orders ADD COLUMN extra DECIMAL(5,1) DEFAULT 2.5",
            "INSERT INTO orders VALUES (3, 'cnry three', 1.5)",
            "ALTER TABLE orders ADD COLUMN (first_of_two INT, second_of_two DATETIME(2))",
            "INSERT INTO orders VALUES (4, NULL, NULL, 5, '2026-01-10 10:00:00.25')",
            // Written anew, so that their documents have the new fields.
            "UPDATE orders SET v = CONCAT(v, '!'), first_of_two = 0",
            "CREATE INDEX by_v ON orders (v)",
            "ANALYZE TABLE orders",
            "UPDATE orders SET v = 'cnry null' WHERE v IS NULL",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(!binleaf.log().of("schema_changed").is_empty(), "a schema change is told");
    binleaf.pull_the_plug_and_start().await;
    pair.source.run("INSERT INTO orders VALUES (5, 'cnry five', 1, 1, NOW(2))").await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// Events of before and between added columns, read after them: the saved schema and the statements tell what the
/// columns were, though nothing in the events tells one number from another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_added_while_it_was_away_is_followed() {
    let (pair, mut binleaf) = streaming().await;
    binleaf.stops().await;
    pair.source
        .run_all(&[
            "INSERT INTO orders VALUES (3, 'cnry old')",
            "ALTER TABLE orders ADD COLUMN extra INT FIRST",
            "INSERT INTO orders VALUES (7, 4, 'cnry new')",
            "UPDATE orders SET extra = id",
            "ALTER TABLE orders ADD COLUMN second INT AFTER id, ADD COLUMN third INT AFTER extra",
            "INSERT INTO orders VALUES (8, 9, 5, 10, 'cnry newer')",
            "UPDATE orders SET third = 11 WHERE id < 4",
            "ALTER TABLE orders ADD (fourth INT, fifth INT DEFAULT 12)",
            "CREATE INDEX by_v ON orders (v)",
            "INSERT INTO orders VALUES (13, 14, 6, 15, 'cnry newest', 16, 17)",
            // Written anew, so that their documents have the new fields.
            "UPDATE orders SET fourth = 18",
        ])
        .await;
    binleaf.start_again();
    binleaf.catches_up_and_is_equal(&pair).await;
}
