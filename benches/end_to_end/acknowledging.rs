//! N: a target that only acknowledges. It stands in front of a real one, answers every insert, update and delete of rows
//! itself without looking at it, and passes everything else on, state documents and heartbeats among it: so what is
//! measured behind it is all but the target's writing.

use std::sync::Arc;

use bson::doc;

use crate::{
    relay::{self, Relay, Watcher, Writing},
    support::servers::Address,
};

/// Answers what writes rows.
struct Acknowledging;

/// In front of a target.
pub async fn before(target: &Address) -> Relay {
    Relay::before(target, Arc::new(Acknowledging)).await
}

impl Watcher for Acknowledging {
    fn request(&self, _connection: u64, message: &[u8]) -> Option<Vec<u8>> {
        let writing = Writing::of(relay::document(message)?)?;
        let count = i32::try_from(writing.operations.into_iter().count()).expect("a count");
        let answer = doc! { "n": count, "nModified": count, "ok": 1.0 };
        let answer = bson::serialize_to_vec(&answer).expect("a document");
        Some(relay::answer(relay::id(message), &answer))
    }

    fn answer(&self, _connection: u64, _message: &[u8]) {}
}
