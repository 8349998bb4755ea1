//! GTIDs off: the same by file and offset, over a rotation, a restart of the server, and pulled plugs on either side.

use crate::support::{Binleaf, Launch, Pair, Spawned, Writer, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_and_offset_serve_where_gtids_are_off() {
    let server = Spawned::mysql(&["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    sakila::load(&pair.source).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    let mut binleaf = Launch::of(&pair).set("snapshot", "read_rate", "20000").run();
    binleaf.copies().await;
    pair.source.run("FLUSH BINARY LOGS").await;
    binleaf.streams().await;
    writing.pause().await;
    is_equal(&mut binleaf, &pair).await;

    for round in 0..3 {
        writing.resume();
        pair.source.run("FLUSH BINARY LOGS").await;
        match round {
            0 => server.stop().await,
            1 => server.pull_the_plug().await,
            _ => binleaf.pull_the_plug_and_start().await,
        }
        if round < 2 {
            binleaf.tries_again().await;
            server.again().await;
        }
        writing.pause().await;
        is_equal(&mut binleaf, &pair).await;
    }
    writing.finish().await;
    binleaf.stops().await;
    binleaf.start_again();
    is_equal(&mut binleaf, &pair).await;
    binleaf.assert_no_new_snapshot().await;
    let status = binleaf.replication().await;
    assert!(status["position"]["gtid_set"].is_null(), "no GTIDs: {status:#}");
}

/// A change of ours first: an end of the binlog that holds none need not be reached.
async fn is_equal(binleaf: &mut Binleaf, pair: &Pair) {
    pair.source.run("UPDATE actor SET first_name = CONCAT('cnry', RAND()) LIMIT 1").await;
    binleaf.catches_up_by_file().await;
    pair.assert_equal().await;
}
