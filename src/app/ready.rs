//! Making a collection ready for the first copy of a table.

use super::check;
use crate::{
    config::Existing,
    mapping::Plan,
    model::{fault::Fault, port::Sink},
    sink::MongoSink,
};

/// Our own old documents go; what becomes of strangers' is a setting. Answers whether those that the source does not have
/// are to go behind the copy.
pub(super) async fn make_ready(
    sink: &MongoSink,
    plan: &Plan,
    is_ours: bool,
    existing: Existing,
) -> Result<bool, Fault> {
    let collection = &plan.target().collection;
    let mut is_swept = false;
    if !sink.is_empty(collection).await? {
        match existing {
            _ if is_ours => drop(sink.delete_all(collection).await?),
            // A hash does not lead back to a row that the source could be asked for.
            Existing::Replace if plan.is_keyless() => drop(sink.delete_all(collection).await?),
            Existing::Replace => is_swept = true,
            Existing::Merge => {}
            Existing::Stop => return Err(check::not_ours(plan.schema(), collection)),
        }
    }
    sink.prepare(plan.target()).await?;
    Ok(is_swept)
}
