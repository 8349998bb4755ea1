//! A notice as people read it: one line for a subject, and a text of plain lines. No row values.

use std::time::{Duration, SystemTime};

use super::notice::{Event, Measured, Notice, RUN, RunSummary, TableLine};
use crate::{
    config::alerts::{PIPELINE_FAILED, SCHEMA_CHANGED},
    model::alert::Metric,
};

/// How many tables a text names.
const MOST_TABLES: usize = 30;

/// The most letters of an error that a text shows.
const MOST_LETTERS: usize = 500;

/// An instant as RFC 3339.
pub(super) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| String::new(), |stamp| format!("{stamp:.3}"))
}

/// A number without digits that say nothing.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 1000.0).round() / 1000.0;
    rounded.to_string()
}

fn span(duration: Duration) -> String {
    // Below a minute tenths say something, above it seconds.
    let rounded = match duration.as_secs() {
        0..60 => {
            Duration::from_millis(u64::try_from(duration.as_millis() / 100 * 100).unwrap_or(0))
        }
        seconds => Duration::from_secs(seconds),
    };
    humantime::format_duration(rounded).to_string()
}

/// What has happened, in a line.
pub(super) fn summary(notice: &Notice) -> String {
    match (notice.event, notice.alert.as_str(), &notice.run, notice.measured) {
        (Event::Test, ..) => "this is a test: nothing is wrong".to_owned(),
        (_, PIPELINE_FAILED, ..) => "the pipeline has ended by a fault".to_owned(),
        (_, SCHEMA_CHANGED, ..) => match notice.tables.as_slice() {
            [only] => format!("the schema of {} has changed", only.name),
            tables => format!("the schemas of {} tables have changed", tables.len()),
        },
        (_, RUN, Some(run), _) => of_run(run),
        (event, _, _, Some(measured)) => of_metric(&measured, event == Event::Cleared),
        (_, alert, ..) => alert.to_owned(),
    }
}

fn of_run(run: &RunSummary) -> String {
    let took = span(run.took);
    match run.status {
        "success" => format!(
            "the {} run is done: {} documents of {} tables in {took}",
            run.kind, run.rows, run.successful
        ),
        _ => format!(
            "the {} run has failed: {} tables of {} in {took}",
            run.kind,
            run.failed,
            run.failed + run.successful
        ),
    }
}

fn of_metric(measured: &Measured, is_over: bool) -> String {
    let value = number(measured.value);
    let words = match (measured.metric, is_over) {
        (Metric::TargetUp, false) => "the target does not answer",
        (Metric::TargetUp, true) => "the target answers again",
        (Metric::SourceUp, false) => "the source does not answer",
        (Metric::SourceUp, true) => "the source answers again",
        (Metric::LagSeconds, false) => return format!("the target is {value} s behind the source"),
        (Metric::LagSeconds, true) => "the target has caught up with the source",
        (Metric::BinlogRetentionUsed, false) => {
            return format!(
                "what is not applied yet takes {} % of the time for which the source keeps its binlog",
                number(measured.value * 100.0)
            );
        }
        (Metric::BinlogRetentionUsed, true) => "the source keeps its binlog for long enough again",
        (Metric::DeadLettersGrown, false) => {
            return format!("{value} changes more could not be written");
        }
        (Metric::DeadLettersGrown, true) => "the changes that could not be written are settled",
        (Metric::SnapshotIdleSeconds, false) => {
            return format!("the first copy has not moved for {value} s");
        }
        (Metric::SnapshotIdleSeconds, true) => "the first copy moves again",
        (Metric::TablesOverdue, false) => {
            return format!("tables that were not synced for three intervals: {value}");
        }
        (Metric::TablesOverdue, true) => "all tables are synced in time again",
        (Metric::TablesFailing, false) => {
            return format!("syncing fails: {value} in the last runs");
        }
        (Metric::TablesFailing, true) => "syncing succeeds again",
        (metric, false) => {
            let (side, limit) = (measured.limit.side(), number(measured.limit.value()));
            return format!("{} is {value}, {side} {limit}", metric.name());
        }
        (metric, true) => return format!("{} is {value} again", metric.name()),
    };
    words.to_owned()
}

/// How urgent it is or that it is over, in a word.
fn word(notice: &Notice) -> String {
    let severity = notice.severity.label().to_uppercase();
    match notice.event {
        Event::Raised | Event::Happened => severity,
        Event::Repeated => format!("STILL {severity}"),
        Event::Cleared => "CLEARED".to_owned(),
        Event::Test => "TEST".to_owned(),
    }
}

/// The subject of a mail.
pub(super) fn subject(notice: &Notice) -> String {
    let origin = &notice.origin;
    format!("[binleaf {}@{}] {}", origin.pipeline, origin.host, headline(notice))
}

fn headline(notice: &Notice) -> String {
    format!("{}: {}: {}", word(notice), notice.alert, summary(notice))
}

/// The whole text.
pub(super) fn body(notice: &Notice) -> String {
    let mut text = format!("{}\n\n", headline(notice));
    for (name, value) in facts(notice) {
        line(&mut text, format_args!("{name:<10} {value}"));
    }
    if !notice.tables.is_empty() {
        text.push_str("tables\n");
        for table in notice.tables.iter().take(MOST_TABLES) {
            line(&mut text, format_args!("  {}", of_table(table)));
        }
        if let Some(more) = notice.tables.len().checked_sub(MOST_TABLES).filter(|more| *more > 0) {
            line(&mut text, format_args!("  and {more} more"));
        }
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.push_str(&format!("{arguments}\n"));
}

fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
    let origin = &notice.origin;
    let mut facts = vec![
        ("pipeline", format!("{} on {}", origin.pipeline, origin.host)),
        ("copies", format!("{} to {}", origin.source, origin.target)),
        ("time", time(notice.at)),
    ];
    if let Some((since, lasted)) = notice.since {
        facts.push(("since", format!("{} (for {})", time(since), span(lasted))));
    }
    if let Some(Measured { metric, value, limit }) = notice.measured {
        let (side, bound) = (limit.side(), number(limit.value()));
        facts
            .push(("value", format!("{} {} (alert {side} {bound})", metric.name(), number(value))));
    }
    if !notice.phase.is_empty() {
        facts.push(("phase", format!("{} ({})", notice.phase, notice.mode)));
    }
    let reason = &notice.reason;
    let told = [
        ("error", reason.error.as_deref()),
        ("stage", reason.stage),
        ("position", reason.position.as_deref()),
        ("hint", reason.hint.as_deref()),
    ];
    facts.extend(told.into_iter().filter_map(|(name, text)| Some((name, cut(text?)))));
    facts
}

fn of_table(table: &TableLine) -> String {
    let rows = table.rows.map(|rows| format!("{rows} rows"));
    let took = table.took.map(span);
    let error = table.error.as_deref().map(cut);
    let parts = [table.status.map(str::to_owned), rows, took, error];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        table.name.clone()
    } else {
        format!("{}: {}", table.name, parts.join(", "))
    }
}

/// One line of bearable length.
fn cut(text: &str) -> String {
    let line: String =
        text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    match line.char_indices().nth(MOST_LETTERS) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::samples,
        model::alert::{Limit, Severity},
    };

    #[test]
    fn a_subject_says_whose_how_urgent_and_what() {
        let notice = samples::lag(Event::Raised, 75.25);
        assert_eq!(
            subject(&notice),
            "[binleaf default@db-1] ERROR: lag: the target is 75.25 s behind the source"
        );
        let notice = samples::lag(Event::Repeated, 90.0);
        assert!(subject(&notice).contains("] STILL ERROR: lag: "));
        let notice = samples::lag(Event::Cleared, 0.0);
        assert!(
            subject(&notice).ends_with("CLEARED: lag: the target has caught up with the source")
        );
    }

    #[test]
    fn a_text_tells_value_limit_time_reason_and_tables() {
        let text = body(&samples::lag(Event::Raised, 75.25));
        for part in [
            "pipeline   default on db-1\n",
            "copies     shop to shop_copy\n",
            "since      2026-01-10T14:30:00.000Z (for 2m 3s)\n",
            "value      lag_seconds 75.25 (alert above 60)\n",
            "phase      retrying (stream)\n",
            "error      cannot be reached\n",
            "hint       start it\n",
            "  shop.orders: failed, 12 rows, 1s 500ms, no right\n",
        ] {
            assert!(text.contains(part), "{part:?} not in\n{text}");
        }
    }

    #[test]
    fn many_tables_and_long_errors_are_cut() {
        let mut notice = samples::lag(Event::Raised, 1.0);
        notice.tables = vec![TableLine { name: "t".to_owned(), ..TableLine::default() }; 100];
        notice.reason.error = Some("é\n".repeat(2000));
        let text = body(&notice);
        assert!(text.contains("  and 70 more\n") && text.len() < 5000, "{text}");
    }

    #[test]
    fn a_rule_of_ones_own_is_told_by_its_metric() {
        let limit = Limit::Below(1.0);
        let measured = Measured { metric: Metric::Ready, value: 0.0, limit };
        assert_eq!(of_metric(&measured, false), "ready is 0, below 1");
        assert_eq!(of_metric(&Measured { value: 1.0, ..measured }, true), "ready is 1 again");
    }

    #[test]
    fn every_event_has_a_word() {
        let notice = samples::test();
        assert!(subject(&notice).contains("TEST: test: this is a test"));
        assert_eq!(
            word(&Notice { event: Event::Happened, severity: Severity::Info, ..notice }),
            "INFO"
        );
    }
}
