//! T: the bare driver as the measure. The commands that it is to send lie ready in memory and are sent side by side, in
//! several shapes.

use std::time::Instant;

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};
use mongodb::Database;

use crate::{plan::Shape, support::Pair};

/// Where it writes, beside the copy.
pub const COLLECTION: &str = "bench";

/// One write on one document.
#[derive(Debug, Clone)]
pub enum Write {
    Insert(RawDocumentBuf),
    Replace(RawDocumentBuf),
    Delete(i64),
}

/// Applies writes to a copy of the documents, and returns the seconds that it took; the copying is not measured.
pub async fn writes(pair: &Pair, before: &[Write], writes: &[Write], shape: Shape) -> f64 {
    let database = pair.target.handle();
    for command in before.chunks(500).flat_map(commands_of) {
        run(&database, command).await;
    }
    let commands = writes.chunks(shape.batch).flat_map(commands_of).collect();
    let lanes = dealt(commands, shape.connections);
    let begun = Instant::now();
    let sending: Vec<_> =
        lanes.into_iter().map(|lane| tokio::spawn(send(database.clone(), lane))).collect();
    let mut written = 0;
    for lane in sending {
        written += lane.await.expect("a lane");
    }
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(written, writes.len(), "the driver wrote everything");
    pair.target.collection(COLLECTION).drop().await.expect("the target answers");
    took
}

/// In turn, as whoever is free would take them. Each key is written once, so no order has to be kept.
fn dealt(commands: Vec<RawDocumentBuf>, connections: usize) -> Vec<Vec<RawDocumentBuf>> {
    let mut lanes = vec![Vec::new(); connections];
    for (number, command) in commands.into_iter().enumerate() {
        lanes[number % connections].push(command);
    }
    lanes
}

async fn send(database: Database, commands: Vec<RawDocumentBuf>) -> usize {
    let mut written = 0;
    for command in commands {
        written += run(&database, command).await;
    }
    written
}

/// Sends a command; returns how many documents it wrote.
pub async fn run(database: &Database, command: RawDocumentBuf) -> usize {
    let answer = database.run_raw_command(command).await.expect("an answer");
    assert!(!answer.contains_key("writeErrors"), "{answer}");
    usize::try_from(answer.get_i32("n").expect("a count")).expect("a count")
}

/// At most three commands for a batch: what is inserted, what is replaced, what is deleted.
fn commands_of(batch: &[Write]) -> Vec<RawDocumentBuf> {
    let (mut inserts, mut updates, mut deletes) =
        (RawArrayBuf::new(), RawArrayBuf::new(), RawArrayBuf::new());
    for write in batch {
        match write {
            Write::Insert(document) => inserts.push(document.clone()),
            Write::Replace(document) => updates.push(replacement(document)),
            Write::Delete(id) => deletes.push(rawdoc! { "q": { "_id": *id }, "limit": 1 }),
        }
    }
    let lists = [
        ("insert", "documents", inserts),
        ("update", "updates", updates),
        ("delete", "deletes", deletes),
    ];
    let used = lists.into_iter().filter(|(_, _, list)| !list.is_empty());
    used.map(|(verb, field, list)| command(verb, field, list)).collect()
}

/// What replaces a document as binleaf replaces it, whether it is there or not.
pub fn replacement(document: &RawDocumentBuf) -> RawDocumentBuf {
    let id = document.get_i64("_id").expect("a key");
    rawdoc! { "q": { "_id": id }, "u": document.clone(), "upsert": true }
}

/// A command with binleaf's write concern.
pub fn command(verb: &str, field: &str, operations: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr(verb), COLLECTION);
    command.append(cstr(field), operations);
    command.append(cstr("ordered"), false);
    command.append(cstr("writeConcern"), rawdoc! { "w": "majority", "j": true });
    command
}

fn cstr(name: &str) -> &bson::raw::CStr {
    name.try_into().expect("a name without zero bytes")
}
