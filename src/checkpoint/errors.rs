//! What goes wrong with the saved state.

use crate::{
    model::fault::{Class, Fault, Stage},
    sink::SinkError,
};

/// What reading and saving the state fails with.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The target failed.
    #[error(transparent)]
    Target(#[from] SinkError),
    /// Another instance has the pipeline now.
    #[error("another instance has taken over pipeline {name}{by}")]
    TakenOver {
        /// The pipeline.
        name: String,
        /// ` (HOST, pid N)`, where it is known.
        by: String,
    },
    /// The pipeline was not acquired, or has been released.
    #[error("the state of pipeline {name} is not held by this instance")]
    NotHeld {
        /// The pipeline.
        name: String,
    },
    /// A document is not what was saved.
    #[error("the saved state is damaged: document {document} of {place}, field {field}")]
    Damaged {
        /// Its `_id`.
        document: String,
        /// `database.collection`.
        place: String,
        /// The field.
        field: &'static str,
    },
    /// A later version wrote it.
    #[error(
        "the saved state of pipeline {name} was written by a newer binleaf (version {version})"
    )]
    Newer {
        /// The pipeline.
        name: String,
        /// The state's version.
        version: i64,
    },
    /// A state that cannot be written as BSON.
    #[error("the state cannot be encoded: {field}")]
    Encode {
        /// Which part.
        field: &'static str,
    },
    /// No database for the state.
    #[error("the state needs a database of its own where target.database has {{database}} in it")]
    NoDatabase,
}

impl CheckpointError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::TakenOver { .. } => Some("run one instance a pipeline; two pipelines into one database need different names (checkpoint.name)".to_owned()),
            Self::Damaged { document, place, .. } => Some(format!("restore the document {document} in {place}, or start over: binleaf checkpoint reset")),
            Self::Newer { .. } => Some("run the newer binleaf, or start over: binleaf checkpoint reset".to_owned()),
            Self::NoDatabase => Some("set checkpoint.database".to_owned()),
            Self::NotHeld { .. } | Self::Encode { .. } => Some("this is a bug in binleaf: report it".to_owned()),
            Self::Target(_) => None,
        }
    }
}

impl From<CheckpointError> for Fault {
    fn from(error: CheckpointError) -> Self {
        let hint = error.hint();
        let class = match &error {
            CheckpointError::NoDatabase => Class::Config,
            CheckpointError::Target(_)
            | CheckpointError::TakenOver { .. }
            | CheckpointError::NotHeld { .. }
            | CheckpointError::Damaged { .. }
            | CheckpointError::Newer { .. }
            | CheckpointError::Encode { .. } => Class::Fatal,
        };
        let fault = match error {
            CheckpointError::Target(error) => error.into_fault(Stage::Checkpoint),
            other => Self::new(class, Stage::Checkpoint, other.to_string()),
        };
        match hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}
