//! What cannot be copied rightly stops the pipeline, or is kept aside with its reason; it is never skipped in silence.

mod dead_letters;
mod replaying;
pub mod statements;
