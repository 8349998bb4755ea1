//! One table that cannot be read stops no other, and is told.

use serde_json::{Value, json};

use super::{kind, launch, poll_once};
use crate::support::{Binleaf, Pair, databases::Source};

async fn filled() -> Pair {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE good (id INT PRIMARY KEY, updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6))",
            "CREATE TABLE bad (id INT PRIMARY KEY, updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6))",
            "INSERT INTO good (id) VALUES (1)",
            "INSERT INTO bad (id) VALUES (1)",
        ])
        .await;
    pair
}

/// Leaves a table that is seen and cannot be read.
async fn take_away(source: &Source) {
    let (user, database) = (&source.user, &source.database);
    source
        .run_all(&[
            &format!("REVOKE SELECT ON `{database}`.* FROM `{user}`@`%`"),
            &format!("GRANT SELECT ON `{database}`.good TO `{user}`@`%`"),
            &format!("GRANT INSERT ON `{database}`.bad TO `{user}`@`%`"),
        ])
        .await;
}

async fn give_back(source: &Source) {
    let (user, database) = (&source.user, &source.database);
    source.run(format!("GRANT SELECT ON `{database}`.* TO `{user}`@`%`")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_table_that_fails_stops_no_other_and_is_tried_again() {
    let pair = filled().await;
    let launch = launch(&pair).set("poll", "interval", "\"1s\"").set("retry", "attempts", "1");
    let mut binleaf = launch.run();
    binleaf.rests().await;
    take_away(&pair.source).await;
    pair.source.run("INSERT INTO good (id) VALUES (2)").await;
    // Which it is by now: failed, and after the third time left alone.
    let rests = |status: &Value| status["last_error"]["message"].is_string();
    binleaf.until("an error", rests).await;
    let last = until_skipped(&binleaf).await;
    assert_eq!((&last["status"], &last["failed_tables"]), (&json!("partial"), &json!(1)));
    assert_eq!(last["tables"]["bad"]["status"], "skipped", "{last:#}");
    assert!(last["tables"]["bad"]["error"].is_string());
    let status = binleaf.status().await.expect("a status");
    let bad = status["sync_data"]["tables"]["bad"]["status"].as_str().expect("a status");
    assert!(bad.starts_with("failed: "), "{bad}");
    assert_eq!(pair.target.count("good").await, 2, "the other one goes on");

    give_back(&pair.source).await;
    let (code, result) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!((code, &result["status"]), (200, &json!("success")), "by hand it is tried");
    pair.assert_equal().await;
    binleaf.stops().await;
}

/// The first run that has left a table alone, once it has ended.
async fn until_skipped(binleaf: &Binleaf) -> Value {
    for _ in 0..600 {
        let (_, runs) = binleaf.get("/api/sync/runs").await.expect("an answer");
        let runs: Value = serde_json::from_str(&runs).expect("JSON");
        let is_wanted = |run: &&Value| {
            run["tables"]["bad"]["status"] == "skipped" && run["status"] != "running"
        };
        if let Some(run) = runs["runs"].as_array().expect("runs").iter().find(is_wanted) {
            return run.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it is not left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_which_a_part_failed_exits_with_1() {
    let pair = filled().await;
    let launch = launch(&pair).set("retry", "attempts", "1");
    poll_once(&launch).await;
    // The first check would refuse to begin; the right goes while it runs.
    let slow = launch.clone().environment("FAILPOINTS", "before_pass=return(1500)");
    let mut running = slow.begin(&["poll", "--once", "--json"]);
    running.has_said("a run begins", 2).await;
    take_away(&pair.source).await;
    pair.source.run("INSERT INTO good (id) VALUES (2)").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());
    let result = ended.json();
    assert_eq!(result["status"], "partial", "{result:#}");
    assert_eq!(pair.target.count("good").await, 2);
    give_back(&pair.source).await;
    assert_eq!(kind(&poll_once(&launch).await, "bad"), "incremental");
    pair.assert_equal().await;
}
