//! What an operator types, sees and scrapes.

mod anew;
mod check;
mod command_line;
mod connecting;
mod discretion;
mod metrics;
mod questions;
mod state;
mod status;
mod uncopied;
mod waiting;
