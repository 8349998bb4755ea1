//! The saved state: shown, set and reset by hand, and one owner at a time.

use crate::support::{Launch, Pair, Writer, sakila};

async fn copied() -> (Pair, Launch) {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    binleaf.stops().await;
    (pair, launch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_position_is_shown_and_can_be_set() {
    let (pair, launch) = copied().await;
    let shown = launch.command(&["checkpoint", "show"]).await;
    let uuid = pair.source.value("SELECT @@server_uuid").await;
    shown.assert_said(0, &[&uuid]);

    // Without a terminal nobody can be asked.
    let refused =
        launch.command(&["checkpoint", "set", "--gtid", &pair.source.executed().await]).await;
    assert_ne!(refused.code, Some(0), "{}", refused.said());

    pair.source.run("INSERT INTO actor (first_name, last_name) VALUES ('cnry', 'LEFT OUT')").await;
    let now = pair.source.executed().await;
    let set = launch.command(&["checkpoint", "set", "--gtid", &now, "--yes"]).await;
    assert_eq!(set.code, Some(0), "{}", set.said());
    let kept = pair.target.find("_sync_audit", bson::doc! { "action": "checkpoint_set" }).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].get_str("result").ok(), Some("done"));
    assert!(kept[0].get_str("actor").is_ok_and(|actor| actor.starts_with("cli:")));
    let mut binleaf = launch.run();
    binleaf.catches_up().await;
    assert_eq!(pair.target.count("actor").await, 200, "what was left out stays out");
    binleaf.assert_no_new_snapshot().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_copies_again() {
    let (pair, launch) = copied().await;
    pair.target.collection("actor").delete_many(bson::doc! {}).await.expect("a delete");
    let reset = launch.command(&["checkpoint", "reset", "--tables", "actor", "--yes"]).await;
    assert_eq!(reset.code, Some(0), "{}", reset.said());
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let rows = binleaf.metric("binleaf_snapshot_rows_total").await;
    assert!((rows - 200.0).abs() < 0.5, "{rows} rows were copied again instead of 200");
    binleaf.stops().await;

    let reset = launch.command(&["checkpoint", "reset", "--yes"]).await;
    assert_eq!(reset.code, Some(0), "{}", reset.said());
    let kept = pair.target.find("_sync_audit", bson::doc! { "action": "checkpoint_reset" }).await;
    let tables: Vec<_> = kept
        .iter()
        .filter_map(|entry| entry.get_document("arguments").ok()?.get_str("tables").ok())
        .collect();
    assert!(tables.contains(&"actor") && tables.contains(&"all tables"), "{kept:?}");
    binleaf.start_again();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_instance_does_not_write_beside_the_first() {
    let (pair, launch) = copied().await;
    let mut first = launch.run();
    first.streams().await;
    let mut second = Launch::of(&pair).run();
    second.until("waiting", |status| status.to_string().contains("starting")).await;
    let mut writer = Writer::over(&pair.source).await;
    writer.changes(200).await;
    first.catches_up_and_is_equal(&pair).await;
    first.stops().await;
    second.streams().await;
    writer.changes(200).await;
    second.catches_up_and_is_equal(&pair).await;
}
