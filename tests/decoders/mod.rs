//! The stream's decoder against two others that share nothing with it: the server's own `mysqlbinlog`, and the crate
//! mysql_cdc.
//!
//! Random rows are inserted, changed and deleted in a table of all types. The other decoder reads the same stretch of the
//! binlog; what it says is played row by row into a table of its own, the before images being checked on the way, and
//! what that holds in the end is compared, value by value, with the documents in the target. The seed is told when they
//! differ: `RANDOM_SEED=… cargo test decoders` runs it again.

mod columns;
mod documents;
mod mysql_cdc;
mod mysqlbinlog;
mod played;

use bson::Document;
use fastrand::Rng;

use self::{columns::Column, played::Played};
use crate::support::{
    Launch, Pair, Spawned,
    databases::Source,
    servers::{self, Address},
};

/// Rows that are inserted.
const ROWS: u32 = 400;

/// What a value is, however a decoder puts it.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Null,
    Number(i128),
    Float(f64),
    /// Decimals and times.
    Text(String),
    /// As the column stores them.
    Bytes(Vec<u8>),
    Json(bson::Bson),
    Floats(Vec<f64>),
}

/// How exactly a decoder tells values.
#[derive(Debug, Clone, Copy)]
pub struct Precision {
    /// Digits behind the seconds at most.
    pub seconds: usize,
    /// How far a FLOAT may be off, as a part of it.
    pub float: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqlbinlog_agrees() {
    let run = Run::new(servers::mysql(), columns::all()).await;
    let from = run.pair.source.coordinates().await;
    let changed = run.changes().await;
    let printed = mysqlbinlog::print(&run.pair.source, &from).await;
    let mut played = Played::new(&run.columns);
    mysqlbinlog::rows(&printed, &run.columns, |change| played.play(change));
    run.compare(&played, changed, mysqlbinlog::PRECISION).await;
}

/// On a server of its own: mysql_cdc ends without a word at the GTIDs with tags of other tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_cdc_agrees() {
    let server = Spawned::mysql(&[]).await;
    let run = Run::new(server.address.clone(), columns::read_by_mysql_cdc()).await;
    run.pair.source.run("FLUSH BINARY LOGS").await;
    let from = run.pair.source.coordinates().await;
    let changed = run.changes().await;
    let file = mysqlbinlog::copy(&run.pair.source, &from.0).await;
    let mut played = Played::new(&run.columns);
    mysql_cdc::rows(&file, &run.pair.source.database, &run.columns, |change| played.play(change))
        .await;
    run.compare(&played, changed, mysql_cdc::PRECISION).await;
}

/// A table that binleaf follows.
struct Run {
    pair: Pair,
    columns: Vec<Column>,
    seed: u64,
}

/// How many changes of each kind the source has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changed {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
}

impl Run {
    async fn new(source: Address, columns: Vec<Column>) -> Self {
        let given = std::env::var("RANDOM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        println!("RANDOM_SEED={seed}");
        let pair = Pair::on(source, servers::mongodb()).await;
        pair.source.run(columns::create(&columns)).await;
        Self { pair, columns, seed }
    }

    /// Makes changes under binleaf's eyes, to the last of them. The documents tell all that the rows do.
    async fn changes(&self) -> Changed {
        let launch = ["datetime", "zero_date"]
            .iter()
            .fold(Launch::of(&self.pair), |launch, key| launch.set("types", key, "\"string\""));
        let mut binleaf = launch.set("types", "vector", "\"array\"").run();
        binleaf.streams().await;
        let changed = change(&self.pair.source, &self.columns, Rng::with_seed(self.seed)).await;
        binleaf.catches_up().await;
        assert_eq!(binleaf.metric("binleaf_dead_letters_total").await, 0.0);
        binleaf.stops().await;
        changed
    }

    async fn compare(&self, played: &Played<'_>, changed: Changed, precision: Precision) {
        assert_eq!(played.changed, changed, "every change was read");
        let documents = self.pair.target.find("t", Document::new()).await;
        assert!(changed.deleted > 0 && documents.len() > 200, "most rows are left");
        let differences: Vec<String> = played.differences(&documents, precision);
        let some: Vec<&str> = differences.iter().take(20).map(String::as_str).collect();
        assert!(some.is_empty(), "RANDOM_SEED={}\n{}", self.seed, some.join("\n"));
    }
}

/// Inserts rows, and updates and deletes some of them, several by one statement.
async fn change(source: &Source, columns: &[Column], mut random: Rng) -> Changed {
    use mysql_async::prelude::Queryable;
    let mut conn = source.connect().await;
    conn.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES'").await.expect("a session");
    let mut changed = Changed::default();
    for first in (1..=ROWS).step_by(10) {
        let rows: Vec<String> = (first..first + 10)
            .map(|number| format!("({number}{})", columns::values(columns, &mut random)))
            .collect();
        let some = (random.u32(1..=first), random.u32(1..5));
        let column = &columns[random.usize(..columns.len())];
        let value = column.literal(&mut random);
        for statement in [
            format!("INSERT INTO t VALUES {}", rows.join(", ")),
            format!(
                "UPDATE t SET {} = {value} WHERE n BETWEEN {} AND {}",
                column.name,
                some.0,
                some.0 + some.1
            ),
            format!("DELETE FROM t WHERE n = {}", random.u32(1..=first)),
        ] {
            if let Err(error) = conn.query_drop(&statement).await {
                panic!("{}: {error}", &statement[..statement.len().min(2000)]);
            }
            let count = match &statement[..6] {
                "INSERT" => &mut changed.inserted,
                "UPDATE" => &mut changed.updated,
                _ => &mut changed.deleted,
            };
            *count += conn.affected_rows();
        }
    }
    changed
}
