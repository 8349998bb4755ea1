//! A backlog of binlog changes: drained by binleaf, and the same operations sent by the bare driver.

use std::{sync::Arc, time::Instant};

use bson::{RawDocumentBuf, rawdoc};

use crate::{
    Result, SHAPES, Size,
    bare::{self, Write},
    documents, fill, launch, rate,
    support::Pair,
};

/// Larger than any table here, and prime to its number of rows: multiples of it come by every key once, in no order.
const STRIDE: u64 = 1_000_003;

/// Makes `changes` changes, so many a transaction: of ten, two are inserts, seven updates, one is a delete. No key is
/// touched twice, so that the bare driver's connections may go on side by side and nobody gains by leaving out what is
/// overwritten.
const CHURN: &str = "CREATE PROCEDURE churn(changes INT, known INT, first_new BIGINT, together INT)
BEGIN
  DECLARE number INT DEFAULT 0;
  DECLARE victim BIGINT;
  START TRANSACTION;
  WHILE number < changes DO
    SET victim = 1 + MOD(number * 1000003, known);
    CASE
      WHEN MOD(number, 10) < 2 THEN
        INSERT INTO orders SELECT first_new + number, customer, version, label, status, price, placed, changed, express,
          weight, due, note FROM pattern;
      WHEN MOD(number, 10) = 2 THEN DELETE FROM orders WHERE id = victim;
      ELSE UPDATE orders SET version = version + 1, customer = customer + 1 WHERE id = victim;
    END CASE;
    SET number = number + 1;
    IF MOD(number, together) = 0 THEN
      COMMIT;
      START TRANSACTION;
    END IF;
  END WHILE;
  COMMIT;
END";

/// Binleaf's rates and the bare driver's. Every backlog is of a table as it was filled, newly copied.
pub async fn measure(pair: &Pair, size: Size) -> Result {
    let mut result = Result { operations: size.changes, ..Result::default() };
    prepare(pair).await;
    for _ in 0..size.rounds {
        for shape in SHAPES {
            fill(pair, size.rows).await;
            pair.target.handle().drop().await.expect("the target answers");
            assert_eq!(launch(pair, shape).command(&["snapshot"]).await.code, Some(0));
            churn(pair, size, 50).await;
            let begun = Instant::now();
            let mut binleaf = launch(pair, shape).run();
            binleaf.catches_up().await;
            result.ours.add(shape, rate(size.changes, begun.elapsed()));
            binleaf.assert_no_new_snapshot().await;
            binleaf.stops().await;
            pair.assert_equal().await;
            let before = Arc::new(documents(pair).await);
            pair.target.collection("orders").drop().await.expect("the target answers");
            let writes = writes(&before, size);
            result.bare.add(shape, bare::writes(pair, &before, &writes, shape).await);
        }
    }
    result
}

/// Makes ready for [`churn`].
pub async fn prepare(pair: &Pair) {
    pair.source.run_all(&["DROP PROCEDURE IF EXISTS churn", CHURN]).await;
}

/// Commits the changes, so many a transaction.
pub async fn churn(pair: &Pair, size: Size, together: u32) {
    let Size { rows, changes, .. } = size;
    let (pattern, new) = ("CREATE TABLE pattern AS SELECT * FROM orders WHERE id = 1", rows + 1);
    let call = format!("CALL churn({changes}, {rows}, {new}, {together})");
    // A file of their own: a server that is asked for what is behind a GTID reads the file from its beginning, so that
    // each backlog would be slower by all that were before it.
    let own_file = "FLUSH BINARY LOGS";
    pair.source
        .run_all(&["SET sql_log_bin = 0", pattern, "SET sql_log_bin = 1", own_file, &call])
        .await;
    pair.source.run_all(&["SET sql_log_bin = 0", "DROP TABLE pattern"]).await;
}

/// The same kinds of operations in the same mix on as many keys, in documents of the same size.
fn writes(documents: &[RawDocumentBuf], size: Size) -> Vec<Write> {
    let pattern = documents.first().expect("a document");
    let known: Vec<i64> =
        documents.iter().map(|document| document.get_i64("_id").expect("a key")).collect();
    let count = known.len() as u64;
    let changes = (0..size.changes).map(|number| {
        let victim = known[usize::try_from(number * STRIDE % count).expect("an index")];
        let new = i64::try_from(size.rows * 10 + number).expect("a key");
        match number % 10 {
            0 | 1 => Write::Insert(copy_of(pattern, new)),
            2 => Write::Delete(victim),
            _ => Write::Replace(copy_of(pattern, victim)),
        }
    });
    changes.collect()
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
