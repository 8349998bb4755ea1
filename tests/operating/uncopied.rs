//! Streaming into a copy that somebody else has made: `snapshot.when = "never"`.

use std::time::Duration;

use bson::doc;

use crate::support::{Launch, Pair};

async fn holds(pair: &Pair, count: u64) {
    for _ in 0..1200 {
        if pair.target.count("orders").await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never {count} orders");
}

/// What is there stays, what changes is followed, and a kill before anything but the position is saved is no hindrance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_somebody_elses_is_kept_current() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))",
            "INSERT INTO orders VALUES (1, 'cnry a'), (2, 'cnry b'), (3, 'cnry c')",
        ])
        .await;
    let orders = pair.target.collection("orders");
    let copy = [(1, "cnry a"), (2, "cnry b"), (3, "cnry c")];
    let copy = copy.map(|(id, note)| doc! { "_id": id, "id": id, "note": note });
    orders.insert_many(copy).await.expect("the target answers");
    let launch = Launch::of(&pair)
        .set("snapshot", "when", "\"never\"")
        .set("stream", "start", "\"now\"")
        .set("checkpoint", "interval", "\"5s\"");
    launch.command(&["check"]).await.assert_said(0, &["orders", "it holds documents"]);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    for round in 0..3 {
        pair.source
            .run_all(&[
                "UPDATE orders SET note = CONCAT(note, '!') WHERE id = 1",
                &format!("INSERT INTO orders VALUES (1{round}, 'cnry new')"),
            ])
            .await;
        holds(&pair, 4 + round).await;
        binleaf.pull_the_plug_and_start().await;
        binleaf.streams().await;
    }
    pair.source.run("DELETE FROM orders WHERE id = 2").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
}
