//! What is wrong with the settings: all of it at once.

use std::{error::Error, fmt};

use crate::model::fault::{Class, Fault, Stage};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The file, `environment` or `command line`; `None` where it is about a default.
    pub place: Option<String>,
    /// The key, as the place spells it.
    pub key: Option<String>,
    /// Why it is refused. It never repeats a value that may be a secret.
    pub reason: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.place, &self.key].into_iter().flatten() {
            write!(formatter, "{part}: ")?;
        }
        formatter.write_str(&self.reason)
    }
}

/// Everything that is wrong with the settings; never empty. Exit code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<ConfigProblem>,
}

impl ConfigErrors {
    /// The errors, unless there are none.
    pub(super) fn check(problems: Vec<ConfigProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    /// One by one.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => write!(formatter, "{only}"),
            problems => {
                write!(formatter, "{} settings are wrong:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
            }
        }
    }
}

impl Error for ConfigErrors {}

impl From<ConfigErrors> for Fault {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(Class::Config, Stage::Config, "the settings are wrong")
            .caused_by(errors)
            .with_hint("`binleaf init` prints every key with its default and meaning")
    }
}
