//! Runs by hand: begun, waited for, looked at.

use axum::{
    Json,
    extract::{
        Extension, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Window,
    caller::Caller,
    form::kinds,
    refusal::{ErrorBody, bad_query, unknown_run, unprocessable},
    runs::{RunResult, Runs},
};
use crate::pipeline::handle::runs::RunKind;

/// The routes, below `/api/sync`.
pub(super) fn router() -> OpenApiRouter<Window> {
    OpenApiRouter::default()
        .routes(routes!(trigger))
        .routes(routes!(all_runs))
        .routes(routes!(one_run))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Trigger {
    /// What to read; `incremental` where nothing is said.
    #[param(schema_with = kinds)]
    sync_type: Option<String>,
    /// Names with commas between them; all tables where nothing is said.
    #[param(example = "actor,film")]
    tables: Option<String>,
    /// Whether to answer when the run has ended (the default), or at once.
    wait: Option<bool>,
}

impl Trigger {
    fn kind(&self) -> Result<RunKind, Box<Response>> {
        match self.sync_type.as_deref() {
            None | Some("incremental") => Ok(RunKind::Incremental),
            Some("full") => Ok(RunKind::Full),
            Some(_) => {
                let hint = "sync_type=full or sync_type=incremental";
                Err(Box::new(unprocessable("sync_type", "this sync_type is unknown", hint)))
            }
        }
    }

    fn tables(&self) -> Result<Option<Vec<String>>, Box<Response>> {
        let Some(tables) = &self.tables else { return Ok(None) };
        let names = tables.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.is_empty() {
            let hint = "leave tables out for all of them";
            return Err(Box::new(unprocessable("tables", "no table is named", hint)));
        }
        Ok(Some(names))
    }
}

/// A run that is under way.
#[derive(Debug, Serialize, ToSchema)]
struct Begun {
    run_id: String,
}

/// Run now.
///
/// Where tables are polled: one pass. Where the binlog is followed, `incremental` ends when everything that was committed
/// before the call can be read in the target, and `full` copies the tables anew.
#[utoipa::path(
    post, path = "/trigger", tag = "runs", params(Trigger),
    responses(
        (status = 200, description = "The run has ended", body = RunResult),
        (status = 202, description = "The run is under way", body = Begun),
        (status = 404, description = "There is no such table", body = ErrorBody),
        (status = 409, description = "A run is under way, or it is paused", body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 503, description = "It is starting or stopping", body = ErrorBody),
    ),
)]
async fn trigger(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Trigger>, QueryRejection>,
) -> Response {
    let Ok(Query(wish)) = query else { return bad_query() };
    let begun = begin(&window, &wish);
    let answer = begun.as_ref().map_or_else(|refused| refused.status(), |_| StatusCode::ACCEPTED);
    let arguments = [("sync_type", wish.sync_type.clone()), ("tables", wish.tables.clone())];
    caller.did(&window, "trigger", &arguments, answer);
    match begun {
        Err(refused) => *refused,
        Ok(run_id) if wish.wait == Some(false) => {
            (StatusCode::ACCEPTED, Json(Begun { run_id })).into_response()
        }
        Ok(run_id) => match window.handle.until_run_ends(&run_id).await {
            Some(run) => Json(RunResult::from(&run)).into_response(),
            None => unknown_run(),
        },
    }
}

fn begin(window: &Window, wish: &Trigger) -> Result<String, Box<Response>> {
    let (kind, tables) = (wish.kind()?, wish.tables()?);
    let id = uuid::Uuid::new_v4().to_string();
    window.handle.trigger(id, kind, tables).map_err(|refusal| Box::new((&refusal).into_response()))
}

/// The last runs, the newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", responses((status = 200, body = Runs)))]
async fn all_runs(State(window): State<Window>) -> Json<Runs> {
    Json(Runs { runs: window.handle.runs().iter().map(RunResult::from).collect() })
}

/// A run's result, or how far it is.
#[utoipa::path(
    get, path = "/runs/{run_id}", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 200, body = RunResult), (status = 404, body = ErrorBody)),
)]
async fn one_run(
    State(window): State<Window>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    match id.ok().and_then(|Path(id)| window.handle.run(&id)) {
        Some(run) => Json(RunResult::from(&run)).into_response(),
        None => unknown_run(),
    }
}
