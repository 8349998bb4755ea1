//! A web server that takes notices, keeps them, and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long a notice is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// What was posted.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// Whether it is this event of this alert.
    pub fn is(&self, alert: &str, event: &str) -> bool {
        let body = self.json();
        body["alert"] == alert && body["event"] == event
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What it is answered with.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16, &'static str),
}

#[derive(Debug, Default)]
struct Shared {
    received: watch::Sender<Vec<Received>>,
    answers: Mutex<VecDeque<Answer>>,
    hangs: Mutex<bool>,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self { url, shared, serving }
    }

    /// What the next requests are answered with; later ones with 200.
    pub fn answers(&self, answers: &[Answer]) {
        self.shared.answers.lock().expect("answers").extend(answers.iter().cloned());
    }

    /// From now on it answers nothing.
    pub fn hang(&self) {
        *self.shared.hangs.lock().expect("a switch") = true;
    }

    /// Everything until now.
    pub fn all(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// Waits for a request as wished, and returns it.
    pub async fn until(&self, wish: &str, fulfilled: impl Fn(&Received) -> bool) -> Received {
        let mut received = self.shared.received.subscribe();
        let found = received.wait_for(|all| all.iter().any(&fulfilled));
        let Ok(found) = tokio::time::timeout(DEADLINE, found).await else {
            panic!("no {wish} in time, but {:#?}", self.all());
        };
        found.expect("a server").iter().find(|one| fulfilled(one)).cloned().expect("it is there")
    }

    /// Waits until there are so many requests, and returns them.
    pub async fn until_there_are(&self, count: usize) -> Vec<Received> {
        let mut received = self.shared.received.subscribe();
        let found = received.wait_for(|all| all.len() >= count);
        let Ok(found) = tokio::time::timeout(DEADLINE, found).await else {
            panic!("no {count} requests in time, but {:#?}", self.all());
        };
        found.expect("a server").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received = Received { path: uri.path().to_owned(), headers, body, at: Instant::now() };
    shared.received.send_modify(|all| all.push(received));
    let answer = shared.answers.lock().expect("answers").pop_front();
    let hangs = *shared.hangs.lock().expect("a switch");
    match answer.unwrap_or(Answer::Status(200, "{\"ok\":true}")) {
        Answer::Status(code, body) if !hangs => {
            (StatusCode::from_u16(code).expect("a status"), body).into_response()
        }
        Answer::Status(..) => std::future::pending().await,
    }
}
