//! When people are told, and what.

use serde_json::json;

use super::{filled, receiver::Receiver, rules, told_by_webhook};
use crate::support::Proxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_stalls_is_told_once_and_so_is_its_return() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = told_by_webhook(&pair, &receiver).target_at(&to_target.address);
    let mut binleaf = rules(launch, &[r#"{ name = "lag", above = 2, for = "1s" }"#]).run();
    binleaf.streams().await;

    to_target.stall();
    pair.source.run("INSERT INTO t VALUES (2, 2)").await;
    let raised = receiver.until("alert", |one| one.is("lag", "raised")).await.json();
    assert_eq!(raised["severity"], "error", "{raised:#}");
    assert_eq!(raised["comparison"], "above", "{raised:#}");
    assert_eq!((&raised["metric"], &raised["threshold"]), (&json!("lag_seconds"), &json!(2.0)));
    assert!(raised["value"].as_f64() > Some(2.0), "{raised:#}");
    assert!(raised["duration_seconds"].as_f64() >= Some(1.0), "{raised:#}");
    assert!(raised["since"].as_str() < raised["at"].as_str(), "{raised:#}");
    assert_eq!(raised["pipeline"], "default");
    assert_eq!(raised["source"], pair.source.database);
    let summary = raised["summary"].as_str().expect("a summary");
    assert!(summary.starts_with("the target is ") && summary.ends_with(" s behind the source"));

    to_target.fair();
    let cleared = receiver.until("end of it", |one| one.is("lag", "cleared")).await.json();
    assert_eq!(cleared["since"], raised["since"], "{cleared:#}");
    assert_eq!(cleared["summary"], "the target has caught up with the source");
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
    let told = receiver.all().iter().filter(|one| one.json()["alert"] == "lag").count();
    assert_eq!(told, 2, "{:#?}", receiver.all());
    let log = binleaf.log();
    let lines = log.lines();
    let events: Vec<_> =
        lines.iter().filter(|line| line["alert"] == "lag").map(|line| &line["event"]).collect();
    assert_eq!(events, ["raised", "cleared"], "the log tells it too");
    log.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_gone_is_down_and_comes_back() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = told_by_webhook(&pair, &receiver).target_at(&to_target.address);
    let down = r#"{ name = "target_down", for = "1s", severity = "warning" }"#;
    let mut binleaf = rules(launch, &[down, r#"{ name = "lag", enabled = false }"#]).run();
    binleaf.streams().await;
    to_target.close();
    pair.source.run("INSERT INTO t VALUES (2, 2)").await;
    let raised = receiver.until("alert", |one| one.is("target_down", "raised")).await.json();
    assert_eq!((&raised["severity"], &raised["phase"]), (&json!("warning"), &json!("retrying")));
    assert!(raised["error"].is_string(), "{raised:#}");
    to_target.fair();
    receiver.until("end of it", |one| one.is("target_down", "cleared")).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lasts_is_told_again_and_a_counter_and_the_retention_can_be_watched() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver).set("alerts", "repeat", "\"1s\"");
    let copied = r#"{ name = "copied", metric = "binleaf_snapshot_rows_total", above = 0 }"#;
    // Known at all only where the source says for how long it keeps its binlog.
    let kept = r#"{ name = "kept", metric = "binlog_retention_used", below = 0.5 }"#;
    let mut binleaf = rules(launch, &[copied, kept]).run();
    binleaf.streams().await;
    let copied = receiver.until("counter", |one| one.is("copied", "raised")).await.json();
    assert_eq!(copied["value"], 1.0, "{copied:#}");
    assert_eq!(copied["summary"], "snapshot_rows_total is 1, above 0");
    let kept = receiver.until("retention", |one| one.is("kept", "raised")).await.json();
    assert!(kept["value"].as_f64() < Some(0.1), "{kept:#}");
    receiver.until("repetition", |one| one.is("copied", "repeated")).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_schema_and_the_end_by_a_fault_are_told_before_the_program_ends() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let mut binleaf = told_by_webhook(&pair, &receiver).run();
    binleaf.streams().await;
    pair.source.run("ALTER TABLE t ADD COLUMN w INT").await;
    let changed = receiver.until("change", |one| one.is("schema_changed", "happened")).await.json();
    assert_eq!(changed["tables"][0]["table"], "t", "{changed:#}");
    assert_eq!(changed["severity"], "info");
    pair.source.run("ALTER TABLE t DROP COLUMN v").await;
    let ended = binleaf.ends().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());
    let all = receiver.all();
    let failed = all.iter().find(|one| one.is("pipeline_failed", "happened"));
    let failed = failed.expect("a notice of the end").json();
    assert_eq!((&failed["stage"], &failed["phase"]), (&json!("binlog"), &json!("failed")));
    let stopped = ended.log.of("stopped");
    let line = stopped.first().expect("a line about the end");
    assert_eq!((&failed["error"], &failed["hint"]), (&line["error"], &line["hint"]));
}
