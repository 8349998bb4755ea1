//! The table that is copied, and the changes that are made to it.

use bson::{Document, RawDocumentBuf};
use futures_util::TryStreamExt;

use crate::{
    plan::{Size, Width, Work},
    support::{Launch, Pair},
};

/// Larger than any table here, and prime to its number of rows: multiples of it come by every key once, in no order.
const STRIDE: u64 = 1_000_003;

/// How many rows what is inserted by a backlog is taken from, so that wide rows are not all one.
const PATTERNS: u64 = 64;

/// An ordinary table of twelve columns.
const ORDERS: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, customer INT NOT NULL, version INT NOT NULL,
    label VARCHAR(40), status VARCHAR(20), price DECIMAL(10,2), placed DATETIME(6), changed TIMESTAMP NULL,
    express TINYINT, weight DOUBLE, due DATE, note TEXT";
const COLUMNS: &str =
    "customer, version, label, status, price, placed, changed, express, weight, due, note";

/// What wide rows have besides. Hexadecimal digits of random bytes: what compresses makes half of them, as of much text.
const LONG: [(&str, &str); 3] = [
    ("body", "CONCAT(HEX(RANDOM_BYTES(1024)), HEX(RANDOM_BYTES(1024)))"),
    ("terms", "CONCAT(HEX(RANDOM_BYTES(1024)), HEX(RANDOM_BYTES(1024)))"),
    ("history", "HEX(RANDOM_BYTES(1024))"),
];

/// A new pair of databases with the table in it, empty.
pub async fn new(width: Width) -> Pair {
    let pair = Pair::new().await;
    pair.source.run(format!("{ORDERS}{})", long(width, |(name, _)| format!("{name} TEXT")))).await;
    pair
}

/// What the long columns add to a list.
fn long(width: Width, each: impl Fn(&(&str, &str)) -> String) -> String {
    match width {
        Width::Narrow => String::new(),
        Width::Wide => LONG.iter().map(|column| format!(", {}", each(column))).collect(),
    }
}

/// Fills it anew; not logged, so that the stream has only the backlog to read.
pub async fn fill(pair: &Pair, width: Width, rows: u64) {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    let long = long(width, |(_, value)| (*value).to_owned());
    pair.source
        .run_all(&[
            "SET sql_log_bin = 0, cte_max_recursion_depth = 4294967295",
            "TRUNCATE orders",
            &format!(
                "INSERT INTO orders {numbers} SELECT i, i % 9973, 0, LEFT(SHA2(i, 256), 32), ELT(1 + i % 3, 'open', 'paid', 'sent'), i / 100,
                 TIMESTAMPADD(SECOND, i, '2020-01-01'), '2026-01-10 14:30:00', i % 2, i / 7, '2026-02-01',
                 CONCAT('cnry ', LEFT(SHA2(i, 256), 40)){long} FROM n"
            ),
            "ANALYZE TABLE orders",
        ])
        .await;
}

/// Makes ready for [`churn`]. No key is touched twice, so that the bare driver's connections may go on side by side and
/// nobody gains by leaving out what is overwritten.
pub async fn prepare(pair: &Pair, work: Work, width: Width) {
    let (inserts, updates) = work.of_ten();
    let updates = inserts + updates;
    let columns = format!("{COLUMNS}{}", long(width, |(name, _)| (*name).to_owned()));
    let procedure = format!(
        "CREATE PROCEDURE churn(first INT, changes INT, known INT, together INT)
         BEGIN
           DECLARE number INT DEFAULT first;
           DECLARE victim BIGINT;
           START TRANSACTION;
           WHILE number < first + changes DO
             SET victim = 1 + MOD(number * {STRIDE}, known);
             CASE
               WHEN MOD(number, 10) < {inserts} THEN
                 INSERT INTO orders SELECT known + 1 + number, {columns} FROM pattern WHERE id = 1 + MOD(number, {PATTERNS});
               WHEN MOD(number, 10) < {updates} THEN
                 UPDATE orders SET version = version + 1, customer = customer + 1 WHERE id = victim;
               ELSE DELETE FROM orders WHERE id = victim;
             END CASE;
             SET number = number + 1;
             IF MOD(number, together) = 0 THEN
               COMMIT;
               START TRANSACTION;
             END IF;
           END WHILE;
           COMMIT;
         END"
    );
    pair.source.run_all(&["DROP PROCEDURE IF EXISTS churn", &procedure]).await;
}

/// Which of the changes that [`prepare`] knows are made, and how many a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    pub first: u64,
    pub changes: u64,
    pub rows: u64,
    pub together: u32,
}

impl Backlog {
    /// All changes of a size, fifty a transaction.
    pub const fn of(size: Size) -> Self {
        Self { first: 0, changes: size.changes, rows: size.rows, together: 50 }
    }
}

/// Commits the changes; returns where in the binlog they begin.
pub async fn churn(pair: &Pair, backlog: Backlog) -> (String, u64) {
    let Backlog { first, changes, rows, together } = backlog;
    let pattern = format!(
        "CREATE TABLE pattern (PRIMARY KEY (id)) AS SELECT * FROM orders WHERE id <= {PATTERNS}"
    );
    // A file of their own: a server that is asked for what is behind a GTID reads the file from its beginning, so that
    // each backlog would be slower by all that were before it.
    let own_file = "FLUSH BINARY LOGS";
    pair.source.run_all(&["SET sql_log_bin = 0", &pattern, own_file]).await;
    let place = pair.source.coordinates().await;
    pair.source.run(format!("PURGE BINARY LOGS TO '{}'", place.0)).await;
    pair.source.run(format!("CALL churn({first}, {changes}, {rows}, {together})")).await;
    pair.source.run_all(&["SET sql_log_bin = 0", "DROP TABLE pattern"]).await;
    place
}

/// What a change does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Insert,
    Update,
    Delete,
}

/// The changes that [`churn`] makes, each with its key, in its order.
pub fn changes(work: Work, backlog: Backlog) -> impl Iterator<Item = (Change, i64)> {
    let Backlog { first, changes, rows, .. } = backlog;
    let (inserts, updates) = work.of_ten();
    (first..first + changes).map(move |number| {
        let victim = 1 + number * STRIDE % rows;
        let (change, key) = match number % 10 {
            digit if digit < inserts => (Change::Insert, rows + 1 + number),
            digit if digit < inserts + updates => (Change::Update, victim),
            _ => (Change::Delete, victim),
        };
        (change, i64::try_from(key).expect("a key"))
    })
}

/// All documents of the copy, encoded.
pub async fn documents(pair: &Pair) -> Vec<RawDocumentBuf> {
    let orders = pair.target.handle().collection::<RawDocumentBuf>("orders");
    let cursor = orders.find(Document::new()).await.expect("the target answers");
    cursor.try_collect().await.expect("documents")
}

/// Binleaf with its defaults, but without encryption between it and the source: the bare driver has none either.
pub fn launch(pair: &Pair) -> Launch {
    Launch::of(pair).set("source", "tls", "{ mode = \"disabled\" }")
}
