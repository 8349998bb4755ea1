//! A copy is whole, also of large tables and while the source is being written to, and stays current.

mod huge;
mod large;
mod sakila;
mod strangers;
mod types;

/// How much a test writes: what the environment says, or what is usual.
fn size(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}
