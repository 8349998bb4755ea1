//! Notes when the target has acknowledged each document that anybody writes through it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use bson::{RawBsonRef, RawDocument};

use crate::{
    relay::{self, Relay, Watcher, Writing},
    support::servers::Address,
};

/// A document: its collection and its `_id`.
type Name = (String, i64);

/// Runs until it is dropped.
pub struct Tap {
    relay: Relay,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    /// What a request that is on its way writes, in its order.
    asked: Mutex<HashMap<(u64, i32), Vec<Name>>>,
    acknowledged: Mutex<HashMap<Name, Instant>>,
}

impl Tap {
    /// In front of a target.
    pub async fn before(target: &Address) -> Self {
        let notes = Arc::new(Notes::default());
        Self { relay: Relay::before(target, Arc::clone(&notes)).await, notes }
    }

    pub fn address(&self) -> &Address {
        &self.relay.address
    }

    /// Forgets what was acknowledged until now.
    pub fn forget(&self) {
        self.notes.acknowledged.lock().expect("no panic while it is held").clear();
    }

    /// When the first write of a document was acknowledged.
    pub fn acknowledged(&self, collection: &str, id: i64) -> Option<Instant> {
        let acknowledged = self.notes.acknowledged.lock().expect("no panic while it is held");
        acknowledged.get(&(collection.to_owned(), id)).copied()
    }
}

impl Watcher for Notes {
    fn request(&self, connection: u64, message: &[u8]) -> Option<Vec<u8>> {
        if let Some(writing) = relay::document(message).and_then(Writing::of) {
            let names = writing.operations.into_iter().flatten();
            let names = names.filter_map(|operation| name(&writing, operation)).collect();
            let mut asked = self.asked.lock().expect("no panic while it is held");
            asked.insert((connection, relay::id(message)), names);
        }
        None
    }

    fn answer(&self, connection: u64, message: &[u8]) {
        let now = Instant::now();
        let request = (connection, relay::answered_id(message));
        let asked = self.asked.lock().expect("no panic while it is held").remove(&request);
        let (Some(names), Some(answer)) = (asked, relay::document(message)) else { return };
        let refused = refused(answer);
        let written = names.into_iter().enumerate().filter(|(index, _)| !refused.contains(index));
        let mut acknowledged = self.acknowledged.lock().expect("no panic while it is held");
        for (_, name) in written {
            acknowledged.entry(name).or_insert(now);
        }
    }
}

/// What an insert or an update writes: with `_id` in the document, or in the question for it.
fn name(writing: &Writing<'_>, operation: RawBsonRef<'_>) -> Option<Name> {
    let operation = operation.as_document()?;
    let id = match writing.verb {
        "insert" => operation.get_i64("_id").ok()?,
        "update" => operation.get_document("q").ok()?.get_i64("_id").ok()?,
        _ => return None,
    };
    Some((writing.collection.to_owned(), id))
}

/// The operations that an answer names as not done.
fn refused(answer: &RawDocument) -> HashSet<usize> {
    let errors = answer.get_array("writeErrors").into_iter().flatten().flatten();
    let index = |error: RawBsonRef<'_>| error.as_document()?.get_i32("index").ok();
    errors.filter_map(index).filter_map(|index| usize::try_from(index).ok()).collect()
}
