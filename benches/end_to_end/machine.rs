//! What it was measured on and with.

use std::process::Command;

use bson::{Bson, Document, doc};
use serde::Serialize;

use crate::support::Pair;

/// What somebody needs to know who compares.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub date: String,
    /// What was asked for, and which cores were whose.
    pub run: String,
    pub binleaf: String,
    pub rustc: String,
    pub source: String,
    pub target: String,
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
}

impl Machine {
    pub async fn of(pair: &Pair) -> Self {
        let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        let arguments = std::iter::once("dev/bench".to_owned())
            .chain(std::env::var("BENCH_HOW"))
            .chain(arguments);
        let on =
            std::env::var("BENCH_CORES").map_or_else(|_| String::new(), |on| format!(" ({on})"));
        let processors = read("/proc/cpuinfo");
        Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            run: format!("{}{on}", arguments.collect::<Vec<_>>().join(" ")),
            binleaf: format!("{} at commit {}", env!("CARGO_PKG_VERSION"), commit()),
            rustc: said("rustc", &["--version"]).unwrap_or_default(),
            source: format!("MySQL {}", pair.source.value("SELECT VERSION()").await),
            target: target(pair).await,
            processor: field(&processors, "model name").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_bytes(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }

    /// Name and value of each.
    pub fn told(&self) -> [(&'static str, String); 9] {
        let memory = self.memory_bytes >> 30;
        [
            ("Date", self.date.clone()),
            ("Command", self.run.clone()),
            ("binleaf", self.binleaf.clone()),
            ("Compiler", self.rustc.clone()),
            ("Source", self.source.clone()),
            ("Target", self.target.clone()),
            ("Processor", format!("{}, {} cores", self.processor, self.cores)),
            ("Memory", format!("{memory} GiB")),
            ("Kernel", format!("Linux {}", self.kernel)),
        ]
    }
}

/// What the target says that it is; FerretDB names itself beside the version whose behaviour it has, and what stands
/// behind it is known to whoever started it.
async fn target(pair: &Pair) -> String {
    let info = pair.target.handle().run_command(doc! { "buildInfo": 1 }).await;
    let info = info.expect("the target's version");
    let Ok(ferretdb) = info.get_document("ferretdb") else {
        return format!("MongoDB {}", info.get_str("version").unwrap_or_default());
    };
    let behind = std::env::var("BENCH_BEHIND_TARGET").unwrap_or_else(|_| "PostgreSQL".to_owned());
    format!("FerretDB {} on {behind}", version(ferretdb))
}

fn version(of: &Document) -> &str {
    let version = of.get("version").and_then(Bson::as_str).unwrap_or_default();
    version.trim_start_matches('v')
}

/// The commit, and whether the tree has changes that are in none.
fn commit() -> String {
    let head =
        said("git", &["rev-parse", "--short=10", "HEAD"]).unwrap_or_else(|| "unknown".into());
    let changed =
        said("git", &["status", "--porcelain", "--untracked-files=no", "--", "src", "Cargo.lock"]);
    match changed.is_some_and(|changed| !changed.is_empty()) {
        true => format!("{head} with changes"),
        false => head,
    }
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(program).args(arguments).current_dir(folder).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

fn memory_bytes() -> u64 {
    let text = read("/proc/meminfo");
    let kilobytes = field(&text, "MemTotal").split_whitespace().next().map(str::parse::<u64>);
    kilobytes.and_then(Result::ok).unwrap_or(0) * 1024
}
