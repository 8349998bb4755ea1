//! Decoding a row allocates nothing: neither the decoder nor the mapping nor the batch.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod recorded;

use allocation_counter::measure;
use bson::{Bson, Document};

use self::recorded::{Binleaf, PLAIN, RICH, Recorded, mysql_common};

const ROWS: usize = 10_000;

/// Of a batch: the list of its collections and the account of a new one, however many rows it has.
const OF_A_BATCH: u64 = 4;

#[test]
fn rows_become_documents_without_an_allocation() {
    for columns in [PLAIN, RICH] {
        let rows = Recorded::rows(columns, ROWS);
        let mut binleaf = Binleaf::new(&rows);
        let mut whole = || {
            let mut block = binleaf.block(&rows);
            let mut bytes = 0;
            let counted = measure(|| bytes = binleaf.documents(&mut *block, &mut |_| {}));
            assert!(bytes > rows.bytes, "every row became a document");
            counted.count_total
        };
        // The first row makes the buffers, and the longest ones grow them.
        assert!((1..100).contains(&whole()));
        assert_eq!(whole(), 0, "{}", columns.named);
    }
}

#[test]
fn a_batch_allocates_for_itself_and_not_for_its_rows() {
    let rows = Recorded::rows(RICH, ROWS);
    let mut binleaf = Binleaf::new(&rows);
    let mut whole = || {
        let mut block = binleaf.block(&rows);
        measure(|| _ = binleaf.batches(&mut *block)).count_total
    };
    whole();
    let batches = ROWS as u64 / 1000;
    let (ours, theirs) = (whole(), measure(|| _ = mysql_common(&rows)).count_total);
    println!(
        "allocations for {ROWS} rows: {ours} by binleaf in {batches} batches, {theirs} by mysql_common"
    );
    assert!((1..=batches * OF_A_BATCH).contains(&ours));
}

/// What is measured is what is meant: every row once, with its values.
#[test]
fn the_rows_are_the_recorded_ones() {
    let rows = Recorded::rows(RICH, 100);
    let mut binleaf = Binleaf::new(&rows);
    let mut block = binleaf.block(&rows);
    let mut documents = Vec::new();
    binleaf.documents(&mut *block, &mut |bytes| {
        documents.push(bson::deserialize_from_slice::<Document>(bytes).expect("a document"));
    });
    assert_eq!(documents.len(), 100);
    for (number, document) in (1..).zip(&documents) {
        assert_eq!(document.get("_id"), Some(&Bson::Int64(number)));
        assert_eq!(document.len(), 13, "twelve columns and _id");
    }
    let (first, again) = (&documents[0], &documents[24]);
    assert_eq!(first.get_str("state").expect("text"), "paid");
    assert!(first.get_str("name").expect("text").starts_with("コーヒーミル 6b86b273"));
    assert_eq!(first.get("price").map(ToString::to_string), Some("-1086419.73".to_owned()));
    assert_eq!(first.get_document("attributes").expect("an object").len(), 4);
    assert!(first.iter().skip(2).eq(again.iter().skip(2)), "the same but for the number");
    assert_eq!(mysql_common(&rows), 100 * 12);
}
