//! Every value of the golden table through a real server to the target, by snapshot, by binlog and by polling.

use std::{collections::BTreeMap, fmt::Write as _};

use bson::{Document, RawBsonRef, RawDocumentBuf};
use futures_util::TryStreamExt;

use super::table::{Becomes, Golden, Group, Server, groups};
use crate::support::{
    Launch, Pair,
    databases::{Source, Target},
    servers,
};

/// Zero dates, dates that do not exist, and labels that are none can be stored.
const LAX: &str = "SET sql_mode = 'ALLOW_INVALID_DATES'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_of_mysql_by_every_road() {
    let pair = Pair::new().await;
    by_every_road(&pair, Server::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_of_mariadb_by_every_road() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    by_every_road(&pair, Server::Mariadb).await;
}

async fn by_every_road(pair: &Pair, server: Server) {
    let groups: Vec<Group> = groups().into_iter().filter(|group| is_of(server, group)).collect();
    let tables = || groups.iter().enumerate().map(|(number, group)| Table { number, group });
    // A row a range, so that every value of a key is the end of one.
    let mut launch = Launch::of(pair).set("snapshot", "chunk_rows", "1");
    for table in tables() {
        pair.source.run_all(&[LAX, &table.create()]).await;
        launch = table.configure(launch);
    }
    fill(&pair.source, tables()).await;
    let mut binleaf = launch.run();
    binleaf.streams().await;
    let mut wrong = String::new();
    for table in tables() {
        table.compare(&pair.target, "snapshot", &mut wrong).await;
    }
    for table in tables() {
        pair.source.run(format!("DELETE FROM {}", table.name())).await;
    }
    binleaf.catches_up().await;
    for table in tables() {
        assert_eq!(pair.target.count(&table.name()).await, 0, "{}", table.group.kind);
    }
    fill(&pair.source, tables()).await;
    binleaf.catches_up().await;
    for table in tables() {
        table.compare(&pair.target, "binlog", &mut wrong).await;
    }
    let coerced = binleaf.metric("binleaf_values_coerced_total").await;
    assert!(coerced >= f64::from(zero_dates(&groups)), "{coerced} zero dates are counted");
    binleaf.stops().await;
    by_polling(pair, &launch, &groups, &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong}");
}

/// The rows as a first copy of polling has them, gone, and back by an incremental pass.
async fn by_polling(pair: &Pair, launch: &Launch, groups: &[Group], wrong: &mut String) {
    const MOMENT: &str =
        "ADD COLUMN moment TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), ADD INDEX (moment)";
    let tables = || groups.iter().enumerate().map(|(number, group)| Table { number, group });
    let target = pair.target.beside("polled");
    let launch = launch
        .clone()
        .set("", "mode", "\"poll\"")
        .set("poll", "timestamp_columns", "[\"moment\"]")
        .set("poll", "detect_deletes", "\"1ms\"")
        .set("target", "database", &format!("{:?}", target.database));
    let poll = async || {
        let ended = launch.command(&["poll", "--once", "--json"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.said());
        ended.json()
    };
    for table in tables() {
        pair.source.run_all(&[LAX, &format!("ALTER TABLE {} {MOMENT}", table.name())]).await;
    }
    poll().await;
    for table in tables() {
        table.compare(&target, "the first copy of polling", wrong).await;
        pair.source.run(format!("DELETE FROM {}", table.name())).await;
    }
    poll().await;
    for table in tables() {
        assert_eq!(target.count(&table.name()).await, 0, "{}", table.group.kind);
    }
    fill(&pair.source, tables()).await;
    let result = poll().await;
    for table in tables() {
        assert_eq!(result["tables"][table.name()]["sync_type"], "incremental");
        table.compare(&target, "polling", wrong).await;
    }
}

fn is_of(server: Server, group: &Group) -> bool {
    group.server == Server::Both || group.server == server
}

async fn fill<'g>(source: &Source, tables: impl Iterator<Item = Table<'g>>) {
    let mut statements = vec![LAX.to_owned()];
    statements.extend(tables.flat_map(|table| table.inserts()));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    source.run_all(&statements).await;
}

/// How many values become Null without being it.
fn zero_dates(groups: &[Group]) -> u32 {
    let is_date =
        |group: &&Group| group.kind.starts_with("DATE") || group.kind.starts_with("TIMESTAMP");
    let dates = groups.iter().filter(is_date).flat_map(|group| &group.values);
    let coerced = dates
        .filter(|value| value.literal != "NULL" && value.becomes == Becomes::Bytes(vec![0x0A]));
    u32::try_from(coerced.count()).expect("a few")
}

/// A table with one column of a group's type, a row a value.
struct Table<'g> {
    number: usize,
    group: &'g Group,
}

impl Table<'_> {
    fn name(&self) -> String {
        format!("t_{:03}", self.number)
    }

    fn create(&self) -> String {
        let (name, kind) = (self.name(), self.group.kind);
        match self.group.is_key {
            true => format!("CREATE TABLE {name} (v {kind} PRIMARY KEY, id INT)"),
            false => format!("CREATE TABLE {name} (id INT PRIMARY KEY, v {kind})"),
        }
    }

    /// Says the settings of the table at the table and at the column in turn.
    fn configure(&self, launch: Launch) -> Launch {
        if self.group.settings.is_empty() {
            return launch;
        }
        let column = if self.number.is_multiple_of(2) { "" } else { ".columns.v" };
        let section = format!("tables.{}{column}", self.name());
        launch.set(&section, "types", &format!("{{ {} }}", self.group.settings))
    }

    fn inserts(&self) -> Vec<String> {
        let name = self.name();
        let values = self.group.values.iter().zip(1..);
        let insert = |(value, id): (&Golden, i32)| {
            format!("INSERT INTO {name} (id, v) VALUES ({id}, {})", value.literal)
        };
        values.map(insert).collect()
    }

    /// Notes every value that is not in the target as it should be.
    async fn compare(&self, target: &Target, road: &str, wrong: &mut String) {
        let found = self.found(target).await;
        for (value, id) in self.group.values.iter().zip(1..) {
            let found = found.get(&id).unwrap_or(&Becomes::DeadLetter);
            if *found != value.becomes {
                let Group { kind, settings, is_key, .. } = self.group;
                writeln!(
                    wrong,
                    "{road}: {kind} {{{settings}}} key={is_key} {}\n  is     {found:x?}\n  not    {:x?}",
                    value.literal, value.becomes
                )
                .expect("text");
            }
        }
    }

    /// What the values of the rows have become, by the rows' numbers.
    async fn found(&self, target: &Target) -> BTreeMap<i32, Becomes> {
        let collection = target.handle().collection::<RawDocumentBuf>(&self.name());
        let cursor = collection.find(Document::new()).await.expect("the target answers");
        let documents: Vec<RawDocumentBuf> = cursor.try_collect().await.expect("documents");
        let field = if self.group.is_key { "_id" } else { "v" };
        let of = |document: &RawDocumentBuf| {
            let id = document.get_i32("id").expect("a number");
            let value = document.get(field).expect("a document");
            (id, value.map_or(Becomes::Absent, |value| Becomes::Bytes(bytes(value))))
        };
        documents.iter().map(of).collect()
    }
}

/// Type byte and payload of a value as it lies in a document.
fn bytes(value: RawBsonRef<'_>) -> Vec<u8> {
    let mut document = RawDocumentBuf::new();
    document.append(bson::cstr!("v"), value);
    let whole = document.as_bytes();
    [&whole[4..5], &whole[7..whole.len() - 1]].concat()
}
