//! Routes that steer: trigger, pause, interval, schedule. They answer at once, but for a run that is waited for.
//!
//! Only POST and PUT change anything, and a browser that another site has sent here is refused: it would carry no token,
//! but on a loopback address none is needed.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Path, Query, Request, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{
        StatusCode,
        header::{HOST, ORIGIN},
    },
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::json;

use super::{Window, routes::error, runs};
use crate::pipeline::{
    Handle,
    handle::runs::{Refusal, RunKind},
};

/// The largest body and query, in bytes.
const LARGEST: usize = 64 << 10;

/// The longest interval: a year.
const LONGEST_SECONDS: u64 = 366 * 86_400;

/// The routes, below `/api/sync`.
pub(super) fn router() -> Router<Window> {
    let changing = Router::new()
        .route("/trigger", post(trigger))
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .route("/interval", put(interval))
        .route("/scheduler/start", post(start))
        .route("/scheduler/stop", post(stop))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn(of_this_site));
    changing.route("/runs", get(all_runs)).route("/runs/{run_id}", get(one_run))
}

async fn of_this_site(request: Request, next: Next) -> Response {
    match objection(&request) {
        Some(refused) => refused,
        None => next.run(request).await,
    }
}

fn objection(request: &Request) -> Option<Response> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin = header(ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    if origin.is_some_and(|origin| header(HOST) != Some(origin)) {
        let hint = "call from a page of the same host, or without an Origin header";
        return Some(error(StatusCode::BAD_REQUEST, "cross_site", "another site asks", hint));
    }
    let is_large = request.uri().query().is_some_and(|query| query.len() > LARGEST);
    is_large.then(|| too_large("the query"))
}

fn too_large(what: &str) -> Response {
    let message = format!("{what} is too large");
    error(StatusCode::BAD_REQUEST, "too_large", &message, "64 KiB are the most")
}

#[derive(Debug, Deserialize)]
struct Trigger {
    sync_type: Option<String>,
    tables: Option<String>,
    wait: Option<bool>,
}

async fn trigger(
    State(window): State<Window>,
    query: Result<Query<Trigger>, QueryRejection>,
) -> Response {
    let Ok(Query(wish)) = query else { return bad_query() };
    let kind = match wish.sync_type.as_deref() {
        None | Some("incremental") => RunKind::Incremental,
        Some("full") => RunKind::Full,
        Some(_) => {
            let hint = "sync_type=full or sync_type=incremental";
            return unprocessable("sync_type", "this sync_type is unknown", hint);
        }
    };
    let names = wish.tables.as_deref().map(|tables| tables.split(',').map(str::trim));
    let tables: Option<Vec<String>> =
        names.map(|names| names.filter(|name| !name.is_empty()).map(str::to_owned).collect());
    if tables.as_ref().is_some_and(Vec::is_empty) {
        return unprocessable("tables", "no table is named", "leave tables out for all of them");
    }
    let id = uuid::Uuid::new_v4().to_string();
    let id = match window.handle.trigger(id, kind, tables) {
        Ok(id) => id,
        Err(refusal) => return refused(&refusal),
    };
    if wish.wait == Some(false) {
        return (StatusCode::ACCEPTED, Json(json!({ "run_id": id }))).into_response();
    }
    match window.handle.until_run_ends(&id).await {
        Some(run) => Json(runs::run(&run)).into_response(),
        None => unknown_run(),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let conflict = |code, message: &str, hint| error(StatusCode::CONFLICT, code, message, hint);
    match refusal {
        Refusal::Busy { run_id } => conflict(
            "busy",
            &format!("run {run_id} is under way"),
            "wait for it: GET /api/sync/runs/{run_id}",
        ),
        Refusal::Streaming => conflict(
            "streaming",
            "the binlog is followed: there is nothing to run",
            "GET /api/sync/status tells the lag; `binleaf snapshot` copies anew",
        ),
        Refusal::Paused => conflict("paused", "it is paused", "POST /api/sync/resume first"),
        Refusal::NotReady => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "it is starting or stopping",
            "GET /health/ready tells when it is ready",
        ),
        Refusal::UnknownTable(name) => error(
            StatusCode::NOT_FOUND,
            "unknown_table",
            &format!("there is no table {name}"),
            "`binleaf tables` lists them",
        ),
    }
}

async fn pause(State(window): State<Window>) -> Response {
    set_paused(&window.handle, true)
}

async fn resume(State(window): State<Window>) -> Response {
    set_paused(&window.handle, false)
}

fn set_paused(handle: &Handle, paused: bool) -> Response {
    handle.control(|control| control.paused = paused);
    if paused {
        tracing::info!(operation = "paused", "paused: nothing is applied until it is resumed");
    } else {
        tracing::info!(operation = "resumed", "resumed");
    }
    Json(json!({ "status": "success", "paused": paused })).into_response()
}

#[derive(Debug, Default, Deserialize)]
struct Interval {
    interval_minutes: Option<f64>,
    interval_seconds: Option<u64>,
}

impl Interval {
    /// Whole seconds, at least one.
    fn seconds(&self) -> Option<u64> {
        let minutes = self.interval_minutes.and_then(|minutes| {
            let span = std::time::Duration::try_from_secs_f64(minutes * 60.0).ok()?;
            Some(span.as_secs())
        });
        self.interval_seconds.or(minutes).filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
    }

    const fn is_empty(&self) -> bool {
        self.interval_minutes.is_none() && self.interval_seconds.is_none()
    }
}

async fn interval(
    State(window): State<Window>,
    query: Result<Query<Interval>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(Query(query)) = query else { return bad_query() };
    let Ok(body) = body else { return too_large("the body") };
    let given = if body.is_empty() {
        query
    } else {
        let Ok(body) = serde_json::from_slice::<Interval>(&body) else {
            let hint = "{\"interval_seconds\": 900} or {\"interval_minutes\": 15}";
            return error(StatusCode::BAD_REQUEST, "bad_body", "the body cannot be read", hint);
        };
        if body.is_empty() { query } else { body }
    };
    let Some(seconds) = given.seconds() else { return no_interval() };
    window.handle.control(|control| control.interval_seconds = Some(seconds));
    tracing::info!(interval_seconds = seconds, "the interval is another one");
    Json(json!({ "status": "success", "interval_seconds": seconds })).into_response()
}

fn no_interval() -> Response {
    unprocessable(
        "interval",
        "an interval of one second to a year is expected",
        "interval_seconds=900, or interval_minutes=15",
    )
}

async fn start(
    State(window): State<Window>,
    query: Result<Query<Interval>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else { return bad_query() };
    let seconds = query.seconds();
    if seconds.is_none() && !query.is_empty() {
        return no_interval();
    }
    schedule(&window.handle, true, seconds)
}

async fn stop(State(window): State<Window>) -> Response {
    schedule(&window.handle, false, None)
}

fn schedule(handle: &Handle, is_on: bool, seconds: Option<u64>) -> Response {
    if !handle.schedule().way.polls {
        return refused(&Refusal::Streaming);
    }
    handle.control(|control| {
        control.unscheduled = !is_on;
        control.interval_seconds = seconds.or(control.interval_seconds);
    });
    let message = if is_on { "Scheduler started" } else { "Scheduler stopped" };
    tracing::info!("{message}");
    let interval = handle.schedule().interval.as_secs();
    Json(json!({ "status": "success", "message": message, "interval_seconds": interval }))
        .into_response()
}

async fn all_runs(State(window): State<Window>) -> Response {
    let runs: Vec<_> = window.handle.runs().iter().map(runs::run).collect();
    Json(json!({ "runs": runs })).into_response()
}

async fn one_run(State(window): State<Window>, Path(id): Path<String>) -> Response {
    match window.handle.run(&id) {
        Some(run) => Json(runs::run(&run)).into_response(),
        None => unknown_run(),
    }
}

fn unknown_run() -> Response {
    let hint = "GET /api/sync/runs lists the last ones";
    error(StatusCode::NOT_FOUND, "unknown_run", "there is no such run", hint)
}

fn bad_query() -> Response {
    error(
        StatusCode::BAD_REQUEST,
        "bad_query",
        "the query cannot be read",
        "see the page of the API",
    )
}

fn unprocessable(code: &str, message: &str, hint: &str) -> Response {
    error(StatusCode::UNPROCESSABLE_ENTITY, code, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_whole_seconds_between_one_and_a_year() {
        let of = |minutes, seconds| {
            Interval { interval_minutes: minutes, interval_seconds: seconds }.seconds()
        };
        assert_eq!(of(Some(15.0), None), Some(900));
        assert_eq!(of(Some(0.5), None), Some(30));
        assert_eq!(of(Some(15.0), Some(7)), Some(7));
        for wrong in
            [of(None, None), of(None, Some(0)), of(Some(-1.0), None), of(Some(f64::NAN), None)]
        {
            assert_eq!(wrong, None);
        }
        assert_eq!(of(Some(1e300), None), None);
    }
}
