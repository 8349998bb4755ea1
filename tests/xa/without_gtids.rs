//! GTIDs off: the saved place stays before the oldest open transaction.

use serde_json::Value;

use super::session::{
    cents, commit, end_of_binlog, launch, name, pair_on, prepare, roll_back, saves,
};
use crate::support::{Binleaf, Pair, Spawned};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_stays_before_the_oldest_open_one() {
    let server = Spawned::mysql(&["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let early = name();
    prepare(source, &early, &["UPDATE account SET owner = 'cnry early' WHERE id = 1"]).await;
    let mut binleaf = launch(&pair).run();
    binleaf.until("waiting", |status| status["phase"] == "snapshot").await;
    source.run("FLUSH BINARY LOGS").await;
    commit(source, &early).await;
    binleaf.streams().await;
    pair.assert_equal().await;

    let (first, second) = (name(), name());
    let first_begins = end_of_binlog(source).await;
    prepare(source, &first, &["UPDATE account SET cents = 11 WHERE id = 1"]).await;
    source.run("INSERT INTO other VALUES (101, 'cnry one')").await;
    source.run("FLUSH BINARY LOGS").await;
    let second_begins = end_of_binlog(source).await;
    prepare(source, &second, &["DELETE FROM account WHERE id = 2"]).await;
    source.run("INSERT INTO other VALUES (102, 'cnry two')").await;
    for round in 0..3 {
        source.run(format!("INSERT INTO other VALUES (20{round}, 'cnry')")).await;
        stands_at(&mut binleaf, &pair, &first_begins).await;
        pair.assert_equal().await;
        match round {
            0 => {
                binleaf.stops().await;
                binleaf.start_again();
            }
            1 => binleaf.pull_the_plug_and_start().await,
            _ => {
                server.stop().await;
                binleaf.tries_again().await;
                server.again().await;
            }
        }
    }
    binleaf.pull_the_plug().await;
    commit(source, &first).await;
    binleaf.start_again();
    stands_at(&mut binleaf, &pair, &second_begins).await;
    assert_eq!(cents(&pair, 1).await, Some(11));
    pair.assert_equal().await;

    roll_back(source, &second).await;
    source.run("UPDATE account SET cents = 99 WHERE id = 3").await;
    stands_at(&mut binleaf, &pair, &end_of_binlog(source).await).await;
    pair.assert_equal().await;
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
}

/// Waits until nothing is left to apply and the position is this, in the status and saved.
async fn stands_at(binleaf: &mut Binleaf, pair: &Pair, (file, offset): &(String, u64)) {
    let source_end = pair.source.coordinates().await;
    let is_current = |status: &Value| {
        let seen = &status["source_position"];
        let seen = (seen["file"].as_str().unwrap_or_default(), seen["offset"].as_u64());
        seen == (source_end.0.as_str(), Some(source_end.1)) && status["lag_seconds"] == 0.0
    };
    let status = binleaf.until("current", is_current).await;
    let position = &status["position"];
    assert!(position["gtid_set"].is_null());
    assert_eq!(
        (position["file"].as_str(), position["offset"].as_u64()),
        (Some(file.as_str()), Some(*offset))
    );
    let offset = i64::try_from(*offset).expect("an offset");
    saves(pair, |saved| {
        let at = saved.get("offset").and_then(|at| at.as_i64().or(at.as_i32().map(i64::from)));
        saved.get_str("file").is_ok_and(|at| at == file) && at == Some(offset)
    })
    .await;
}
