//! The bare driver as the measure: what it is to write lies ready in memory and is sent side by side, in several shapes.

use std::{sync::Arc, time::Instant};

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};
use mongodb::{
    Collection, Database,
    options::{Acknowledgment, WriteConcern},
};

use crate::{rate, rates::Shape, support::Pair};

/// One write on one document.
#[derive(Debug, Clone)]
pub enum Write {
    Insert(RawDocumentBuf),
    Replace(RawDocumentBuf),
    Delete(i64),
}

/// Inserts the documents into a collection of their own with the driver's `insert_many`; returns the operations a second.
pub async fn inserts(pair: &Pair, documents: &Arc<Vec<RawDocumentBuf>>, shape: Shape) -> f64 {
    let begun = Instant::now();
    insert_all(pair, documents, shape).await;
    let rate = rate(documents.len() as u64, begun.elapsed());
    drop_bench(pair).await;
    rate
}

async fn insert_all(pair: &Pair, documents: &Arc<Vec<RawDocumentBuf>>, shape: Shape) {
    let lanes = (0..shape.connections).map(|lane| {
        let collection = pair.target.handle().collection::<RawDocumentBuf>("bench");
        tokio::spawn(insert_lane(collection, Arc::clone(documents), shape, lane))
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane");
    }
}

async fn insert_lane(
    collection: Collection<RawDocumentBuf>,
    documents: Arc<Vec<RawDocumentBuf>>,
    shape: Shape,
    lane: usize,
) {
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    for batch in documents.chunks(shape.batch).skip(lane).step_by(shape.connections) {
        let inserting = collection.insert_many(batch).ordered(false);
        inserting.write_concern(concern.clone()).await.expect("an answer");
    }
}

/// Applies writes to a copy of the documents, and returns the operations a second; the copying is not measured.
pub async fn writes(
    pair: &Pair,
    before: &Arc<Vec<RawDocumentBuf>>,
    writes: &[Write],
    shape: Shape,
) -> f64 {
    insert_all(pair, before, Shape::new(2, 3000)).await;
    // Each connection has keys of its own, as any correct writer's would.
    let commands = writes.chunks(shape.batch).flat_map(commands_of).collect();
    let rate = send(pair, commands, shape.connections, writes.len()).await;
    drop_bench(pair).await;
    rate
}

/// At most three commands for a batch: what is inserted, what is replaced, what is deleted.
fn commands_of(batch: &[Write]) -> Vec<RawDocumentBuf> {
    let (mut inserts, mut updates, mut deletes) =
        (Vec::new(), RawArrayBuf::new(), RawArrayBuf::new());
    for write in batch {
        match write {
            Write::Insert(document) => inserts.push(document.clone()),
            Write::Replace(document) => {
                let id = document.get_i64("_id").expect("a key");
                updates.push(rawdoc! { "q": { "_id": id }, "u": document.clone(), "upsert": true });
            }
            Write::Delete(id) => deletes.push(rawdoc! { "q": { "_id": *id }, "limit": 1 }),
        }
    }
    let mut commands = Vec::new();
    if !inserts.is_empty() {
        commands.push(insert(inserts));
    }
    if !updates.is_empty() {
        commands.push(rawdoc! { "update": "bench", "updates": updates, "ordered": false, "writeConcern": concern() });
    }
    if !deletes.is_empty() {
        commands.push(rawdoc! { "delete": "bench", "deletes": deletes, "ordered": false, "writeConcern": concern() });
    }
    commands
}

fn insert(documents: impl IntoIterator<Item = RawDocumentBuf>) -> RawDocumentBuf {
    let documents: RawArrayBuf = documents.into_iter().collect();
    rawdoc! { "insert": "bench", "documents": documents, "ordered": false, "writeConcern": concern() }
}

fn concern() -> RawDocumentBuf {
    rawdoc! { "w": "majority", "j": true }
}

/// Sends the commands over several connections, every n-th on one of n; returns the operations a second.
async fn send(
    pair: &Pair,
    commands: Vec<RawDocumentBuf>,
    connections: usize,
    operations: usize,
) -> f64 {
    let (database, commands) = (pair.target.handle(), Arc::new(commands));
    let begun = Instant::now();
    let lanes: Vec<_> = (0..connections)
        .map(|lane| {
            tokio::spawn(send_lane(database.clone(), Arc::clone(&commands), lane, connections))
        })
        .collect();
    for lane in lanes {
        lane.await.expect("a lane");
    }
    rate(operations as u64, begun.elapsed())
}

async fn send_lane(database: Database, commands: Arc<Vec<RawDocumentBuf>>, lane: usize, of: usize) {
    for command in commands.iter().skip(lane).step_by(of) {
        let answer = database.run_raw_command(command.clone()).await.expect("an answer");
        assert!(!answer.contains_key("writeErrors"), "{answer}");
    }
}

async fn drop_bench(pair: &Pair) {
    pair.target.collection("bench").drop().await.expect("the target answers");
}
