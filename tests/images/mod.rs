//! Row images that do not hold every column, and JSON told as differences: the target is what whole images give.

mod bare;
mod diffs;
mod letters;
mod modes;
mod omitted;
mod random;
mod refused;
