//! A notice as JSON. Names and shapes are a promise to scripts: fields may be added, never renamed.

use serde_json::{Value, json};

use super::{
    notice::{Notice, RunSummary, TableLine},
    text::{self, time},
};

/// The body of a webhook.
pub(super) fn payload(notice: &Notice) -> Value {
    let (origin, measured, reason) = (&notice.origin, notice.measured, &notice.reason);
    json!({
        "id": notice.id,
        "event": notice.event.label(),
        "alert": notice.alert,
        "severity": notice.severity.label(),
        "summary": text::summary(notice),
        "text": text::body(notice),
        "at": time(notice.at),
        "since": notice.since.map(|(since, _)| time(since)),
        "duration_seconds": notice.since.map(|(_, lasted)| rounded(lasted.as_secs_f64())),
        "metric": measured.map(|measured| measured.metric.name()),
        "value": measured.map(|measured| rounded(measured.value)),
        "comparison": measured.map(|measured| measured.limit.side()),
        "threshold": measured.map(|measured| measured.limit.value()),
        "error": reason.error,
        "stage": reason.stage,
        "position": reason.position,
        "hint": reason.hint,
        "tables": notice.tables.iter().map(table).collect::<Vec<_>>(),
        "run": notice.run.as_ref().map(run),
        "pipeline": origin.pipeline,
        "host": origin.host,
        "source": origin.source,
        "target": origin.target,
        "phase": notice.phase,
        "mode": notice.mode,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn table(table: &TableLine) -> Value {
    json!({
        "table": table.name,
        "status": table.status,
        "records": table.rows,
        "duration_seconds": table.took.map(|took| rounded(took.as_secs_f64())),
        "error": table.error,
    })
}

fn run(run: &RunSummary) -> Value {
    json!({
        "run_id": run.id,
        "sync_type": run.kind,
        "status": run.status,
        "total_records_synced": run.rows,
        "successful_tables": run.successful,
        "failed_tables": run.failed,
        "duration_seconds": rounded(run.took.as_secs_f64()),
    })
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{notice::Event, samples};

    #[test]
    fn the_page_of_alerts_shows_the_fields_that_there_are() {
        let page = include_str!("../../docs/alerts.md");
        let shown = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        let shown: Value = serde_json::from_str(shown.unwrap()).unwrap();
        let made = payload(&samples::lag(Event::Raised, 75.25));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&shown), keys(&made));
        assert_eq!(keys(&shown["tables"][0]), keys(&made["tables"][0]));
        for same in ["event", "alert", "summary", "metric", "value", "comparison", "threshold"] {
            assert_eq!(shown[same], made[same], "{same}");
        }
    }
}
