//! What binleaf wrote to standard error.

use std::path::Path;

use serde_json::Value;

use super::databases::CANARY;

/// The operations that a log line may name.
const OPERATIONS: [&str; 14] = [
    "sync_started",
    "table_started",
    "progress",
    "table_completed",
    "sync_completed",
    "checkpoint_saved",
    "schema_changed",
    "retrying",
    "reconnected",
    "dead_letter",
    "paused",
    "resumed",
    "stopping",
    "stopped",
];

/// A log as far as it was written.
#[derive(Debug)]
pub struct Log(String);

impl Log {
    pub fn read(file: &Path) -> Self {
        Self(String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned())
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// The last lines, each cut to what a person reads.
    pub fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.0.lines().collect();
        let start = all.len().saturating_sub(lines);
        let cut = |line: &&str| line.chars().take(600).chain(['\n']).collect::<String>();
        all[start..].iter().map(cut).collect()
    }

    /// Every line that is a JSON object.
    pub fn lines(&self) -> Vec<Value> {
        self.0.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The lines of one operation.
    pub fn of(&self, operation: &str) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["operation"] == operation);
        lines
    }

    /// Fails if a secret or a row value is in it.
    pub fn assert_discreet(&self, password: &str) {
        for secret in [password, CANARY] {
            if let Some(line) = self.0.lines().find(|line| line.contains(secret)) {
                let shown: String = line.chars().take(400).collect();
                panic!("the log holds {secret:?}: {shown}");
            }
        }
    }

    /// Fails unless every line is an object with the fields that the documentation names, and of the closed list of
    /// operations.
    pub fn assert_well_formed(&self) {
        for line in self.0.lines().filter(|line| !line.trim().is_empty()) {
            let object: Value =
                serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON line: {line}"));
            for field in ["timestamp", "level", "component", "message"] {
                assert!(object[field].is_string(), "no {field} in {line}");
            }
            if let Some(operation) = object["operation"].as_str() {
                assert!(OPERATIONS.contains(&operation), "{operation} is not in the closed list");
            }
        }
    }
}
