//! The end-to-end proof: binleaf as its users run it, against real servers.
//!
//! `dev/test` starts the servers and names them in `TEST_MYSQL_URL`, `TEST_MARIADB_URL` and `TEST_MONGODB_URL`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test that cannot go on panics, reads the run's environment, and starts tasks as it likes"
)]

mod alerting;
mod charsets;
mod copying;
mod dashboard;
mod decoders;
mod golden;
mod guarding;
mod house;
mod images;
mod mariadb;
mod monitoring;
mod operating;
mod packaging;
mod polling;
mod positions;
mod random;
mod support;
mod surviving;
mod tables;
mod window;
mod xa;
