//! The command line: its arguments, the texts it prints, and how findings and tables look on a terminal.
//!
//! Standard output is for data, standard error for logs and progress. The texts are made by functions that hand them
//! back, so that every one of them can be tested; only [`main`] writes.

pub mod args;
mod commands;
pub mod exit;
pub mod init;
pub mod render;

pub use args::{CheckpointCommand, Cli, Command};
pub use commands::main;
