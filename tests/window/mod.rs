//! The HTTP window, from outside: what it says of itself, what it refuses, who is let in, what is kept of commands.

mod audit;
mod described;
mod encrypted;
mod hostile;
mod logging;
mod tokens;
