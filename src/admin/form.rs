//! Forms that many bodies have: times, numbers for people, words of a closed list.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Object, ObjectBuilder,
        schema::{SchemaType, Type},
    },
};

use crate::telemetry::metrics::PHASES;

/// A moment: RFC 3339 in UTC, to the millisecond.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(format = DateTime, examples("2026-01-10T14:30:00.000Z"))]
pub(super) struct Time(String);

impl Time {
    pub(super) fn of_millis(at: i64) -> Self {
        Self::text(jiff::Timestamp::from_millisecond(at))
    }

    /// Beyond the years that such a text has, the end of time.
    fn text(stamp: Result<jiff::Timestamp, jiff::Error>) -> Self {
        Self(format!("{:.3}", stamp.unwrap_or(jiff::Timestamp::MAX)))
    }
}

impl From<SystemTime> for Time {
    fn from(at: SystemTime) -> Self {
        Self::text(jiff::Timestamp::try_from(at))
    }
}

/// To the thousandth.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// One of these words.
pub(super) fn words(words: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.to_vec())).build()
}

/// One of these words, or null.
pub(super) fn words_or_null(words: &[&str]) -> Object {
    let values = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
    let kind = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kind).enum_values(Some(values.collect::<Vec<_>>())).build()
}

pub(super) fn phases() -> Object {
    words(&PHASES)
}

/// How changes are had.
pub(super) fn modes() -> Object {
    words(&["stream", "poll"])
}

/// What a run reads.
pub(super) fn kinds() -> Object {
    words(&["full", "incremental"])
}

/// What became of a run.
pub(super) fn run_states() -> Object {
    words(&["running", "success", "partial", "failed"])
}

pub(super) fn sync_types() -> Object {
    words(&["full", "incremental", "stream"])
}
