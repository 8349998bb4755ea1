//! `nulls = "omit"` under MINIMAL: a document may lack fields, so that changed rows are read again.

use crate::support::{Comparison, Launch, Pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_come_and_go_at_their_places() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE things (id INT PRIMARY KEY, a INT, b VARCHAR(9) DEFAULT 'x', c TEXT)",
            "INSERT INTO things VALUES (1, NULL, 'b', NULL), (2, 2, NULL, 'c'), (3, 3, 'b', 'c')",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).set("types", "nulls", "\"omit\"").run();
    binleaf.streams().await;
    pair.source
        .run_all(&[
            "SET SESSION binlog_row_image = MINIMAL",
            "UPDATE things SET a = 1 WHERE id = 1",
            "UPDATE things SET a = NULL WHERE id = 2",
            "BEGIN",
            "UPDATE things SET b = NULL WHERE id = 3",
            "UPDATE things SET a = 5 WHERE id = 3",
            "INSERT INTO things (id) VALUES (4)",
            "UPDATE things SET c = 'later' WHERE id = 4",
            "UPDATE things SET id = 5, b = NULL WHERE id = 4",
            "COMMIT",
            "UPDATE things SET c = 'gone' WHERE id = 2",
            "DELETE FROM things WHERE id = 2",
        ])
        .await;
    binleaf.catches_up().await;
    Comparison::of(&pair).omitting_nulls().assert_equal().await;
    binleaf.stops().await;
}
