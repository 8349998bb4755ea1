//! Notices for the tests of texts and channels.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::notice::{Event, Measured, Notice, Origin, Reason, TableLine};
use crate::model::alert::{Limit, Metric, Severity};

fn origin() -> Arc<Origin> {
    Arc::new(Origin {
        pipeline: "default".to_owned(),
        host: "db-1".to_owned(),
        source: "shop".to_owned(),
        target: "shop_copy".to_owned(),
    })
}

/// A test message.
pub(super) fn test() -> Notice {
    Notice::test(&origin())
}

/// An alert about lag with everything that a notice may tell.
pub(super) fn lag(event: Event, value: f64) -> Notice {
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_055_400);
    let table = TableLine {
        name: "shop.orders".to_owned(),
        status: Some("failed"),
        rows: Some(12),
        took: Some(Duration::from_millis(1500)),
        error: Some("no right".to_owned()),
    };
    Notice {
        event,
        alert: "lag".to_owned(),
        severity: Severity::Error,
        since: Some((since, Duration::from_secs(123))),
        measured: Some(Measured { metric: Metric::LagSeconds, value, limit: Limit::Above(60.0) }),
        reason: Reason {
            error: Some("cannot be reached".to_owned()),
            hint: Some("start it".to_owned()),
            ..Reason::default()
        },
        tables: vec![table],
        phase: "retrying",
        mode: "stream",
        ..test()
    }
}
