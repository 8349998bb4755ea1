//! `binleaf dead-letters list|show|replay|purge`: changes that could not be written.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::form_urlencoded::byte_serialize;

use super::{
    super::render,
    audit, instance,
    state::{agree, open, take},
};
use crate::{
    checkpoint::MongoCheckpoints,
    config::Config,
    model::{fault::Fault, table::is_called},
};

/// How long it is waited for what comes of trying again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The most letters that are watched one by one: with more of them the rest is counted.
const WATCHED: usize = 10_000;

/// As much of an id as people read.
const SHORT_ID: usize = 12;

/// The open letters, the newest first.
///
/// # Errors
/// When they cannot be read, or no table has the name.
pub(super) async fn list(
    config: &Config,
    table: Option<&str>,
    limit: u32,
    as_json: bool,
) -> anyhow::Result<String> {
    let state = open(config).await?;
    let (table, total) = count(&state, table).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = state.show_letters(table.as_deref(), limit, false).await.map_err(Fault::from)?;
    if as_json {
        let answer = json!({ "total": total, "dead_letters": found });
        return Ok(format!("{answer:#}\n"));
    }
    Ok(match (total, u64::try_from(found.len())) {
        (0, _) => "no dead letters\n".to_owned(),
        (_, Ok(shown)) if shown < total => {
            format!("{}\n\nthe newest {shown} of {total}\n", grid(&found))
        }
        _ => format!("{}\n", grid(&found)),
    })
}

fn grid(letters: &[Value]) -> String {
    let row = |letter: &Value| {
        let id: String = text(letter, "id").chars().take(SHORT_ID).collect();
        let rest = ["table", "operation", "position", "at", "attempts", "reason"];
        [id].into_iter().chain(rest.map(|name| text(letter, name))).collect()
    };
    let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
    let header = ["id", "table", "operation", "position", "at", "tries", "reason"];
    render::grid(&header, &rows)
}

fn text(letter: &Value, name: &str) -> String {
    match letter.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

/// One letter with its row.
///
/// # Errors
/// When it cannot be read, or not just one has such an id.
pub(super) async fn show(config: &Config, id: &str) -> anyhow::Result<String> {
    let found = open(config).await?.find_letters(id).await.map_err(Fault::from)?;
    match found.as_slice() {
        [] => {
            anyhow::bail!("no dead letter's id begins with {id}: see `binleaf dead-letters list`")
        }
        [letter] => Ok(format!("{letter:#}\n")),
        _ => anyhow::bail!("several dead letters' ids begin with {id}"),
    }
}

/// Forgets letters.
///
/// # Errors
/// When nobody agrees to it, or it cannot be done.
pub(super) async fn purge(
    config: &Config,
    table: Option<&str>,
    yes: bool,
) -> anyhow::Result<String> {
    let state = open(config).await?;
    let (table, total) = count(&state, table).await?;
    if total == 0 {
        return Ok("no dead letters\n".to_owned());
    }
    let consequence = format!(
        "{total} dead letters will be forgotten; their documents stay as they are until the rows change again"
    );
    agree(yes, &consequence)?;
    take(&state).await?;
    let outcome = state.purge_letters(table.as_deref()).await.map_err(Fault::from);
    let what = table.unwrap_or_else(|| "all tables".to_owned());
    audit::keep(&state, "dead_letters_purge", &[("tables", what)], &outcome).await;
    state.release().await.map_err(Fault::from)?;
    Ok(format!("{} dead letters are forgotten\n", outcome?))
}

/// The full name of the table that is meant, and how many letters there are of it, or of all.
async fn count(
    state: &MongoCheckpoints,
    table: Option<&str>,
) -> anyhow::Result<(Option<String>, u64)> {
    let counts = state.count_letters().await.map_err(Fault::from)?;
    let Some(name) = table else { return Ok((None, counts.values().sum())) };
    let named: Vec<(&String, &u64)> =
        counts.iter().filter(|(known, _)| is_called(known, name)).collect();
    match named.as_slice() {
        [] => Ok((Some(name.to_owned()), 0)),
        [(full, letters)] => Ok((Some((*full).clone()), **letters)),
        _ => anyhow::bail!("several databases have a table {name}: write database.table"),
    }
}

/// Has the running instance try letters again. The answer is what came of it, and whether none is left.
///
/// # Errors
/// When no instance runs, or it refuses.
pub(super) async fn replay(config: &Config, table: Option<&str>) -> anyhow::Result<(String, bool)> {
    let state = open(config).await?;
    let (table, total) = count(&state, table).await?;
    if total == 0 {
        return Ok(("no dead letters\n".to_owned(), true));
    }
    let before = attempts(&state, table.as_deref()).await?;
    let encoded = |name: &String| byte_serialize(name.as_bytes()).collect::<String>();
    let query = table.as_ref().map(|name| format!("?table={}", encoded(name)));
    let path = format!("/api/sync/dead-letters/replay{}", query.unwrap_or_default());
    let answer = instance::tell(&config.http, &path).await;
    let (is_accepted, words) = answer.context(
        "letters are tried again by the running instance, and none answers: start `binleaf run`",
    )?;
    anyhow::ensure!(is_accepted, "it is refused: {}", refusal(&words));
    let until = Instant::now() + PATIENCE;
    loop {
        sleep(LOOK).await;
        let now = attempts(&state, table.as_deref()).await?;
        let Outcome { settled, refused, open } = outcome(&before, &now);
        if open > 0 && Instant::now() < until {
            continue;
        }
        let unseen = total.saturating_sub(u64::try_from(before.len()).unwrap_or(u64::MAX));
        let mut text = format!("{settled} settled, {refused} refused again");
        if open > 0 {
            text.push_str(&format!(", {open} not tried yet: the log tells why"));
        }
        if unseen > 0 {
            text.push_str(&format!(", {unseen} older ones not watched"));
        }
        return Ok((format!("{text}\n"), refused + open == 0 && unseen == 0));
    }
}

/// What became of letters.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    settled: usize,
    refused: usize,
    open: usize,
}

fn outcome(before: &HashMap<String, i64>, now: &HashMap<String, i64>) -> Outcome {
    let mut outcome = Outcome { settled: 0, refused: 0, open: 0 };
    for (id, tries) in before {
        match now.get(id) {
            None => outcome.settled += 1,
            Some(now) if now > tries => outcome.refused += 1,
            Some(_) => outcome.open += 1,
        }
    }
    outcome
}

/// How often each of the newest letters was tried.
async fn attempts(
    state: &MongoCheckpoints,
    table: Option<&str>,
) -> anyhow::Result<HashMap<String, i64>> {
    let letters = state.show_letters(table, WATCHED, false).await.map_err(Fault::from)?;
    let tries = |letter: &Value| letter.get("attempts").and_then(Value::as_i64).unwrap_or(0);
    Ok(letters.iter().map(|letter| (text(letter, "id"), tries(letter))).collect())
}

fn refusal(words: &Value) -> String {
    let error = words.get("error").unwrap_or(words);
    let hint = error.get("hint").and_then(Value::as_str).unwrap_or_default();
    format!("{} ({hint})", text(error, "message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_letters_is_told_by_their_tries() {
        let letters = |pairs: &[(&str, i64)]| {
            pairs.iter().map(|(id, tries)| ((*id).to_owned(), *tries)).collect()
        };
        let before = letters(&[("a", 1), ("b", 1), ("c", 2)]);
        let now = letters(&[("b", 2), ("c", 2), ("new", 1)]);
        assert_eq!(outcome(&before, &now), Outcome { settled: 1, refused: 1, open: 1 });
    }
}
