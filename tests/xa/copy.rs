//! A first copy that begins while XA transactions are prepared.

use super::session::{cents, commit, launch, name, pair, pair_on, prepare, roll_back, stands_at};
use crate::support::{Launch, Spawned};

/// The copy waits for what was prepared before it, over a restart of itself, and for nothing that is prepared later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_waits_for_what_was_prepared_before_it() {
    let server = Spawned::mysql(&[]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let (first, second, later) = (name(), name(), name());
    prepare(source, &first, &["UPDATE account SET cents = 11 WHERE id = 1"]).await;
    prepare(source, &second, &["DELETE FROM account WHERE id = 2"]).await;

    let mut binleaf = launch(&pair).run();
    waits_for(&mut binleaf, 2).await;
    binleaf.pull_the_plug_and_start().await;
    waits_for(&mut binleaf, 2).await;
    roll_back(source, &second).await;
    prepare(source, &later, &["UPDATE account SET cents = 33 WHERE id = 3"]).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(binleaf.replication().await["phase"], "snapshot", "one is left");
    assert_eq!(pair.target.count("account").await, 0);
    commit(source, &first).await;

    let status = binleaf.streams().await;
    assert!(
        status["position"]["gtid_set"].is_string(),
        "consistent without the open one: {status:#}"
    );
    assert_eq!(cents(&pair, 1).await, Some(11));
    pair.assert_equal().await;
    commit(source, &later).await;
    stands_at(&mut binleaf, &pair, &source.executed().await).await;
    assert_eq!(cents(&pair, 3).await, Some(33));
    pair.assert_equal().await;
    binleaf.stops().await;
}

pub async fn waits_for(binleaf: &mut crate::support::Binleaf, count: u32) {
    binleaf.until("waiting", |status| status["phase"] == "snapshot").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let status = binleaf.replication().await;
    assert_eq!(
        (&status["phase"], &status["snapshot"]["rows_done"]),
        (&"snapshot".into(), &0.into())
    );
    let told = format!("until {count} XA transactions");
    assert!(binleaf.log().text().contains(&told), "{}", binleaf.log().text());
}

/// Without the right nothing is waited for; what is then missing stops the stream and is told by `check` before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_a_missing_one_stops_the_stream() {
    let server = Spawned::mysql(&[]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    source.run(format!("REVOKE XA_RECOVER_ADMIN ON *.* FROM `{}`@`%`", source.user)).await;
    let (kept, dropped) = (name(), name());
    prepare(source, &kept, &["UPDATE account SET cents = 11 WHERE id = 1"]).await;
    prepare(source, &dropped, &["UPDATE account SET cents = 22 WHERE id = 2"]).await;

    let checked = launch(&pair).command(&["check"]).await;
    checked.assert_said(0, &["XA_RECOVER_ADMIN", "GRANT XA_RECOVER_ADMIN ON *.* TO"]);
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;
    roll_back(source, &dropped).await;
    binleaf.catches_up().await;
    pair.assert_equal().await;
    commit(source, &kept).await;
    let ended = binleaf.ends().await;
    ended.assert_said(1, &["XA transaction", "checkpoint reset", "XA_RECOVER_ADMIN"]);
    assert_eq!(cents(&pair, 1).await, Some(100), "nothing is invented");

    // The way out.
    launch(&pair).command(&["checkpoint", "reset", "--yes"]).await;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// A table that joins while a transaction of its rows is prepared: the stream has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_joins_later_waits_for_nothing() {
    let pair = pair().await;
    let source = &pair.source;
    let one_table = |launch: Launch| launch.set("source", "tables", "[\"other\"]");
    let mut binleaf = one_table(launch(&pair)).run();
    binleaf.streams().await;
    let xid = name();
    prepare(source, &xid, &["UPDATE account SET cents = 11 WHERE id = 1"]).await;
    source.run("INSERT INTO other VALUES (101, 'cnry')").await;
    binleaf.stops().await;
    drop(binleaf);

    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;
    pair.assert_equal().await;
    commit(source, &xid).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(cents(&pair, 1).await, Some(11));
}
