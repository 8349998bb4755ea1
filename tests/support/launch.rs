//! How binleaf is started: its settings file, its environment, its arguments.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    binleaf::{Binleaf, Ended},
    databases::{Pair, Source},
    ports,
    servers::Address,
};

/// Settings that a test starts binleaf with; the same folder and address for every start made of it.
#[derive(Debug, Clone)]
pub struct Launch {
    settings: BTreeMap<String, BTreeMap<String, String>>,
    environment: BTreeMap<String, String>,
    level: &'static str,
    pub source: Source,
    pub http: Address,
    pub folder: Arc<TempDir>,
}

impl Launch {
    /// Everything by default but the addresses, and short waits between tries so that tests are quick.
    pub fn of(pair: &Pair) -> Self {
        let source = &pair.source;
        let launch = Self {
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            level: "info",
            source: source.clone(),
            http: Address::local(ports::free()),
            folder: Arc::new(tempfile::tempdir().expect("a folder")),
        };
        let listen = quoted(&launch.http.socket());
        launch
            .source_at(&source.address)
            .target_at(&pair.target.address)
            .set("source", "user", &quoted(&source.user))
            .set("source", "password", &quoted(&source.password))
            .set("source", "database", &quoted(&source.database))
            .set("target", "database", &quoted(&pair.target.database))
            .set("http", "listen", &listen)
            .set("retry", "initial", "\"50ms\"")
            .set("retry", "max", "\"500ms\"")
    }

    /// A setting; the value is TOML.
    pub fn set(mut self, section: &str, key: &str, value: &str) -> Self {
        self.settings
            .entry(section.to_owned())
            .or_default()
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Another address for the source.
    pub fn source_at(self, address: &Address) -> Self {
        self.set("source", "host", &quoted(&address.host)).set(
            "source",
            "port",
            &address.port.to_string(),
        )
    }

    /// Another address for the target.
    pub fn target_at(self, address: &Address) -> Self {
        self.set("target", "uri", &quoted(&address.mongodb_uri()))
    }

    /// A variable of its environment, which is empty otherwise.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Another log level.
    pub fn level(mut self, level: &'static str) -> Self {
        self.level = level;
        self
    }

    /// `binleaf run`.
    pub fn run(&self) -> Binleaf {
        Binleaf::new(self.clone(), self.start())
    }

    /// The bare process of `binleaf run`.
    pub fn start(&self) -> Child {
        self.spawn(&["run"])
    }

    /// Another command, to its end.
    pub async fn command(&self, arguments: &[&str]) -> Ended {
        self.begin(arguments).ends().await
    }

    /// Another command, begun.
    pub fn begin(&self, arguments: &[&str]) -> Binleaf {
        Binleaf::new(self.clone(), self.spawn(arguments))
    }

    /// Where standard error goes, over all starts.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Where standard output of the newest start goes.
    pub fn output_file(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let config = self.folder.path().join("binleaf.toml");
        std::fs::write(&config, self.toml()).expect("the settings file");
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log");
        let output = File::create(self.output_file()).expect("an output");
        program(&config, self.level)
            .args(arguments)
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdout(output)
            .stderr(log)
            .spawn()
            .expect("binleaf can be started")
    }

    fn toml(&self) -> String {
        let mut text = String::new();
        for (section, keys) in &self.settings {
            if !section.is_empty() {
                writeln!(text, "[{section}]").expect("text");
            }
            for (key, value) in keys {
                writeln!(text, "{key} = {value}").expect("text");
            }
        }
        text
    }
}

/// The program under test with an empty environment.
pub fn program(config: &Path, level: &str) -> Command {
    let mut command = bare_program();
    command.arg("--config").arg(config).args(["--log-format", "json", "--log-level", level]);
    command
}

/// The program under test without arguments.
pub fn bare_program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_binleaf"));
    command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A text as TOML writes it.
pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}
