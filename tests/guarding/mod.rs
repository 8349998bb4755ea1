//! What cannot be copied rightly stops the pipeline, or is kept aside with its reason; it is never skipped in silence.

mod dead_letters;
mod replaying;
pub mod statements;

use bson::Document;

use crate::support::Pair;

/// The letters that are open.
async fn letters(pair: &Pair) -> Vec<Document> {
    pair.target.find("_sync_dead_letters", Document::new()).await
}
