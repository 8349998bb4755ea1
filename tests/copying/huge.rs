//! Events far above the size of a packet: 256 MiB pass through, and what is above `limits.event` stops with its table
//! and size.

use std::time::Duration;

use bson::doc;

use crate::support::{Launch, Pair, Spawned, servers};

/// A row of so many MiB between two small ones, in transactions of their own.
async fn insert_huge(pair: &Pair, mebibytes: u64) {
    pair.source
        .run_all(&[
            "SET GLOBAL max_allowed_packet = 1073741824",
            "INSERT INTO files VALUES (1, 'small')",
        ])
        .await;
    // A session of its own: the limit is taken over when one begins.
    let length = mebibytes << 20;
    pair.source
        .run_all(&[
            &format!("INSERT INTO files VALUES (2, REPEAT('cnry', {}))", length / 4 - 64),
            "INSERT INTO files VALUES (3, 'small')",
        ])
        .await;
}

async fn streaming(pair: &Pair, limit: &str) -> crate::support::Binleaf {
    pair.source.run("CREATE TABLE files (id INT PRIMARY KEY, content LONGBLOB)").await;
    let launch = Launch::of(pair).set("limits", "event", &format!("\"{limit}\""));
    let mut binleaf = launch.run().patient(Duration::from_secs(300));
    binleaf.streams().await;
    binleaf
}

/// No target takes such a document, so it goes to the dead letters and all else on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_256_mebibytes_passes() {
    let server = Spawned::mysql(&["--max-allowed-packet=1073741824"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let mut binleaf = streaming(&pair, "1GiB").await;
    insert_huge(&pair, super::size("TEST_HUGE_MEBIBYTES", 256)).await;
    binleaf.catches_up().await;
    println!("peak memory: {} MiB", binleaf.peak_memory() >> 20);
    assert_eq!(pair.target.count("files").await, 2);
    let letters = pair.target.find("_sync_dead_letters", doc! {}).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(binleaf.replication().await["dead_letters"], 1);
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_above_the_limit_stops_with_its_size() {
    let server = Spawned::mysql(&["--max-allowed-packet=1073741824"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    let binleaf = streaming(&pair, "32MiB").await;
    insert_huge(&pair, 48).await;
    let ended = binleaf.ends().await;
    assert_ne!(ended.code, Some(0));
    let said = ended.said();
    assert!(said.contains("limits.event") && !said.contains("cnry"), "{said}");
}
