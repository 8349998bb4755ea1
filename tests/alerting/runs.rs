//! Polling: runs that fail, succeed again, and are told one by one.

use serde_json::json;

use super::{filled, receiver::Receiver, rules, told_by_webhook};
use crate::support::Pair;

/// Leaves table `t` to be seen and not to be read.
async fn take_away(pair: &Pair) {
    let (user, database) = (&pair.source.user, &pair.source.database);
    pair.source
        .run_all(&[
            &format!("REVOKE SELECT ON `{database}`.* FROM `{user}`@`%`"),
            &format!("GRANT INSERT ON `{database}`.t TO `{user}`@`%`"),
        ])
        .await;
}

async fn give_back(pair: &Pair) {
    let (user, database) = (&pair.source.user, &pair.source.database);
    pair.source.run(format!("GRANT SELECT ON `{database}`.* TO `{user}`@`%`")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_is_told_and_so_is_the_one_that_succeeds_again() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver)
        .set("", "mode", "\"poll\"")
        .set("poll", "interval", "\"1h\"")
        .set("retry", "attempts", "1")
        .set("alerts", "every_run", "true");
    let mut binleaf = rules(launch, &[r#"{ name = "tables_overdue", enabled = false }"#]).run();
    binleaf.rests().await;
    let run = receiver.until("first run", |one| one.is("run", "happened")).await.json();
    assert_eq!((&run["run"]["status"], &run["severity"]), (&json!("success"), &json!("info")));
    assert_eq!(run["run"]["total_records_synced"], 1, "{run:#}");
    let table = &run["tables"][0];
    assert_eq!((&table["table"], &table["records"]), (&json!("t"), &json!(1)));
    assert!(table["duration_seconds"].is_f64() && run["run"]["duration_seconds"].is_f64());

    take_away(&pair).await;
    let (_, failed) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let raised = receiver.until("alert", |one| one.is("sync_failed", "raised")).await.json();
    assert_eq!(raised["tables"][0]["table"], "t", "{raised:#}");
    assert_eq!(raised["tables"][0]["error"], failed["tables"]["t"]["error"]);
    let told = |one: &super::receiver::Received| {
        one.is("run", "happened") && one.json()["run"]["status"] == "failed"
    };
    assert_eq!(receiver.until("failed run", told).await.json()["severity"], "error");

    give_back(&pair).await;
    let (_, well) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!(well["status"], "success", "{well:#}");
    let cleared = receiver.until("end of it", |one| one.is("sync_failed", "cleared")).await.json();
    assert_eq!(cleared["summary"], "syncing succeeds again");
    binleaf.stops().await;
    let runs = receiver.all().iter().filter(|one| one.is("run", "happened")).count();
    assert_eq!(runs, 3, "each is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_run_of_cron_is_told_and_so_is_one_that_cannot_begin() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver).set("alerts", "every_run", "true");
    let ended = launch.command(&["poll", "--once"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    let told = receiver.all();
    assert!(told.len() == 1 && told[0].is("run", "happened"), "{told:#?}");
    take_away(&pair).await;
    let ended = launch.command(&["poll", "--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());
    let told = receiver.all();
    assert!(told.len() == 2 && told[1].is("pipeline_failed", "happened"), "{told:#?}");
    let hint = told[1].json()["hint"].as_str().unwrap_or_default().to_owned();
    assert!(hint.contains("binleaf check"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_run_is_told_with_the_table_that_failed_and_why() {
    let pair = filled().await;
    pair.source.run("CREATE TABLE good (id INT PRIMARY KEY)").await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver)
        .set("alerts", "every_run", "true")
        .set("retry", "attempts", "1");
    assert_eq!(launch.command(&["poll", "--once"]).await.code, Some(0));
    // Without the right it would not begin: the right goes while it runs.
    let slow = launch.clone().environment("FAILPOINTS", "before_pass=return(1500)");
    let mut running = slow.begin(&["poll", "--once"]);
    running.has_said("a run begins", 2).await;
    let (user, database) = (&pair.source.user, &pair.source.database);
    pair.source.run(format!("GRANT SELECT ON `{database}`.good TO `{user}`@`%`")).await;
    take_away(&pair).await;
    let ended = running.ends().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());

    let told: Vec<_> = receiver.all().into_iter().skip(1).collect();
    let raised = told.iter().find(|one| one.is("sync_failed", "raised")).expect("an alert").json();
    assert_eq!(raised["tables"].as_array().map(Vec::len), Some(1), "{raised:#}");
    assert_eq!(raised["tables"][0]["table"], "t", "{raised:#}");
    let error = raised["tables"][0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("SELECT"), "{error}");
    let run = told.iter().find(|one| one.is("run", "happened")).expect("the run").json();
    assert_eq!(run["run"]["status"], "partial", "{run:#}");
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_cuts_a_single_run_short_is_told_though_every_run_is() {
    let pair = filled().await;
    let receiver = Receiver::start().await;
    let launch = told_by_webhook(&pair, &receiver)
        .set("alerts", "every_run", "true")
        .set("errors", "record", "\"stop\"");
    // More than a document holds.
    pair.source
        .run_all(&[
            "CREATE TABLE large (id INT PRIMARY KEY, content LONGTEXT)",
            "INSERT INTO large VALUES (1, REPEAT('x', 17000000))",
        ])
        .await;
    let ended = launch.command(&["poll", "--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());
    let told = receiver.all();
    let fault = told.iter().find(|one| one.is("pipeline_failed", "happened")).expect("the fault");
    let error = fault.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("bytes"), "{error}");
}
