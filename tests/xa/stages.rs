//! The position of status and saved state, and the target, at every stage, over stops, kills and a server's restart.

use super::session::{
    all_but, cents, commit, is_current, launch, name, no_ddl_comes_between, pair, pair_on, prepare,
    roll_back, since, stands_at,
};
use crate::support::{Spawned, databases::Source, flavour::Flavour};

/// Two open at once with ordinary changes of other rows between, one committed and one rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_are_open_at_once() {
    let server = Spawned::mysql(&[]).await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;

    let (kept, dropped) = (name(), name());
    let before = source.executed().await;
    prepare(
        source,
        &kept,
        &[
            "UPDATE account SET cents = 111 WHERE id = 1",
            "INSERT INTO account VALUES (10, 'cnry new', 10)",
            "DELETE FROM other WHERE id = 1",
        ],
    )
    .await;
    let first = since(source, &before).await;
    source.run("UPDATE account SET cents = 222 WHERE id = 2").await;
    let before = source.executed().await;
    prepare(source, &dropped, &["UPDATE account SET cents = 333 WHERE id = 3"]).await;
    let second = since(source, &before).await;
    source.run("INSERT INTO other VALUES (5, 'cnry between')").await;

    let open = all_but(source, &[&first, &second]).await;
    stands_at(&mut binleaf, &pair, &open).await;
    assert_eq!(binleaf.replication().await["position"]["prepared_xa"], 2);
    pair.assert_equal().await;
    assert_eq!(cents(&pair, 2).await, Some(222));

    roll_back(source, &dropped).await;
    stands_at(&mut binleaf, &pair, &all_but(source, &[&first]).await).await;
    pair.assert_equal().await;

    commit(source, &kept).await;
    stands_at(&mut binleaf, &pair, &source.executed().await).await;
    assert_eq!((cents(&pair, 1).await, cents(&pair, 10).await), (Some(111), Some(10)));
    pair.assert_equal().await;

    // A name may be used again once its transaction is over.
    prepare(source, &kept, &["UPDATE account SET cents = 444 WHERE id = 1"]).await;
    commit(source, &kept).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(cents(&pair, 1).await, Some(444));
    assert_eq!(binleaf.replication().await["position"]["prepared_xa"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_before_and_settled_after_everything_on_mysql() {
    prepared_before_and_settled_after_everything(Flavour::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_before_and_settled_after_everything_on_mariadb() {
    prepared_before_and_settled_after_everything(Flavour::Mariadb).await;
}

/// Where the position is while these are open, which were prepared right behind `before`.
async fn place(source: &Source, before: &str, open: &str) -> String {
    match source.flavour {
        Flavour::Mysql => all_but(source, &[open]).await,
        Flavour::Mariadb => before.to_owned(),
    }
}

/// Prepared, then: stopped and started, killed, the server stopped and started; committed only then.
async fn prepared_before_and_settled_after_everything(flavour: Flavour) {
    let server = flavour.spawned().await;
    let pair = pair_on(server.address.clone()).await;
    let source = &pair.source;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;

    let (kept, dropped) = (name(), name());
    let before = source.executed().await;
    prepare(source, &kept, &["UPDATE account SET cents = cents + 1 WHERE id = 1"]).await;
    prepare(source, &dropped, &["DELETE FROM account WHERE id = 2"]).await;
    let both = match flavour {
        Flavour::Mysql => since(source, &before).await,
        Flavour::Mariadb => String::new(),
    };
    for (round, value) in ["stop", "kill", "server stops", "server dies"].iter().enumerate() {
        source.run(format!("INSERT INTO other VALUES (30{round}, 'cnry {value}')")).await;
        is_current(&mut binleaf, &pair, &place(source, &before, &both).await, 2).await;
        match *value {
            "stop" => {
                binleaf.stops().await;
                source.run("UPDATE account SET cents = 30 WHERE id = 3").await;
                binleaf.start_again();
            }
            "kill" => binleaf.pull_the_plug_and_start().await,
            death => {
                if death == "server stops" {
                    server.stop().await;
                } else {
                    server.pull_the_plug().await;
                }
                binleaf.tries_again().await;
                server.again().await;
            }
        }
    }
    is_current(&mut binleaf, &pair, &place(source, &before, &both).await, 2).await;
    no_ddl_comes_between(source).await;

    // Settled while it is away, and while it is there.
    binleaf.pull_the_plug().await;
    commit(source, &kept).await;
    binleaf.start_again();
    binleaf.until("at the commit", |status| status["lag_transactions"] == 0).await;
    roll_back(source, &dropped).await;
    is_current(&mut binleaf, &pair, &source.executed().await, 0).await;
    assert_eq!(cents(&pair, 1).await, Some(101));
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_phase_and_compressed_ones() {
    let pair = pair().await;
    let source = &pair.source;
    let mut binleaf = launch(&pair).run();
    binleaf.streams().await;
    let xid = name();
    source
        .run_all(&[
            &format!("XA START '{xid}'"),
            "UPDATE account SET cents = 5 WHERE id = 1",
            &format!("XA END '{xid}'"),
            &format!("XA COMMIT '{xid}' ONE PHASE"),
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(cents(&pair, 1).await, Some(5));

    let xid = name();
    source
        .run_all(&[
            "SET binlog_transaction_compression = ON",
            &format!("XA START '{xid}','b',7"),
            "UPDATE account SET owner = REPEAT('cnry', 9)",
            &format!("XA END '{xid}','b',7"),
            &format!("XA PREPARE '{xid}','b',7"),
            "INSERT INTO other VALUES (101, REPEAT('cnry', 9))",
        ])
        .await;
    binleaf.pull_the_plug_and_start().await;
    commit(source, &xid).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}
