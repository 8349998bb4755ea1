//! A copy is whole, also of large tables and while the source is being written to, and stays current.

mod large;
mod sakila;
mod strangers;
mod types;
