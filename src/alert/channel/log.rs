//! Alerts as lines of the log.

use tracing::{error, info, warn};

use super::super::{
    notice::{Event, Notice},
    text,
};
use crate::{config::alerts::PIPELINE_FAILED, model::alert::Severity};

/// Writes a line: urgent ones as errors, what is over as information.
pub(super) fn write(notice: &Notice) {
    // The end of the pipeline is a line of its own already.
    if notice.alert == PIPELINE_FAILED {
        return;
    }
    let event = notice.event.label();
    let (alert, summary) = (notice.alert.as_str(), text::summary(notice));
    let value = notice.measured.map(|measured| measured.value);
    let threshold = notice.measured.map(|measured| measured.limit.value());
    let since = notice.since.map(|(since, _)| text::time(since));
    let (error, hint) = (notice.reason.error.as_deref(), notice.reason.hint.as_deref());
    let tables = tables(notice);
    macro_rules! line {
        ($level:ident) => {
            $level!(alert, event, value, threshold, since, tables, error, hint, "{summary}")
        };
    }
    match (notice.event, notice.severity) {
        (Event::Cleared | Event::Test, _) | (_, Severity::Info) => line!(info),
        (_, Severity::Warning) => line!(warn),
        (_, Severity::Error) => line!(error),
    }
}

/// The names of a few tables.
fn tables(notice: &Notice) -> Option<String> {
    const MOST: usize = 10;
    let names: Vec<&str> =
        notice.tables.iter().take(MOST).map(|table| table.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
