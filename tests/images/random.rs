//! Random changes with images of some columns, from the first copy on, with the plug pulled again and again.

use std::time::Duration;

use crate::support::{Launch, Pair, Spawned, Writer, sakila, servers};

async fn survives(pair: Pair, session: &str, by_file: bool) {
    sakila::load(&pair.source).await;
    pair.source
        .run_all(&[
            "CREATE TABLE docs (id INT AUTO_INCREMENT PRIMARY KEY, j JSON, n INT DEFAULT 3, k JSON, t TEXT)",
            "CREATE TABLE loose (a INT DEFAULT 1, b VARCHAR(30), t TEXT, g INT AS (LENGTH(b)) VIRTUAL)",
        ])
        .await;
    let writer = Writer::over(&pair.source).await.with_session(session);
    let writing = writer.keep_writing();
    let mut binleaf = Launch::of(&pair).set("snapshot", "read_rate", "9000").run();
    for round in 0..8 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..900))).await;
        binleaf.pull_the_plug_and_start().await;
        if round < 3 {
            continue;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..300))).await;
        writing.pause().await;
        match by_file {
            true => binleaf.catches_up_by_file().await,
            false => binleaf.catches_up().await,
        }
        pair.assert_equal().await;
        writing.resume();
    }
    let written = writing.finish().await;
    assert!(written.changes > 100, "{written:?}");
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minimal_images_survive_pulled_plugs() {
    survives(Pair::new().await, "SET SESSION binlog_row_image = MINIMAL", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_without_blobs_and_json_as_differences_survive_pulled_plugs() {
    let session = "SET SESSION binlog_row_image = NOBLOB, binlog_row_value_options = PARTIAL_JSON";
    survives(Pair::new().await, session, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minimal_images_survive_without_gtids() {
    let server = Spawned::mysql(&["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let session = "SET SESSION binlog_row_image = MINIMAL, binlog_row_value_options = PARTIAL_JSON";
    survives(pair, session, true).await;
}
