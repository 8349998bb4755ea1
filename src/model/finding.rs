//! What `check` tells: one finding, what it means, and the statement that mends it.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Works, but something is lost or slow.
    Warning,
    /// Will not work.
    Error,
}

/// One thing that was found before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// A stable name for scripts, such as `binlog_format`.
    pub code: &'static str,
    /// What it is about: `source`, `target`, a variable, a table, a column.
    pub object: String,
    /// What it is and what it means; no secrets.
    pub meaning: String,
    /// The statement or the setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// Something that will not work.
    pub fn error(
        code: &'static str,
        object: impl Into<String>,
        meaning: impl Into<String>,
    ) -> Self {
        Self::new(Level::Error, code, object, meaning)
    }

    /// Something that works less well than it could.
    pub fn warning(
        code: &'static str,
        object: impl Into<String>,
        meaning: impl Into<String>,
    ) -> Self {
        Self::new(Level::Warning, code, object, meaning)
    }

    /// Something worth knowing.
    pub fn info(code: &'static str, object: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(Level::Info, code, object, meaning)
    }

    /// Says how to mend it.
    #[must_use]
    pub fn mend(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn new(
        level: Level,
        code: &'static str,
        object: impl Into<String>,
        meaning: impl Into<String>,
    ) -> Self {
        Self { level, code, object: object.into(), meaning: meaning.into(), remedy: None }
    }
}
