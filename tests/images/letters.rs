//! Rows that have a dead letter open, under MINIMAL: what makes them whole again is their whole row, not a field of it.

use crate::support::{Launch, Pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_could_not_be_written_is_whole_once_it_can_be() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE dates (id INT PRIMARY KEY, d DATE, a INT, b VARCHAR(9))",
            "INSERT INTO dates VALUES (1, '2020-01-01', 1, 'b')",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).set("types", "zero_date", "\"dead-letter\"").run();
    binleaf.streams().await;
    pair.source
        .run_all(&[
            "SET SESSION binlog_row_image = MINIMAL",
            "UPDATE dates SET d = '0000-00-00', a = 2 WHERE id = 1",
            "INSERT INTO dates VALUES (2, '0000-00-00', 2, 'c'), (3, '0000-00-00', 2, 'c')",
        ])
        .await;
    binleaf.catches_up().await;
    assert_eq!(pair.target.count("_sync_dead_letters").await, 3);
    pair.source
        .run_all(&[
            "SET SESSION binlog_row_image = MINIMAL",
            "UPDATE dates SET b = 'x' WHERE id IN (1, 2)",
        ])
        .await;
    binleaf.catches_up().await;
    assert_eq!(pair.target.count("dates").await, 1);
    assert_eq!(pair.target.find("dates", bson::doc! { "b": "x" }).await.len(), 0);
    pair.source
        .run_all(&[
            "SET SESSION binlog_row_image = MINIMAL",
            "UPDATE dates SET d = '2020-02-02'",
            "INSERT INTO dates VALUES (4, '0000-00-00', 2, 'c')",
            "UPDATE dates SET d = '2020-02-03' WHERE id = 4",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
    assert_eq!(pair.target.count("_sync_dead_letters").await, 0);
}
