//! Promise P2 under random schemas and random values: the same row is the same document, byte for byte, whether it came
//! by binlog or by snapshot.
//!
//! One pipeline starts on empty tables and gets every change by the stream, under settings that the writing session
//! switches as it goes (row image, compression, partial JSON). When all is written a second one copies what is there.
//! Then both targets are read as bytes. The seed is told when they differ: `RANDOM_SEED=… cargo test random` runs it
//! again.

mod keyless;
mod schema;
pub(crate) mod values;
mod workload;

use std::collections::BTreeMap;

use bson::{Document, RawDocumentBuf};
use fastrand::Rng;
use futures_util::TryStreamExt;

use self::{schema::Table, workload::Workload};
use crate::support::{
    Launch, Pair,
    servers::{self, Address},
};

const ROWS: u32 = 10_000;

/// The row images that the writing session may choose.
const IMAGES: [&str; 3] = ["FULL", "NOBLOB", "MINIMAL"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_roads_agree_on_mysql() {
    both_roads_agree(servers::mysql()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_roads_agree_on_mariadb() {
    both_roads_agree(servers::mariadb()).await;
}

async fn both_roads_agree(source: Address) {
    let (seed, mut random) = seeded();
    let pair = Pair::on(source, servers::mongodb()).await;
    let flavour = pair.source.flavour;
    let tables: Vec<Table> =
        (0..6).map(|number| Table::random(&mut random, flavour, number)).collect();
    for table in &tables {
        println!("{};", table.create());
        pair.source.run(table.create()).await;
    }
    let mut streaming = Launch::of(&pair).run();
    streaming.streams().await;
    let mut workload = Workload::new(&pair.source, &tables, random).await;
    workload.rows(ROWS).await;
    streaming.catches_up().await;
    assert_eq!(streaming.metric("binleaf_dead_letters_total").await, 0.0, "RANDOM_SEED={seed}");
    streaming.stops().await;

    let copy = format!("{}_copy", pair.target.database);
    let database = format!("{copy:?}");
    let ended = Launch::of(&pair).set("target", "database", &database).command(&["snapshot"]).await;
    assert_eq!(ended.code, Some(0), "RANDOM_SEED={seed} {}", ended.said());
    let copied = pair.target.sibling(&copy);
    for table in &tables {
        let (streamed, copied) =
            (documents(&pair.target.handle(), table).await, documents(&copied, table).await);
        compare(seed, table, &streamed, &copied);
    }
    copied.drop().await.expect("the target answers");
}

/// The seed, told and asked for as `RANDOM_SEED`.
fn seeded() -> (u64, Rng) {
    let given = std::env::var("RANDOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("RANDOM_SEED={seed}");
    (seed, Rng::with_seed(seed))
}

async fn documents(
    database: &mongodb::Database,
    table: &Table,
) -> BTreeMap<Vec<u8>, RawDocumentBuf> {
    let collection = database.collection::<RawDocumentBuf>(&table.name);
    let cursor = collection.find(Document::new()).await.expect("the target answers");
    let all: Vec<RawDocumentBuf> = cursor.try_collect().await.expect("documents");
    let id = |document: &RawDocumentBuf| {
        let id = document.get("_id").expect("a document").expect("an _id");
        bson::serialize_to_vec(&bson::doc! { "_id": bson::Bson::try_from(id).expect("a value") })
            .expect("bytes")
    };
    all.into_iter().map(|document| (id(&document), document)).collect()
}

fn compare(
    seed: u64,
    table: &Table,
    streamed: &BTreeMap<Vec<u8>, RawDocumentBuf>,
    copied: &BTreeMap<Vec<u8>, RawDocumentBuf>,
) {
    let told = format!("RANDOM_SEED={seed} {}", table.create());
    assert!(!copied.is_empty(), "{told}: nothing was copied");
    for (id, document) in copied {
        let other = streamed.get(id);
        assert_eq!(other, Some(document), "{told}: streamed, then copied");
    }
    assert_eq!(streamed.len(), copied.len(), "{told}: the stream has rows that the source has not");
}

/// The charset lists of a table map count a VECTOR: the text behind it must not get the charset of another column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_behind_a_vector_keeps_its_charset() {
    let pair = Pair::new().await;
    pair.source
        .run(
            "CREATE TABLE t (id INT PRIMARY KEY, a TEXT CHARSET sjis, v VECTOR(1), b TEXT CHARSET gbk, c TEXT CHARSET latin1)",
        )
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source.run("INSERT INTO t VALUES (1, '漢', STRING_TO_VECTOR('[1]'), '汉', 'é')").await;
    binleaf.catches_up().await;
    let document = pair.target.find("t", Document::new()).await.pop().expect("the row");
    let text = |field| document.get_str(field).expect("text").to_owned();
    assert_eq!([text("a"), text("b"), text("c")], ["漢", "汉", "é"]);
}
