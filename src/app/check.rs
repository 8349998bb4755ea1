//! Everything that can be known before the start, in one list.

use std::{collections::BTreeSet, sync::Arc};

use super::polling;
use crate::{
    checkpoint::MongoCheckpoints,
    config::{Config, Existing, Mode, SnapshotWhen},
    mapping::{Plan, PlanIssue, RuleBook, shared_collections},
    model::{
        fault::{Fault, Stage},
        finding::{Finding, Level},
        state::{State, TableRecord},
        table::{TableName, TableSchema},
        write::{Collection, Target},
    },
    pipeline::handle::Way,
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
    let checked = run(&connector, config, &surroundings, false).await;
    connector.close().await;
    checked.findings
}

/// What was found, and how changes are to be had.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    pub(super) way: Way,
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

/// Runs every check of both sides with what is known already. `polls`: whether tables are polled, whatever the mode is.
pub(super) async fn run(
    connector: &Connector,
    config: &Config,
    surroundings: &Surroundings<'_>,
    polls: bool,
) -> Checked {
    let (plans, issues) = plans(surroundings.tables, &RuleBook::new(config));
    let identity = |plan: &Plan| (plan.schema().name.clone(), plan.key_columns());
    let identities = plans.iter().map(identity).collect();
    let preflight::Checked { general, stream, tables } =
        preflight::run(connector, config, &identities).await;
    let mode = if polls { Mode::Poll } else { config.mode };
    let (way, mut findings) = way(mode, stream);
    findings.extend(general);
    // Where the binlog can be had, one table that it does not serve is no reason to poll all of them.
    findings.extend(tables.into_iter().filter(|_| !way.polls));
    if way.polls {
        findings.extend(polling::check(connector, config, surroundings.tables).await);
    }
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
    Checked { findings, way }
}

/// How changes are had, and what is told of that. Where the settings leave it open, what stands in the way of the stream
/// is no error: tables are polled.
fn way(mode: Mode, stream: Vec<Finding>) -> (Way, Vec<Finding>) {
    let is_error = |finding: &Finding| finding.level == Level::Error;
    match mode {
        Mode::Stream => (Way::default(), stream),
        Mode::Poll => (Way { polls: true, reason: None }, Vec::new()),
        Mode::Auto if !stream.iter().any(is_error) => (Way::default(), stream),
        Mode::Auto => {
            let (errors, _): (Vec<Finding>, Vec<Finding>) = stream.into_iter().partition(is_error);
            let reasons: Vec<&str> = errors.iter().map(|error| error.meaning.as_str()).collect();
            let way = Way { polls: true, reason: Some(reasons.join("; ")) };
            let meaning = "the binlog cannot be followed, so tables are polled: changes arrive with the next run, and rows \
                           that are gone with the next comparison";
            let told = Finding::warning("polling", "mode", meaning).mend(
                "mend the warnings about the stream; then a restart streams, without a new copy",
            );
            let lowered =
                errors.into_iter().map(|error| Finding { level: Level::Warning, ..error });
            (way, std::iter::once(told).chain(lowered).collect())
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_of_the_stream_is_told_and_polled_around() {
        let findings = || {
            vec![
                Finding::error("log_bin", "log_bin", "no binlog").mend("switch it on"),
                Finding::warning("retention", "x", "short"),
            ]
        };
        assert_eq!(way(Mode::Stream, findings()), (Way::default(), findings()));
        assert_eq!(way(Mode::Poll, findings()), (Way { polls: true, reason: None }, vec![]));
        let (auto, told) = way(Mode::Auto, findings());
        assert_eq!(auto, Way { polls: true, reason: Some("no binlog".to_owned()) });
        let codes: Vec<_> = told.iter().map(|finding| (finding.code, finding.level)).collect();
        assert_eq!(codes, [("polling", Level::Warning), ("log_bin", Level::Warning)]);
        let (auto, told) = way(Mode::Auto, findings().split_off(1));
        assert_eq!((auto, told.len()), (Way::default(), 1));
    }
}
