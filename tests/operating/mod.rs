//! What an operator types, sees and scrapes.

mod check;
mod command_line;
mod connecting;
mod discretion;
mod questions;
mod state;
mod status;
mod uncopied;
