//! Tasks, channel, shutdown, retry and calls to others over HTTP: what every station stands on. Knows no station.

pub mod channel;
pub mod http;
pub mod ready;
pub mod retry;
pub mod tasks;
