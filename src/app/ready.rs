//! Making a collection ready for the first copy of a table.

use super::check;
use crate::{
    config::Existing,
    mapping::Plan,
    model::{fault::Fault, port::Sink},
    sink::MongoSink,
};

/// What becomes of documents that are found in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Our own go at once; of strangers' it is a setting.
    Strangers(Existing),
    /// They can be read until the copy replaces them.
    Kept,
}

/// Our own old documents go; what becomes of strangers' is a setting. Answers whether those that the source does not have
/// are to go behind the copy.
pub(super) async fn make_ready(
    sink: &MongoSink,
    plan: &Plan,
    is_ours: bool,
    found: Found,
) -> Result<bool, Fault> {
    let collection = &plan.target().collection;
    let mut is_swept = false;
    if !sink.is_empty(collection).await? {
        match found {
            // A hash does not lead back to a row that the source could be asked for.
            Found::Kept | Found::Strangers(Existing::Replace) if plan.is_keyless() => {
                sink.delete_all(collection).await?;
            }
            Found::Kept => is_swept = true,
            Found::Strangers(_) if is_ours => drop(sink.delete_all(collection).await?),
            Found::Strangers(Existing::Replace) => is_swept = true,
            Found::Strangers(Existing::Merge) => {}
            Found::Strangers(Existing::Stop) => {
                return Err(check::not_ours(plan.schema(), collection));
            }
        }
    }
    sink.prepare(plan.target()).await?;
    Ok(is_swept)
}
