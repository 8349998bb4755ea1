//! `[poll]`: reading what has changed by timestamp columns, on a schedule.

use std::time::Duration;

/// `[poll]`.
#[derive(Debug, Clone)]
pub struct PollConfig {
    /// From the beginning of a run to that of the next one.
    pub interval: Duration,
    /// How far before its cursor a pass begins.
    pub overlap: Duration,
    /// Names of columns that tell when a row was changed, the likeliest first.
    pub timestamp_columns: Vec<String>,
    /// How often rows that are gone are looked for; zero is never.
    pub detect_deletes: Duration,
}

impl Default for PollConfig {
    fn default() -> Self {
        const NAMES: [&str; 8] = [
            "updated_at",
            "modified_at",
            "last_updated",
            "last_modified",
            "last_update",
            "update_time",
            "mtime",
            "created_at",
        ];
        Self {
            interval: Duration::from_secs(300),
            overlap: Duration::from_secs(30),
            timestamp_columns: NAMES.map(str::to_owned).to_vec(),
            detect_deletes: Duration::from_secs(3600),
        }
    }
}
