//! What can be asked of both sides by HTTP: health, connections, tables, dead letters, schema changes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Binleaf, CANARY, Launch, Pair, Proxy, sakila};

async fn ask(binleaf: &Binleaf, path: &str) -> (u16, Value) {
    binleaf.call("GET", path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_and_all_tables_are_told() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    binleaf.until("caught up", |status| status["lag_seconds"] == 0.0).await;

    let (code, health) = ask(&binleaf, "/api/sync/health").await;
    assert_eq!((code, &health["status"]), (200, &json!("healthy")), "{health:#}");
    for (pointer, value) in [
        ("/mysql_connection", json!("healthy")),
        ("/mongodb_connection", json!("healthy")),
        ("/last_sync_status", json!("success")),
        ("/pending_operations", json!(0)),
        ("/checks/source/status", json!("healthy")),
        ("/checks/target/status", json!("healthy")),
        ("/checks/lag/seconds", json!(0.0)),
        ("/checks/dead_letters/count", json!(0)),
    ] {
        assert_eq!(health.pointer(pointer), Some(&value), "{pointer} of {health:#}");
    }
    assert!(health["error_count"].is_u64());

    for path in ["/api/sync/test-connection", "/sync/test-connection"] {
        let (code, found) = ask(&binleaf, path).await;
        assert_eq!(
            (code, &found["status"], &found["connected"]),
            (200, &json!("success"), &json!(true))
        );
        assert_eq!(found["tables_count"], 16, "{found:#}");
        assert!(found["tables"].as_array().is_some_and(|names| names.contains(&json!("actor"))));
        assert_eq!(found["database"], pair.source.database);
        assert_eq!(found["target"]["connected"], true);
        assert!(found["host"].is_string() && found["error"].is_null());
    }
    assert_tables(&binleaf, &pair).await;
}

async fn assert_tables(binleaf: &Binleaf, pair: &Pair) {
    let (code, list) = ask(binleaf, "/api/sync/tables").await;
    assert_eq!(code, 200);
    let tables = list["tables"].as_array().expect("a list");
    assert_eq!(tables.len(), 16);
    let film = tables.iter().find(|table| table["name"] == "film").expect("a film");
    assert_eq!(film["table"], format!("{}.film", pair.source.database));
    assert_eq!((&film["mode"], &film["key"]), (&json!("stream"), &json!(["film_id"])));
    assert_eq!(film["timestamp_column"], "last_update");
    assert_eq!(film["foreign_keys"].as_array().map(Vec::len), Some(2), "{film:#}");
    assert_eq!((&film["sync"]["status"], &film["dead_letters"]), (&json!("success"), &json!(0)));
    assert!(film["last_error"].is_null() && film["columns"].is_null());

    for name in ["actor".to_owned(), format!("{}.actor", pair.source.database)] {
        let (code, actor) = ask(binleaf, &format!("/api/sync/tables/{name}")).await;
        assert_eq!((code, &actor["name"]), (200, &json!("actor")));
        let first = &actor["columns"][0];
        assert_eq!(
            (&first["name"], &first["type"]),
            (&json!("actor_id"), &json!("int")),
            "{first:#}"
        );
        assert_eq!(first["details"]["unsigned"], true);
    }
    let (code, refused) = ask(binleaf, "/api/sync/tables/nobody").await;
    assert_eq!((code, &refused["error"]["code"]), (404, &json!("unknown_table")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_away_is_told_and_holds_nothing_up() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let to_source = Proxy::to(&pair.source.address).await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf =
        Launch::of(&pair).source_at(&to_source.address).target_at(&to_target.address).run();
    binleaf.streams().await;

    to_target.stall();
    pair.source.run("INSERT INTO t VALUES (1)").await;
    // More than are let in at once: all are answered, and whatever needs no server is answered at once.
    let asked = futures_util::future::join_all((0..8).map(|_| async {
        let begun = Instant::now();
        let answer = ask(&binleaf, "/api/sync/dead-letters").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        answer
    }));
    let quick = async {
        let begun = Instant::now();
        let (code, _) = ask(&binleaf, "/api/sync/status").await;
        assert_eq!(code, 200);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let (_, health) = ask(&binleaf, "/api/sync/health").await;
        assert!(health["pending_operations"].as_u64().is_some());
    };
    let (answers, ()) = tokio::join!(asked, quick);
    for (code, body) in answers {
        assert_eq!((code, &body["error"]["code"]), (503, &json!("target_unavailable")), "{body:#}");
        assert!(body["error"]["hint"].is_string());
    }
    let (code, found) = ask(&binleaf, "/api/sync/test-connection").await;
    assert_eq!((code, &found["connected"]), (503, &json!(true)), "{found:#}");
    assert_eq!(found["target"]["connected"], false);
    to_target.fair();
    binleaf.catches_up_and_is_equal(&pair).await;

    to_source.close();
    binleaf.tries_again().await;
    let (code, found) = ask(&binleaf, "/api/sync/test-connection").await;
    assert_eq!(
        (code, &found["status"], &found["connected"]),
        (503, &json!("error"), &json!(false))
    );
    assert!(found["error"].as_str().is_some_and(|error| !error.contains(&pair.source.password)));
    let (code, body) = ask(&binleaf, "/api/sync/tables").await;
    assert_eq!((code, &body["error"]["code"]), (503, &json!("source_unavailable")), "{body:#}");
    let (code, health) = ask(&binleaf, "/api/sync/health").await;
    assert_eq!((code, &health["status"]), (200, &json!("unhealthy")));
    assert_eq!(health["mysql_connection"], "unhealthy");
    to_source.fair();
    binleaf.streams().await;
    assert_eq!(ask(&binleaf, "/api/sync/tables").await.0, 200, "it recovers by itself");
    to_source.close();
    tokio::time::timeout(Duration::from_secs(60), async {
        while ask(&binleaf, "/api/sync/tables").await.1["problem"].is_null() {}
    })
    .await
    .expect("tables that are no longer fresh are told with the reason");
    let (code, body) = ask(&binleaf, "/api/sync/tables").await;
    assert_eq!((code, body["tables"].as_array().map(Vec::len)), (200, Some(1)), "{body:#}");
    assert!(body["as_of"].is_string());
    to_source.fair();
    assert_eq!(ask(&binleaf, "/api/sync/dead-letters").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_without_values_unless_asked() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE people (id INT PRIMARY KEY, mail VARCHAR(60))",
            "CREATE TABLE others (id INT PRIMARY KEY)",
            &format!("INSERT INTO people VALUES (1, '{CANARY}')"),
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    pair.target.refuse_doubles("people", "mail").await;
    pair.source.run(format!("INSERT INTO people VALUES (2, '{CANARY}')")).await;
    binleaf.catches_up().await;
    binleaf.until("a letter", |status| status["dead_letters"] == 1).await;

    let (code, list) = ask(&binleaf, "/api/sync/dead-letters").await;
    assert_eq!((code, &list["total"]), (200, &json!(1)), "{list:#}");
    let letter = &list["dead_letters"][0];
    assert_eq!(letter["table"], format!("{}.people", pair.source.database));
    for field in ["id", "operation", "position", "reason", "at"] {
        assert!(letter[field].is_string(), "{field} of {letter:#}");
    }
    assert!(letter["key"].is_null() && letter["row"].is_null());
    assert!(!list.to_string().contains(CANARY));
    let (_, with_values) =
        ask(&binleaf, "/api/sync/dead-letters?table=people&values=true&limit=1").await;
    assert_eq!(with_values["dead_letters"][0]["row"]["mail"], CANARY, "{with_values:#}");
    assert_eq!(with_values["dead_letters"][0]["key"]["_id"], 2);
    let (_, others) = ask(&binleaf, "/api/sync/dead-letters?table=others").await;
    assert_eq!(others, json!({ "total": 0, "dead_letters": [] }));
    for wrong in ["limit=0", "limit=1001", "limit=x", "values=perhaps"] {
        let (code, body) = ask(&binleaf, &format!("/api/sync/dead-letters?{wrong}")).await;
        assert_eq!((code, &body["error"]["code"]), (400, &json!("bad_query")), "{wrong}");
    }
    let (_, health) = ask(&binleaf, "/api/sync/health").await;
    assert_eq!(
        (&health["status"], &health["checks"]["dead_letters"]["count"]),
        (&json!("degraded"), &json!(1))
    );
    let (_, table) = ask(&binleaf, "/api/sync/tables/people").await;
    assert_eq!(table["dead_letters"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_changes_are_listed_the_newest_first() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let (code, none) = ask(&binleaf, "/api/sync/schema-changes").await;
    assert_eq!((code, none), (200, json!({ "schema_changes": [] })));
    for (id, column) in [(1, "first"), (2, "second")] {
        pair.source
            .run_all(&[
                &format!("ALTER TABLE t ADD COLUMN {column} INT"),
                &format!("INSERT INTO t (id, {column}) VALUES ({id}, 1)"),
            ])
            .await;
        binleaf.catches_up().await;
    }
    let (_, list) = ask(&binleaf, "/api/sync/schema-changes?table=t").await;
    let changes = list["schema_changes"].as_array().expect("a list");
    assert_eq!(changes.len(), 2, "{list:#}");
    for (change, columns) in changes.iter().zip([3, 2]) {
        let after = change["after"]["columns"].as_array().expect("columns");
        assert_eq!(after.len(), columns, "the newest first: {list:#}");
        assert_eq!(change["before"]["columns"].as_array().map(Vec::len), Some(columns - 1));
        for field in ["id", "statement", "position", "at", "action"] {
            assert!(change[field].is_string(), "{field} of {change:#}");
        }
    }
    let (_, newest) = ask(&binleaf, "/api/sync/schema-changes?limit=1").await;
    assert_eq!(newest["schema_changes"][0], changes[0]);
}
