//! Logs and metrics: the only place that knows their names and forms.

pub mod logs;
pub mod metrics;
pub mod terminal;
