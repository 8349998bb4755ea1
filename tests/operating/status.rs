//! Status and health while it copies, streams, lags and catches up.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Binleaf, Launch, Pair, Proxy, Writer, binleaf::rows_done, metrics, sakila};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_position_is_told_when_the_copy_is_whole_and_reaches_the_source() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).set("snapshot", "read_rate", "15000").run();
    let during = binleaf.copies().await;
    assert!(during["position"].is_null(), "{during:#}");
    assert_eq!(code(&binleaf, "/health/ready").await, 503);
    assert_eq!(code(&binleaf, "/health/live").await, 200);
    assert_never_told_before_whole(&binleaf).await;

    let after = binleaf.streams().await;
    assert!(after["position"]["gtid_set"].is_string(), "{after:#}");
    assert_eq!((&after["snapshot"]["tables_done"], rows_done(&after)), (&16.into(), sakila::ROWS));
    assert_eq!(code(&binleaf, "/health/ready").await, 200);
    for _ in 0..5 {
        Writer::over(&pair.source).await.changes(100).await;
        // Once the position holds what was executed, all of it is visible, without another wait.
        binleaf.catches_up_and_is_equal(&pair).await;
    }
    assert_shape(&binleaf.status().await.expect("a status"));
    assert_saved_agrees(&mut binleaf).await;
}

async fn code(binleaf: &Binleaf, path: &str) -> u16 {
    binleaf.get(path).await.expect("an answer").0
}

async fn assert_never_told_before_whole(binleaf: &Binleaf) {
    loop {
        let status = binleaf.replication().await;
        if status["phase"] != "snapshot" {
            return;
        }
        assert!(status["position"].is_null(), "{status:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The keys that users' scripts lean on.
fn assert_shape(status: &Value) {
    for pointer in [
        "/sync_enabled",
        "/last_sync",
        "/tables_synced",
        "/sync_metrics/total_records",
        "/sync_data/total_tables",
        "/sync_data/tables/actor/records_synced",
        "/sync_data/tables/actor/status",
        "/replication/mode",
        "/replication/phase",
        "/replication/paused",
        "/replication/lag_seconds",
        "/replication/lag_transactions",
        "/replication/position/gtid_set",
        "/replication/position/file",
        "/replication/position/offset",
        "/replication/position/applied_at",
        "/replication/source_position/gtid_set",
        "/replication/queue_bytes",
        "/replication/events_per_second",
        "/replication/snapshot/rows_estimated",
        "/replication/snapshot/eta_seconds",
        "/replication/dead_letters",
        "/replication/version",
        "/replication/started_at",
    ] {
        assert!(
            status.pointer(pointer).is_some_and(|value| !value.is_null()),
            "no {pointer} in {status:#}"
        );
    }
    assert_eq!(status["tables_synced"].as_array().map(Vec::len), Some(16));
    assert_eq!(status["replication"]["mode"], "stream");
}

/// `binleaf status` says the same, of the running instance and, once it has stopped, of what it saved.
async fn assert_saved_agrees(binleaf: &mut Binleaf) {
    let gtid_set = |status: &Value| status.pointer("/replication/position/gtid_set").cloned();
    let asked = binleaf.launch.command(&["status", "--json"]).await;
    assert_eq!(asked.code, Some(0), "{}", asked.said());
    assert_eq!(asked.json()["replication"]["phase"], "streaming");
    assert!(gtid_set(&asked.json()).is_some_and(|set| set.is_string()));
    binleaf.stops().await;
    let saved = binleaf.launch.command(&["status", "--json"]).await;
    assert_eq!(saved.code, Some(0), "{}", saved.said());
    assert!(gtid_set(&saved.json()).is_some_and(|set| set.is_string()), "{}", saved.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_is_true_while_the_target_is_away_and_after() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    binleaf.until("caught up", |status| status["lag_seconds"] == 0.0).await;

    to_target.close();
    pair.source.run("UPDATE actor SET first_name = 'cnry' WHERE actor_id = 1").await;
    let committed = std::time::Instant::now();
    for seconds in [1.0, 2.5, 4.0] {
        let status = binleaf.until("lagging", |status| lag(status) >= seconds).await;
        let off = (committed.elapsed().as_secs_f64() - lag(&status)).abs();
        assert!(
            off < 1.5,
            "the lag is {}, and it is {:?} since",
            lag(&status),
            committed.elapsed()
        );
    }
    let (_, text) = binleaf.get("/metrics").await.expect("the metrics");
    assert!(metrics::sum(&text, "binleaf_lag_seconds") >= 4.0);
    assert!(metrics::value(&text, "binleaf_up", ("side", "target")) < 0.5, "the target is up?");
    assert_eq!(code(&binleaf, "/health/live").await, 200, "waiting is not hanging");

    to_target.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.until("caught up", |status| status["lag_seconds"] == 0.0).await;
    binleaf.streams().await;
    let (_, text) = binleaf.get("/metrics").await.expect("the metrics");
    assert!(metrics::value(&text, "binleaf_up", ("side", "target")) > 0.5, "the target is down?");
}

fn lag(status: &Value) -> f64 {
    status["lag_seconds"].as_f64().unwrap_or(-1.0)
}
