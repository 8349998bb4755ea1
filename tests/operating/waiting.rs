//! Runs by hand while the binlog is followed: the answer comes when what was committed before the call can be read.

use serde_json::{Value, json};

use crate::support::{Launch, Pair, Proxy};

const TRIGGER: &str = "/api/sync/trigger?sync_type=incremental";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_before_the_call_can_be_read_after_it() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))",
            "CREATE TABLE notes (id INT PRIMARY KEY)",
            "INSERT INTO orders VALUES (1, 'a'), (2, 'b')",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for number in 3..8 {
        pair.source.run(format!("INSERT INTO orders VALUES ({number}, 'c')")).await;
        let (code, result) = binleaf.call("POST", TRIGGER).await;
        assert_eq!((code, &result["status"]), (200, &json!("success")), "{result:#}");
        pair.assert_equal().await;
    }
    pair.source
        .run_all(&[
            "UPDATE orders SET note = 'd' WHERE id < 4",
            "DELETE FROM orders WHERE id = 7",
            "INSERT INTO notes VALUES (1)",
        ])
        .await;
    let (_, result) = binleaf.call("POST", &format!("{TRIGGER}&tables=orders")).await;
    let orders = &result["tables"]["orders"];
    assert_eq!(
        (&orders["status"], &orders["sync_type"]),
        (&json!("success"), &json!("incremental"))
    );
    // Some of it may have been written before the call.
    assert!(orders["records_synced"].as_u64().is_some_and(|count| count <= 4), "{result:#}");
    assert_eq!((&result["successful_tables"], &result["failed_tables"]), (&json!(1), &json!(0)));
    let (_, result) = binleaf.call("POST", "/sync/trigger").await;
    assert_eq!(result["successful_tables"], 2, "{result:#}");
    pair.assert_equal().await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_as_long_as_the_target_does_not_answer() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE orders (id INT PRIMARY KEY)").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    to_target.stall();
    pair.source.run("INSERT INTO orders VALUES (1)").await;
    let (code, begun) = binleaf.call("POST", &format!("{TRIGGER}&wait=false")).await;
    assert_eq!(code, 202, "{begun:#}");
    let run = format!("/api/sync/runs/{}", begun["run_id"].as_str().expect("a name"));
    let (code, busy) = binleaf.call("POST", TRIGGER).await;
    assert_eq!((code, &busy["error"]["code"]), (409, &json!("busy")));
    let is_behind = |status: &Value| status["lag_transactions"].as_u64().is_some_and(|it| it > 0);
    binleaf.until("behind", is_behind).await;
    assert_eq!(binleaf.call("GET", &run).await.1["status"], "running");
    to_target.fair();
    binleaf.catches_up().await;
    binleaf.until("caught up", |status| status["lag_seconds"] == 0.0).await;
    let (_, ended) = binleaf.call("GET", &run).await;
    assert_eq!(ended["status"], "success", "{ended:#}");
    pair.assert_equal().await;

    assert_eq!(binleaf.call("POST", "/api/sync/pause").await.0, 200);
    let (code, refused) = binleaf.call("POST", TRIGGER).await;
    assert_eq!((code, &refused["error"]["code"]), (409, &json!("paused")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_told_when_it_stops() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE orders (id INT PRIMARY KEY)").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = Launch::of(&pair).set("shutdown", "grace", "\"1s\"");
    let mut binleaf = launch.target_at(&to_target.address).run();
    binleaf.streams().await;
    to_target.stall();
    pair.source.run("INSERT INTO orders VALUES (1)").await;
    let waits = binleaf.call("POST", TRIGGER);
    let stops = async {
        let is_running = || async {
            binleaf.call("GET", "/api/sync/runs").await.1["runs"][0]["status"] == "running"
        };
        while !is_running().await {}
        binleaf.terminate().await;
    };
    let ((code, result), ()) = tokio::join!(waits, stops);
    assert_eq!((code, &result["status"]), (200, &json!("failed")), "{result:#}");
    assert!(result["error"].is_string());
}
