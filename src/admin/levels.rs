//! Log levels at run time.

use axum::{
    Json,
    body::Bytes,
    extract::{
        Extension, Query, State,
        rejection::{BytesRejection, QueryRejection},
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
    control::{given, success},
    form::{words, words_or_null},
    refusal::{ErrorBody, error, unprocessable},
};
use crate::telemetry::levels::{self, COMPONENTS, LEVELS, Levels, NoLevel};

/// The routes, below `/api/sync`.
pub(super) fn router() -> OpenApiRouter<Window> {
    OpenApiRouter::default().routes(routes!(log_levels, set_log_level))
}

/// How much is logged.
#[derive(Debug, Serialize, ToSchema)]
struct LogLevels {
    #[schema(schema_with = success)]
    status: &'static str,
    #[serde(flatten)]
    levels: Levels,
}

impl From<Levels> for LogLevels {
    fn from(levels: Levels) -> Self {
        Self { status: "success", levels }
    }
}

/// How much is to be logged.
#[derive(Debug, Deserialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LevelWish {
    /// Null where a component is to log as much as the others again, and all as the settings say.
    #[schema(schema_with = level_or_null)]
    #[param(schema_with = level_words)]
    level: Option<String>,
    /// All of them where none is named.
    #[schema(schema_with = component_or_null)]
    #[param(schema_with = components)]
    component: Option<String>,
}

fn level_words() -> utoipa::openapi::Object {
    words(&LEVELS)
}

fn level_or_null() -> utoipa::openapi::Object {
    words_or_null(&LEVELS)
}

fn components() -> utoipa::openapi::Object {
    words(COMPONENTS)
}

fn component_or_null() -> utoipa::openapi::Object {
    words_or_null(COMPONENTS)
}

/// How much is logged now.
#[utoipa::path(
    get, path = "/log-level", tag = "steering",
    responses((status = 200, body = LogLevels), (status = 503, body = ErrorBody)),
)]
async fn log_levels() -> Response {
    answer(levels::now())
}

/// Log more or less, all or one component.
///
/// By the query or by the body, which counts where both are given. Ends with the process.
#[utoipa::path(
    put, path = "/log-level", tag = "steering", params(LevelWish),
    request_body(content = Option<LevelWish>, content_type = "application/json"),
    responses(
        (status = 200, body = LogLevels),
        (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody),
    ),
)]
async fn set_log_level(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<LevelWish>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let wishes = match given(query, body, r#"{"level": "debug", "component": "source"}"#) {
        Ok(wishes) => wishes,
        Err(refused) => return *refused,
    };
    let of = |wish: &LevelWish| levels::find(wish.component.as_deref(), wish.level.as_deref());
    let wish = wishes.iter().map(of).collect::<Result<Vec<_>, _>>();
    let answer = answer(wish.and_then(|found| found.last().map_or_else(levels::now, levels::set)));
    let last = wishes.into_iter().last();
    let (level, component) = last.map(|wish| (wish.level, wish.component)).unwrap_or_default();
    let arguments = [("level", level), ("component", component)];
    caller.did(&window, "log_level", &arguments, answer.status());
    answer
}

fn answer(levels: Result<Levels, NoLevel>) -> Response {
    match levels {
        Ok(levels) => Json(LogLevels::from(levels)).into_response(),
        Err(NoLevel::Level) => unprocessable(
            "level",
            "this level is unknown",
            "off, error, warn, info, debug or trace",
        ),
        Err(NoLevel::Component) => {
            unprocessable("component", "this component is unknown", &COMPONENTS.join(", "))
        }
        Err(NoLevel::NotLogging) => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "nothing is logged by this process",
            "ask the process that runs the pipeline",
        ),
    }
}
