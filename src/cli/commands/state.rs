//! `binleaf checkpoint show|set|reset`: the saved state.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context as _;
use serde_json::json;

use super::audit;
use crate::{
    checkpoint::MongoCheckpoints,
    config::Config,
    model::{fault::Fault, gtid::GtidPosition, position::Position, state::State, table::is_called},
    sink::MongoSink,
};

/// Opens the saved state.
pub(super) async fn open(config: &Config) -> anyhow::Result<MongoCheckpoints> {
    let sink = MongoSink::connect(&config.target).await.map_err(Fault::from)?;
    Ok(MongoCheckpoints::open(sink.link(), &config.checkpoint).map_err(Fault::from)?)
}

/// Shows the saved state.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn show(config: &Config, json: bool) -> anyhow::Result<String> {
    let state = open(config).await?.load().await.map_err(Fault::from)?;
    if json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(&state.as_ref().map(summary))?));
    }
    Ok(match state {
        None => format!("no checkpoint \"{}\" is saved\n", config.checkpoint.name),
        Some(state) => describe(&state),
    })
}

/// Sets the position by hand: the stream goes on behind this GTID set.
///
/// # Errors
/// When nobody agrees to it, or it cannot be saved.
pub(super) async fn set(config: &Config, gtid: GtidPosition, yes: bool) -> anyhow::Result<String> {
    agree(
        yes,
        &format!(
            "the stream will go on behind {gtid}; changes before it that were not applied are lost"
        ),
    )?;
    let state = open(config).await?;
    take(&state).await?;
    let mut saved = state.load().await.map_err(Fault::from)?.unwrap_or_default();
    saved.position = Some(Position { gtid_set: Some(gtid.clone()), ..Position::default() });
    saved.consistent = true;
    let outcome =
        crate::model::port::Checkpoints::save(&state, &saved, crate::model::state::StatePart::All)
            .await;
    audit::keep(&state, "checkpoint_set", &[("gtid", gtid.to_string())], &outcome).await;
    state.release().await.map_err(Fault::from)?;
    outcome?;
    Ok(format!("the position of \"{}\" is {gtid}\n", config.checkpoint.name))
}

/// Forgets progress, so that the next run copies anew: everything, or some tables.
///
/// # Errors
/// When nobody agrees to it, or it cannot be saved.
pub(super) async fn reset(
    config: &Config,
    tables: Option<&[String]>,
    yes: bool,
) -> anyhow::Result<String> {
    let what = tables.map_or_else(|| "all tables".to_owned(), |tables| tables.join(", "));
    agree(yes, &format!("the next run will empty and copy again the collections of {what}"))?;
    let state = open(config).await?;
    let names = match tables {
        None => None,
        Some(tables) => Some(full_names(&state, tables).await?),
    };
    take(&state).await?;
    let outcome = state.reset(names.as_deref()).await.map_err(Fault::from);
    audit::keep(&state, "checkpoint_reset", &[("tables", what.clone())], &outcome).await;
    state.release().await.map_err(Fault::from)?;
    outcome?;
    Ok(format!("forgotten: {what}; `binleaf run` copies anew\n"))
}

/// Takes the pipeline; a running instance must be stopped first.
pub(super) async fn take(state: &MongoCheckpoints) -> anyhow::Result<()> {
    match state.try_acquire().await.map_err(Fault::from)? {
        None => Ok(()),
        Some(owner) => anyhow::bail!("an instance is running ({owner}); stop it first"),
    }
}

/// The saved names of tables that are given with or without their database.
async fn full_names(state: &MongoCheckpoints, given: &[String]) -> anyhow::Result<Vec<String>> {
    let saved = state.load().await.map_err(Fault::from)?.unwrap_or_default();
    let known: Vec<String> =
        saved.snapshot.iter().flat_map(|snapshot| snapshot.tables.keys().cloned()).collect();
    let mut names = Vec::new();
    for name in given {
        let fits = |known: &&String| is_called(known, name);
        let found: Vec<String> = known.iter().filter(fits).cloned().collect();
        anyhow::ensure!(!found.is_empty(), "no table {name} was copied");
        names.extend(found);
    }
    Ok(names)
}

/// Asks before something is destroyed. Without a terminal the answer must be given by `--yes`.
pub(super) fn agree(yes: bool, consequence: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    anyhow::ensure!(std::io::stdin().is_terminal(), "{consequence}; say --yes to go on");
    let mut error = std::io::stderr();
    write!(error, "{consequence}. Go on? [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("no answer")?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was changed");
    Ok(())
}

fn summary(state: &State) -> serde_json::Value {
    let tables = state.snapshot.iter().flat_map(|snapshot| &snapshot.tables);
    let tables: serde_json::Map<_, _> = tables
        .map(|(name, progress)| {
            (name.clone(), json!({ "complete": progress.complete, "rows": progress.rows }))
        })
        .collect();
    json!({
        "position": state.position,
        "consistent": state.consistent,
        "snapshot": state.snapshot.as_ref().map(|snapshot| json!({
            "start": snapshot.start, "end": snapshot.end, "tables": tables,
        })),
    })
}

fn describe(state: &State) -> String {
    let place = |position: Option<&Position>| {
        position.map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    let mut text = format!("position    {}\n", place(state.position.as_ref()));
    if let Some(position) = &state.position {
        text.push_str(&format!(
            "file        {}:{}\nserver      {}\n",
            position.file, position.offset, position.server_uuid
        ));
    }
    text.push_str(&format!("consistent  {}\n", if state.consistent { "yes" } else { "not yet" }));
    if let Some(snapshot) = &state.snapshot {
        let done = snapshot.tables.values().filter(|progress| progress.complete).count();
        text.push_str(&format!(
            "snapshot    {done} of {} tables, from {}\n",
            snapshot.tables.len(),
            snapshot.start
        ));
    }
    text
}
