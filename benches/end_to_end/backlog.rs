//! A backlog of binlog changes: drained by binleaf, and the same operations sent by the bare driver.

use std::{collections::BTreeMap, time::Instant};

use bson::{RawDocumentBuf, rawdoc};
use fastrand::Rng;
use mysql_async::prelude::Queryable;

use crate::{
    Result,
    bare::{self, Write},
    documents, launch, rate,
    support::Pair,
};

/// Rows that one transaction changes.
const TRANSACTION: u64 = 50;

/// Binleaf's rates and the bare driver's.
pub async fn measure(pair: &Pair, changes: u64, rounds: usize) -> Result {
    let launch = launch(pair);
    let mut result = Result { operations: changes, ..Result::default() };
    for round in 0..rounds {
        let before = documents(pair).await;
        let writes = write(pair, &before, changes, round as u64).await;
        let begun = Instant::now();
        let mut binleaf = launch.run();
        binleaf.catches_up().await;
        result.ours.push(rate(changes, begun.elapsed()));
        binleaf.assert_no_new_snapshot().await;
        binleaf.stops().await;
        bare::writes(pair, &before, &writes, &mut result.bare).await;
    }
    result
}

/// Commits the changes to the source, and returns them as writes on documents of the same size: two in ten are inserts,
/// seven updates, one a delete. No key is touched twice, so that the bare driver's connections may go on side by side
/// and nobody gains by leaving out what is overwritten.
async fn write(pair: &Pair, before: &[RawDocumentBuf], changes: u64, seed: u64) -> Vec<Write> {
    let documents: BTreeMap<i64, &RawDocumentBuf> =
        before.iter().map(|document| (document.get_i64("_id").expect("a key"), document)).collect();
    let mut random = Rng::with_seed(seed);
    let mut known: Vec<i64> = documents.keys().copied().collect();
    random.shuffle(&mut known);
    let mut next = documents.keys().next_back().copied().unwrap_or(0);
    let mut conn = pair.source.connect().await;
    let mut writes = Vec::new();
    for number in 0..changes {
        if number % TRANSACTION == 0 {
            conn.query_drop("BEGIN").await.expect("a transaction");
        }
        let statement = match random.u8(..10) {
            0 | 1 => {
                next += 1;
                let like = *documents.keys().next().expect("a document");
                writes.push(Write::Insert(copy_of(documents[&like], next)));
                format!(
                    "INSERT INTO orders SELECT {next}, customer, version, label, status, price, placed, changed, express, weight, due, note FROM orders WHERE id = {like}"
                )
            }
            2 => {
                let id = known.pop().expect("more documents than changes");
                writes.push(Write::Delete(id));
                format!("DELETE FROM orders WHERE id = {id}")
            }
            _ => {
                let id = known.pop().expect("more documents than changes");
                writes.push(Write::Replace(copy_of(documents[&id], id)));
                format!(
                    "UPDATE orders SET version = version + 1, customer = customer + 1 WHERE id = {id}"
                )
            }
        };
        conn.query_drop(statement).await.expect("a change");
        if (number + 1) % TRANSACTION == 0 || number + 1 == changes {
            conn.query_drop("COMMIT").await.expect("a commit");
        }
    }
    conn.disconnect().await.expect("a clean end");
    writes
}

/// A document of the same size with another key.
fn copy_of(document: &RawDocumentBuf, id: i64) -> RawDocumentBuf {
    let mut copy = rawdoc! { "_id": id, "id": id };
    for element in document.iter_elements().flatten() {
        if !matches!(element.key().as_str(), "_id" | "id") {
            let value = bson::RawBson::from(element.value().expect("a value"));
            copy.append(element.key(), value);
        }
    }
    copy
}
