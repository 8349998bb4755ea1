//! Interval, pause, schedule and runs by hand, while it runs and over a restart.

use std::time::Duration;

use serde_json::{Value, json};

use super::launch;
use crate::support::{Binleaf, Launch, Pair, Proxy, http};

async fn filled() -> Pair {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE orders (id INT PRIMARY KEY, updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6), KEY (updated_at))",
            "CREATE TABLE notes (id INT PRIMARY KEY, updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6), KEY (updated_at))",
            "INSERT INTO orders (id) VALUES (1), (2)",
            "INSERT INTO notes (id) VALUES (1)",
        ])
        .await;
    pair
}

/// Only by hand: no run begins by itself within a test's time.
async fn resting(launch: &Launch) -> Binleaf {
    let mut binleaf = launch.clone().set("poll", "interval", "\"1h\"").run();
    binleaf.rests().await;
    binleaf
}

async fn status(binleaf: &Binleaf) -> Value {
    binleaf.status().await.expect("a status")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_hand_answers_with_its_result() {
    let pair = filled().await;
    let binleaf = resting(&launch(&pair)).await;
    pair.source.run("INSERT INTO orders (id) VALUES (3)").await;
    let (code, result) =
        binleaf.call("POST", "/api/sync/trigger?sync_type=incremental&tables=orders").await;
    assert_eq!(code, 200, "{result:#}");
    for field in ["run_id", "start_time", "end_time"] {
        assert!(result[field].is_string(), "{field} in {result:#}");
    }
    let expected = json!({
        "sync_type": "incremental", "total_records_synced": 1, "successful_tables": 1,
        "failed_tables": 0, "status": "success",
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(result[field], *value, "{field}");
    }
    let table = &result["tables"]["orders"];
    assert_eq!((&table["records_created"], &table["status"]), (&json!(1), &json!("success")));
    assert_eq!(result["tables"].as_object().expect("tables").len(), 1);
    pair.assert_equal().await;

    let (code, begun) = binleaf.call("POST", "/sync/trigger?sync_type=full&wait=false").await;
    assert_eq!(code, 202);
    let id = begun["run_id"].as_str().expect("a name").to_owned();
    let ended = loop {
        let (_, body) = binleaf.get(&format!("/api/sync/runs/{id}")).await.expect("an answer");
        let run: Value = serde_json::from_str(&body).expect("JSON");
        if run["status"] != "running" {
            break run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&ended["status"], &ended["sync_type"]), (&json!("success"), &json!("full")));
    assert_eq!(super::counts(&ended), [0, 0, 0, 4], "equal documents are not written");
    let (_, body) = binleaf.get("/api/sync/runs").await.expect("an answer");
    let runs: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(runs["runs"].as_array().expect("runs").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_calls_are_answered_with_what_is_wrong() {
    let pair = filled().await;
    let binleaf = resting(&launch(&pair)).await;
    for (method, path, code, name) in [
        ("POST", "/api/sync/trigger?tables=nobody", 404, "unknown_table"),
        ("POST", "/api/sync/trigger?sync_type=half", 422, "sync_type"),
        ("POST", "/api/sync/trigger?tables=,", 422, "tables"),
        ("POST", "/api/sync/trigger?wait=perhaps", 400, "bad_query"),
        ("PUT", "/api/sync/interval", 422, "interval"),
        ("PUT", "/api/sync/interval?interval_seconds=0", 422, "interval"),
        ("PUT", "/api/sync/interval?interval_seconds=x", 400, "bad_query"),
        ("POST", "/api/sync/scheduler/start?interval_seconds=0", 422, "interval"),
    ] {
        let (found, body) = binleaf.call(method, path).await;
        assert_eq!((found, &body["error"]["code"]), (code, &json!(name)), "{path}: {body:#}");
        assert!(body["error"]["hint"].is_string(), "{path}");
    }
    let (code, body) = binleaf.call_with("PUT", "/api/sync/interval", "{").await;
    assert_eq!((code, &body["error"]["code"]), (400, &json!("bad_body")));
    let (code, body) = binleaf.call_with("PUT", "/api/sync/interval", &"x".repeat(70_000)).await;
    assert_eq!((code, &body["error"]["code"]), (400, &json!("too_large")));
    let (code, _) = binleaf.get("/api/sync/runs/none").await.expect("an answer");
    assert_eq!(code, 404);
    let (code, _) = binleaf.get("/api/sync/pause").await.expect("an answer");
    assert_eq!(code, 405, "only POST changes anything");
    let url = format!("http://{}/api/sync/pause", binleaf.launch.http.socket());
    let client = http::client().build().expect("a client");
    let answer = client.post(&url).header("Origin", "https://evil.example").send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 400);
    assert_eq!(binleaf.replication().await["paused"], false);
    let own = format!("http://{}", binleaf.launch.http.socket());
    let answer = client.post(&url).header("Origin", own).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_run_at_a_time() {
    let pair = filled().await;
    let to_target = Proxy::to(&pair.target.address).await;
    let binleaf = resting(&launch(&pair).target_at(&to_target.address)).await;
    to_target.stall();
    let (code, begun) = binleaf.call("POST", "/api/sync/trigger?wait=false").await;
    assert_eq!(code, 202, "{begun:#}");
    let (code, refused) = binleaf.call("POST", "/api/sync/trigger?sync_type=full").await;
    assert_eq!((code, &refused["error"]["code"]), (409, &json!("busy")));
    to_target.fair();
    let id = begun["run_id"].as_str().expect("a name");
    for _ in 0..1000 {
        let (_, run) = binleaf.get(&format!("/api/sync/runs/{id}")).await.expect("an answer");
        if run.contains("\"success\"") && !run.contains("running") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_counts_at_once_and_over_a_restart() {
    let pair = filled().await;
    let mut binleaf = resting(&launch(&pair)).await;
    let before = status(&binleaf).await;
    assert_eq!(before["scheduler"]["interval_seconds"], 3600);
    assert_eq!(before["sync_interval_minutes"], 60.0);
    assert!(before["next_sync"].is_string() && before["last_sync"].is_string(), "{before:#}");
    assert_eq!(before["replication"]["mode"], "poll");
    is_ready(&binleaf).await;

    let (code, set) =
        binleaf.call_with("PUT", "/api/sync/interval", "{\"interval_seconds\": 1}").await;
    assert_eq!((code, set), (200, json!({ "status": "success", "interval_seconds": 1 })));
    pair.source.run("INSERT INTO orders (id) VALUES (10)").await;
    arrives(&pair, 10).await;

    let (_, paused) = binleaf.call("POST", "/api/sync/pause").await;
    assert_eq!(paused, json!({ "status": "success", "paused": true }));
    let (code, refused) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!((code, &refused["error"]["code"]), (409, &json!("paused")));
    pair.source.run("INSERT INTO orders (id) VALUES (11)").await;
    // The position is saved within the checkpoint's interval; what was set is saved with it.
    until_saved(&pair, |control| control.get_bool("paused").unwrap_or(false)).await;
    binleaf.pull_the_plug_and_start().await;
    binleaf.until("paused after the restart", |status| status["paused"] == true).await;
    let after = status(&binleaf).await;
    assert_eq!((&after["sync_enabled"], &after["next_sync"]), (&json!(false), &Value::Null));
    assert_eq!(after["scheduler"]["interval_seconds"], 1, "{after:#}");
    assert!(!is_there(&pair, 11).await);
    binleaf.call("POST", "/api/sync/resume").await;
    arrives(&pair, 11).await;

    let (code, stopped) = binleaf.call("POST", "/api/sync/scheduler/stop").await;
    assert_eq!((code, &stopped["message"]), (200, &json!("Scheduler stopped")));
    binleaf.rests().await;
    let stopped = status(&binleaf).await["scheduler"].take();
    assert_eq!(stopped, json!({ "running": false, "interval_seconds": 1, "jobs": [] }));
    pair.source.run("INSERT INTO orders (id) VALUES (12)").await;
    assert_eq!(binleaf.call("POST", "/api/sync/trigger").await.0, 200, "by hand it goes on");
    assert!(is_there(&pair, 12).await);
    let (_, started) = binleaf.call("POST", "/api/sync/scheduler/start?interval_seconds=600").await;
    assert_eq!(started["interval_seconds"], 600);
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_can_be_paused_and_has_no_schedule() {
    let pair = filled().await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for path in ["scheduler/start", "scheduler/stop"] {
        let (code, refused) = binleaf.call("POST", &format!("/api/sync/{path}")).await;
        assert_eq!((code, &refused["error"]["code"]), (409, &json!("streaming")), "{path}");
    }
    binleaf.call("POST", "/api/sync/pause").await;
    pair.source.run("INSERT INTO orders (id) VALUES (20)").await;
    until_saved(&pair, |control| control.get_bool("paused").unwrap_or(false)).await;
    assert!(!is_there(&pair, 20).await);
    binleaf.call("POST", "/api/sync/resume").await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

async fn is_ready(binleaf: &Binleaf) {
    for _ in 0..500 {
        if binleaf.get("/health/ready").await.is_some_and(|(code, _)| code == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not become ready");
}

async fn is_there(pair: &Pair, id: i32) -> bool {
    !pair.target.find("orders", bson::doc! { "_id": id }).await.is_empty()
}

async fn arrives(pair: &Pair, id: i32) {
    for _ in 0..3000 {
        if is_there(pair, id).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("row {id} does not arrive");
}

async fn until_saved(pair: &Pair, wish: impl Fn(&bson::Document) -> bool) {
    for _ in 0..1000 {
        let saved = pair.target.checkpoint().await;
        if saved.is_some_and(|saved| saved.get_document("control").is_ok_and(&wish)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not saved");
}
