//! Dead letters, tried again. It answers at once: what comes of it shows in the letters.

use axum::{
    Json,
    extract::{Extension, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Window,
    caller::Caller,
    refusal::{ErrorBody, Unavailable, bad_query, unknown_table},
};
use crate::pipeline::handle::{
    desk::{Letters, ListWish},
    replays::Replay,
};

/// The route, below `/api/sync`.
pub(super) fn router() -> OpenApiRouter<Window> {
    OpenApiRouter::default().routes(routes!(replay))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those of this table.
    table: Option<String>,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
struct Accepted {
    #[schema(schema_with = accepted)]
    status: &'static str,
    /// How many letters are open.
    letters: u64,
}

fn accepted() -> utoipa::openapi::Object {
    super::form::words(&["accepted"])
}

/// Try dead letters again.
///
/// Their rows are read and written again. A letter whose row can be written now, or is gone, is settled and removed; of one
/// that still cannot `attempts` grows and `reason` tells why.
#[utoipa::path(
    post, path = "/dead-letters/replay", tag = "steering", params(Which),
    responses(
        (status = 202, description = "The rows are on their way", body = Accepted),
        (status = 404, description = "There is no such table", body = ErrorBody),
        (status = 409, description = "It is paused", body = ErrorBody),
        (status = 503, description = "It is starting or stopping, or the target does not answer", body = ErrorBody),
    ),
)]
async fn replay(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Which>, QueryRejection>,
) -> Response {
    let Ok(Query(Which { table })) = query else { return bad_query() };
    let answer = begin(&window, table.as_deref()).await.unwrap_or_else(IntoResponse::into_response);
    caller.did(&window, "dead_letters_replay", &[("table", table)], answer.status());
    answer
}

async fn begin(window: &Window, named: Option<&str>) -> Result<Response, Unavailable> {
    let table = named.map(|name| window.handle.full_name(name));
    let wish = ListWish { table: table.clone(), limit: 1, values: false };
    let Letters { total: letters, .. } = window.desk.letters(wish).await?;
    let is_known = |table: &String| letters > 0 || window.handle.knows(table);
    if let Some(name) = named.filter(|_| !table.as_ref().is_some_and(is_known)) {
        return Ok(unknown_table(name));
    }
    Ok(match window.handle.replay(Replay { table }) {
        Ok(()) => {
            (StatusCode::ACCEPTED, Json(Accepted { status: "accepted", letters })).into_response()
        }
        Err(refusal) => (&refusal).into_response(),
    })
}
