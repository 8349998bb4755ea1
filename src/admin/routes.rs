//! The routes.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{Window, control, questions, status};

/// All routes.
pub(super) fn router(window: Window) -> Router {
    let sync = Router::new()
        .route("/status", get(sync_status))
        .merge(control::router())
        .merge(questions::router());
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .nest("/api/sync", sync.clone())
        .nest("/sync", sync)
        .fallback(unknown)
        .layer(from_fn_with_state(window.clone(), guard));
    let open = Router::new().route("/health/live", get(live)).route("/health/ready", get(ready));
    open.merge(guarded).with_state(window)
}

async fn live(State(window): State<Window>) -> Response {
    if window.handle.is_alive() {
        Json(json!({ "status": "alive" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stuck" }))).into_response()
    }
}

async fn ready(State(window): State<Window>) -> Response {
    if window.handle.is_ready() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(status::not_ready(&window.handle.report())))
        .into_response()
}

async fn sync_status(State(window): State<Window>) -> Json<Value> {
    Json(status::status(&window.handle.report()))
}

async fn metrics(State(window): State<Window>) -> Response {
    let page = window.metrics.render(&window.handle);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

async fn unknown() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "unknown_route",
        "there is nothing here",
        "see GET /api/sync/status",
    )
}

async fn guard(State(window): State<Window>, request: Request, next: Next) -> Response {
    match &window.token {
        Some(token) if !token.admits(request.headers()) => error(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the token is missing or wrong",
            "send `Authorization: Bearer …` with the contents of http.token_file",
        ),
        _ => next.run(request).await,
    }
}

pub(super) fn error(status: StatusCode, code: &str, message: &str, hint: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message, "hint": hint } })))
        .into_response()
}
