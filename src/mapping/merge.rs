//! Fields that are set, put into a document or into other fields that are set.

use crate::codec::element::{self, Element};

/// Appends the document that setting these fields makes of another: each at its place, new ones at the end.
pub fn merge(out: &mut Vec<u8>, document: &[u8], fields: &[u8]) {
    let fields: Vec<Element<'_>> = element::elements(element::inside(fields)).collect();
    let mut placed = vec![false; fields.len()];
    let mut next = 0;
    let at = element::begin(out);
    for kept in element::elements(element::inside(document)) {
        // Both are in the order of the table's columns, so that the next one is the likely one.
        let mut places = (next..fields.len()).chain(0..next);
        let found = places.find(|place| fields.get(*place).is_some_and(|f| f.name == kept.name));
        let bytes = match found.and_then(|place| Some((place, fields.get(place)?))) {
            Some((place, field)) => {
                next = place + 1;
                placed.iter_mut().skip(place).take(1).for_each(|done| *done = true);
                field.bytes
            }
            None => kept.bytes,
        };
        out.extend_from_slice(bytes);
    }
    for (field, _) in fields.iter().zip(placed).filter(|(_, placed)| !placed) {
        out.extend_from_slice(field.bytes);
    }
    element::end(out, at);
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::*;

    fn merged(document: &Document, fields: &Document) -> Vec<u8> {
        let bytes = |document| bson::serialize_to_vec(document).unwrap();
        let mut out = Vec::new();
        merge(&mut out, &bytes(document), &bytes(fields));
        out
    }

    #[test]
    fn fields_keep_their_places_and_new_ones_come_last() {
        let document = doc! { "_id": 1, "a": "x", "b": { "c": [1, 2] }, "d": null, "e": 2.5 };
        let fields = doc! { "d": true, "b": 7_i64, "f": "new" };
        let expected = doc! { "_id": 1, "a": "x", "b": 7_i64, "d": true, "e": 2.5, "f": "new" };
        assert_eq!(merged(&document, &fields), bson::serialize_to_vec(&expected).unwrap());
        assert_eq!(merged(&doc! {}, &fields), bson::serialize_to_vec(&fields).unwrap());
        assert_eq!(merged(&document, &doc! {}), bson::serialize_to_vec(&document).unwrap());
    }
}
