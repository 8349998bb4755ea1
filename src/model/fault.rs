//! What went wrong, by consequence rather than by origin.
//!
//! Every station has an error enum of its own; at the border of the station it becomes a [`Fault`], which says what the
//! pipeline must do. A fault never holds a row value or a secret: table, column, key hash and position only (promise P7).

use std::{error::Error, fmt};

use super::table::TableName;

/// What the pipeline does about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The other side is away or busy: reconnect, try again with backoff.
    Transient,
    /// One change cannot be written: dead letter, stop or skip, by policy.
    Record,
    /// Nothing but a person can help: stop with the hint (exit code 1).
    Fatal,
    /// The source no longer has our position: a new snapshot is needed (exit code 4).
    PositionLost,
    /// The settings are wrong (exit code 2).
    Config,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Transient, Self::Record, Self::Fatal, Self::PositionLost, Self::Config];

    /// The label that metrics and logs carry.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Record => "record",
            Self::Fatal => "fatal",
            Self::PositionLost => "position_lost",
            Self::Config => "config",
        }
    }
}

/// Which station it happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Settings.
    Config,
    /// Connecting to the source and asking it things.
    Source,
    /// Reading tables.
    Snapshot,
    /// Reading the binlog.
    Binlog,
    /// Turning rows into documents.
    Mapping,
    /// Writing documents.
    Sink,
    /// Reading or saving the state.
    Checkpoint,
    /// Everything inside this process.
    Runtime,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Config,
        Self::Source,
        Self::Snapshot,
        Self::Binlog,
        Self::Mapping,
        Self::Sink,
        Self::Checkpoint,
        Self::Runtime,
    ];

    /// The label that metrics and logs carry.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Source => "source",
            Self::Snapshot => "snapshot",
            Self::Binlog => "binlog",
            Self::Mapping => "mapping",
            Self::Sink => "sink",
            Self::Checkpoint => "checkpoint",
            Self::Runtime => "runtime",
        }
    }
}

/// Something that went wrong, with what it means and what to do.
///
/// Its texts are boxed so that a `Result` stays small. `Display` prints the message and the table only; the chain is behind [`Error::source`], the way out in
/// [`Fault::hint`].
#[derive(Debug)]
pub struct Fault {
    /// What the pipeline does about it.
    pub class: Class,
    /// Where it happened.
    pub stage: Stage,
    /// What happened: lowercase, no full stop, no values of rows.
    pub message: Box<str>,
    /// The table concerned.
    pub table: Option<Box<TableName>>,
    /// The source position concerned, as people read it (`file:offset` or a GTID).
    pub position: Option<Box<str>>,
    /// What the user can do: a sentence, often with a statement to run.
    pub hint: Option<Box<str>>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of a class and stage.
    pub fn new(class: Class, stage: Stage, message: impl Into<String>) -> Self {
        Self {
            class,
            stage,
            message: message.into().into_boxed_str(),
            table: None,
            position: None,
            hint: None,
            source: None,
        }
    }

    /// A fault that only a person can mend.
    pub fn fatal(stage: Stage, message: impl Into<String>) -> Self {
        Self::new(Class::Fatal, stage, message)
    }

    /// A fault that passes by itself.
    pub fn transient(stage: Stage, message: impl Into<String>) -> Self {
        Self::new(Class::Transient, stage, message)
    }

    /// Names the table.
    #[must_use]
    pub fn at_table(mut self, table: &TableName) -> Self {
        self.table = Some(Box::new(table.clone()));
        self
    }

    /// Names the position.
    #[must_use]
    pub fn at_position(mut self, position: impl Into<String>) -> Self {
        self.position = Some(position.into().into());
        self
    }

    /// Says what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into());
        self
    }

    /// Keeps the cause. Its text must be free of row values and secrets.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The same fault, but nobody tries again.
    #[must_use]
    pub const fn given_up(mut self) -> Self {
        self.class = Class::Fatal;
        self
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.class == Class::Transient
    }

    /// The message with its causes, on one line, for logs and the last-error field.
    #[must_use]
    pub fn chain(&self) -> String {
        with_causes(self)
    }
}

/// An error with its causes, on one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(formatter, "table {table}: ")?;
        }
        formatter.write_str(&self.message)?;
        match &self.position {
            Some(position) => write!(formatter, " (at {position})"),
            None => Ok(()),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}
