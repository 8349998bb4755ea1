//! Tasks, channel, shutdown and retry: what every station stands on. Knows no station.

pub mod channel;
pub mod ready;
pub mod retry;
pub mod tasks;
