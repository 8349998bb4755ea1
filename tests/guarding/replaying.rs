//! Dead letters are looked at, tried again and forgotten.

use std::time::Duration;

use bson::doc;
use serde_json::json;

use super::letters;
use crate::{
    mariadb,
    support::{Binleaf, CANARY, Launch, Pair, Writer},
};

/// FerretDB drops it and says so with a boolean, which the driver does not take for an answer.
async fn take_doubles(pair: &Pair) {
    let people = pair.target.collection("people");
    drop(people.drop_index("mail_1").await);
    let left = people.list_index_names().await.expect("indexes");
    assert!(!left.contains(&"mail_1".to_owned()), "{left:?}");
}

/// People of whom one is in the target.
async fn fill(pair: &Pair) {
    pair.source
        .run_all(&[
            "CREATE TABLE people (id INT PRIMARY KEY, mail VARCHAR(60), n INT NOT NULL DEFAULT 0)",
            &format!("INSERT INTO people (id, mail) VALUES (1, '{CANARY}')"),
        ])
        .await;
}

/// Two rows with a letter each, of a running stream.
async fn refused(pair: &Pair, launch: &Launch) -> Binleaf {
    fill(pair).await;
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    pair.target.refuse_doubles("people", "mail").await;
    let doubles = format!("INSERT INTO people (id, mail) VALUES (2, '{CANARY}'), (3, '{CANARY}')");
    pair.source.run(&doubles).await;
    binleaf.catches_up().await;
    binleaf.until("letters", |status| status["dead_letters"] == 2).await;
    binleaf
}

async fn assert_tries(pair: &Pair, tries: i32) {
    let letters = letters(pair).await;
    let found: Vec<_> = letters.iter().map(|letter| letter.get_i32("attempts").ok()).collect();
    assert_eq!(found, [Some(tries), Some(tries)], "{letters:?}");
}

async fn are_refused_until_they_can_be_written(pair: Pair) {
    let launch = Launch::of(&pair);
    let mut binleaf = refused(&pair, &launch).await;
    let again = launch.command(&["dead-letters", "replay"]).await;
    again.assert_said(1, &["0 settled, 2 refused again"]);
    assert_tries(&pair, 2).await;

    // A start that has seen no transaction yet.
    binleaf.stops().await;
    binleaf.start_again();
    binleaf.streams().await;
    let again = launch.command(&["dead-letters", "replay", "--table", "people"]).await;
    again.assert_said(1, &["0 settled, 2 refused again"]);
    assert_tries(&pair, 3).await;

    take_doubles(&pair).await;
    launch.command(&["dead-letters", "replay"]).await.assert_said(0, &["2 settled"]);
    assert!(letters(&pair).await.is_empty());
    binleaf.until("no letter", |status| status["dead_letters"] == 0).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    launch.command(&["dead-letters", "replay"]).await.assert_said(0, &["no dead letters"]);
    binleaf.stops().await;
    let lonely = launch.command(&["dead-letters", "replay"]).await;
    lonely.assert_said(0, &["no dead letters"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_read_and_written_again() {
    are_refused_until_they_can_be_written(Pair::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_mariadb_are_read_and_written_again() {
    are_refused_until_they_can_be_written(mariadb::pair().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_again_keeps_its_place_among_the_changes() {
    let pair = Pair::new().await;
    let launch = Launch::of(&pair);
    let mut binleaf = refused(&pair, &launch).await;
    let writing = async {
        for _ in 0..150 {
            pair.source.run("UPDATE people SET n = n + 1 WHERE id = 2").await;
            pair.source.run("DELETE FROM people WHERE id = 3").await;
            pair.source.run(format!("INSERT INTO people (id, mail) VALUES (3, '{CANARY}')")).await;
        }
    };
    let replaying = async {
        for round in 0..40 {
            let path = "/api/sync/dead-letters/replay?table=people";
            let (code, body) = binleaf.call("POST", path).await;
            assert_eq!((code, &body["status"]), (202, &json!("accepted")), "{body:#}");
            if round == 20 {
                take_doubles(&pair).await;
            }
        }
    };
    tokio::join!(writing, replaying);
    binleaf.catches_up().await;
    let (code, _) = binleaf.call("POST", "/api/sync/dead-letters/replay").await;
    assert_eq!(code, 202);
    binleaf.until("no letter", |status| status["dead_letters"] == 0).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_tables_go_on_while_rows_are_tried_again() {
    let pair = Pair::new().await;
    crate::support::sakila::load(&pair.source).await;
    let launch = Launch::of(&pair);
    let mut binleaf = refused(&pair, &launch).await;
    take_doubles(&pair).await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    for _ in 0..10 {
        assert_eq!(binleaf.call("POST", "/api/sync/dead-letters/replay").await.0, 202);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    writing.finish().await;
    binleaf.until("no letter", |status| status["dead_letters"] == 0).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_rows_are_tried_again_too() {
    let pair = Pair::new().await;
    fill(&pair).await;
    let launch = Launch::of(&pair).set("poll", "interval", "\"1h\"").set("", "mode", "\"poll\"");
    let mut binleaf = launch.run();
    binleaf.rests().await;
    pair.target.refuse_doubles("people", "mail").await;
    let doubles = format!("INSERT INTO people (id, mail) VALUES (2, '{CANARY}'), (3, '{CANARY}')");
    pair.source.run(&doubles).await;
    let (code, run) = binleaf.call("POST", "/api/sync/trigger").await;
    assert_eq!(code, 200, "{run:#}");
    binleaf.until("letters", |status| status["dead_letters"] == 2).await;
    let again = launch.command(&["dead-letters", "replay"]).await;
    again.assert_said(1, &["0 settled, 2 refused again"]);
    assert_tries(&pair, 2).await;

    take_doubles(&pair).await;
    // Nobody tells a poller that a row is gone.
    pair.source.run("DELETE FROM people WHERE id = 3").await;
    launch.command(&["dead-letters", "replay"]).await.assert_said(0, &["2 settled"]);
    pair.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_listed_shown_and_forgotten() {
    let pair = Pair::new().await;
    let launch = Launch::of(&pair);
    let mut binleaf = refused(&pair, &launch).await;

    let list = launch.command(&["dead-letters", "list"]).await;
    list.assert_said(0, &["people", "insert"]);
    assert!(!list.output.contains(CANARY), "{}", list.output);
    let listed = launch.command(&["dead-letters", "list", "--json", "--limit", "1"]).await.json();
    assert_eq!(
        (&listed["total"], listed["dead_letters"].as_array().map(Vec::len)),
        (&json!(2), Some(1))
    );
    assert!(!listed.to_string().contains(CANARY));
    let id = listed["dead_letters"][0]["id"].as_str().expect("an id").to_owned();
    let shown = launch.command(&["dead-letters", "show", &id]).await;
    assert_eq!(shown.json()["row"]["mail"], CANARY);
    launch.command(&["dead-letters", "show", &id[..12]]).await.assert_said(0, &["\"row\""]);
    launch.command(&["dead-letters", "show", "zz"]).await.assert_said(1, &["no dead letter"]);
    let others = launch.command(&["dead-letters", "list", "--table", "nobody"]).await;
    others.assert_said(0, &["no dead letters"]);

    let purge = ["dead-letters", "purge", "--table", "people", "--yes"];
    launch.command(&purge).await.assert_said(1, &["an instance is running"]);
    binleaf.stops().await;
    let unconfirmed = launch.command(&purge[..4]).await;
    assert_ne!(unconfirmed.code, Some(0), "{}", unconfirmed.said());
    let lonely = launch.command(&["dead-letters", "replay"]).await;
    lonely.assert_said(1, &["binleaf run"]);
    assert_eq!(letters(&pair).await.len(), 2);
    launch.command(&purge).await.assert_said(0, &["2 dead letters are forgotten"]);
    assert!(letters(&pair).await.is_empty());
    let audit = pair.target.find("_sync_audit", doc! { "action": "dead_letters_purge" }).await;
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert!(audit[0].get_str("actor").is_ok_and(|actor| actor.starts_with("cli:")));
    binleaf.start_again();
    binleaf.streams().await;
    binleaf.until("no letter", |status| status["dead_letters"] == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_tried_again_is_told() {
    let pair = Pair::new().await;
    let launch = Launch::of(&pair);
    let binleaf = refused(&pair, &launch).await;
    let path = "/api/sync/dead-letters/replay";
    let (code, body) = binleaf.call("POST", &format!("{path}?table=nobody")).await;
    assert_eq!((code, &body["error"]["code"]), (404, &json!("unknown_table")));
    assert_eq!(binleaf.call("POST", "/api/sync/pause").await.0, 200);
    let (code, body) = binleaf.call("POST", path).await;
    assert_eq!((code, &body["error"]["code"]), (409, &json!("paused")));
    launch.command(&["dead-letters", "replay"]).await.assert_said(1, &["refused", "paused"]);
    assert_eq!(binleaf.call("POST", "/api/sync/resume").await.0, 200);
    assert_tries(&pair, 1).await;
}
