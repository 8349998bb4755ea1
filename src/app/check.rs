//! Everything that can be known before the start, in one list.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    checkpoint::MongoCheckpoints,
    config::{Config, Existing, SnapshotWhen},
    mapping::{Plan, PlanIssue, RuleBook, shared_collections},
    model::{
        fault::{Fault, Stage},
        finding::Finding,
        state::{State, TableRecord},
        table::{TableName, TableSchema},
        write::{Collection, Target},
    },
    sink::{self, MongoSink, preflight::Subject},
    source::{connect::Connector, error::SourceError, preflight, schema},
};

/// What is known when the checks are run.
#[derive(Debug, Default)]
pub(super) struct Surroundings<'a> {
    /// The tables found.
    pub(super) tables: &'a [Arc<TableSchema>],
    /// The saved records: tables that have one are ours.
    pub(super) records: &'a [TableRecord],
    /// The saved state.
    pub(super) state: Option<&'a State>,
}

/// Runs every check of both sides. For `binleaf check`, which starts from nothing.
pub async fn check(config: &Config) -> Vec<Finding> {
    let connector = Connector::new(config.source.clone());
    let tables = tables(&connector, config).await.unwrap_or_default();
    let (state, records) = saved(config).await;
    let surroundings = Surroundings { tables: &tables, records: &records, state: state.as_ref() };
    let findings = run(&connector, config, &surroundings).await;
    connector.close().await;
    findings
}

/// The saved state, as far as it can be had: an unreachable target is a finding of its own.
async fn saved(config: &Config) -> (Option<State>, Vec<TableRecord>) {
    let Ok(sink) = MongoSink::connect(&config.target).await else { return (None, Vec::new()) };
    let Ok(checkpoints) = MongoCheckpoints::open(sink.link(), &config.checkpoint) else {
        return (None, Vec::new());
    };
    (
        checkpoints.load().await.unwrap_or_default(),
        checkpoints.load_tables().await.unwrap_or_default(),
    )
}

/// Runs every check of both sides with what is known already.
pub(super) async fn run(
    connector: &Connector,
    config: &Config,
    surroundings: &Surroundings<'_>,
) -> Vec<Finding> {
    let (plans, issues) = plans(surroundings.tables, &RuleBook::new(config));
    let identity = |plan: &Plan| (plan.schema().name.clone(), plan.key_columns());
    let identities = plans.iter().map(identity).collect();
    let mut findings = preflight::run(connector, config, &identities).await;
    findings.extend(issues.iter().chain(plans.iter().flat_map(Plan::issues)).map(Finding::from));
    findings.extend(shared_collections(&plans).iter().map(Finding::from));
    let places: Vec<(TableName, Arc<Target>)> =
        plans.iter().map(|plan| (plan.schema().name.clone(), Arc::clone(plan.target()))).collect();
    findings.extend(
        sink::preflight::run(&Subject {
            target: &config.target,
            checkpoint: &config.checkpoint,
            existing: existing(config),
            tables: &places,
            begun: &ours(surroundings),
        })
        .await,
    );
    findings
}

/// What becomes of documents that are there: whoever streams without a copy has one of his own.
const fn existing(config: &Config) -> Existing {
    match config.snapshot.when {
        SnapshotWhen::Never => Existing::Merge,
        SnapshotWhen::Initial | SnapshotWhen::Always => config.snapshot.existing,
    }
}

/// The tables whose collections were filled by an earlier run.
fn ours(surroundings: &Surroundings<'_>) -> BTreeSet<String> {
    let recorded = surroundings.records.iter().map(|record| record.table.clone());
    let snapshot = surroundings.state.and_then(|state| state.snapshot.as_ref());
    recorded.chain(snapshot.iter().flat_map(|snapshot| snapshot.tables.keys().cloned())).collect()
}

/// The tables that can be mapped, and why the others cannot.
fn plans(tables: &[Arc<TableSchema>], rules: &RuleBook) -> (Vec<Plan>, Vec<PlanIssue>) {
    let (mut plans, mut issues) = (Vec::new(), Vec::new());
    for table in tables {
        match Plan::compile(Arc::clone(table), &rules.resolve(&table.name)) {
            Ok(plan) => plans.push(plan),
            Err(reasons) => issues.extend(reasons),
        }
    }
    (plans, issues)
}

/// The tables that the settings name.
pub(super) async fn tables(
    connector: &Connector,
    config: &Config,
) -> Result<Vec<Arc<TableSchema>>, SourceError> {
    let mut connection = connector.connect().await?;
    let tables = schema::discover(&mut connection, &config.source).await?;
    Ok(tables.into_iter().map(Arc::new).collect())
}

/// The tables without those that have no key and are to be left out for it.
pub(super) fn without_skipped(
    tables: Vec<Arc<TableSchema>>,
    rules: &RuleBook,
) -> Vec<Arc<TableSchema>> {
    tables.into_iter().filter(|table| !rules.resolve(&table.name).skips(table)).collect()
}

/// The fault of a collection that holds documents of somebody else.
pub(super) fn not_ours(table: &TableSchema, collection: &Collection) -> Fault {
    Fault::fatal(
        Stage::Sink,
        format!("the collection {collection} is not empty and was not made by binleaf"),
    )
    .at_table(&table.name)
    .with_hint("empty or rename it, or set snapshot.existing = \"merge\" to add to it")
}
