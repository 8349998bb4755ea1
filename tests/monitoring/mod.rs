//! The files for Prometheus and Grafana, tried with a real Prometheus: `dev/servers prometheus` gets it.

mod alerts;
mod dashboard;
mod files;
mod lag;
mod plot;
mod prometheus;

use std::path::PathBuf;

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
