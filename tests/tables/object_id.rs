//! `id = "object_id"`: the target makes `_id`, the key columns tell rows apart.

use bson::{Bson, doc};
use futures_util::TryStreamExt;

use crate::support::{Comparison, Launch, Pair, Writer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_with_made_ids_follow_their_rows() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE orders (region VARCHAR(8), number INT, total DECIMAL(9,2), PRIMARY KEY (region, number))",
            "CREATE TABLE plain (id INT PRIMARY KEY, v VARCHAR(20))",
        ])
        .await;
    let mut writer = Writer::over(&pair.source).await;
    writer.changes(1_500).await;
    let launch = Launch::of(&pair).set("tables.orders", "id", "\"object_id\"").set(
        "snapshot",
        "chunk_rows",
        "50",
    );
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    let equal = Comparison::of(&pair).object_id("orders");
    equal.assert_equal().await;
    assert_unique_index(&pair).await;

    for _ in 0..3 {
        writer.changes(400).await;
        binleaf.pull_the_plug_and_start().await;
    }
    binleaf.catches_up().await;
    equal.assert_equal().await;

    let before = id_of(&pair).await;
    pair.source.run("UPDATE orders SET total = 1.25 WHERE region = 'eu'").await;
    binleaf.catches_up().await;
    assert_eq!(id_of(&pair).await, before, "an update keeps the _id");
    equal.assert_equal().await;
}

async fn id_of(pair: &Pair) -> Bson {
    if pair
        .source
        .number(format!(
            "SELECT COUNT(*) FROM `{}`.orders WHERE region = 'eu'",
            pair.source.database
        ))
        .await
        == 0
    {
        pair.source.run("INSERT INTO orders VALUES ('eu', 1, 1)").await;
    }
    for _ in 0..200 {
        let found = pair.target.find("orders", doc! { "region": "eu", "number": 1 }).await;
        if let Some(document) = found.into_iter().next() {
            return document.get("_id").cloned().expect("an _id");
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the order never came")
}

async fn assert_unique_index(pair: &Pair) {
    let cursor = pair.target.collection("orders").list_indexes().await.expect("indexes");
    let indexes: Vec<mongodb::IndexModel> = cursor.try_collect().await.expect("indexes");
    let unique = |index: &&mongodb::IndexModel| {
        index.options.as_ref().and_then(|options| options.unique) == Some(true)
    };
    let keys: Vec<String> =
        indexes.iter().filter(unique).map(|index| index.keys.to_string()).collect();
    assert!(keys.iter().any(|keys| keys.contains("region") && keys.contains("number")), "{keys:?}");
}
