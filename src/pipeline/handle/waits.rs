//! Runs by hand where the binlog is followed.
//!
//! An incremental one reads nothing, it waits: a reading of the source's position that was asked for after the call holds
//! everything that was committed before it; once what is durable covers such a reading, the run has ended.
//!
//! A full one ends the pipeline's life and begins another one, which copies the tables anew: it has ended when that copy is
//! consistent. The copy's progress is saved as that of the first one is, so it outlives the process; the run does not.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Core, Handle, TableStatus,
    runs::{Outcome, Run, RunKind, TableRun},
};
use crate::model::{table::is_called, write::WriteCounts};

/// A run that waits for the stream.
#[derive(Debug)]
pub(super) struct Wait {
    id: String,
    since: Instant,
    kind: RunKind,
    /// Where tables are copied anew, whether the life that does it has begun.
    copies: bool,
    /// What had become of the documents of the tables that it is about, by `database.table`.
    before: BTreeMap<String, WriteCounts>,
}

impl Wait {
    /// Waits from now on; `tables` as people name them, `None` for all.
    pub(super) fn new(
        id: String,
        kind: RunKind,
        tables: Option<&[String]>,
        known: &BTreeMap<String, TableStatus>,
    ) -> Self {
        let is_meant = |table: &str| {
            tables.is_none_or(|names| names.iter().any(|name| is_called(table, name)))
        };
        let before = known.iter().filter(|(table, _)| is_meant(table));
        let before = before.map(|(table, status)| (table.clone(), status.counts)).collect();
        Self { id, since: Instant::now(), kind, copies: false, before }
    }

    /// The tables, before anything is known of what became of them.
    pub(super) fn tables(&self, shown: impl Fn(&str) -> String) -> BTreeMap<String, TableRun> {
        let begun = |table: &String| {
            let counts = WriteCounts::default();
            let run = TableRun { kind: self.kind, outcome: None, counts, took: Duration::ZERO };
            (shown(table), run)
        };
        self.before.keys().map(begun).collect()
    }

    fn is_over(&self, core: &Core) -> bool {
        match self.kind {
            RunKind::Incremental => core.covered_at >= self.since,
            RunKind::Full => self.copies && core.consistent,
        }
    }

    fn result(&self, core: &Core, shown: impl Fn(&str) -> String) -> BTreeMap<String, TableRun> {
        let took = self.since.elapsed();
        let table = |(table, before): (&String, &WriteCounts)| {
            let now = core.tables.get(table).map_or(*before, |status| status.counts);
            (shown(table), ended(self.kind, now.since(*before), took))
        };
        self.before.iter().map(table).collect()
    }
}

const fn ended(kind: RunKind, counts: WriteCounts, took: Duration) -> TableRun {
    TableRun { kind, outcome: Some(Outcome::Success), counts, took }
}

/// Tables that are to be copied anew, as `table` or `database.table`; `None` for all.
pub type CopyWish = Option<Vec<String>>;

impl Handle {
    /// Ends the run that waits, where what it waits for is there.
    pub(super) fn settle_wait(&self, core: &Core) {
        let mut book = self.shared.steering.book();
        let Some(wait) = book.wait.take_if(|wait| wait.is_over(core)) else { return };
        let tables = wait.result(core, |table| self.shown(table));
        let Some(run) = book.runs.find_mut(&wait.id) else { return };
        run.tables = tables;
        self.end_wait(run, None);
    }

    /// Waits until tables are to be copied anew.
    pub async fn until_copy_is_asked(&self) {
        let mut asked = self.shared.steering.copies.subscribe();
        if asked.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether tables are to be copied anew.
    #[must_use]
    pub fn is_copy_asked(&self) -> bool {
        self.shared.steering.copies.borrow().is_some()
    }

    /// The tables that are to be copied anew, as people name them or all of them; whoever takes them does it.
    #[must_use]
    pub fn take_copy(&self) -> Option<CopyWish> {
        let wish = self.shared.steering.copies.send_replace(None)?;
        let mut core = self.core();
        let mut book = self.shared.steering.book();
        // From here on what was consistent before means nothing.
        core.consistent = false;
        if let Some(wait) = &mut book.wait {
            wait.copies = true;
            // A new life counts from zero.
            wait.before.values_mut().for_each(|counts| *counts = WriteCounts::default());
        }
        Some(wish)
    }

    /// Ends the run that waits, though what it waits for will not come.
    pub(super) fn give_up_wait(&self, why: &str) {
        let mut book = self.shared.steering.book();
        let Some(wait) = book.wait.take() else { return };
        let Some(run) = book.runs.find_mut(&wait.id) else { return };
        self.end_wait(run, Some(why.to_owned()));
    }

    fn end_wait(&self, run: &mut Run, error: Option<String>) {
        run.ends(error);
        self.shared.steering.run_has_ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::position::Position,
        pipeline::handle::{Phase, pending_record, runs::Refusal},
        runtime::channel::QueueGauge,
    };

    fn at(offset: u64) -> Position {
        Position { file: "binlog.000001".into(), offset, ..Position::default() }
    }

    fn streaming() -> Handle {
        let handle = Handle::new(QueueGauge::default(), false, Some("shop".to_owned()));
        handle.set_phase(Phase::Streaming);
        show(&handle, 3);
        handle.source_read(Instant::now(), at(100));
        handle.durable(Some(&at(100)), 0, true);
        handle
    }

    fn show(handle: &Handle, created: u64) {
        let status = |table: &str| {
            let counts = WriteCounts { created, ..WriteCounts::default() };
            let record = pending_record(table.to_owned());
            (table.to_owned(), TableStatus { record, counts, diverged: 0 })
        };
        handle.show_tables(["shop.orders", "shop.notes"].map(status));
    }

    fn trigger(handle: &Handle, tables: Option<&str>) -> Result<String, Refusal> {
        let tables = tables.map(|name| vec![name.to_owned()]);
        handle.trigger("a".to_owned(), RunKind::Incremental, tables)
    }

    #[test]
    fn it_ends_when_a_later_reading_of_the_source_is_durable() {
        let handle = streaming();
        let early = Instant::now();
        trigger(&handle, Some("orders")).unwrap();
        assert_eq!(trigger(&handle, None), Err(Refusal::Busy { run_id: "a".to_owned() }));
        handle.source_read(early, at(100));
        assert!(handle.run("a").unwrap().end.is_none(), "that was asked before the call");
        handle.source_read(Instant::now(), at(200));
        assert!(handle.run("a").unwrap().end.is_none(), "it is not applied yet");
        show(&handle, 5);
        handle.durable(Some(&at(200)), 0, true);
        let run = handle.run("a").unwrap();
        assert_eq!((run.status(), run.tables.len()), ("success", 1));
        assert_eq!(run.tables["orders"].counts.created, 2);
        trigger(&handle, None).unwrap();
        assert_eq!(trigger(&handle, Some("nobody")), Err(Refusal::UnknownTable("nobody".into())));
    }

    #[test]
    fn a_copy_ends_when_the_life_that_makes_it_is_consistent() {
        let handle = streaming();
        let tables = Some(vec!["orders".to_owned()]);
        handle.trigger("a".to_owned(), RunKind::Full, tables.clone()).unwrap();
        handle.durable(Some(&at(100)), 0, true);
        let run = handle.run("a").unwrap();
        assert!(run.end.is_none(), "the old life is still there");
        assert_eq!(run.tables["orders"].outcome, None);
        assert_eq!((handle.take_copy(), handle.take_copy()), (Some(tables), None));
        assert!(handle.report().position.is_none());
        show(&handle, 2);
        handle.durable(Some(&at(100)), 0, false);
        assert!(handle.run("a").unwrap().end.is_none(), "it is being copied");
        handle.durable(Some(&at(300)), 0, true);
        let run = handle.run("a").unwrap();
        assert_eq!((run.status(), run.tables["orders"].counts.created), ("success", 2));
    }

    #[test]
    fn it_does_not_outlive_the_pipeline() {
        let handle = streaming();
        trigger(&handle, None).unwrap();
        handle.set_phase(Phase::Stopped);
        assert_eq!(handle.run("a").unwrap().status(), "failed");
        assert_eq!(trigger(&handle, None), Err(Refusal::NotReady));
    }
}
