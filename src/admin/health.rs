//! `GET /api/sync/health`: one word for each part, and the worst of them for the whole.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::form::{phases, rounded, run_states, words};
use crate::pipeline::handle::{Phase, Report, runs::Run};

/// A stream that is further behind is degraded; an alert's default is the same.
const LAG: Duration = Duration::from_secs(60);

/// How a part is, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Healthy,
    /// Not reached yet.
    Starting,
    /// It works, and somebody should look.
    Degraded,
    Unhealthy,
}

impl Condition {
    const fn label(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Starting => "starting",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    const fn degraded(is_bad: bool) -> Self {
        if is_bad { Self::Degraded } else { Self::Healthy }
    }
}

/// How it is: one word for each part, and the worst of them for the whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(schema_with = conditions)]
    status: &'static str,
    #[schema(schema_with = conditions)]
    mysql_connection: &'static str,
    #[schema(schema_with = conditions)]
    mongodb_connection: &'static str,
    #[schema(schema_with = run_states)]
    last_sync_status: &'static str,
    /// Operations on their way to the target.
    pending_operations: u64,
    /// What has gone wrong since the start, what was mended by another try too.
    error_count: u64,
    #[schema(schema_with = phases)]
    phase: &'static str,
    paused: bool,
    checks: Checks,
}

/// The parts.
#[derive(Debug, Serialize, ToSchema)]
struct Checks {
    source: SourceCheck,
    target: TargetCheck,
    lag: LagCheck,
    dead_letters: LettersCheck,
}

#[derive(Debug, Serialize, ToSchema)]
struct SourceCheck {
    #[schema(schema_with = conditions)]
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct TargetCheck {
    #[schema(schema_with = conditions)]
    status: &'static str,
    checkpoint_age_seconds: f64,
}

#[derive(Debug, Serialize, ToSchema)]
struct LagCheck {
    #[schema(schema_with = conditions)]
    status: &'static str,
    seconds: f64,
    #[schema(required)]
    transactions: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LettersCheck {
    #[schema(schema_with = conditions)]
    status: &'static str,
    count: u64,
}

fn conditions() -> utoipa::openapi::Object {
    words(&["healthy", "starting", "degraded", "unhealthy"])
}

/// How it is. `last_run`: the newest run that has ended, where tables are polled.
pub(super) fn health(report: &Report, is_alive: bool, last_run: Option<&Run>) -> Health {
    let source = side(report, report.source_up);
    let target = side(report, report.target_up);
    let lag = Condition::degraded(report.lag > bearable(report));
    let letters = Condition::degraded(report.dead_letters() > 0);
    let last = last_sync_status(report, last_run);
    let itself = match report.phase {
        Phase::Failed => Condition::Unhealthy,
        _ if !is_alive => Condition::Unhealthy,
        _ => Condition::degraded(report.paused || matches!(last, "failed" | "partial")),
    };
    Health {
        status: source.max(target).max(lag).max(letters).max(itself).label(),
        mysql_connection: source.label(),
        mongodb_connection: target.label(),
        last_sync_status: last,
        pending_operations: report.pending_operations,
        error_count: report.errors,
        phase: report.phase_name(),
        paused: report.paused,
        checks: Checks {
            source: SourceCheck { status: source.label() },
            target: TargetCheck {
                status: target.label(),
                checkpoint_age_seconds: rounded(report.checkpoint_age.as_secs_f64()),
            },
            lag: LagCheck {
                status: lag.label(),
                seconds: rounded(report.lag.as_secs_f64()),
                transactions: report.lag_transactions,
            },
            dead_letters: LettersCheck { status: letters.label(), count: report.dead_letters() },
        },
    }
}

fn side(report: &Report, is_up: bool) -> Condition {
    match (is_up, report.phase) {
        (false, _) => Condition::Unhealthy,
        (true, Phase::Starting) => Condition::Starting,
        (true, _) => Condition::Healthy,
    }
}

/// What is polled is as old as its interval, and as a run takes.
fn bearable(report: &Report) -> Duration {
    match report.phase {
        Phase::Starting | Phase::Snapshot => Duration::MAX,
        _ if report.schedule.way.polls => LAG + report.schedule.interval * 2,
        _ => LAG,
    }
}

fn last_sync_status(report: &Report, last_run: Option<&Run>) -> &'static str {
    match (report.phase, last_run) {
        (Phase::Failed, _) => "failed",
        (_, Some(run)) => run.status(),
        _ if report.position.is_some() => "success",
        _ => "running",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::fault::{Fault, Stage},
        pipeline::{
            Handle,
            handle::{
                Side, Way,
                runs::{Outcome, RunKind},
            },
        },
        runtime::channel::QueueGauge,
    };

    fn of(handle: &Handle) -> Value {
        let body = health(&handle.report(), true, handle.last_run().as_ref());
        serde_json::to_value(body).unwrap()
    }

    fn handle() -> Handle {
        let handle = Handle::new(QueueGauge::default(), false, None);
        handle.set_phase(Phase::CatchingUp);
        handle
    }

    #[test]
    fn the_whole_is_as_bad_as_its_worst_part() {
        let handle = handle();
        assert_eq!(of(&handle)["status"], "healthy");
        handle.control(|control| control.paused = true);
        assert_eq!(of(&handle)["status"], "degraded");
        handle.set_away(Side::Target, true);
        handle.set_error(&Fault::transient(Stage::Sink, "away"));
        let body = of(&handle);
        assert_eq!(
            (&body["status"], &body["mongodb_connection"]),
            (&json!("unhealthy"), &json!("unhealthy"))
        );
        assert_eq!(
            (&body["mysql_connection"], &body["error_count"]),
            (&json!("healthy"), &json!(1))
        );
    }

    #[test]
    fn a_start_is_neither_good_nor_bad() {
        let handle = Handle::new(QueueGauge::default(), false, None);
        assert_eq!(of(&handle)["status"], "starting");
        assert_eq!(health(&handle.report(), false, None).status, "unhealthy");
    }

    #[test]
    fn a_run_of_polling_that_failed_in_part_is_to_be_looked_at() {
        let handle = handle();
        handle.set_way(Way { polls: true, reason: None }, Duration::from_secs(300));
        handle.set_phase(Phase::Idle);
        let table = crate::model::table::TableName::new("shop", "orders");
        handle.run_begins("1", RunKind::Full);
        let failed = Outcome::Failed { error: "gone".to_owned(), hint: None };
        handle.table_ends("1", &table, (failed, Default::default(), Duration::ZERO));
        handle.run_ends("1", None);
        let body = of(&handle);
        assert_eq!(
            (&body["status"], &body["last_sync_status"]),
            (&json!("degraded"), &json!("failed"))
        );
        assert_eq!(handle.table_errors()["shop.orders"], "gone");
    }
}
