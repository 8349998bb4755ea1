//! What is kept of commands, and of whom.

use std::fs;

use bson::{Document, doc};

use crate::support::{Binleaf, Launch, Pair, Proxy, http, quoted};

async fn call(binleaf: &Binleaf, token: &str, method: &str, path: &str, body: &str) -> u16 {
    let url = format!("http://{}/api/sync/{path}", binleaf.launch.http.socket());
    let request =
        http::client().build().expect("a client").request(method.parse().expect("a method"), url);
    let answer = request.bearer_auth(token).body(body.to_owned()).send().await.expect("an answer");
    answer.status().as_u16()
}

async fn kept(pair: &Pair, count: usize) -> Vec<Document> {
    for _ in 0..1500 {
        let mut found = pair.target.find("_sync_audit", doc! {}).await;
        if found.len() >= count {
            found.sort_by_key(|entry| entry.get_datetime("at").expect("a time").timestamp_millis());
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{count} entries are not kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_kept_with_its_holder_even_while_the_target_is_away() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let launch = Launch::of(&pair).target_at(&to_target.address);
    let file = launch.folder.path().join("tokens");
    fs::write(&file, "alice: word-of-alice\nword-of-nobody\n").expect("a file");
    let launch = launch.set("http", "token_file", &quoted(&file.to_string_lossy()));
    let mut binleaf = launch.run();
    while binleaf.get("/health/ready").await.is_none_or(|(code, _)| code != 200) {
        binleaf.assert_alive("getting ready");
    }
    to_target.close();
    assert_eq!(call(&binleaf, "word-of-alice", "POST", "pause", "").await, 200);
    assert_eq!(
        call(&binleaf, "word-of-nobody", "POST", "trigger?tables=t&sync_type=full", "").await,
        409
    );
    let body = r#"{"interval_seconds": 0}"#;
    assert_eq!(call(&binleaf, "word-of-alice", "PUT", "interval", body).await, 422);
    let body = r#"{"level": "debug", "component": "sink"}"#;
    assert_eq!(call(&binleaf, "word-of-alice", "PUT", "log-level", body).await, 200);
    assert_eq!(call(&binleaf, "word-of-eve", "POST", "pause", "").await, 401);
    to_target.fair();
    let found = kept(&pair, 4).await;
    let told: Vec<(&str, &str, &str)> = found
        .iter()
        .map(|entry| {
            let text = |name| entry.get_str(name).expect("a text");
            (text("actor"), text("action"), text("result"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("alice", "pause", "accepted (200)"),
            ("token", "trigger", "refused (409)"),
            ("alice", "interval", "refused (422)"),
            ("alice", "log_level", "accepted (200)"),
        ]
    );
    let arguments =
        |index: usize| found[index].get_document("arguments").expect("arguments").clone();
    assert_eq!(arguments(1), doc! { "sync_type": "full", "tables": "t" });
    assert_eq!(arguments(3), doc! { "component": "sink", "level": "debug" });
    call(&binleaf, "word-of-alice", "POST", "resume", "").await;
    binleaf.stops().await;
    let found = kept(&pair, 5).await;
    assert_eq!(found.len(), 5, "what was asked for right before a stop is kept, and nothing twice");
}
