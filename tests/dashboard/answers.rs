//! The page and its parts over HTTP.

use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use super::files;
use crate::support::{Binleaf, Launch, Pair, launch::quoted};

const TOKEN: &str = "a-long-random-word";

async fn ask(binleaf: &Binleaf, path: &str, headers: &[(&str, &str)]) -> Response {
    let url = format!("http://{}{path}", binleaf.launch.http.socket());
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name).unwrap_or_else(|| panic!("no {name}"));
    value.to_str().expect("a plain value").to_owned()
}

/// A running binleaf that asks for a token.
async fn guarded(pair: &Pair) -> Binleaf {
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let launch = Launch::of(pair);
    let file = launch.folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).expect("a token file");
    let binleaf = launch.set("http", "token_file", &quoted(&file.display().to_string())).run();
    while binleaf.get("/health/live").await.is_none() {
        tokio::task::yield_now().await;
    }
    binleaf
}

fn paths() -> impl Iterator<Item = String> {
    let parts = files::all().into_iter().map(|(name, _)| name);
    let parts = parts.filter(|name| name != "index.html").map(|name| format!("/assets/{name}"));
    std::iter::once("/".to_owned()).chain(parts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_asks_for_no_token_and_the_api_does() {
    let pair = Pair::new().await;
    let binleaf = guarded(&pair).await;
    for path in paths() {
        let answer = ask(&binleaf, &path, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let word = format!("Bearer {TOKEN}");
    for (headers, code) in [
        (vec![], StatusCode::UNAUTHORIZED),
        (vec![("authorization", "Bearer another-word")], StatusCode::UNAUTHORIZED),
        (vec![("authorization", word.as_str())], StatusCode::OK),
    ] {
        for path in ["/api/sync/status", "/sync/status?tables=false", "/metrics"] {
            assert_eq!(ask(&binleaf, path, &headers).await.status(), code, "{path} {headers:?}");
        }
    }
    let page = ask(&binleaf, "/", &[]).await.text().await.expect("a page");
    assert!(!page.contains(TOKEN) && !page.contains(&pair.source.database), "nothing is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_and_parts_are_guarded_by_their_headers() {
    let pair = Pair::new().await;
    let binleaf = guarded(&pair).await;
    for path in paths() {
        let answer = ask(&binleaf, &path, &[]).await;
        assert_policy(&header(&answer, "content-security-policy"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(header(&answer, "content-type"), kind, "{path}");
    }
    for path in ["/assets/nothing.js", "/assets/", "/assets/..%2fmod.rs", "/assets/index.html"] {
        let status = ask(&binleaf, path, &[]).await.status();
        assert!(matches!(status.as_u16(), 401 | 404), "{path}: {status}");
    }
}

/// Nothing by default, nothing of others, nothing in line.
fn assert_policy(policy: &str) {
    let rules: Vec<Vec<&str>> =
        policy.split(';').map(|rule| rule.split_whitespace().collect()).collect();
    for wanted in [
        ["default-src", "'none'"],
        ["script-src", "'self'"],
        ["style-src", "'self'"],
        ["connect-src", "'self'"],
        ["base-uri", "'none'"],
        ["form-action", "'none'"],
        ["frame-ancestors", "'none'"],
        ["require-trusted-types-for", "'script'"],
    ] {
        assert!(rules.contains(&wanted.to_vec()), "no {wanted:?} in {policy}");
    }
    for never in ["unsafe", "*", "http", "data:"] {
        assert!(!policy.contains(never), "{never} in {policy}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_browser_has_is_not_sent_again() {
    let pair = Pair::new().await;
    let binleaf = guarded(&pair).await;
    let mut tags = std::collections::BTreeSet::new();
    for path in paths() {
        let tag = header(&ask(&binleaf, &path, &[]).await, "etag");
        let again = ask(&binleaf, &path, &[("if-none-match", &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(header(&again, header::ETAG.as_str()), tag);
        assert!(again.text().await.expect("a body").is_empty());
        let other = ask(&binleaf, &path, &[("if-none-match", "\"another\"")]).await;
        assert_eq!(other.status(), StatusCode::OK, "{path}");
        tags.insert(tag);
    }
    assert_eq!(tags.len(), paths().count(), "each has a tag of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_can_be_had_without_its_tables() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let whole = binleaf.status().await.expect("a status");
    let (code, brief) = binleaf.call("GET", "/api/sync/status?tables=false").await;
    assert_eq!(code, 200);
    assert_eq!(brief["sync_data"]["total_tables"], 1);
    assert!(
        brief["sync_data"]["tables"].is_null() && brief["tables_synced"].is_null(),
        "{brief:#}"
    );
    let names = |value: &Value| -> Vec<String> {
        let fields = value.as_object().expect("an object").keys();
        fields.filter(|name| *name != "tables_synced").cloned().collect()
    };
    assert_eq!(names(&brief), names(&whole));
    assert_eq!(names(&brief["replication"]), names(&whole["replication"]));
    let (_, named) = binleaf.call("GET", "/api/sync/status?tables=true").await;
    assert_eq!(named["sync_data"]["tables"], whole["sync_data"]["tables"]);
    let (code, refused) = binleaf.call("GET", "/api/sync/status?tables=perhaps").await;
    assert_eq!((code, &refused["error"]["code"]), (400, &"bad_query".into()));
}
