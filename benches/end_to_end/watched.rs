//! A backlog while somebody looks a thousand times a second, beside the same backlog while nobody does.
//!
//! Whoever looks keeps connections open, sends bytes that lie ready and counts what comes back, so that looking costs
//! little by itself; what it does cost is told, for it takes part of the same cores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    figures::{Spread, float},
    plan::{Size, Width, Work},
    process::{cpu_seconds, reaches},
    support::Pair,
    table::{self, Backlog, launch},
};

/// Updates, and how many rounds, each without and with.
const FULL: Size = Size { rows: 1_000_000, changes: 80_000, rounds: 6 };
const SHORT: Size = Size { rows: 30_000, changes: 10_000, rounds: 1 };

/// So many look, each so often: a thousand times a second in all.
const WATCHERS: usize = 4;
const PACE: Duration = Duration::from_millis(4);

/// What is looked at, in turn.
const PATHS: [&str; 2] = ["/metrics", "/api/sync/status"];

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub struct Measured {
    pub changes: u64,
    /// Seconds of each round while nobody looks.
    pub alone_seconds: Vec<f64>,
    /// And while somebody does.
    pub watched_seconds: Vec<f64>,
    /// How often it was looked in a second of these rounds.
    pub looks_a_second: Vec<f64>,
    /// Processor time of those who look, for a thousand looks.
    pub cpu_seconds_a_thousand: Vec<f64>,
}

impl Measured {
    pub fn alone(&self) -> Spread {
        self.rate(&self.alone_seconds)
    }

    pub fn watched(&self) -> Spread {
        self.rate(&self.watched_seconds)
    }

    fn rate(&self, seconds: &[f64]) -> Spread {
        Spread::of(seconds.iter().map(|seconds| float(self.changes) / seconds))
    }

    /// The rate while somebody looks to that of the round before, the median of all rounds: neighbours in time have the
    /// same machine.
    pub fn ratio(&self) -> f64 {
        let pairs = self.alone_seconds.iter().zip(&self.watched_seconds);
        Spread::of(pairs.map(|(alone, watched)| alone / watched)).median
    }
}

/// Each drain is of changes to rows that none before has touched.
pub async fn measure(short: bool) -> Measured {
    let size = if short { SHORT } else { FULL };
    let mut measured = Measured { changes: size.changes, ..Measured::default() };
    let pair = table::new(Width::Narrow).await;
    table::prepare(&pair, Work::Updates, Width::Narrow).await;
    table::fill(&pair, Width::Narrow, size.rows).await;
    let copied = launch(&pair).command(&["snapshot"]).await;
    assert_eq!(copied.code, Some(0), "{}", copied.said());
    let mut first = 0;
    for _ in 0..size.rounds {
        for is_watched in [false, true] {
            let backlog = Backlog { first, changes: size.changes, rows: size.rows, together: 50 };
            table::churn(&pair, backlog).await;
            first += size.changes;
            drain(&pair, is_watched, &mut measured).await;
        }
    }
    pair.assert_equal().await;
    measured
}

async fn drain(pair: &Pair, is_watched: bool, measured: &mut Measured) {
    let executed = pair.source.executed().await;
    let (begun, mut binleaf) = (Instant::now(), launch(pair).run());
    let watching = is_watched.then(|| Watching::begin(&binleaf.launch.http.socket()));
    let before = cpu_seconds(std::process::id());
    reaches(&binleaf, &executed).await;
    let seconds = begun.elapsed().as_secs_f64();
    let used = cpu_seconds(std::process::id()) - before;
    match watching {
        None => measured.alone_seconds.push(seconds),
        Some(watching) => {
            let looks = float(watching.end().await);
            measured.watched_seconds.push(seconds);
            measured.looks_a_second.push(looks / seconds);
            measured.cpu_seconds_a_thousand.push(used / looks * 1000.0);
        }
    }
    binleaf.stops().await;
}

/// Those who look.
struct Watching(Vec<JoinHandle<u64>>, Arc<AtomicBool>);

impl Watching {
    fn begin(address: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = |_| tokio::spawn(watch(address.to_owned(), Arc::clone(&is_over)));
        let watchers = (0..WATCHERS).map(watcher).collect();
        Self(watchers, is_over)
    }

    /// How often they looked.
    async fn end(self) -> u64 {
        self.1.store(true, Ordering::Relaxed);
        let mut looks = 0;
        for watcher in self.0 {
            looks += watcher.await.expect("a watcher");
        }
        looks
    }
}

async fn watch(address: String, is_over: Arc<AtomicBool>) -> u64 {
    let mut stream = loop {
        match TcpStream::connect(&address).await {
            Ok(stream) => break stream,
            Err(_) => sleep(PACE).await,
        }
    };
    let asked = PATHS.map(|path| format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    let (mut answer, mut looks) = (Vec::new(), 0);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for asked in asked.iter().cycle() {
        pace.tick().await;
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(asked.as_bytes()).await.expect("a question");
        one_answer(&mut stream, &mut answer).await;
        looks += 1;
    }
    looks
}

/// Reads to the end of an answer, as its header tells the length.
async fn one_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    loop {
        let read = stream.read_buf(answer).await.expect("an answer");
        assert!(read > 0, "the whole answer");
        let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).expect("a header").to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
        if answer.len() >= head + 4 + length {
            return;
        }
    }
}
