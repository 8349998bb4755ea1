//! A Prometheus of a test's own, on the files that are shipped, with other addresses and shorter intervals.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{read, repository};
use crate::support::{ports, servers::Address};

/// How long something is waited for that takes some scrapes.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// A running Prometheus; killed when dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: Address,
    folder: TempDir,
    _child: Child,
}

/// One series of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Value,
    pub value: f64,
}

impl Prometheus {
    /// Asks binleaf there once a second, by the shipped rules, changed as a test wishes.
    pub async fn watching(binleaf: &Address, rules: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        configure(folder.path(), &binleaf.socket());
        let quick = rules(&read("docker/prometheus/rules.yml"));
        std::fs::write(folder.path().join("rules.yml"), quick).expect("the rules");
        let address = Address::local(ports::free());
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new(programs().await.join("prometheus"))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={}", address.socket()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("Prometheus can be started");
        let prometheus = Self { address, folder, _child: child };
        prometheus
            .until("binleaf answers", r#"up{job="binleaf"} == 1"#, |all| !all.is_empty())
            .await;
        prometheus
    }

    /// What a query gives now.
    pub async fn query(&self, expression: &str) -> Vec<Series> {
        let answer = self.ask("query", &[("query", expression)]).await;
        let Some(answer) = answer else { return Vec::new() };
        assert_eq!(answer["status"], "success", "{expression}: {answer:#}");
        let series = answer["data"]["result"].as_array().expect("a vector");
        series.iter().map(series_of).collect()
    }

    /// A single series over a stretch of time, second by second: seconds since 1970, value.
    pub async fn range(&self, expression: &str, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
        let (from, to) = (from.to_string(), to.to_string());
        let parameters = [("query", expression), ("start", &from), ("end", &to), ("step", "1")];
        let answer = self.ask("query_range", &parameters).await.expect("an answer");
        let result = answer["data"]["result"].as_array().expect("a matrix");
        assert_eq!(result.len(), 1, "one series of {expression}: {answer:#}");
        let values = result[0]["values"].as_array().expect("values");
        values.iter().map(|pair| (pair[0].as_f64().expect("a time"), number(&pair[1]))).collect()
    }

    /// Waits until a query gives what is wished.
    pub async fn until(
        &self,
        wish: &str,
        expression: &str,
        fulfilled: impl Fn(&[Series]) -> bool,
    ) -> Vec<Series> {
        let begun = std::time::Instant::now();
        loop {
            let all = self.query(expression).await;
            if fulfilled(&all) {
                return all;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "not in time: {wish}; {expression} gives {all:?}; Prometheus said:\n{}",
                self.log()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `None` while it does not answer yet.
    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Option<Value> {
        let base = format!("http://{}/api/v1/{what}", self.address.socket());
        let url = url::Url::parse_with_params(&base, parameters).expect("an address");
        reqwest::get(url).await.ok()?.json().await.ok()
    }
}

fn series_of(value: &Value) -> Series {
    Series { labels: value["metric"].clone(), value: number(&value["value"][1]) }
}

/// Numbers are text there, since JSON has no `NaN`.
fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("a number")
}

/// The shipped settings with what differs on this machine.
fn configure(folder: &Path, binleaf: &str) {
    let token = folder.join("token");
    std::fs::write(&token, "a word\n").expect("a token");
    let mut text = read("docker/prometheus/prometheus.yml");
    for (shipped, here) in [
        ("/run/secrets/binleaf_token", token.display().to_string().as_str()),
        ("binleaf:8080", binleaf),
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    ] {
        assert!(text.contains(shipped), "no {shipped} in:\n{text}");
        text = text.replace(shipped, here);
    }
    std::fs::write(folder.join("prometheus.yml"), text).expect("the settings");
}

/// `promtool` on the shipped files; `check config` sees the settings as a Prometheus beside binleaf would.
pub async fn promtool(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["rules.yml", "rules.test.yml"] {
        let from = repository("docker/prometheus").join(file);
        std::fs::copy(&from, folder.path().join(file)).expect("a file");
    }
    configure(folder.path(), "binleaf:8080");
    Command::new(programs().await.join("promtool"))
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("promtool can be run")
}

/// The folder with `prometheus` and `promtool`.
async fn programs() -> PathBuf {
    let asked = Command::new(repository("dev/servers"))
        .arg("prometheus")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("dev/servers can be run");
    assert!(asked.status.success(), "dev/servers prometheus failed");
    PathBuf::from(String::from_utf8(asked.stdout).expect("a path").trim())
}
