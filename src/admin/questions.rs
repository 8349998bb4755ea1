//! Routes that ask the source or the target, by way of the desk: they may take a second, and hold up nothing.

use std::{collections::BTreeMap, future::Future, time::Instant};

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Window,
    form::{Time, rounded, words},
    health::{self, Health},
    refusal::{ErrorBody, Unavailable, error, unknown_table},
    tables::{Table, Tables, Told},
};
use crate::{
    model::fault::Fault,
    pipeline::handle::desk::{Letters, ListWish},
};

/// Entries of a list where no number is asked for.
const USUAL: usize = 100;

/// The most entries of a list.
const MOST: usize = 1000;

/// The routes, below `/api/sync`.
pub(super) fn router() -> OpenApiRouter<Window> {
    OpenApiRouter::default()
        .routes(routes!(sync_health))
        .routes(routes!(test_connection))
        .routes(routes!(tables))
        .routes(routes!(one_table))
        .routes(routes!(dead_letters))
        .routes(routes!(schema_changes))
}

/// How each part is.
#[utoipa::path(get, path = "/health", tag = "looking", responses((status = 200, body = Health)))]
async fn sync_health(State(window): State<Window>) -> Json<Health> {
    let handle = &window.handle;
    let polls = handle.schedule().way.polls;
    let last_run = handle.last_run().filter(|_| polls);
    Json(health::health(&handle.report(), handle.is_alive(), last_run.as_ref()))
}

/// What new connections to both sides came to.
#[derive(Debug, Serialize, ToSchema)]
struct Connections {
    #[schema(schema_with = outcomes)]
    status: &'static str,
    /// Whether the source let us in.
    connected: bool,
    /// The source's database, or the patterns of several.
    database: String,
    /// The source that answered, as `host:port`.
    #[schema(required)]
    host: Option<String>,
    #[schema(required)]
    tables_count: Option<usize>,
    #[schema(required)]
    tables: Option<Vec<String>>,
    response_seconds: f64,
    #[schema(required)]
    error: Option<String>,
    #[schema(required)]
    hint: Option<String>,
    target: TargetConnection,
}

/// The target.
#[derive(Debug, Serialize, ToSchema)]
struct TargetConnection {
    connected: bool,
    database: String,
    response_seconds: f64,
    #[schema(required)]
    error: Option<String>,
    #[schema(required)]
    hint: Option<String>,
}

fn outcomes() -> utoipa::openapi::Object {
    words(&["success", "error"])
}

/// Connect to both sides anew.
#[utoipa::path(
    get, path = "/test-connection", tag = "looking",
    responses(
        (status = 200, body = Connections),
        (status = 503, description = "A side does not answer", body = Connections),
    ),
)]
async fn test_connection(State(window): State<Window>) -> Response {
    let (source, target) =
        tokio::join!(timed(window.desk.try_source()), timed(window.desk.try_target()));
    let is_well = source.0.is_ok() && target.0.is_ok();
    let seen = source.0.as_ref().ok();
    let shown = |name: &crate::model::table::TableName| window.handle.shown(&name.to_string());
    let body = Connections {
        status: if is_well { "success" } else { "error" },
        connected: seen.is_some(),
        database: window.database.clone(),
        host: seen.map(|seen| seen.host.clone()),
        tables_count: seen.map(|seen| seen.tables.len()),
        tables: seen.map(|seen| seen.tables.iter().map(shown).collect()),
        response_seconds: source.1,
        error: source.0.as_ref().err().map(Fault::chain),
        hint: hint_of(&source.0),
        target: TargetConnection {
            connected: target.0.is_ok(),
            database: window.target_database.clone(),
            response_seconds: target.1,
            error: target.0.as_ref().err().map(Fault::chain),
            hint: hint_of(&target.0),
        },
    };
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(body)).into_response()
}

fn hint_of<T>(answer: &Result<T, Fault>) -> Option<String> {
    answer.as_ref().err()?.hint.as_deref().map(str::to_owned)
}

async fn timed<T>(answer: impl Future<Output = T>) -> (T, f64) {
    let asked = Instant::now();
    let answer = answer.await;
    (answer, rounded(asked.elapsed().as_secs_f64()))
}

/// The tables that are copied.
#[utoipa::path(
    get, path = "/tables", tag = "looking",
    responses((status = 200, body = Tables), (status = 503, body = ErrorBody)),
)]
async fn tables(State(window): State<Window>) -> Result<Json<Tables>, Unavailable> {
    let found = window.desk.tables().await?;
    let told = Told::of(&window.handle);
    let tables: BTreeMap<String, Table> =
        found.tables.iter().map(|view| (view.schema.name.to_string(), told.table(view))).collect();
    Ok(Json(Tables {
        tables: tables.into_values().collect(),
        as_of: found.at.into(),
        problem: found.problem.as_ref().map(Fault::chain),
    }))
}

/// One table with its columns.
#[utoipa::path(
    get, path = "/tables/{name}", tag = "looking",
    params(("name" = String, Path, description = "`table`, or `database.table`")),
    responses(
        (status = 200, body = Table),
        (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
async fn one_table(
    State(window): State<Window>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Unavailable> {
    let Ok(Path(name)) = name else { return Ok(unknown_table("of this name")) };
    let found = window.desk.tables().await?;
    let full = window.handle.full_name(&name);
    let view = found.tables.iter().find(|view| view.schema.name.to_string() == full);
    Ok(match view {
        Some(view) => Json(Told::of(&window.handle).whole_table(view)).into_response(),
        None => unknown_table(&name),
    })
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct List {
    /// Only those of this table.
    table: Option<String>,
    /// At most so many; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// With the rows and their keys.
    values: Option<bool>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ShortList {
    /// Only those of this table.
    table: Option<String>,
    /// At most so many; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl From<ShortList> for List {
    fn from(list: ShortList) -> Self {
        Self { table: list.table, limit: list.limit, values: None }
    }
}

/// The list that is wished for; `None` where the query cannot be read.
fn wish<T: Into<List>>(
    window: &Window,
    query: Result<Query<T>, QueryRejection>,
) -> Option<ListWish> {
    let List { table, limit, values } = query.ok()?.0.into();
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

/// Changes that could not be written and are kept aside.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetters {
    /// How many there are, whatever the limit.
    total: u64,
    /// The newest first, with the fields of `_sync_dead_letters` but `_id` as `id`.
    #[schema(value_type = Vec<Letter>)]
    dead_letters: Vec<Value>,
}

/// One of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the form of documents that are passed on as they are")]
struct Letter {
    id: String,
    /// As `database.table`.
    table: String,
    /// `insert`, `replace` or `delete`.
    operation: String,
    /// Of the transaction, or `snapshot`.
    position: String,
    /// Why it could not be written.
    reason: String,
    /// The target's error code, or 0.
    code: i64,
    at: Time,
    attempts: i64,
    /// Only with `values=true`.
    key: Option<Value>,
    /// Only with `values=true`.
    row: Option<Value>,
}

/// What could not be written, the newest first.
#[utoipa::path(
    get, path = "/dead-letters", tag = "looking", params(List),
    responses((status = 200, body = DeadLetters), (status = 503, body = ErrorBody)),
)]
async fn dead_letters(
    State(window): State<Window>,
    query: Result<Query<List>, QueryRejection>,
) -> Result<Response, Unavailable> {
    let Some(wish) = wish(&window, query) else { return Ok(bad_list()) };
    let Letters { total, letters: dead_letters } = window.desk.letters(wish).await?;
    Ok(Json(DeadLetters { total, dead_letters }).into_response())
}

/// Schema changes that were met.
#[derive(Debug, Serialize, ToSchema)]
struct SchemaChanges {
    /// The newest first, with the fields of `_sync_schema_changes` but `_id` as `id`.
    #[schema(value_type = Vec<SchemaChange>)]
    schema_changes: Vec<Value>,
}

/// One of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the form of documents that are passed on as they are")]
struct SchemaChange {
    id: String,
    /// As `database.table`.
    table: String,
    /// The statement's verb.
    statement: String,
    /// The table as it was, where that is known.
    #[schema(required)]
    before: Option<Value>,
    /// The table as it is now.
    after: Value,
    position: String,
    at: Time,
    /// What was done about it.
    action: String,
}

/// Schema changes, the newest first.
#[utoipa::path(
    get, path = "/schema-changes", tag = "looking", params(ShortList),
    responses((status = 200, body = SchemaChanges), (status = 503, body = ErrorBody)),
)]
async fn schema_changes(
    State(window): State<Window>,
    query: Result<Query<ShortList>, QueryRejection>,
) -> Result<Response, Unavailable> {
    let Some(wish) = wish(&window, query) else { return Ok(bad_list()) };
    let schema_changes = window.desk.schema_changes(wish).await?;
    Ok(Json(SchemaChanges { schema_changes }).into_response())
}
