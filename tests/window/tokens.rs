//! Who is let in.

use std::fs;

use crate::support::{Launch, Pair, http, quoted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_holders_of_a_token_are_let_in() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair);
    let file = launch.folder.path().join("tokens");
    fs::write(&file, "# holders\nalice: word-of-alice\nbob: word-of-bob\n").expect("a file");
    let launch = launch.set("http", "token_file", &quoted(&file.to_string_lossy()));
    let binleaf = launch.run();
    let base = format!("http://{}", launch.http.socket());
    let client = http::client().build().expect("a client");
    while client.get(format!("{base}/health/live")).send().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for (token, code) in [
        (None, 401),
        (Some("word-of-eve"), 401),
        (Some("word-of-alice"), 200),
        (Some("word-of-bob"), 200),
    ] {
        for path in ["/api/sync/status", "/sync/health", "/metrics", "/openapi.json"] {
            let request = client.get(format!("{base}{path}"));
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), code, "{path} with {token:?}");
        }
    }
    let api = client.get(format!("{base}/openapi.json")).bearer_auth("word-of-bob").send().await;
    let api: serde_json::Value = api.expect("an answer").json().await.expect("JSON");
    assert_eq!(api["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert!(api["paths"]["/api/sync/pause"]["post"]["security"][0]["token"].is_array());
    assert!(api["paths"]["/health/live"]["get"]["security"].is_null());
    launch.command(&["status"]).await.assert_said(0, &["phase"]);
    drop(binleaf);
}
