//! What is answered where there is no better answer: one shape for every error.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    model::fault::{Fault, Stage},
    pipeline::handle::runs::Refusal,
};

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

/// What happened, and what the caller can do.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// A word for programs.
    #[schema(examples("unknown_table"))]
    code: String,
    message: String,
    hint: String,
}

/// An error as an answer.
pub(super) fn error(status: StatusCode, code: &str, message: &str, hint: &str) -> Response {
    let error =
        ErrorDetail { code: code.to_owned(), message: message.to_owned(), hint: hint.to_owned() };
    (status, Json(ErrorBody { error })).into_response()
}

pub(super) fn too_large() -> Response {
    let message = "the body is too large";
    error(StatusCode::BAD_REQUEST, "too_large", message, "64 KiB are the most")
}

pub(super) fn bad_query() -> Response {
    let hint = "GET /openapi.json names what each route takes";
    error(StatusCode::BAD_REQUEST, "bad_query", "the query cannot be read", hint)
}

pub(super) fn unprocessable(code: &str, message: &str, hint: &str) -> Response {
    error(StatusCode::UNPROCESSABLE_ENTITY, code, message, hint)
}

pub(super) fn unknown_run() -> Response {
    let hint = "GET /api/sync/runs lists the last ones";
    error(StatusCode::NOT_FOUND, "unknown_run", "there is no such run", hint)
}

pub(super) fn unknown_table(name: &str) -> Response {
    let hint = "GET /api/sync/tables lists them; with several databases write database.table";
    error(StatusCode::NOT_FOUND, "unknown_table", &format!("there is no table {name}"), hint)
}

impl IntoResponse for &Refusal {
    fn into_response(self) -> Response {
        let conflict = |code, message: &str, hint| error(StatusCode::CONFLICT, code, message, hint);
        match self {
            Refusal::Busy { run_id } => conflict(
                "busy",
                &format!("run {run_id} is under way"),
                "wait for it: GET /api/sync/runs/{run_id}",
            ),
            Refusal::Streaming => conflict(
                "streaming",
                "the binlog is followed: there is nothing to schedule",
                "GET /api/sync/status tells the lag",
            ),
            Refusal::Paused => conflict("paused", "it is paused", "POST /api/sync/resume first"),
            Refusal::NotReady => error(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "it is starting or stopping",
                "GET /health/ready tells when it is ready",
            ),
            Refusal::UnknownTable(name) => unknown_table(name),
        }
    }
}

/// A side does not answer.
pub(super) struct Unavailable(Box<Fault>);

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
