//! Commands that change something, as they are kept.

use std::{collections::BTreeMap, time::SystemTime};

/// A command, who gave it, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its own name, so that keeping it twice is harmless.
    pub id: String,
    /// When it was given.
    pub at: SystemTime,
    /// Who gave it: a token's name, or `cli:user@host`.
    pub actor: String,
    /// What was to be done.
    pub action: &'static str,
    /// With what, free of values of rows and of secrets.
    pub arguments: BTreeMap<String, String>,
    /// What came of it.
    pub result: String,
}
