//! Rows that only their JSON tells from others: one of two equal ones is copied and one streamed, and both are one
//! document, which goes with the second of them.

use fastrand::Rng;

use super::values;
use crate::support::{
    Launch, Pair,
    servers::{self, Address},
};

const ROWS: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_tells_rows_apart_on_mysql() {
    json_tells_rows_apart(servers::mysql()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_tells_rows_apart_on_mariadb() {
    json_tells_rows_apart(servers::mariadb()).await;
}

async fn json_tells_rows_apart(source: Address) {
    let (seed, mut random) = super::seeded();
    let pair = Pair::on(source, servers::mongodb()).await;
    pair.source.run("CREATE TABLE loose (n INT, j JSON)").await;
    let rows: Vec<String> =
        (0..ROWS).map(|n| format!("({n}, '{}')", value(&mut random, n))).collect();
    let insert = format!("INSERT INTO loose VALUES {}", rows.join(", "));
    pair.source.run(&insert).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    pair.source.run(&insert).await;
    binleaf.catches_up().await;
    assert_eq!(pair.target.count("loose").await, ROWS as u64, "RANDOM_SEED={seed}");
    for left in [ROWS as u64, 0] {
        let deletes: Vec<String> =
            (0..ROWS).map(|n| format!("DELETE FROM loose WHERE n = {n} LIMIT 1")).collect();
        pair.source.run_all(&deletes.iter().map(String::as_str).collect::<Vec<_>>()).await;
        binleaf.catches_up().await;
        assert_eq!(pair.target.count("loose").await, left, "RANDOM_SEED={seed}");
    }
    assert_eq!(binleaf.metric("binleaf_dead_letters_total").await, 0.0, "RANDOM_SEED={seed}");
    binleaf.stops().await;
}

/// Every second one is a double of any bits, as short as it can be told.
fn value(random: &mut Rng, n: usize) -> String {
    let double = f64::from_bits(random.u64(..));
    match n % 2 {
        0 if double.is_finite() => format!("{double:e}"),
        _ => values::json(random, 2),
    }
}

/// MySQL has one text of a value, MariaDB the user's own: rows that mean the same value are two documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_mean_one_value_are_rows_of_their_own_on_mariadb() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    pair.source.run("CREATE TABLE loose (j JSON)").await;
    let texts = ["{\"a\": 1}", "{\"a\":1}", "{\"a\": 2, \"a\": 1}"];
    pair.source.run(format!("INSERT INTO loose VALUES ('{}')", texts.join("'), ('"))).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for (text, left) in texts.iter().zip([2, 1, 0]) {
        assert_eq!(pair.target.count("loose").await, left + 1);
        pair.source.run(format!("DELETE FROM loose WHERE CAST(j AS BINARY) = '{text}'")).await;
        binleaf.catches_up().await;
        assert_eq!(pair.target.count("loose").await, left, "after {text}");
    }
    binleaf.stops().await;
}
