//! From settings to a pipeline that is ready to start: both sides reached, everything checked, the state loaded, the
//! position verified, and the decision made where to begin. No data is written before that.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::{error, info, warn};

use super::{
    Context,
    check::{self, Checked, Surroundings},
    feed::{Stream, Work},
    patience::Patience,
    ready::{self, Found},
    start::{self, Anew, Copy, Goal, Start},
};
use crate::{
    checkpoint::MongoCheckpoints,
    config::StreamStart,
    mapping::{self, Plan, RuleBook},
    model::{
        fault::{Fault, Stage},
        finding::{Finding, Level},
        letter::LetterKey,
        port::Checkpoints,
        position::Position,
        snapshot::TableProgress,
        state::{State, StatePart, TableRecord},
        table::TableSchema,
    },
    pipeline::handle::{Way, pending_record},
    sink::{MongoSink, preflight::UNIQUE_INDEX},
    source::{connect::Connector, position, schema},
};

/// Both sides, reached and checked, and what was saved.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connector: Connector,
    pub(super) sink: Arc<MongoSink>,
    pub(super) checkpoints: Arc<MongoCheckpoints>,
    pub(super) rules: RuleBook,
    /// The full names of collections that have unique indexes besides their keys.
    pub(super) one_lane: HashSet<String>,
    /// How changes are had.
    pub(super) way: Way,
    tables: Vec<Arc<TableSchema>>,
    state: Option<State>,
    records: Vec<TableRecord>,
    letters: Vec<LetterKey>,
}

/// What a life of the pipeline starts from.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) state: State,
    pub(super) records: Vec<TableRecord>,
    pub(super) letters: Vec<LetterKey>,
    pub(super) work: Work,
}

impl Prepared {
    /// The tables whose collections were filled by an earlier run.
    pub(super) fn recorded(&self) -> BTreeSet<String> {
        self.records.iter().map(|record| record.table.clone()).collect()
    }
}

impl Session {
    /// Gives the pipeline up to whoever comes next, and closes the connections.
    pub(super) async fn close(self) {
        if let Err(error) = self.checkpoints.release().await {
            warn!(error = %Fault::from(error).chain(), "the state could not be released: the next start will wait for it");
        }
        self.connector.close().await;
    }
}

/// Reaches both sides, however long it takes, and checks them. `None` when told to stop before.
pub(super) async fn connect(context: &Context) -> Result<Option<Session>, Fault> {
    let config = &context.config;
    let connector = Connector::new(config.source.clone());
    let patience = Patience::from(context);
    let sink = patience.until_done(|| async { Ok(MongoSink::connect(&config.target).await?) });
    let Some(sink) = sink.await? else { return Ok(None) };
    let sink = Arc::new(sink);
    let checkpoints = MongoCheckpoints::open(sink.link(), &config.checkpoint)?;
    let acquired = patience.until_done(|| async { Ok(checkpoints.acquire(&context.stop).await?) });
    if acquired.await? != Some(true) {
        return Ok(None);
    }
    let loaded = patience.until_done(|| saved(&checkpoints)).await?;
    let Some((state, records, letters)) = loaded else { return Ok(None) };
    let found =
        patience.until_done(|| async { Ok(check::tables(&connector, config).await?) }).await?;
    let Some(tables) = found else { return Ok(None) };
    let surroundings = Surroundings { tables: &tables, records: &records, state: state.as_ref() };
    let polls = matches!(context.goal, Goal::Poll { .. });
    let Checked { findings, way } = check::run(&connector, config, &surroundings, polls).await;
    refuse_errors(&findings)?;
    context.handle.set_way(way.clone(), config.poll.interval);
    let one_lane = findings.into_iter().filter(|one| one.code == UNIQUE_INDEX);
    let one_lane = one_lane.map(|one| one.object).collect();
    let rules = RuleBook::new(config);
    let tables = check::without_skipped(tables, &rules);
    let checkpoints = Arc::new(checkpoints);
    Ok(Some(Session {
        connector,
        sink,
        checkpoints,
        rules,
        one_lane,
        way,
        tables,
        state,
        records,
        letters,
    }))
}

type Saved = (Option<State>, Vec<TableRecord>, Vec<LetterKey>);

async fn saved(checkpoints: &MongoCheckpoints) -> Result<Saved, Fault> {
    Ok((
        checkpoints.load().await?,
        checkpoints.load_tables().await?,
        open_letters(checkpoints).await?,
    ))
}

async fn open_letters(checkpoints: &MongoCheckpoints) -> Result<Vec<LetterKey>, Fault> {
    const PAGE: usize = 1000;
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = checkpoints.open_letters(None, after.as_deref(), PAGE).await?;
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            return Ok(keys);
        }
    }
}

/// Decides where to begin and makes the target ready for it.
pub(super) async fn begin(
    context: &Context,
    session: &Session,
    anew: &Anew,
) -> Result<Prepared, Fault> {
    let control = session.state.as_ref().and_then(|state| state.control);
    if let Some(saved) = control {
        context.handle.restore(saved);
    }
    let state = anew.forget(session.state.clone().unwrap_or_default(), &session.tables);
    let mut prepared = if session.way.polls {
        prepare_polling(context, session, state)
    } else if state.polls.is_empty() {
        prepare_stream(context, session, anew, state).await?
    } else {
        hand_over(context, session, state).await?
    };
    // Whatever else a new copy makes void.
    prepared.state.control = control;
    Ok(prepared)
}

async fn prepare_stream(
    context: &Context,
    session: &Session,
    anew: &Anew,
    mut state: State,
) -> Result<Prepared, Fault> {
    let config = &context.config;
    let start = start::decide(
        &mut state,
        (&context.goal, anew),
        config.snapshot.when,
        &config.stream.start,
        &session.tables,
    );
    let mut records = session.records.clone();
    let (position, copy) = match start {
        Start::Stream(position) => {
            verify(session, &position).await?;
            (position, None)
        }
        Start::StreamFrom(from) => {
            let position = resolve(session, &from).await?;
            remember(&mut state, &session.tables, &position);
            session.checkpoints.save(&state, StatePart::All).await?;
            (position, None)
        }
        Start::Copy(copy) => {
            let existing = anew.existing(config.snapshot.existing);
            let begun = begin_copy(context, session, existing, (&mut state, &mut records), copy);
            let begun = begun.await?;
            (begun.0, Some(begun.1))
        }
    };
    let schemas = schemas_at(&state, &session.tables);
    let sweep = start::unswept(&state, &session.tables);
    let copy = copy.and_then(|tables| {
        let snapshot = state.snapshot.clone()?;
        let is_left = |table: &Arc<TableSchema>| !start::is_copied(&snapshot, table);
        let tables = tables.into_iter().filter(is_left).collect();
        Some((snapshot, tables))
    });
    let filter = schema::TableFilter::new(&config.source)?;
    let fresh = start::read_later(&state, &session.tables);
    let copied_to = state.snapshot.as_ref().and_then(|snapshot| snapshot.reads_from.clone());
    let stream = Stream { position, schemas, filter, copied_to, fresh };
    let work = Work::Stream { copy, sweep, stream };
    Ok(Prepared { state, records, letters: session.letters.clone(), work })
}

/// Whatever is polled finds out by itself where it was.
fn prepare_polling(context: &Context, session: &Session, mut state: State) -> Prepared {
    if matches!(context.goal, Goal::Copy { restart: true, .. }) {
        // What was read of a pass that was not finished does not count. Nothing is emptied for it.
        let tables = state.snapshot_mut().into_iter().flat_map(|of| of.tables.values_mut());
        tables.for_each(|table| {
            let TableProgress { complete, unswept, .. } = *table;
            *table = TableProgress { complete, unswept, ..TableProgress::default() };
        });
    }
    let (records, letters) = (session.records.clone(), session.letters.clone());
    Prepared { state, records, letters, work: Work::Poll }
}

/// From polling to the stream: the position is taken before the last pass.
async fn hand_over(context: &Context, session: &Session, state: State) -> Result<Prepared, Fault> {
    let mut connection = session.connector.connect().await?;
    let position = position::snapshot_start(&mut connection).await?;
    let found = schema::discover(&mut connection, &context.config.source).await?;
    drop(connection);
    let found = check::without_skipped(found.into_iter().map(Arc::new).collect(), &session.rules);
    info!(operation = "sync_started", position = %position, tables = found.len(), "from polling to the stream: one more pass, then the binlog from here");
    let stream = Stream {
        position,
        schemas: found,
        filter: schema::TableFilter::new(&context.config.source)?,
        copied_to: None,
        fresh: Vec::new(),
    };
    let (records, letters) = (session.records.clone(), session.letters.clone());
    Ok(Prepared { state, records, letters, work: Work::HandOver { stream } })
}

/// Takes the position, makes the collections ready, and saves that a copy has begun; only then may it be read.
async fn begin_copy(
    context: &Context,
    session: &Session,
    existing: Found,
    (state, records): (&mut State, &mut Vec<TableRecord>),
    copy: Copy,
) -> Result<(Position, Vec<Arc<TableSchema>>), Fault> {
    if let Some(from) = &copy.from {
        verify(session, from).await?;
    }
    let (now, fresh) = first_position(context, session, copy.fresh).await?;
    let from = copy.from.unwrap_or_else(|| now.clone());
    start::copy_begins(state, &from, &now, &fresh);
    let recorded = records.iter().map(|record| record.table.as_str()).collect();
    let readied = stream::iter(&fresh).map(|table| make_ready(session, existing, &recorded, table));
    let are_swept: Vec<bool> = readied.buffered(SIDE_BY_SIDE).try_collect().await?;
    for (table, is_swept) in fresh.iter().zip(are_swept) {
        start::sweep_later(state, table, is_swept);
    }
    let pending: Vec<TableRecord> =
        fresh.iter().map(|table| pending_record(table.name.to_string())).collect();
    session.checkpoints.save_tables(&pending).await?;
    session.checkpoints.save(state, StatePart::All).await?;
    let renewed: BTreeSet<&str> = pending.iter().map(|record| record.table.as_str()).collect();
    records.retain(|record| !renewed.contains(record.table.as_str()));
    records.extend(pending.iter().cloned());
    info!(operation = "sync_started", position = %from, tables = fresh.len() + copy.begun.len(), "the copy begins");
    Ok((from, copy.begun.into_iter().chain(fresh).collect()))
}

/// The position before the first read, and the schemas as they are after it: a change of schema in between is then
/// seen by the stream.
async fn first_position(
    context: &Context,
    session: &Session,
    fresh: Vec<Arc<TableSchema>>,
) -> Result<(Position, Vec<Arc<TableSchema>>), Fault> {
    let mut connection = session.connector.connect().await?;
    let from = position::snapshot_start(&mut connection).await?;
    let found = schema::discover(&mut connection, &context.config.source).await?;
    drop(connection);
    let names: BTreeSet<_> = fresh.iter().map(|table| table.name.clone()).collect();
    let fresh =
        found.into_iter().filter(|table| names.contains(&table.name)).map(Arc::new).collect();
    Ok((from, fresh))
}

/// Collections that are made ready side by side: with thousands of them a round trip each takes minutes.
const SIDE_BY_SIDE: usize = 16;

/// Makes a collection ready for a new copy. Answers whether what the source does not have is to go behind it.
async fn make_ready(
    session: &Session,
    existing: Found,
    recorded: &BTreeSet<&str>,
    table: &Arc<TableSchema>,
) -> Result<bool, Fault> {
    let rules = session.rules.resolve(&table.name);
    let plan = Plan::compile(Arc::clone(table), &rules)
        .map_err(|issues| mapping::unmappable(table, &issues))?;
    let is_ours = recorded.contains(table.name.to_string().as_str());
    ready::make_ready(&session.sink, &plan, is_ours, existing).await
}

async fn verify(session: &Session, position: &Position) -> Result<(), Fault> {
    position::verify(&session.connector, position).await
}

/// Where the stream starts without a copy.
async fn resolve(session: &Session, start: &StreamStart) -> Result<Position, Fault> {
    let mut connection = session.connector.connect().await?;
    let now = position::current(&mut connection).await?;
    drop(connection);
    let position = match start {
        StreamStart::Checkpoint | StreamStart::Now => now,
        StreamStart::Gtid(set) => Position { gtid_set: Some(set.clone()), anchor: None, ..now },
        StreamStart::File(file, offset) => {
            Position { gtid_set: None, file: file.clone(), offset: *offset, anchor: None, ..now }
        }
    };
    verify(session, &position).await?;
    Ok(position)
}

fn remember(state: &mut State, tables: &[Arc<TableSchema>], position: &Position) {
    state.position = Some(position.clone());
    state.consistent = true;
    for table in tables {
        state.remember(table);
    }
}

/// The schemas as of the position: those saved with it, and for tables that it does not know those found now.
fn schemas_at(state: &State, tables: &[Arc<TableSchema>]) -> Vec<Arc<TableSchema>> {
    let at = |table: &Arc<TableSchema>| match state.schemas.get(&table.name.to_string()) {
        Some(saved) => Arc::clone(saved),
        // Its rows may be older than what was found, and nothing in the stream tells of a changed default.
        None => Arc::new(TableSchema { defaults: Vec::new(), ..TableSchema::clone(table) }),
    };
    tables.iter().map(at).collect()
}

/// Tells all findings; errors among them end the start.
fn refuse_errors(findings: &[Finding]) -> Result<(), Fault> {
    let mut errors = 0;
    for finding in findings {
        let Finding { code, object, meaning, .. } = finding;
        let remedy = finding.remedy.as_deref();
        match finding.level {
            Level::Error => {
                errors += 1;
                error!(code, object, hint = remedy, "{meaning}");
            }
            Level::Warning => warn!(code, object, hint = remedy, "{meaning}"),
            Level::Info => info!(code, object, hint = remedy, "{meaning}"),
        }
    }
    if errors == 0 {
        return Ok(());
    }
    Err(Fault::fatal(Stage::Config, format!("{errors} findings stand in the way"))
        .with_hint("`binleaf check` lists them, each with the statement that mends it"))
}
