//! The servers of the run, and further ones of a test's own that may be killed.

use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use super::ports;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
    /// For a server that asks its administrator for one.
    pub password: String,
}

impl Address {
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port, password: String::new() }
    }

    fn of(variable: &str) -> Self {
        let text = given(variable);
        let parsed = url::Url::parse(&text).unwrap_or_else(|_| panic!("{variable} is no URL"));
        Self {
            host: parsed.host_str().expect("a host").to_owned(),
            port: parsed.port().expect("a port"),
            password: parsed.password().unwrap_or_default().to_owned(),
        }
    }

    pub fn socket(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// As the target's connection string; through a proxy the driver must not look for the other members.
    pub fn mongodb_uri(&self) -> String {
        format!("mongodb://{}/?directConnection=true", self.socket())
    }
}

/// The MySQL that the tests of a run share.
pub fn mysql() -> Address {
    Address::of("TEST_MYSQL_URL")
}

/// The MariaDB that the tests of a run share.
pub fn mariadb() -> Address {
    Address::of("TEST_MARIADB_URL")
}

/// The target that the tests of a run share.
pub fn mongodb() -> Address {
    Address::of("TEST_MONGODB_URL")
}

fn given(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `dev/test`, which starts the servers and names them")
    })
}

/// A server of a test's own, on a folder that outlives its process.
#[derive(Debug)]
pub struct Spawned {
    kind: &'static str,
    flags: Vec<String>,
    folder: TempDir,
    /// Says how far its clock is off.
    clock: Option<PathBuf>,
    pub address: Address,
}

impl Spawned {
    /// A MySQL with further flags.
    pub async fn mysql(flags: &[&str]) -> Self {
        Self::start("mysql", flags, false).await
    }

    /// A MySQL whose clock can be put forward and back.
    pub async fn mysql_with_clock() -> Self {
        Self::start("mysql", &[], true).await
    }

    /// A MariaDB with further flags.
    pub async fn mariadb(flags: &[&str]) -> Self {
        Self::start("mariadb", flags, false).await
    }

    /// A target that nobody else uses.
    pub async fn mongodb() -> Self {
        Self::start("mongodb", &[], false).await
    }

    async fn start(kind: &'static str, flags: &[&str], has_clock: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("binleaf-").tempdir().expect("a folder");
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let clock = has_clock.then(|| folder.path().join("clock"));
        let server = Self { kind, flags, folder, clock, address: Address::local(ports::free()) };
        if has_clock {
            server.set_clock("+0");
        }
        server.again().await;
        server
    }

    /// Starts it on the data that it left.
    pub async fn again(&self) {
        let mut arguments = vec!["spawn".to_owned(), self.kind.to_owned(), self.path()];
        arguments.push(self.address.port.to_string());
        arguments.extend(self.flags.iter().cloned());
        servers_tool(&arguments, self.clock.as_deref()).await;
    }

    /// Puts its clock off by so many seconds, such as `-60`.
    pub fn set_clock(&self, seconds: &str) {
        let clock = self.clock.as_ref().expect("a server with a clock");
        // In one step: the server reads it at any time.
        let new = clock.with_extension("new");
        std::fs::write(&new, format!("{seconds}\n")).expect("a clock");
        std::fs::rename(&new, clock).expect("a clock");
    }

    /// Pulls the plug.
    pub async fn pull_the_plug(&self) {
        servers_tool(&["kill".to_owned(), self.path(), "-9".to_owned()], None).await;
    }

    /// Stops it as an administrator would.
    pub async fn stop(&self) {
        servers_tool(&["kill".to_owned(), self.path()], None).await;
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let killed = std::process::Command::new(tool())
            .args(["kill", &self.path(), "-9"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !killed.is_ok_and(|status| status.success()) {
            eprintln!("a {} may still run on port {}", self.kind, self.address.port);
        }
    }
}

async fn servers_tool(arguments: &[String], clock: Option<&std::path::Path>) {
    // Its output goes to files: a server that inherits a pipe keeps it open for as long as it lives.
    let notes = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new(tool());
    if let Some(clock) = clock {
        command.env("SERVER_FAKETIME", clock);
    }
    let status = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(notes.reopen().expect("a file"))
        .stderr(notes.reopen().expect("a file"))
        .status()
        .await
        .expect("dev/servers can be run");
    let said = std::fs::read_to_string(notes.path()).unwrap_or_default();
    assert!(status.success(), "dev/servers {} failed:\n{said}", arguments.join(" "));
}

fn tool() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dev/servers")
}
