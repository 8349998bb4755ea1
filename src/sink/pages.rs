//! Reads a collection's `_id`s in pages, without a cursor that a restart of the target would lose.
//!
//! `$gt` compares within one type only, so a page that its type does not fill goes on with the types behind it
//! (MongoDB manual, "Comparison/Sort Order").

use bson::{Bson, Document, doc};

use super::{errors::SinkError, link::Link};
use crate::model::write::Collection;

/// The type numbers of `_id` in sort order, those that compare as one together. Arrays and regular expressions cannot
/// be an `_id`.
const ORDER: &[&[i32]] =
    &[&[-1], &[10, 6], &[1, 16, 18, 19], &[2, 14], &[3], &[5], &[7], &[8], &[9], &[17], &[127]];

impl Link {
    /// The next documents behind an `_id`, with no more than `_id` and these fields.
    pub(super) async fn page(
        &self,
        collection: &Collection,
        fields: impl Iterator<Item = &str> + Send,
        after: Option<Bson>,
        limit: usize,
    ) -> Result<Vec<Document>, SinkError> {
        let mut projection = doc! { "_id": 1 };
        projection.extend(fields.map(|field| (field.to_owned(), Bson::Int32(1))));
        let Collection { database, name } = collection;
        let find = |filter: Document, limit| {
            let what = doc! { "filter": filter, "projection": projection.clone() };
            self.find(database, name, what, limit)
        };
        let Some(after) = after else { return find(Document::new(), limit).await };
        let types = types_behind(&after);
        let mut page = find(doc! { "_id": { "$gt": after } }, limit).await?;
        let rest = limit.saturating_sub(page.len());
        if rest > 0 && !types.is_empty() {
            page.extend(find(doc! { "_id": { "$type": types } }, rest).await?);
        }
        Ok(page)
    }

    /// The first documents in the order of `_id`, in one answer. `what` holds the filter, and what else `find` takes.
    pub(crate) async fn find(
        &self,
        database: &str,
        collection: &str,
        what: Document,
        limit: usize,
    ) -> Result<Vec<Document>, SinkError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut command = doc! { "find": collection };
        command.extend(what);
        command.extend(doc! {
            "sort": { "_id": 1 }, "limit": limit, "batchSize": limit, "singleBatch": true,
        });
        let answer = self.ask(database, command, "read documents").await?;
        Ok(first_batch(&answer))
    }
}

/// The documents of a cursor's first batch.
pub(crate) fn first_batch(answer: &Document) -> Vec<Document> {
    let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let list = batch.map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Bson::as_document).cloned().collect()
}

fn types_behind(id: &Bson) -> Vec<i32> {
    // The element type is a byte; MinKey's -1 is 255 there.
    let own = match i32::from(id.element_type() as u8) {
        255 => -1,
        number => number,
    };
    let place = ORDER.iter().position(|types| types.contains(&own)).map_or(0, |place| place + 1);
    ORDER.get(place..).unwrap_or_default().iter().flat_map(|types| types.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_behind_a_key_are_those_that_sort_behind_it() {
        assert_eq!(types_behind(&Bson::String("a".into())).first(), Some(&3));
        assert_eq!(types_behind(&Bson::Int64(1)), types_behind(&Bson::Double(0.5)));
        assert!(types_behind(&Bson::MaxKey).is_empty());
        assert_eq!(types_behind(&Bson::MinKey).first(), Some(&10));
    }
}
