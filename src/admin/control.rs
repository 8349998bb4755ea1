//! Routes that steer: pause, interval, schedule, log level. They answer at once.

use std::{ops::RangeInclusive, time::Duration};

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
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Window,
    caller::Caller,
    refusal::{ErrorBody, bad_query, error, too_large, unprocessable},
};
use crate::pipeline::handle::runs::Refusal;

/// From a second to a year, as `/openapi.json` tells it.
const SECONDS: RangeInclusive<u64> = 1..=31_622_400;

/// The same in minutes.
const MINUTES: RangeInclusive<f64> = 0.017..=527_040.0;

/// The routes, below `/api/sync`.
pub(super) fn router() -> OpenApiRouter<Window> {
    OpenApiRouter::default()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(interval))
        .routes(routes!(start))
        .routes(routes!(stop))
}

/// Whether it is paused now.
#[derive(Debug, Serialize, ToSchema)]
struct Paused {
    #[schema(schema_with = success)]
    status: &'static str,
    paused: bool,
}

pub(super) fn success() -> utoipa::openapi::Object {
    super::form::words(&["success"])
}

/// Stop applying changes.
///
/// The source goes on being read to the queue's bound, nothing is applied. Kept over a restart.
#[utoipa::path(post, path = "/pause", tag = "steering", responses((status = 200, body = Paused)))]
async fn pause(State(window): State<Window>, Extension(caller): Extension<Caller>) -> Json<Paused> {
    set_paused(&window, &caller, true)
}

/// Go on applying changes.
#[utoipa::path(post, path = "/resume", tag = "steering", responses((status = 200, body = Paused)))]
async fn resume(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
) -> Json<Paused> {
    set_paused(&window, &caller, false)
}

fn set_paused(window: &Window, caller: &Caller, paused: bool) -> Json<Paused> {
    window.handle.control(|control| control.paused = paused);
    if paused {
        tracing::info!(operation = "paused", "paused: nothing is applied until it is resumed");
    } else {
        tracing::info!(operation = "resumed", "resumed");
    }
    caller.did(window, if paused { "pause" } else { "resume" }, &[], StatusCode::OK);
    Json(Paused { status: "success", paused })
}

/// An interval, one way or the other.
#[derive(Debug, Default, Deserialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Interval {
    #[schema(minimum = 0.017, maximum = 527_040, examples(15))]
    #[param(minimum = 0.017, maximum = 527_040)]
    interval_minutes: Option<f64>,
    #[schema(minimum = 1, maximum = 31_622_400, examples(900))]
    #[param(minimum = 1, maximum = 31_622_400)]
    interval_seconds: Option<u64>,
}

impl Interval {
    /// Whole seconds. Where both ways are given both must make sense, and the seconds count.
    fn seconds(&self) -> Option<u64> {
        let minutes = self.interval_minutes.map(|minutes| {
            (MINUTES.contains(&minutes)).then(|| Duration::from_secs_f64(minutes * 60.0).as_secs())
        });
        let seconds =
            self.interval_seconds.map(|seconds| SECONDS.contains(&seconds).then_some(seconds));
        match (seconds, minutes) {
            (Some(None), _) | (_, Some(None)) => None,
            (seconds, minutes) => seconds.or(minutes).flatten(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.interval_minutes.is_none() && self.interval_seconds.is_none()
    }

    fn arguments(&self) -> [(&'static str, Option<String>); 2] {
        [
            ("interval_minutes", self.interval_minutes.map(|number| number.to_string())),
            ("interval_seconds", self.interval_seconds.map(|number| number.to_string())),
        ]
    }
}

/// The interval that counts now.
#[derive(Debug, Serialize, ToSchema)]
struct IntervalSet {
    #[schema(schema_with = success)]
    status: &'static str,
    interval_seconds: u64,
}

/// Set how often tables are polled.
///
/// By the query or by the body, which counts where both are given. Kept over a restart.
#[utoipa::path(
    put, path = "/interval", tag = "steering", params(Interval),
    request_body(content = Option<Interval>, content_type = "application/json"),
    responses((status = 200, body = IntervalSet), (status = 422, body = ErrorBody)),
)]
async fn interval(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Interval>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let given = match given(query, body, r#"{"interval_seconds": 900}"#) {
        Ok(given) => given,
        Err(refused) => return *refused,
    };
    let wishes: Vec<&Interval> = given.iter().filter(|wish| !wish.is_empty()).collect();
    let are_good = wishes.iter().all(|wish| wish.seconds().is_some());
    let answer = match wishes.last().filter(|_| are_good).and_then(|wish| wish.seconds()) {
        Some(seconds) => {
            window.handle.control(|control| control.interval_seconds = Some(seconds));
            Json(IntervalSet { status: "success", interval_seconds: seconds }).into_response()
        }
        None => no_interval(),
    };
    let arguments = wishes.last().map(|wish| wish.arguments()).unwrap_or_default();
    caller.did(&window, "interval", &arguments, answer.status());
    answer
}

/// What the query says, and behind it what the body says, where there is one.
pub(super) fn given<T: DeserializeOwned>(
    query: Result<Query<T>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
    example: &str,
) -> Result<Vec<T>, Box<Response>> {
    let Ok(Query(query)) = query else { return Err(Box::new(bad_query())) };
    let Ok(body) = body else { return Err(Box::new(too_large())) };
    if body.is_empty() {
        return Ok(vec![query]);
    }
    // A list would do for the struct, but it is not what is described.
    let fields =
        serde_json::from_slice::<Option<serde_json::Map<String, serde_json::Value>>>(&body);
    let wish = |fields: Option<_>| fields.map(|it| T::deserialize(serde_json::Value::Object(it)));
    match fields.and_then(|fields| wish(fields).transpose()) {
        Ok(body) => Ok(std::iter::once(query).chain(body).collect()),
        Err(_) => {
            let message = "the body cannot be read";
            Err(Box::new(error(StatusCode::BAD_REQUEST, "bad_body", message, example)))
        }
    }
}

fn no_interval() -> Response {
    unprocessable(
        "interval",
        "an interval of one second to a year is expected",
        "interval_seconds=900, or interval_minutes=15",
    )
}

/// Whether runs of polling begin by themselves now.
#[derive(Debug, Serialize, ToSchema)]
struct Scheduled {
    #[schema(schema_with = success)]
    status: &'static str,
    message: &'static str,
    interval_seconds: u64,
}

/// Let runs of polling begin by themselves.
#[utoipa::path(
    post, path = "/scheduler/start", tag = "steering", params(Interval),
    responses(
        (status = 200, body = Scheduled),
        (status = 409, description = "The binlog is followed", body = ErrorBody),
        (status = 422, body = ErrorBody),
    ),
)]
async fn start(
    State(window): State<Window>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Interval>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else { return bad_query() };
    let answer = match query.seconds() {
        None if !query.is_empty() => no_interval(),
        seconds => schedule(&window, true, seconds),
    };
    caller.did(&window, "scheduler_start", &query.arguments(), answer.status());
    answer
}

/// Let runs of polling begin by hand only.
#[utoipa::path(
    post, path = "/scheduler/stop", tag = "steering",
    responses(
        (status = 200, body = Scheduled),
        (status = 409, description = "The binlog is followed", body = ErrorBody),
    ),
)]
async fn stop(State(window): State<Window>, Extension(caller): Extension<Caller>) -> Response {
    let answer = schedule(&window, false, None);
    caller.did(&window, "scheduler_stop", &[], answer.status());
    answer
}

fn schedule(window: &Window, is_on: bool, seconds: Option<u64>) -> Response {
    let handle = &window.handle;
    if !handle.schedule().way.polls {
        return (&Refusal::Streaming).into_response();
    }
    handle.control(|control| {
        control.unscheduled = !is_on;
        control.interval_seconds = seconds.or(control.interval_seconds);
    });
    let message = if is_on { "Scheduler started" } else { "Scheduler stopped" };
    tracing::info!("{message}");
    let interval_seconds = handle.schedule().interval.as_secs();
    Json(Scheduled { status: "success", message, interval_seconds }).into_response()
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
        assert_eq!(of(Some(-1.0), Some(7)), None, "both must make sense");
    }
}
