//! An INSERT that names no column at all: under MINIMAL its event holds none, and no byte of rows.

use crate::support::{Comparison, Launch, Pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_of_nothing_but_defaults_arrives() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE things (id INT PRIMARY KEY DEFAULT 7, n INT DEFAULT 5, name TEXT)",
            "CREATE TABLE computed (id INT PRIMARY KEY DEFAULT 1, t TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source
        .run_all(&[
            "SET SESSION binlog_row_image = MINIMAL",
            "INSERT INTO things () VALUES ()",
            "UPDATE things SET id = 8",
            "INSERT INTO things () VALUES ()",
            "INSERT INTO computed () VALUES ()",
        ])
        .await;
    binleaf.catches_up().await;
    Comparison::of(&pair).assert_equal().await;
    binleaf.stops().await;
}
