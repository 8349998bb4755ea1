//! Runs of polling: what was asked for, what is under way, what became of it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant, SystemTime},
};

use crate::model::write::WriteCounts;

/// How many runs are remembered.
const MOST_RUNS: usize = 50;

/// How many tables of all runs together: with thousands of tables only the last runs are.
const MOST_TABLES: usize = 20_000;

/// What a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// All rows.
    Full,
    /// What has changed, as far as a column tells it.
    Incremental,
}

impl RunKind {
    /// The name that the API has for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }
}

/// A run that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// Its name.
    pub id: String,
    /// What to read.
    pub kind: RunKind,
    /// Of which tables, `table` or `database.table`; `None` for all.
    pub tables: Option<Vec<String>>,
}

/// Why no run is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One is under way.
    Busy {
        /// Its name.
        run_id: String,
    },
    /// The binlog is followed: there is nothing to schedule.
    Streaming,
    /// Nothing is applied on purpose.
    Paused,
    /// Nothing is connected yet, or no longer.
    NotReady,
    /// There is no such table.
    UnknownTable(String),
}

/// What became of one table in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRun {
    /// What was read; a table whose changes no column tells is always read in full.
    pub kind: RunKind,
    /// `None` while it is under way.
    pub outcome: Option<Outcome>,
    /// What became of its documents.
    pub counts: WriteCounts,
    /// How long it took.
    pub took: Duration,
}

/// How a table's pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Success,
    /// Not well; the text is free of values and secrets.
    Failed {
        /// What happened.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// It failed too often and is left alone for a while.
    Skipped {
        /// What happened the last time.
        error: String,
    },
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// What was asked for.
    pub kind: RunKind,
    /// Whether it is about all tables.
    pub whole: bool,
    /// When it began.
    pub start: SystemTime,
    /// When it ended, and how long it took.
    pub end: Option<(SystemTime, Duration)>,
    /// The tables, by the name that people see.
    pub tables: BTreeMap<String, TableRun>,
    /// Why it ended without having read its tables.
    pub error: Option<String>,
    begun: Instant,
}

impl Run {
    /// A run that begins now.
    #[must_use]
    pub fn begins(id: String, kind: RunKind) -> Self {
        let (start, begun) = (SystemTime::now(), Instant::now());
        let tables = BTreeMap::new();
        Self { id, kind, whole: true, start, end: None, tables, error: None, begun }
    }

    /// The same of a part of the tables.
    #[must_use]
    pub fn of_some(self) -> Self {
        Self { whole: false, ..self }
    }

    /// How long it has taken.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.end.map_or_else(|| self.begun.elapsed(), |(_, took)| took)
    }

    /// Tables that ended well.
    #[must_use]
    pub fn successful(&self) -> usize {
        self.tables.values().filter(|table| table.outcome == Some(Outcome::Success)).count()
    }

    /// Tables that did not end well.
    #[must_use]
    pub fn failed(&self) -> usize {
        let is_failed = |table: &&TableRun| {
            matches!(table.outcome, Some(Outcome::Failed { .. } | Outcome::Skipped { .. }))
        };
        self.tables.values().filter(is_failed).count()
    }

    /// `running`, `success`, `partial` or `failed`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.end, self.error.is_some(), self.successful(), self.failed()) {
            (None, ..) => "running",
            (_, true, ..) => "failed",
            (_, _, _, 0) => "success",
            (_, _, 0, _) => "failed",
            _ => "partial",
        }
    }
}

/// The last runs, the newest last.
#[derive(Debug, Default)]
pub(super) struct RunBook {
    runs: VecDeque<Run>,
}

impl RunBook {
    pub(super) fn begin(&mut self, run: Run) {
        let tables = |runs: &VecDeque<Run>| runs.iter().map(|run| run.tables.len()).sum::<usize>();
        while self.runs.len() >= MOST_RUNS
            || (self.runs.len() > 1 && tables(&self.runs) > MOST_TABLES)
        {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    pub(super) fn find(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    pub(super) fn current(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.end.is_none())
    }

    pub(super) fn last_ended(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.end.is_some())
    }

    /// Those that have ended since the one of this name did, the oldest first; all where it is not remembered.
    pub(super) fn ended_since(&self, id: Option<&str>) -> Vec<Run> {
        let ended = self.runs.iter().rev().filter(|run| run.end.is_some());
        let mut fresh: Vec<Run> =
            ended.take_while(|run| Some(run.id.as_str()) != id).cloned().collect();
        fresh.reverse();
        fresh
    }

    /// The newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().rev()
    }
}

impl Run {
    /// Ends it now.
    pub(super) fn ends(&mut self, error: Option<String>) {
        self.end = Some((SystemTime::now(), self.begun.elapsed()));
        self.error = error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(outcome: Outcome) -> TableRun {
        TableRun {
            kind: RunKind::Full,
            outcome: Some(outcome),
            counts: WriteCounts::default(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_run_is_what_its_tables_are() {
        let mut run = Run::begins("1".to_owned(), RunKind::Incremental);
        assert_eq!(run.status(), "running");
        run.ends(None);
        assert_eq!(run.status(), "success", "of no tables");
        let failed = Outcome::Failed { error: "gone".to_owned(), hint: None };
        run.tables.insert("a".to_owned(), table(failed));
        assert_eq!((run.status(), run.failed()), ("failed", 1));
        run.tables.insert("b".to_owned(), table(Outcome::Success));
        assert_eq!((run.status(), run.successful()), ("partial", 1));
    }

    #[test]
    fn what_has_ended_since_is_told_in_order() {
        let mut book = RunBook::default();
        for id in ["a", "b", "c", "d"] {
            book.begin(Run::begins(id.to_owned(), RunKind::Full));
        }
        for id in ["a", "b", "c"] {
            book.find_mut(id).unwrap().ends(None);
        }
        let since = |id| {
            let runs = book.ended_since(id).into_iter().map(|run| run.id);
            runs.collect::<Vec<_>>().join("")
        };
        assert_eq!([since(None), since(Some("a")), since(Some("c"))], ["abc", "bc", ""]);
    }

    #[test]
    fn old_runs_are_forgotten() {
        let mut book = RunBook::default();
        for number in 0..=MOST_RUNS {
            book.begin(Run::begins(number.to_string(), RunKind::Full));
        }
        assert!(book.find("0").is_none() && book.find("1").is_some());
        assert_eq!(book.all().count(), MOST_RUNS);
    }
}
