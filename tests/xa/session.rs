//! XA transactions of a test: each in a session of its own, which may end while the transaction is prepared.

use std::time::Duration;

use bson::Document;
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::support::{
    Binleaf, Launch, Pair, databases::Source, flavour::Flavour, servers::Address,
};

/// A name that no other test uses: a server knows each only once.
pub fn name() -> String {
    format!("cnry{:016x}", fastrand::u64(..))
}

/// Runs statements in an XA transaction and prepares it; the session ends.
pub async fn prepare(source: &Source, xid: &str, statements: &[&str]) {
    let mut all = vec![format!("XA START '{xid}','b',7")];
    all.extend(statements.iter().map(|statement| (*statement).to_owned()));
    all.push(format!("XA END '{xid}','b',7"));
    all.push(format!("XA PREPARE '{xid}','b',7"));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    source.run_all(&all).await;
}

pub async fn commit(source: &Source, xid: &str) {
    source.run(format!("XA COMMIT '{xid}','b',7")).await;
}

pub async fn roll_back(source: &Source, xid: &str) {
    source.run(format!("XA ROLLBACK '{xid}','b',7")).await;
}

/// A pair with two small tables, whose user may see prepared transactions.
pub async fn pair_on(source: Address) -> Pair {
    let pair = Pair::on(source, crate::support::servers::mongodb()).await;
    let user = &pair.source.user;
    pair.source
        .run_all(&[
            "CREATE TABLE account (id INT PRIMARY KEY, owner VARCHAR(40), cents INT)",
            "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(40))",
            "INSERT INTO other VALUES (1, 'cnry')",
            "INSERT INTO account VALUES (1, 'cnry a', 100), (2, 'cnry b', 200), (3, 'cnry c', 300)",
        ])
        .await;
    if pair.source.flavour == Flavour::Mysql {
        pair.source.run(format!("GRANT XA_RECOVER_ADMIN ON *.* TO `{user}`@`%`")).await;
    }
    pair
}

pub async fn pair() -> Pair {
    pair_on(crate::support::servers::mysql()).await
}

pub fn launch(pair: &Pair) -> Launch {
    Launch::of(pair).set("checkpoint", "interval", "\"50ms\"")
}

/// Held rows are read by the layout of their time, which rests on this: the accounts are locked.
pub async fn no_ddl_comes_between(source: &Source) {
    let mut conn = source.connect().await;
    conn.query_drop("SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
        .await
        .expect("a setting");
    for statement in ["ALTER TABLE account ADD COLUMN more INT", "DROP TABLE account"] {
        let refused = conn.query_drop(statement).await;
        let is_locked =
            matches!(&refused, Err(mysql_async::Error::Server(error)) if error.code == 1205);
        assert!(is_locked, "{statement}: {refused:?}");
    }
    conn.disconnect().await.expect("a clean end");
}

/// The account's cents in the target.
pub async fn cents(pair: &Pair, id: i32) -> Option<i32> {
    let found = pair.target.find("account", bson::doc! { "_id": id }).await.pop()?;
    found.get_i32("cents").ok()
}

/// Everything of the source but these transactions of its own.
pub async fn all_but(source: &Source, gtids: &[&str]) -> String {
    let without = gtids.join(",");
    source
        .value(format!(
            "SELECT REPLACE(GTID_SUBTRACT(@@GLOBAL.gtid_executed, '{without}'), '\\n', '')"
        ))
        .await
}

/// What the server has committed since it had this set.
pub async fn since(source: &Source, before: &str) -> String {
    all_but(source, &[before]).await
}

/// Waits until the status has this set of GTIDs for its position and shows no lag, then until it is saved.
pub async fn stands_at(binleaf: &mut Binleaf, pair: &Pair, set: &str) {
    let wish = format!("at {set} without lag");
    let is_there = |status: &Value| {
        status["phase"] == "streaming"
            && status["position"]["gtid_set"].as_str() == Some(set)
            && status["lag_seconds"] == 0.0
    };
    let status = binleaf.until(&wish, is_there).await;
    assert_eq!(status["lag_transactions"], 0, "open ones are nothing to catch up with: {status:#}");
    saves(pair, |position| position.get_str("gtid_set").is_ok_and(|saved| saved == set)).await;
}

/// Waits until everything is applied but what is open.
pub async fn has_what_is_settled(binleaf: &mut Binleaf, source: &Source) {
    let executed = source.executed().await;
    let is_there = |status: &Value| {
        status["source_position"]["gtid_set"].as_str() == Some(&executed)
            && status["lag_transactions"] == 0
    };
    binleaf.until("at the source's end but for what is open", is_there).await;
}

/// Waits until it stands here with so many open ones, all else applied.
pub async fn is_current(binleaf: &mut Binleaf, pair: &Pair, place: &str, open: u64) {
    has_what_is_settled(binleaf, &pair.source).await;
    stands_at(binleaf, pair, place).await;
    assert_eq!(binleaf.replication().await["position"]["prepared_xa"], open);
    pair.assert_equal().await;
}

/// Waits until the saved position is as wished.
pub async fn saves(pair: &Pair, wish: impl Fn(&Document) -> bool) {
    let mut saved = None;
    for _ in 0..200 {
        saved = pair.target.saved_position().await;
        if saved.as_ref().is_some_and(&wish) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not saved: {saved:#?}");
}

/// The end of the binlog, which is where an XA transaction that is prepared now begins.
pub async fn end_of_binlog(source: &Source) -> (String, u64) {
    let mut conn = source.administrator().await;
    conn.query_drop("DO 1").await.expect("an answer");
    conn.disconnect().await.expect("a clean end");
    source.coordinates().await
}
