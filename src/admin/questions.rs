//! Routes that ask the source or the target, by way of the desk: they may take seconds, and hold up nothing.

use std::{collections::BTreeMap, future::Future, time::Instant};

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Window, health,
    routes::error,
    status::{rounded, time},
    tables::Told,
};
use crate::{
    model::fault::{Fault, Stage},
    pipeline::handle::desk::{Letters, ListWish},
};

/// Entries of a list where no number is asked for.
const USUAL: usize = 100;

/// The most entries of a list.
const MOST: usize = 1000;

/// The routes, below `/api/sync`.
pub(super) fn router() -> Router<Window> {
    Router::new()
        .route("/health", get(health))
        .route("/test-connection", get(test_connection))
        .route("/tables", get(tables))
        .route("/tables/{name}", get(one_table))
        .route("/dead-letters", get(dead_letters))
        .route("/schema-changes", get(schema_changes))
}

async fn health(State(window): State<Window>) -> Json<Value> {
    let handle = &window.handle;
    let polls = handle.schedule().way.polls;
    let last_run = handle.last_run().filter(|_| polls);
    Json(health::health(&handle.report(), handle.is_alive(), last_run.as_ref()))
}

async fn test_connection(State(window): State<Window>) -> Response {
    let (source, target) =
        tokio::join!(timed(window.desk.try_source()), timed(window.desk.try_target()));
    let is_well = source.0.is_ok() && target.0.is_ok();
    let seen = source.0.as_ref().ok();
    let names =
        seen.map(|seen| seen.tables.iter().map(|name| window.handle.shown(&name.to_string())));
    let body = json!({
        "status": if is_well { "success" } else { "error" },
        "connected": seen.is_some(),
        "database": window.database,
        "host": seen.map(|seen| &seen.host),
        "tables_count": seen.map(|seen| seen.tables.len()),
        "tables": names.map(Iterator::collect::<Vec<_>>),
        "response_seconds": source.1,
        "error": source.0.as_ref().err().map(Fault::chain),
        "hint": source.0.as_ref().err().and_then(|fault| fault.hint.as_deref()),
        "target": {
            "connected": target.0.is_ok(),
            "database": window.target_database,
            "response_seconds": target.1,
            "error": target.0.as_ref().err().map(Fault::chain),
            "hint": target.0.as_ref().err().and_then(|fault| fault.hint.as_deref()),
        },
    });
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(body)).into_response()
}

async fn timed<T>(answer: impl Future<Output = T>) -> (T, f64) {
    let asked = Instant::now();
    let answer = answer.await;
    (answer, rounded(asked.elapsed().as_secs_f64()))
}

async fn tables(State(window): State<Window>) -> Result<Json<Value>, Unavailable> {
    let found = window.desk.tables().await?;
    let told = Told::of(&window.handle);
    let tables: BTreeMap<String, Value> =
        found.tables.iter().map(|view| (view.schema.name.to_string(), told.table(view))).collect();
    Ok(Json(json!({
        "tables": tables.into_values().collect::<Vec<_>>(),
        "as_of": time(found.at),
        "problem": found.problem.as_ref().map(Fault::chain),
    })))
}

async fn one_table(
    State(window): State<Window>,
    Path(name): Path<String>,
) -> Result<Response, Unavailable> {
    let found = window.desk.tables().await?;
    let full = window.handle.full_name(&name);
    let view = found.tables.iter().find(|view| view.schema.name.to_string() == full);
    Ok(match view {
        Some(view) => Json(Told::of(&window.handle).whole_table(view)).into_response(),
        None => unknown_table(&name),
    })
}

fn unknown_table(name: &str) -> Response {
    let hint = "GET /api/sync/tables lists them; with several databases write database.table";
    let message = format!("there is no table {name}");
    error(StatusCode::NOT_FOUND, "unknown_table", &message, hint)
}

#[derive(Debug, Deserialize)]
struct List {
    table: Option<String>,
    limit: Option<usize>,
    values: Option<bool>,
}

type ListQuery = Result<Query<List>, QueryRejection>;

/// The list that is wished for; `None` where the query cannot be read.
fn wish(window: &Window, query: ListQuery) -> Option<ListWish> {
    let List { table, limit, values } = query.ok()?.0;
    let limit = limit.unwrap_or(USUAL);
    let table = table.map(|table| window.handle.full_name(&table));
    (1..=MOST).contains(&limit).then_some(ListWish {
        table,
        limit,
        values: values.unwrap_or(false),
    })
}

fn bad_list() -> Response {
    let hint = "table=NAME, limit=1 to limit=1000; for dead letters values=true too";
    error(StatusCode::BAD_REQUEST, "bad_query", "the query cannot be read", hint)
}

async fn dead_letters(
    State(window): State<Window>,
    query: ListQuery,
) -> Result<Response, Unavailable> {
    let Some(wish) = wish(&window, query) else { return Ok(bad_list()) };
    let Letters { total, letters } = window.desk.letters(wish).await?;
    Ok(Json(json!({ "total": total, "dead_letters": letters })).into_response())
}

async fn schema_changes(
    State(window): State<Window>,
    query: ListQuery,
) -> Result<Response, Unavailable> {
    let Some(wish) = wish(&window, query) else { return Ok(bad_list()) };
    let changes = window.desk.schema_changes(wish).await?;
    Ok(Json(json!({ "schema_changes": changes })).into_response())
}

/// A side does not answer.
struct Unavailable(Box<Fault>);

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let Self(fault) = self;
        let code = match fault.stage {
            Stage::Sink | Stage::Checkpoint => "target_unavailable",
            _ => "source_unavailable",
        };
        let hint = fault.hint.as_deref().unwrap_or("GET /api/sync/health tells which side is away");
        error(StatusCode::SERVICE_UNAVAILABLE, code, &fault.chain(), hint)
    }
}
