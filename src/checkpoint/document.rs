//! The checkpoint document: which fields a saved part has, and what a whole one says. Pure.
//!
//! Schemas lie in documents of their own, named by their content, and the checkpoint names the one that is valid for
//! each table: position and schemas change in one step, however many tables there are.

use std::{collections::BTreeMap, sync::Arc};

use bson::{Bson, Document};

use super::{
    errors::CheckpointError,
    json::{escape, from_bson, to_bson, unescape},
};
use crate::model::{
    poll::TablePoll,
    position::Position,
    snapshot::{SnapshotState, TableProgress},
    state::{Control, State, StatePart},
    table::TableSchema,
};

/// The form of the state that this version writes and reads.
pub(super) const VERSION: i64 = 1;

/// What was last saved, so that only what is new is sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Saved {
    pub(super) snapshot: Option<Arc<SnapshotState>>,
    pub(super) polls: Arc<BTreeMap<String, TablePoll>>,
    /// The name of each table's schema document.
    pub(super) schemas: Arc<BTreeMap<String, String>>,
}

/// The update that saves a part.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Update {
    pub(super) set: Document,
    pub(super) unset: Document,
}

/// What saves this part, given what was saved before; `before` is `None` where that is not known.
pub(super) fn update(
    state: &State,
    part: StatePart,
    before: Option<&Saved>,
    schemas: &BTreeMap<String, String>,
) -> Result<Update, CheckpointError> {
    let mut update = Update::default();
    update.set.insert("position", encode("position", &state.position)?);
    update.set.insert("applied_micros", encode("applied_micros", &state.applied_micros)?);
    update.set.insert("phase", phase(state));
    if part >= StatePart::Progress {
        update.set.insert("consistent", state.consistent);
        update_snapshot(&mut update, state.snapshot.as_deref(), before)?;
        update_polls(&mut update, &state.polls, before)?;
        if let Some(control) = &state.control {
            update.set.insert("control", encode("control", control)?);
        }
    }
    if part >= StatePart::All {
        let names = schemas.iter().map(|(table, name)| (escape(table), Bson::String(name.clone())));
        update.set.insert("tables", names.collect::<Document>());
    }
    Ok(update)
}

fn update_snapshot(
    update: &mut Update,
    snapshot: Option<&SnapshotState>,
    before: Option<&Saved>,
) -> Result<(), CheckpointError> {
    let Some(snapshot) = snapshot else {
        update.set.insert("snapshot", Bson::Null);
        return Ok(());
    };
    let known = before.and_then(|saved| saved.snapshot.as_ref());
    let Some(known) = known.filter(|known| known.start == snapshot.start) else {
        update.set.insert("snapshot", encode_snapshot(snapshot)?);
        return Ok(());
    };
    if known.reads_from != snapshot.reads_from {
        update.set.insert("snapshot.reads_from", encode("snapshot", &snapshot.reads_from)?);
    }
    if known.end != snapshot.end {
        update.set.insert("snapshot.end", encode("snapshot", &snapshot.end)?);
    }
    for (table, progress) in &snapshot.tables {
        if known.tables.get(table) != Some(progress) {
            let field = format!("snapshot.tables.{}", escape(table));
            update.set.insert(field, encode("snapshot", progress)?);
        }
    }
    for table in known.tables.keys().filter(|table| !snapshot.tables.contains_key(*table)) {
        update.unset.insert(format!("snapshot.tables.{}", escape(table)), true);
    }
    Ok(())
}

/// Sends the tables that moved, or all where it is not known what the target has.
fn update_polls(
    update: &mut Update,
    polls: &BTreeMap<String, TablePoll>,
    before: Option<&Saved>,
) -> Result<(), CheckpointError> {
    let Some(before) = before else {
        let polls = polls.iter().map(|(table, poll)| Ok((escape(table), encode("polls", poll)?)));
        update.set.insert("polls", polls.collect::<Result<Document, CheckpointError>>()?);
        return Ok(());
    };
    if Arc::as_ptr(&before.polls) == std::ptr::from_ref(polls) {
        return Ok(());
    }
    for (table, poll) in
        polls.iter().filter(|(table, poll)| before.polls.get(*table) != Some(*poll))
    {
        update.set.insert(format!("polls.{}", escape(table)), encode("polls", poll)?);
    }
    for table in before.polls.keys().filter(|table| !polls.contains_key(*table)) {
        update.unset.insert(format!("polls.{}", escape(table)), true);
    }
    Ok(())
}

fn encode_snapshot(snapshot: &SnapshotState) -> Result<Document, CheckpointError> {
    let mut tables = Document::new();
    for (table, progress) in &snapshot.tables {
        tables.insert(escape(table), encode("snapshot", progress)?);
    }
    let mut document = Document::new();
    document.insert("start", encode("snapshot", &snapshot.start)?);
    document.insert("reads_from", encode("snapshot", &snapshot.reads_from)?);
    document.insert("end", encode("snapshot", &snapshot.end)?);
    document.insert("tables", tables);
    Ok(document)
}

fn encode<T: serde::Serialize>(field: &'static str, value: &T) -> Result<Bson, CheckpointError> {
    to_bson(value).ok_or(CheckpointError::Encode { field })
}

fn phase(state: &State) -> &'static str {
    if !state.polls.is_empty() {
        return "polling";
    }
    match (&state.snapshot, &state.position) {
        (Some(snapshot), _) if snapshot.end.is_none() => "snapshot",
        (None, None) => "starting",
        _ if !state.consistent => "catching_up",
        _ => "streaming",
    }
}

/// Whether anything was ever saved: a pipeline that was only acquired has an owner and nothing else.
pub(super) fn is_blank(document: &Document) -> bool {
    !["position", "snapshot", "applied_micros", "tables"]
        .iter()
        .any(|field| document.contains_key(field))
}

/// Reads the state without the schemas; the answer names their documents.
pub(super) fn read(document: &Document) -> Result<(State, BTreeMap<String, String>), &'static str> {
    let state = State {
        position: field::<Option<Position>>(document, "position")?,
        applied_micros: field(document, "applied_micros")?,
        snapshot: read_snapshot(document)?.map(Arc::new),
        consistent: field(document, "consistent")?,
        schemas: Arc::default(),
        polls: Arc::new(read_polls(document)?),
        control: document
            .get("control")
            .map(|of| from_bson::<Control>(of).ok_or("control"))
            .transpose()?,
    };
    let names: BTreeMap<String, String> = field(document, "tables")?;
    Ok((state, names.into_iter().map(|(table, name)| (unescape(&table), name)).collect()))
}

fn read_polls(document: &Document) -> Result<BTreeMap<String, TablePoll>, &'static str> {
    let Some(saved) = document.get("polls") else { return Ok(BTreeMap::new()) };
    let polls: BTreeMap<String, TablePoll> = from_bson(saved).ok_or("polls")?;
    Ok(polls.into_iter().map(|(table, poll)| (unescape(&table), poll)).collect())
}

fn read_snapshot(document: &Document) -> Result<Option<SnapshotState>, &'static str> {
    let snapshot = match document.get("snapshot") {
        Some(Bson::Null) => return Ok(None),
        Some(Bson::Document(snapshot)) => snapshot,
        _ => return Err("snapshot"),
    };
    let inner = |name| snapshot.get(name).ok_or("snapshot");
    let tables: BTreeMap<String, TableProgress> =
        from_bson(inner("tables")?).ok_or("snapshot.tables")?;
    Ok(Some(SnapshotState {
        start: from_bson(inner("start")?).ok_or("snapshot.start")?,
        reads_from: match snapshot.get("reads_from") {
            Some(saved) => from_bson(saved).ok_or("snapshot.reads_from")?,
            None => None, // an earlier version saved it
        },
        end: from_bson(inner("end")?).ok_or("snapshot.end")?,
        tables: tables.into_iter().map(|(table, of)| (unescape(&table), of)).collect(),
    }))
}

fn field<T: serde::de::DeserializeOwned>(
    document: &Document,
    name: &'static str,
) -> Result<T, &'static str> {
    document.get(name).and_then(from_bson).ok_or(name)
}

/// The name of a schema's document: pipeline, table and content.
pub(super) fn schema_id(
    pipeline: &str,
    table: &str,
    schema: &TableSchema,
) -> Result<String, CheckpointError> {
    let content =
        serde_json::to_vec(schema).map_err(|_| CheckpointError::Encode { field: "schema" })?;
    let hash = blake3::hash(&content).to_hex();
    Ok(format!("schema:{pipeline}:{table}:{}", hash.chars().take(32).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::SqlValue;

    fn progress(rows: u64) -> TableProgress {
        let done_to = Some(vec![SqlValue::UInt(u64::MAX - rows)]);
        TableProgress { done_to, rows, ..TableProgress::default() }
    }

    fn state() -> State {
        let start = Position { file: "binlog.000004".into(), offset: 4, ..Position::default() };
        let tables = [("shop.a".to_owned(), progress(1)), ("shop.b$%".to_owned(), progress(2))];
        State {
            position: None,
            applied_micros: 7,
            snapshot: Some(Arc::new(SnapshotState {
                start,
                reads_from: None,
                end: None,
                tables: tables.into(),
            })),
            consistent: false,
            schemas: Arc::default(),
            polls: Arc::new([("shop.a".to_owned(), poll("2026-01-02 03:04:05.000006"))].into()),
            control: Some(Control { paused: true, ..Control::default() }),
        }
    }

    fn poll(stamp: &str) -> TablePoll {
        let seen = crate::model::poll::ClockReading { source: 1, local: 2 };
        let cursor = crate::model::poll::PollCursor {
            column: "at".to_owned(),
            stamp: stamp.to_owned(),
            key: Some(vec![SqlValue::UInt(u64::MAX)]),
            seen,
        };
        TablePoll { cursor: Some(cursor), merged_millis: 3 }
    }

    #[test]
    fn what_is_saved_whole_reads_back() {
        let state = state();
        let names = BTreeMap::from([("shop.a".to_owned(), "schema:x:shop.a:1".to_owned())]);
        let update = update(&state, StatePart::All, None, &names).unwrap();
        assert!(update.unset.is_empty() && !is_blank(&update.set));
        assert_eq!(update.set.get_str("phase").unwrap(), "polling");
        assert_eq!(read(&update.set), Ok((state, names)));
    }

    #[test]
    fn progress_sends_only_the_tables_that_moved() {
        let mut state = state();
        let before = Saved { snapshot: state.snapshot.clone(), ..Saved::default() };
        let snapshot = state.snapshot_mut().unwrap();
        snapshot.tables.insert("shop.a".to_owned(), progress(9));
        snapshot.tables.remove("shop.b$%");
        let update = update(&state, StatePart::Progress, Some(&before), &BTreeMap::new()).unwrap();
        let sent: Vec<&str> = update
            .set
            .keys()
            .map(String::as_str)
            .filter(|key| key.starts_with("snapshot"))
            .collect();
        assert_eq!(sent, ["snapshot.tables.shop%2Ea"]);
        assert_eq!(update.unset.keys().collect::<Vec<_>>(), ["snapshot.tables.shop%2Eb%24%25"]);
        assert!(!update.set.contains_key("tables"));
    }

    #[test]
    fn a_damaged_document_is_told_by_its_field() {
        let whole = update(&state(), StatePart::All, None, &BTreeMap::new()).unwrap().set;
        for name in ["position", "applied_micros", "snapshot", "consistent", "tables"] {
            let mut damaged = whole.clone();
            damaged.remove(name);
            assert_eq!(read(&damaged), Err(name));
            damaged.insert(name, "x");
            assert_eq!(read(&damaged), Err(name));
        }
    }

    #[test]
    fn a_schema_is_named_by_its_content() {
        let named = serde_json::json!({ "database": "shop", "table": "a" });
        let mut schema: TableSchema = serde_json::from_value(
            serde_json::json!({ "name": named, "columns": [], "key": null }),
        )
        .unwrap();
        let one = schema_id("p", "shop.a", &schema).unwrap();
        assert_eq!(schema_id("p", "shop.a", &schema).unwrap(), one);
        schema.engine = "InnoDB".to_owned();
        assert_ne!(schema_id("p", "shop.a", &schema).unwrap(), one);
    }
}
