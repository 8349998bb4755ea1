//! The program under test as a running process.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::process::Child;

use super::{databases::Pair, launch::Launch, logs::Log};

/// How often a state that is waited for is asked.
const POLL: Duration = Duration::from_millis(40);
/// How long a state is waited for: long enough for a busy machine, short enough for a person.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running binleaf; killed when dropped. A failed test prints its log.
#[derive(Debug)]
pub struct Binleaf {
    pub launch: Launch,
    child: Child,
    deadline: Duration,
    /// Kept, since to make one takes longer than an answer. It keeps no connection: a server that has refused half of a
    /// body closes it, and who asks next may find it closing.
    client: reqwest::Client,
}

/// A binleaf that has ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` for one that was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error, over all starts of the launch.
    pub log: Log,
}

impl Ended {
    /// Everything that a person at the terminal has seen.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.output, self.log.text())
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| {
            panic!("standard output is no JSON ({error}):\n{}", self.said())
        })
    }

    /// Fails unless it ended with this code and said all of these things.
    pub fn assert_said(&self, code: i32, words: &[&str]) {
        let said = self.said().to_lowercase();
        assert_eq!(self.code, Some(code), "the exit code; it said:\n{}", self.said());
        for word in words {
            assert!(said.contains(&word.to_lowercase()), "no {word:?} in:\n{}", self.said());
        }
    }
}

impl Binleaf {
    pub fn new(launch: Launch, child: Child) -> Self {
        let client = super::http::client().timeout(Duration::from_secs(5));
        let client = client.pool_max_idle_per_host(0).build().expect("a client");
        Self { launch, child, deadline: DEADLINE, client }
    }

    /// Waits longer for states than usual.
    pub fn patient(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub fn process_id(&self) -> u32 {
        self.child.id().expect("a running process")
    }

    pub fn log(&self) -> Log {
        Log::read(&self.launch.log_file())
    }

    /// The body of a GET, with its status code; `None` while nothing answers.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.launch.http.socket());
        let answer = self.client.get(url).send().await.ok()?;
        let code = answer.status().as_u16();
        Some((code, answer.text().await.ok()?))
    }

    /// A changing call without a body; its status code and its JSON.
    pub async fn call(&self, method: &str, path: &str) -> (u16, Value) {
        self.call_with(method, path, "").await
    }

    /// A changing call with a body; its status code and its JSON.
    pub async fn call_with(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.launch.http.socket());
        let method = method.parse().expect("a method");
        let request = self.client.request(method, url).timeout(self.deadline);
        let answer = request.body(body.to_owned()).send().await;
        let answer = answer.expect("an answer");
        let code = answer.status().as_u16();
        (code, answer.json().await.unwrap_or(Value::Null))
    }

    /// `GET /api/sync/status`; `None` while nothing answers.
    pub async fn status(&self) -> Option<Value> {
        let (code, body) = self.get("/api/sync/status").await?;
        assert_eq!(code, 200, "{body}");
        Some(serde_json::from_str(&body).expect("a JSON status"))
    }

    /// The `replication` part of the status; null while nothing answers.
    pub async fn replication(&self) -> Value {
        self.status().await.map_or(Value::Null, |mut status| status["replication"].take())
    }

    /// One metric without labels, or the sum over its labels; 0 where it is not there yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").await.expect("the metrics");
        super::metrics::sum(&text, name)
    }

    /// Waits until the status is as wished, and returns it.
    pub async fn until(&mut self, wish: &str, fulfilled: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let replication = self.replication().await;
            if !replication.is_null() && fulfilled(&replication) {
                return replication;
            }
            self.assert_alive(wish);
            assert!(begun.elapsed() < self.deadline, "not {wish} in time: {replication:#}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until its log, that of earlier starts with it, has a text so often.
    pub async fn has_said(&mut self, text: &str, times: usize) {
        let begun = Instant::now();
        while self.log().text().matches(text).count() < times {
            self.assert_alive(&format!("saying {text:?}"));
            assert!(begun.elapsed() < self.deadline, "{text:?} was not said {times} times");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it has copied everything and follows the binlog.
    pub async fn streams(&mut self) -> Value {
        self.until("streaming", |status| status["phase"] == "streaming").await
    }

    /// Waits until a run of polling has ended and the next one has not begun.
    pub async fn rests(&mut self) -> Value {
        self.until("resting", |status| status["phase"] == "idle").await
    }

    /// Waits until it says that it tries again.
    pub async fn tries_again(&mut self) -> Value {
        self.until("trying again", |status| status["phase"] == "retrying").await
    }

    /// Fails if this start has read a table.
    pub async fn assert_no_new_snapshot(&self) {
        let rows = self.metric("binleaf_snapshot_rows_total").await;
        assert!(rows == 0.0, "{rows} rows were copied again");
    }

    /// Waits until it reads tables and has read some.
    pub async fn copies(&mut self) -> Value {
        let reading = |status: &Value| status["phase"] == "snapshot" && rows_done(status) > 0;
        self.until("copying", reading).await
    }

    /// Waits until everything committed before this call is durable in the target, by GTID.
    pub async fn catches_up(&mut self) {
        let source = self.launch.source.clone();
        let executed = source.executed().await;
        let begun = Instant::now();
        loop {
            let status = self.replication().await;
            if let Some(position) = status["position"]["gtid_set"].as_str()
                && source.includes(position, &executed).await
            {
                return;
            }
            self.assert_alive("catching up");
            assert!(begun.elapsed() < self.deadline, "{executed} not reached: {status:#}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The same by file and offset, for a source without GTIDs.
    pub async fn catches_up_by_file(&mut self) {
        let end = self.launch.source.coordinates().await;
        self.until(&format!("at {end:?}"), |status| {
            let position = &status["position"];
            let file = position["file"].as_str().unwrap_or_default().to_owned();
            (file, position["offset"].as_u64().unwrap_or(0)) >= end
        })
        .await;
    }

    /// Waits for everything that is committed, and fails unless source and target are equal then.
    pub async fn catches_up_and_is_equal(&mut self, pair: &Pair) {
        self.catches_up().await;
        pair.assert_equal().await;
    }

    /// Pulls the plug and waits until the process is gone.
    pub async fn pull_the_plug(&mut self) {
        self.child.kill().await.expect("a process to kill");
    }

    /// Pulls the plug, and starts it again with the same settings.
    pub async fn pull_the_plug_and_start(&mut self) {
        self.pull_the_plug().await;
        self.start_again();
    }

    /// Starts it again with the same settings.
    pub fn start_again(&mut self) {
        self.child = self.launch.start();
    }

    /// Asks it to end.
    pub async fn terminate(&self) {
        let killed = tokio::process::Command::new("kill")
            .args(["-TERM", &self.process_id().to_string()])
            .status()
            .await;
        assert!(killed.is_ok_and(|status| status.success()), "no process to ask");
    }

    /// Asks it to end, and fails unless it does so in time and well.
    pub async fn stops(&mut self) {
        self.terminate().await;
        let ended = self.exits_within(Duration::from_secs(10)).await;
        assert_eq!(ended.code(), Some(0), "the exit code after SIGTERM");
    }

    /// Waits for its end by itself.
    pub async fn ends(mut self) -> Ended {
        let status = self.exits_within(self.deadline).await;
        let output = std::fs::read_to_string(self.launch.output_file()).unwrap_or_default();
        Ended { code: status.code(), output, log: self.log() }
    }

    pub async fn exits_within(&mut self, limit: Duration) -> ExitStatus {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => status.expect("an exit status"),
            Err(_) => panic!("still running after {limit:?}"),
        }
    }

    /// The most memory that it ever held, in bytes.
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.process_id()).expect("a process")
    }

    pub fn assert_alive(&mut self, wish: &str) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("binleaf ended ({status}) instead of {wish}");
        }
    }
}

impl Drop for Binleaf {
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("--- the end of binleaf's log\n{}---", log.tail(60));
        } else {
            log.assert_discreet(&self.launch.source.password);
        }
    }
}

/// The most memory that a process ever held, in bytes; `None` when it has ended.
pub fn peak_memory(process: u32) -> Option<u64> {
    memory(process, "VmHWM:")
}

/// What a line of a process's status says of its memory, in bytes (proc_pid_status(5)); `None` when it has ended.
pub fn memory(process: u32, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Rows that the first copy has read.
pub fn rows_done(replication: &Value) -> u64 {
    replication["snapshot"]["rows_done"].as_u64().unwrap_or(0)
}
