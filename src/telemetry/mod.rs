//! Logs and metrics: the only place that knows their names and forms.

pub mod levels;
pub mod logs;
pub mod metrics;
pub mod terminal;
