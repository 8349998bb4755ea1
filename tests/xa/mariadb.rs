//! MariaDB: a place in a domain cannot leave a transaction out, so it stays before the oldest open one; what is known
//! behind it comes again and is passed over.

use super::{
    copy::waits_for,
    session::{
        cents, commit, has_what_is_settled, is_current, launch, name, pair_on, prepare, roll_back,
    },
};
use crate::{
    mariadb::failover::{at, follow, has_followed, without_database},
    support::{Pair, Spawned, launch::quoted},
};

/// Two open at once, in one domain and a third in another, with ordinary changes of other rows between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_stays_before_the_oldest_open_one_of_its_domain() {
    let server = Spawned::mariadb(&[]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;

    let (first, second, other) = (name(), name(), name());
    let before_first = source.executed().await;
    prepare(
        source,
        &first,
        &[
            "UPDATE account SET cents = 111 WHERE id = 1",
            "INSERT INTO account VALUES (10, 'cnry new', 10)",
            "DELETE FROM other WHERE id = 1",
        ],
    )
    .await;
    source.run("UPDATE account SET cents = 222 WHERE id = 2").await;
    let before_second = source.executed().await;
    prepare(source, &second, &["UPDATE account SET cents = 333 WHERE id = 3"]).await;
    source.run("INSERT INTO other VALUES (5, 'cnry between')").await;
    is_current(&mut binleaf, &pair, &before_first, 2).await;
    assert_eq!(cents(&pair, 2).await, Some(222));

    // A domain that begins with an open one has no place at all.
    source
        .run_all(&[
            "SET gtid_domain_id = 7",
            &format!("XA START '{other}','b',7"),
            "INSERT INTO other VALUES (7, 'cnry seven')",
            &format!("XA END '{other}','b',7"),
            &format!("XA PREPARE '{other}','b',7"),
        ])
        .await;
    source.run_all(&["SET gtid_domain_id = 7", "INSERT INTO other VALUES (8, 'cnry eight')"]).await;
    binleaf.pull_the_plug_and_start().await;
    has_what_is_settled(&mut binleaf, source).await;
    pair.assert_equal().await;

    commit(source, &first).await;
    has_what_is_settled(&mut binleaf, source).await;
    pair.assert_equal().await;
    assert_eq!((cents(&pair, 1).await, cents(&pair, 10).await), (Some(111), Some(10)));
    let place = binleaf.replication().await["position"]["gtid_set"].to_string();
    assert!(place.contains(&before_second), "{place} begins with {before_second}");

    // Killed with what was settled behind an open one: it comes again.
    binleaf.pull_the_plug_and_start().await;
    roll_back(source, &other).await;
    source.run("UPDATE account SET cents = 112 WHERE id = 1").await;
    has_what_is_settled(&mut binleaf, source).await;
    pair.assert_equal().await;
    roll_back(source, &second).await;
    is_current(&mut binleaf, &pair, &source.executed().await, 0).await;
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
}

/// The copy waits for what was prepared before it, and for nothing that is prepared later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_waits_for_what_was_prepared_before_it() {
    let server = Spawned::mariadb(&[]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let (first, later) = (name(), name());
    prepare(source, &first, &["UPDATE account SET cents = 11 WHERE id = 1"]).await;
    let mut binleaf = launch(&pair).run();
    waits_for(&mut binleaf, 1).await;
    prepare(source, &later, &["UPDATE account SET cents = 33 WHERE id = 3"]).await;
    assert_eq!(pair.target.count("account").await, 0);
    commit(source, &first).await;
    binleaf.streams().await;
    assert_eq!(cents(&pair, 1).await, Some(11));
    pair.assert_equal().await;
    commit(source, &later).await;
    is_current(&mut binleaf, &pair, &source.executed().await, 0).await;
    assert_eq!(cents(&pair, 3).await, Some(33));
    binleaf.stops().await;
}

/// Prepared on one server and committed on the one that follows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_one_is_settled_on_another_server() {
    let first = Spawned::mariadb(&["--log-slave-updates=ON"]).await;
    let second = Spawned::mariadb(&["--log-slave-updates=ON"]).await;
    let pair = pair_on(first.address.clone()).await;
    let replica = at(&pair.source, &second.address);
    follow(&without_database(&replica), &first.address).await;
    let hosts = format!("[{}]", quoted(&second.address.socket()));
    let mut binleaf = launch(&pair).set("source", "hosts", &hosts).run();
    binleaf.streams().await;
    let (kept, dropped) = (name(), name());
    prepare(&pair.source, &kept, &["UPDATE account SET cents = 111 WHERE id = 1"]).await;
    pair.source.run("UPDATE account SET cents = 222 WHERE id = 2").await;
    prepare(&pair.source, &dropped, &["UPDATE account SET cents = 333 WHERE id = 3"]).await;
    pair.source.run("INSERT INTO other VALUES (5, 'cnry')").await;
    has_what_is_settled(&mut binleaf, &pair.source).await;
    has_followed(&replica, &pair.source).await;

    first.pull_the_plug().await;
    replica.run("STOP SLAVE").await;
    binleaf.launch.source = replica.clone();
    commit(&replica, &kept).await;
    replica.run("INSERT INTO other VALUES (6, 'cnry')").await;
    roll_back(&replica, &dropped).await;
    let moved = Pair { source: replica.clone(), target: pair.target.clone() };
    binleaf.catches_up_and_is_equal(&moved).await;
    assert_eq!((cents(&moved, 1).await, cents(&moved, 3).await), (Some(111), Some(300)));
    binleaf.stops().await;
}
