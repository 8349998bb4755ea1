//! The routes, and the guard in front of them.
//!
//! Only POST and PUT change anything, and a browser that another site has sent there is refused: it would carry no token,
//! but on a loopback address none is needed.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Query, Request, State, rejection::QueryRejection},
    http::{
        HeaderMap, Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Window,
    caller::Caller,
    control, dashboard, document, levels,
    pages::Which,
    questions,
    refusal::{ErrorBody, bad_query, error, too_large},
    replay,
    status::{NotReady, Status},
    trigger,
};

/// The largest body, in bytes. What is asked for cannot be longer than that either: `http::Uri` takes no more.
const LARGEST: usize = 64 << 10;

/// All routes.
pub(super) fn router(window: Window) -> Router {
    let (sync, api) = documented().split_for_parts();
    let (open, _) = probes().split_for_parts();
    let guarded = Router::new()
        .merge(sync)
        .nest("/sync", below_sync().split_for_parts().0)
        .merge(document::router(api, window.token.is_some()))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn_with_state(window.clone(), guard));
    open.merge(dashboard::router()).merge(guarded).with_state(window)
}

/// The routes behind the guard, with the document of all.
fn documented() -> OpenApiRouter<Window> {
    let mut api = document::head();
    api.merge(probes().into_openapi());
    OpenApiRouter::with_openapi(api).routes(routes!(metrics)).nest("/api/sync", below_sync())
}

fn below_sync() -> OpenApiRouter<Window> {
    OpenApiRouter::default()
        .routes(routes!(sync_status))
        .merge(questions::router())
        .merge(trigger::router())
        .merge(replay::router())
        .merge(control::router())
        .merge(levels::router())
}

fn probes() -> OpenApiRouter<Window> {
    OpenApiRouter::default().routes(routes!(live)).routes(routes!(ready))
}

/// One word.
#[derive(Debug, Serialize, ToSchema)]
struct Word {
    status: &'static str,
}

/// Whether the apply loop turns.
#[utoipa::path(
    get, path = "/health/live", tag = "machines",
    responses(
        (status = 200, description = "It turns", body = Word),
        (status = 503, description = "It has not turned for a minute", body = Word),
    ),
)]
async fn live(State(window): State<Window>) -> Response {
    if window.handle.is_alive() {
        Json(Word { status: "alive" }).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Word { status: "stuck" })).into_response()
    }
}

/// Whether the copy is whole and changes are applied.
#[utoipa::path(
    get, path = "/health/ready", tag = "machines",
    responses(
        (status = 200, description = "They are", body = Word),
        (status = 503, description = "Not yet, or not now", body = NotReady),
    ),
)]
async fn ready(State(window): State<Window>) -> Response {
    if window.handle.is_ready() {
        return Json(Word { status: "ready" }).into_response();
    }
    let body = NotReady::from(&window.handle.report());
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// Whether the tables are told one by one, as they are where nothing is said.
    tables: Option<bool>,
}

/// Everything about the pipeline, its tables and its schedule.
#[utoipa::path(
    get, path = "/status", tag = "looking", params(StatusQuery),
    responses((status = 200, body = Status), (status = 400, body = ErrorBody)),
)]
async fn sync_status(
    State(window): State<Window>,
    query: Result<Query<StatusQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else { return bad_query() };
    let which = if query.tables == Some(false) { Which::ShortStatus } else { Which::Status };
    let page = window.pages.get(which, || {
        let status = Status::of(window.handle.report());
        let status = if which == Which::ShortStatus { status.without_tables() } else { status };
        serde_json::to_vec(&status).unwrap_or_default().into()
    });
    ([(CONTENT_TYPE, "application/json")], page.await).into_response()
}

/// Metrics for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "machines",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
async fn metrics(State(window): State<Window>) -> Response {
    let page = window.pages.get(Which::Metrics, || window.metrics.render(&window.handle).into());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.await).into_response()
}

pub(super) async fn unknown() -> Response {
    let hint = "GET /openapi.json lists what there is";
    error(StatusCode::NOT_FOUND, "unknown_route", "there is nothing here", hint)
}

async fn wrong_method() -> Response {
    let hint = "GET looks, POST and PUT change; GET /openapi.json lists what there is";
    let message = "this route answers to another method";
    error(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message, hint)
}

async fn guard(State(window): State<Window>, mut request: Request, next: Next) -> Response {
    let caller = match &window.token {
        None => Caller::anonymous(),
        Some(tokens) => match tokens.holder(request.headers()) {
            Some(name) => Caller(name.to_owned()),
            None => return unauthorized(),
        },
    };
    if let Some(refused) = objection(&request) {
        return refused;
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn unauthorized() -> Response {
    error(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the token is missing or wrong",
        "send `Authorization: Bearer …` with a token of http.token_file",
    )
}

fn objection(request: &Request) -> Option<Response> {
    let looks = [Method::GET, Method::HEAD].contains(request.method());
    if !looks && is_of_another_site(request.headers()) {
        let hint = "call from a page of the same host, or without an Origin header";
        return Some(error(StatusCode::BAD_REQUEST, "cross_site", "another site asks", hint));
    }
    let told = header(request.headers(), CONTENT_LENGTH).and_then(|told| told.parse::<u64>().ok());
    told.is_some_and(|bytes| bytes > LARGEST as u64).then(too_large)
}

fn is_of_another_site(headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let site = origin.map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    site.is_some_and(|site| header(headers, HOST) != Some(site))
}

fn header(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
