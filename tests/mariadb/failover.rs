//! Several hosts: the stream goes on at whichever has our position, and never at one that lacks it.

use std::time::Duration;

use crate::support::{
    Launch, Pair, Spawned, Writer,
    databases::Source,
    launch::quoted,
    sakila,
    servers::{self, Address},
};

/// Makes one server follow another from its first transaction on.
pub async fn follow(replica: &Source, primary: &Address) {
    replica
        .run_all(&[
            &format!(
                "CHANGE MASTER TO master_host = '{}', master_port = {}, master_user = 'root', master_ssl = 0,
                 master_use_gtid = slave_pos, master_connect_retry = 1",
                primary.host, primary.port
            ),
            "START SLAVE",
        ])
        .await;
}

pub async fn has_followed(replica: &Source, primary: &Source) {
    let wanted = primary.executed().await;
    for _ in 0..600 {
        if replica.includes(&replica.executed().await, &wanted).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica never had {wanted}: {}", replica.executed().await);
}

/// A source behind another address; nothing of it is made or removed.
pub fn at(source: &Source, address: &Address) -> Source {
    Source { address: address.clone(), ..source.clone() }
}

pub fn without_database(source: &Source) -> Source {
    Source { database: "mysql".to_owned(), ..source.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_goes_on_at_a_replica_and_stays_there() {
    let first = Spawned::mariadb(&["--log-slave-updates=ON"]).await;
    let second = Spawned::mariadb(&["--log-slave-updates=ON"]).await;
    let pair = Pair::on(first.address.clone(), servers::mongodb()).await;
    let replica = at(&pair.source, &second.address);
    follow(&without_database(&replica), &first.address).await;
    sakila::load(&pair.source).await;
    let hosts = format!("[{}]", quoted(&second.address.socket()));
    let mut binleaf = Launch::of(&pair).set("source", "hosts", &hosts).run();
    binleaf.streams().await;
    Writer::over(&pair.source).await.changes(500).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    has_followed(&replica, &pair.source).await;

    first.pull_the_plug().await;
    replica.run("STOP SLAVE").await;
    Writer::over(&replica).await.changes(500).await;
    let mut moved = Pair { source: replica.clone(), target: pair.target.clone() };
    binleaf.launch.source = replica.clone();
    binleaf.catches_up_and_is_equal(&moved).await;
    binleaf.stops().await;
    let saved = pair.target.saved_position().await.expect("a saved position");
    let id = replica.value("SELECT @@server_id").await;
    let told = saved.get_str("server_uuid").expect("a server");
    assert!(told.starts_with(&format!("{id}/")), "file and offset are {id}'s: {saved}");

    // Started again there, with its file and offset, and the last transaction found at its place.
    binleaf.start_again();
    binleaf.streams().await;
    Writer::over(&replica).await.changes(100).await;
    binleaf.catches_up_and_is_equal(&moved).await;
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;

    // The first one comes back without what happened since: it is passed over.
    first.again().await;
    binleaf.start_again();
    binleaf.streams().await;
    Writer::over(&replica).await.changes(100).await;
    binleaf.catches_up_and_is_equal(&moved).await;
    assert!(binleaf.log().text().contains("this host cannot serve the position"));
    binleaf.stops().await;
    // And where nobody else is there, refused.
    second.pull_the_plug().await;
    let ended = binleaf.launch.command(&["run"]).await;
    ended.assert_said(4, &["another server", "lacks", "binleaf checkpoint reset"]);
    moved.source.address = first.address.clone();
}
