//! Where to begin: what the saved state, the settings and the tables found amount to. Pure.

use std::{collections::BTreeMap, sync::Arc};

use super::ready::Found;
use crate::{
    config::{Existing, SnapshotWhen, StreamStart},
    model::{
        position::Position,
        snapshot::{SnapshotState, TableProgress},
        state::State,
        table::{TableName, TableSchema, is_called},
    },
    pipeline::handle::CopyWish,
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Copy what is not copied yet, then stream until told to stop.
    Forever,
    /// One copy, consistent as of its end.
    Copy {
        /// Only these tables; `None` for all.
        tables: Option<Vec<String>>,
        /// Forget the progress of an unfinished copy.
        restart: bool,
    },
    /// One incremental run of polling, whatever the mode is.
    Poll {
        /// Only these tables; `None` for all.
        tables: Option<Vec<String>>,
    },
}

/// What is to be copied anew although it was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Anew {
    /// Nothing.
    Nothing,
    /// These tables, while the rest stays; the documents stay too until they are replaced.
    Tables(CopyWish),
    /// Everything, as if nothing had been saved.
    Everything,
}

impl Anew {
    fn is_meant(&self, table: &TableSchema) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything | Self::Tables(None) => true,
            Self::Tables(Some(names)) => is_named(names, table),
        }
    }

    /// What becomes of the documents that are there; `setting` where they are not ours.
    pub(super) const fn existing(&self, setting: Existing) -> Found {
        match self {
            Self::Tables(_) => Found::Kept,
            Self::Nothing | Self::Everything => Found::Strangers(setting),
        }
    }

    /// Drops what was copied of the tables that are meant.
    pub(super) fn forget(&self, mut state: State, tables: &[Arc<TableSchema>]) -> State {
        if *self == Self::Everything {
            return State::default();
        }
        let meant = tables.iter().filter(|table| self.is_meant(table));
        if let Some(snapshot) = state.snapshot_mut() {
            meant.for_each(|table| drop(snapshot.tables.remove(&table.name.to_string())));
        }
        state
    }
}

/// Where to begin.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Start {
    /// Copy these tables, then stream from the copy's start.
    Copy(Copy),
    /// Stream from the saved position.
    Stream(Position),
    /// Stream from where the settings say.
    StreamFrom(StreamStart),
}

/// A copy to be made or finished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Copy {
    /// Where the stream will start; `None` until it is read from the source.
    pub(super) from: Option<Position>,
    /// Tables that were begun: they go on where they were.
    pub(super) begun: Vec<Arc<TableSchema>>,
    /// Tables of which nothing was copied.
    pub(super) fresh: Vec<Arc<TableSchema>>,
}

/// Decides. `state` loses what a new copy makes void.
pub(super) fn decide(
    state: &mut State,
    (goal, anew): (&Goal, &Anew),
    when: SnapshotWhen,
    start: &StreamStart,
    tables: &[Arc<TableSchema>],
) -> Start {
    if !matches!(anew, Anew::Tables(_)) {
        forget(state, goal, when, tables);
    }
    let wanted: Vec<_> = tables.iter().filter(|table| is_wanted(goal, table)).cloned().collect();
    let progress =
        |table: &TableSchema| state.snapshot.as_ref()?.tables.get(&table.name.to_string());
    let unfinished = wanted.into_iter().filter(|table| {
        progress(table).is_none_or(|progress| !progress.complete || progress.unswept)
    });
    let (begun, mut fresh): (Vec<_>, Vec<_>) =
        unfinished.partition(|table| progress(table).is_some());
    if when == SnapshotWhen::Never && *goal == Goal::Forever {
        fresh.retain(|table| anew.is_meant(table));
        if state.position.is_none() {
            return Start::StreamFrom(start.clone());
        }
    }
    let from = copy_start(state);
    match from {
        Some(position) if begun.is_empty() && fresh.is_empty() => Start::Stream(position),
        from => Start::Copy(Copy { from, begun, fresh }),
    }
}

/// Where the stream goes on: at the saved position, or where the first copy began.
fn copy_start(state: &State) -> Option<Position> {
    let snapshot = || state.snapshot.as_ref().map(|snapshot| snapshot.start.clone());
    state.position.clone().or_else(snapshot)
}

/// Drops what a new copy makes void.
fn forget(state: &mut State, goal: &Goal, when: SnapshotWhen, tables: &[Arc<TableSchema>]) {
    match goal {
        Goal::Forever if when == SnapshotWhen::Always => *state = State::default(),
        Goal::Forever | Goal::Poll { .. } => {}
        Goal::Copy { tables: None, restart } => {
            if *restart || is_whole(state) {
                *state = State::default();
            }
        }
        Goal::Copy { tables: Some(_), restart } => {
            let redo = *restart || is_whole(state);
            let named = tables
                .iter()
                .filter(|table| is_wanted(goal, table))
                .map(|table| table.name.to_string());
            if let Some(snapshot) = state.snapshot_mut().filter(|_| redo) {
                for name in named {
                    snapshot.tables.remove(&name);
                }
            }
        }
    }
}

/// Whether a copy was finished.
fn is_whole(state: &State) -> bool {
    state.snapshot.as_ref().is_some_and(|snapshot| snapshot.end.is_some())
}

fn is_wanted(goal: &Goal, table: &TableSchema) -> bool {
    match goal {
        Goal::Copy { tables: Some(names), .. } => is_named(names, table),
        Goal::Forever | Goal::Poll { .. } | Goal::Copy { tables: None, .. } => true,
    }
}

fn is_named(names: &[String], table: &TableSchema) -> bool {
    let known = table.name.to_string();
    names.iter().any(|name| is_called(&known, name))
}

/// The state with which a copy begins, to be saved before its first read. `now` is the position before that read; where
/// the stream starts earlier it passes over what the fresh tables were up to there.
pub(super) fn copy_begins(
    state: &mut State,
    from: &Position,
    now: &Position,
    fresh: &[Arc<TableSchema>],
) {
    let snapshot = Arc::make_mut(state.snapshot.get_or_insert_with(|| {
        Arc::new(SnapshotState {
            start: from.clone(),
            reads_from: None,
            end: None,
            tables: BTreeMap::new(),
        })
    }));
    snapshot.start = from.clone();
    snapshot.end = None;
    snapshot.tables.values_mut().for_each(TableProgress::renumber);
    let read_from = (from != now).then(|| now.clone());
    for table in fresh {
        let progress = TableProgress { read_from: read_from.clone(), ..TableProgress::default() };
        snapshot.tables.insert(table.name.to_string(), progress);
    }
    fresh.iter().for_each(|table| state.remember(table));
    state.consistent = false;
}

/// Whether all of a table is in the target.
pub(super) fn is_copied(snapshot: &SnapshotState, table: &TableSchema) -> bool {
    snapshot.tables.get(&table.name.to_string()).is_some_and(|progress| progress.complete)
}

/// Notes whether a table's collection is to be swept behind the copy.
pub(super) fn sweep_later(state: &mut State, table: &TableSchema, is_due: bool) {
    let progress = state.snapshot_mut().map(|snapshot| &mut snapshot.tables);
    if let Some(progress) = progress.and_then(|tables| tables.get_mut(&table.name.to_string())) {
        progress.unswept = is_due;
    }
}

/// The tables whose collections are to be swept behind the copy.
pub(super) fn unswept(state: &State, tables: &[Arc<TableSchema>]) -> Vec<Arc<TableSchema>> {
    let progress =
        |table: &TableSchema| state.snapshot.as_ref()?.tables.get(&table.name.to_string());
    let is_due =
        |table: &&Arc<TableSchema>| progress(table).is_some_and(|progress| progress.unswept);
    tables.iter().filter(is_due).cloned().collect()
}

/// The tables that were read later than the stream starts, with the position up to which their changes are passed over.
pub(super) fn read_later(state: &State, tables: &[Arc<TableSchema>]) -> Vec<(TableName, Position)> {
    let is_passed =
        |at: &Position| state.position.as_ref().is_some_and(|position| position.covers(at));
    let later = |table: &Arc<TableSchema>| {
        let progress = state.snapshot.as_ref()?.tables.get(&table.name.to_string())?;
        let at = progress.read_from.clone().filter(|at| !is_passed(at))?;
        Some((table.name.clone(), at))
    };
    tables.iter().filter_map(later).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Arc<TableSchema> {
        Arc::new(TableSchema::named(TableName::new("shop", name)))
    }

    fn at(offset: u64) -> Position {
        Position { offset, ..Position::default() }
    }

    fn copied(names: &[(&str, bool)], end: Option<Position>, position: Option<Position>) -> State {
        let progress = |complete| TableProgress { complete, ..TableProgress::default() };
        let tables = names
            .iter()
            .map(|(name, complete)| (format!("shop.{name}"), progress(*complete)))
            .collect();
        State {
            position,
            snapshot: Some(Arc::new(SnapshotState { start: at(1), reads_from: None, end, tables })),
            ..State::default()
        }
    }

    fn run(state: &mut State, tables: &[Arc<TableSchema>]) -> Start {
        decide(
            state,
            (&Goal::Forever, &Anew::Nothing),
            SnapshotWhen::Initial,
            &StreamStart::Checkpoint,
            tables,
        )
    }

    #[test]
    fn nothing_saved_is_a_copy_of_everything() {
        let tables = [table("a"), table("b")];
        let expected = Copy { from: None, begun: vec![], fresh: tables.to_vec() };
        assert_eq!(run(&mut State::default(), &tables), Start::Copy(expected));
    }

    #[test]
    fn an_unfinished_copy_goes_on_from_its_own_start() {
        let mut state = copied(&[("a", true), ("b", false)], None, None);
        let expected = Copy { from: Some(at(1)), begun: vec![table("b")], fresh: vec![table("c")] };
        assert_eq!(run(&mut state, &[table("a"), table("b"), table("c")]), Start::Copy(expected));
    }

    #[test]
    fn a_finished_copy_streams_from_the_saved_position() {
        let mut state = copied(&[("a", true)], Some(at(5)), Some(at(9)));
        assert_eq!(run(&mut state, &[table("a")]), Start::Stream(at(9)));
        let mut killed_before_the_stream = copied(&[("a", true)], Some(at(5)), None);
        assert_eq!(run(&mut killed_before_the_stream, &[table("a")]), Start::Stream(at(1)));
    }

    #[test]
    fn a_new_table_is_copied_and_the_stream_goes_on_where_it_was() {
        let mut state = copied(&[("a", true)], Some(at(5)), Some(at(9)));
        let expected = Copy { from: Some(at(9)), begun: vec![], fresh: vec![table("b")] };
        assert_eq!(run(&mut state, &[table("a"), table("b")]), Start::Copy(expected));
        copy_begins(&mut state, &at(9), &at(12), &[table("b")]);
        assert_eq!(
            read_later(&state, &[table("a"), table("b")]),
            [(table("b").name.clone(), at(12))]
        );
        let snapshot = state.snapshot.as_ref().unwrap();
        assert_eq!((snapshot.start.offset, &snapshot.end, state.consistent), (9, &None, false));
        let expected = Copy { from: Some(at(9)), begun: vec![table("b")], fresh: vec![] };
        assert_eq!(run(&mut state, &[table("a"), table("b")]), Start::Copy(expected));
    }

    #[test]
    fn without_a_snapshot_the_settings_say_where_to_start_once() {
        let tables = [table("a")];
        let never = |state: &mut State| {
            decide(
                state,
                (&Goal::Forever, &Anew::Nothing),
                SnapshotWhen::Never,
                &StreamStart::Now,
                &tables,
            )
        };
        assert_eq!(never(&mut State::default()), Start::StreamFrom(StreamStart::Now));
        let mut state = State { position: Some(at(3)), ..State::default() };
        assert_eq!(never(&mut state), Start::Stream(at(3)));
    }

    #[test]
    fn a_copy_on_demand_is_new_when_the_last_one_is_whole() {
        let goal = Goal::Copy { tables: None, restart: false };
        let mut state = copied(&[("a", true)], Some(at(5)), Some(at(9)));
        let start = decide(
            &mut state,
            (&goal, &Anew::Nothing),
            SnapshotWhen::Initial,
            &StreamStart::Checkpoint,
            &[table("a")],
        );
        assert_eq!(start, Start::Copy(Copy { from: None, begun: vec![], fresh: vec![table("a")] }));
        let mut state = copied(&[("a", false)], None, None);
        let start = decide(
            &mut state,
            (&goal, &Anew::Nothing),
            SnapshotWhen::Initial,
            &StreamStart::Checkpoint,
            &[table("a")],
        );
        assert_eq!(
            start,
            Start::Copy(Copy { from: Some(at(1)), begun: vec![table("a")], fresh: vec![] })
        );
    }

    #[test]
    fn tables_that_are_asked_for_are_copied_while_the_stream_goes_on_where_it_was() {
        let tables = [table("a"), table("b")];
        let again = Anew::Tables(Some(vec!["b".to_owned()]));
        for when in [SnapshotWhen::Initial, SnapshotWhen::Never, SnapshotWhen::Always] {
            let state = copied(&[("a", true), ("b", true)], Some(at(5)), Some(at(9)));
            let mut state = again.forget(state, &tables);
            let goal = (&Goal::Forever, &again);
            let start = decide(&mut state, goal, when, &StreamStart::Now, &tables);
            let expected = Copy { from: Some(at(9)), begun: vec![], fresh: vec![table("b")] };
            assert_eq!(start, Start::Copy(expected), "{when:?}");
            copy_begins(&mut state, &at(9), &at(12), &[table("b")]);
            let goal = (&Goal::Forever, &Anew::Nothing);
            if when != SnapshotWhen::Always {
                let start = decide(&mut state, goal, when, &StreamStart::Now, &tables);
                let expected = Copy { from: Some(at(9)), begun: vec![table("b")], fresh: vec![] };
                assert_eq!(start, Start::Copy(expected), "{when:?}, after a restart");
            }
        }
    }
}
