//! Calls that mean no good, or no sense: each is answered in the shape of an error, and nothing is changed.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Binleaf, Launch, Pair};

async fn streaming() -> (Pair, Binleaf) {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    (pair, binleaf)
}

/// Sends bytes as they are; the status code and the body of the answer.
async fn send(binleaf: &Binleaf, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(binleaf.launch.http.socket()).await.expect("a connection");
    // It may answer and hang up before it has read everything.
    drop(stream.write_all(request).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (code, body)
}

async fn ask(binleaf: &Binleaf, line: &str, headers: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    let (code, body) = send(binleaf, request.as_bytes()).await;
    (code, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_refused_in_one_shape() {
    let (pair, mut binleaf) = streaming().await;
    for (line, code) in [
        ("GET /nowhere", 404),
        ("GET /api/sync", 404),
        ("GET /api/sync/../../etc/passwd", 404),
        ("DELETE /api/sync/status", 405),
        ("POST /api/sync/status", 405),
        ("GET /api/sync/trigger", 405),
        ("GET /sync/pause", 405),
        ("GET /api/sync/tables/%ff%fe", 404),
        ("GET /api/sync/tables/%00", 404),
        ("GET /api/sync/runs/%ff", 404),
        ("GET /api/sync/tables/..%2f..%2fetc", 404),
        ("GET /api/sync/dead-letters?limit=0", 400),
        ("GET /api/sync/dead-letters?limit=1001", 400),
        ("GET /api/sync/dead-letters?limit=99999999999999999999", 400),
        ("GET /api/sync/dead-letters?values=perhaps", 400),
        ("GET /api/sync/schema-changes?limit=-1", 400),
        ("PUT /api/sync/interval?interval_seconds=-1", 400),
        ("PUT /api/sync/interval?interval_minutes=NaN", 422),
        ("PUT /api/sync/interval?interval_minutes=1e308", 422),
        ("PUT /api/sync/interval", 422),
        ("POST /api/sync/scheduler/start?interval_seconds=x", 400),
        ("PUT /api/sync/log-level?level=%00", 422),
    ] {
        let (found, body) = ask(&binleaf, line, "", "").await;
        let shown = line.get(..60).unwrap_or(line);
        assert_eq!(found, code, "{shown}: {body:#}");
        assert!(
            body["error"]["code"].is_string() && body["error"]["hint"].is_string(),
            "{shown}: {body}"
        );
    }
    assert_eq!(binleaf.status().await.expect("a status")["sync_enabled"], true);
    pair.source.run("INSERT INTO t VALUES (1)").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_and_other_sites_are_refused() {
    let (_pair, mut binleaf) = streaming().await;
    let body = format!(r#"{{"interval_seconds": 900, "note": "{}"}}"#, "x".repeat(70_000));
    for line in [
        "PUT /api/sync/interval",
        "PUT /sync/log-level",
        "GET /api/sync/status",
        "POST /api/sync/pause",
    ] {
        let (code, refused) = ask(&binleaf, line, "", &body).await;
        assert_eq!((code, &refused["error"]["code"]), (400, &"too_large".into()), "{line}");
    }
    let chunked = format!(
        "PUT /api/sync/interval HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(send(&binleaf, chunked.as_bytes()).await.0, 400);
    let long = format!("POST /api/sync/trigger?tables={}", "x".repeat(70_000));
    assert_eq!(ask(&binleaf, &long, "", "").await.0, 414);
    let deep = "[".repeat(60_000);
    assert_eq!(ask(&binleaf, "PUT /api/sync/interval", "", &deep).await.0, 400);
    for (origin, code) in [
        ("http://evil.example", 400),
        ("null", 400),
        ("http://localhost.evil.example", 400),
        ("http://localhost", 200),
    ] {
        let (found, _) =
            ask(&binleaf, "POST /api/sync/resume", &format!("Origin: {origin}\r\n"), "").await;
        assert_eq!(found, code, "{origin}");
    }
    assert_eq!(
        ask(&binleaf, "GET /api/sync/status", "Origin: http://evil.example\r\n", "").await.0,
        200
    );
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_call_end_with_their_connection() {
    let (pair, mut binleaf) = streaming().await;
    for bytes in [
        &b"\x16\x03\x01\x00\xa5\x01\x00"[..],
        b"GET",
        b"\r\n\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        &[0xff; 4096],
    ] {
        let mut stream =
            TcpStream::connect(binleaf.launch.http.socket()).await.expect("a connection");
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
        drop(stream.read_to_end(&mut Vec::new()).await);
    }
    let line = format!("GET /api/sync/status HTTP/1.1\r\nHost: {}\r\n\r\n", "h".repeat(1 << 20));
    let (code, _) = send(&binleaf, line.as_bytes()).await;
    assert!([0, 400, 431].contains(&code), "{code}");
    pair.source.run("INSERT INTO t VALUES (1)").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_triggers_at_once_one_runs() {
    let (pair, mut binleaf) = streaming().await;
    binleaf.call("POST", "/api/sync/pause").await;
    binleaf.call("POST", "/api/sync/resume").await;
    pair.source.run("INSERT INTO t VALUES (1), (2)").await;
    let calls = (0..20).map(|_| binleaf.call("POST", "/api/sync/trigger?sync_type=full"));
    let answers = futures_util::future::join_all(calls).await;
    let ran: Vec<_> = answers.iter().filter(|(code, _)| *code == 200).collect();
    for (code, body) in &answers {
        let is_told = match code {
            200 => body["status"] == "success",
            409 => body["error"]["code"] == "busy",
            503 => body["error"]["code"] == "not_ready",
            _ => false,
        };
        assert!(is_told, "{code}: {body:#}");
    }
    assert!(!ran.is_empty(), "one of them runs");
    binleaf.catches_up_and_is_equal(&pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_is_told() {
    let pair = Pair::new().await;
    let launch = Launch::of(&pair);
    let taken = tokio::net::TcpListener::bind(launch.http.socket()).await.expect("the address");
    launch.command(&["run"]).await.assert_said(2, &["http.listen", "cannot be had"]);
    drop(taken);
}
