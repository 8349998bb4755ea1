//! Copies anew of what was copied, while it runs: by `trigger?sync_type=full`.

use std::time::Duration;

use bson::doc;
use serde_json::json;

use crate::support::{Launch, Pair, Proxy, sakila};

const FULL: &str = "/api/sync/trigger?sync_type=full";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_in_the_target_is_put_right() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    let target = pair.target.handle();
    let actors = pair.target.collection("actor");
    actors.delete_many(doc! { "_id": { "$lt": 10 } }).await.expect("deleted");
    actors.insert_one(doc! { "_id": 9999, "first_name": "NOBODY" }).await.expect("inserted");
    let change = doc! { "$set": { "title": "another" } };
    pair.target.collection("film").update_many(doc! {}, change).await.expect("updated");
    drop(target);

    let (code, run) = binleaf.call("POST", &format!("{FULL}&tables=actor,film")).await;
    assert_eq!(
        (code, &run["status"], &run["sync_type"]),
        (200, &json!("success"), &json!("full")),
        "{run:#}"
    );
    assert_eq!((&run["successful_tables"], &run["failed_tables"]), (&json!(2), &json!(0)));
    pair.assert_equal().await;
    let reread = binleaf.metric("binleaf_snapshot_rows_total").await;
    pair.source.run("UPDATE actor SET first_name = 'ANNA' WHERE actor_id < 20").await;
    let (_, run) = binleaf.call("POST", FULL).await;
    assert_eq!(
        (&run["status"], &run["successful_tables"]),
        (&json!("success"), &json!(16)),
        "{run:#}"
    );
    assert!(binleaf.metric("binleaf_snapshot_rows_total").await >= reread + 47_273.0);
    pair.assert_equal().await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_can_be_read_all_the_while_and_changes_are_not_lost() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT NOT NULL)").await;
    pair.source.run("INSERT INTO t (n) VALUES (0), (0), (0), (0), (0), (0), (0), (0)").await;
    for _ in 0..10 {
        pair.source.run("INSERT INTO t (n) SELECT n FROM t").await;
    }
    let mut binleaf = Launch::of(&pair).set("snapshot", "chunk_rows", "200").run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    let writes = async {
        for number in 0..150 {
            pair.source.run(format!("UPDATE t SET n = {number} WHERE id % 150 = {number}")).await;
            pair.source.run(format!("DELETE FROM t WHERE id = {}", number * 7 + 1)).await;
            pair.source.run("INSERT INTO t (n) VALUES (-1)").await;
            let count = pair.target.count("t").await;
            assert!(count > 7000, "{count} documents only");
        }
    };
    let (answer, ()) = tokio::join!(binleaf.call("POST", FULL), writes);
    assert_eq!((answer.0, &answer.1["status"]), (200, &json!("success")), "{:#}", answer.1);
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_outlives_the_process_and_waits_for_a_target_that_is_away() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = Launch::of(&pair).target_at(&to_target.address).set("shutdown", "grace", "\"2s\"");
    let launch = launch.set("snapshot", "read_rate", "20000");
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    let nobody = doc! { "_id": 9999 };
    pair.target.collection("actor").insert_one(nobody.clone()).await.expect("inserted");
    to_target.stall();
    pair.source.run("UPDATE actor SET first_name = 'EVA' WHERE actor_id = 1").await;
    let (code, begun) = binleaf.call("POST", &format!("{FULL}&wait=false")).await;
    assert_eq!(code, 202, "{begun:#}");
    // Longer than a stop would wait.
    tokio::time::sleep(Duration::from_secs(4)).await;
    binleaf.assert_alive("waiting for the target");
    to_target.fair();
    binleaf.copies().await;
    binleaf.pull_the_plug().await;
    let mut again = launch.run();
    again.streams().await;
    again.catches_up_and_is_equal(&pair).await;
    assert!(pair.target.find("actor", nobody).await.is_empty());
    again.stops().await;
}
