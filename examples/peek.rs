//! Looks at both sides of a copy, for `dev/demo`: compares row counts, shows a document, and makes a change in MySQL and
//! times its arrival in MongoDB. It knows nothing of binleaf: it asks both servers with their own drivers.
//!
//! ```text
//! peek compare MYSQL_URL DATABASE MONGODB_URL DATABASE
//! peek show MONGODB_URL DATABASE COLLECTION ID
//! peek change MYSQL_URL DATABASE MONGODB_URL DATABASE SQL COLLECTION/ID=FIELDS...
//! ```
//! An ID is JSON; FIELDS are a JSON object that the document has to show, or `gone`.

#![expect(clippy::print_stdout, reason = "its purpose is to print")]

use std::{
    fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bson::{Bson, Document, doc};
use mongodb::{Client, Database};
use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable as _};

/// How long a change may take to arrive before the demo counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["compare", source, source_database, target, target_database] => {
            compare(
                &mut mysql(source, source_database).await?,
                &mongodb(target, target_database).await?,
            )
            .await
        }
        ["show", target, database, collection, id] => {
            show(&mongodb(target, database).await?, collection, id).await
        }
        ["change", source, source_database, target, target_database, sql, expected @ ..] => {
            let expected =
                expected.iter().map(|text| Expected::parse(text)).collect::<Result<Vec<_>>>()?;
            let (mut source, target) =
                (mysql(source, source_database).await?, mongodb(target, target_database).await?);
            change(&mut source, &target, sql, &expected).await
        }
        _ => bail!("usage: peek compare|show|change ... (see the head of examples/peek.rs)"),
    }
}

async fn mysql(url: &str, database: &str) -> Result<Conn> {
    let options = OptsBuilder::from_opts(Opts::from_url(url)?).db_name(Some(database));
    Conn::new(options).await.context("MySQL cannot be reached")
}

async fn mongodb(url: &str, database: &str) -> Result<Database> {
    let client = Client::with_uri_str(url).await.context("the MongoDB address is not usable")?;
    Ok(client.database(database))
}

/// Prints the counts of every table; fails when any two differ.
async fn compare(source: &mut Conn, target: &Database) -> Result<ExitCode> {
    let tables: Vec<String> = source
        .query(
            "SELECT table_name FROM information_schema.tables
              WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name",
        )
        .await?;
    println!("  {:<16} {:>8} {:>10}", "table", "MySQL", "MongoDB");
    let (mut all_rows, mut all_documents, mut same) = (0, 0, true);
    for table in tables {
        let sql = format!("SELECT COUNT(*) FROM `{}`", table.replace('`', "``"));
        let rows: u64 = source.query_first(sql).await?.unwrap_or_default();
        let documents = target.collection::<Document>(&table).count_documents(doc! {}).await?;
        println!(
            "  {table:<16} {rows:>8} {documents:>10}{}",
            if rows == documents { "" } else { "  different" }
        );
        all_rows += rows;
        all_documents += documents;
        same &= rows == documents;
    }
    println!("  {:<16} {all_rows:>8} {all_documents:>10}", "all");
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints one document as extended JSON.
async fn show(target: &Database, collection: &str, id: &str) -> Result<ExitCode> {
    let id: Bson = serde_json::from_str(id).context("the id is not JSON")?;
    let found = target.collection::<Document>(collection).find_one(doc! { "_id": id }).await?;
    let document = found.context("no such document")?;
    println!("{}", serde_json::to_string_pretty(&relaxed(Bson::Document(document))?)?);
    Ok(ExitCode::SUCCESS)
}

/// The relaxed form of extended JSON: serde's is canonical, with dates as milliseconds. (The driver's own relaxed form
/// goes through a map that sorts the fields.)
fn relaxed(value: Bson) -> Result<Bson> {
    Ok(match value {
        Bson::DateTime(instant) => doc! { "$date": instant.try_to_rfc3339_string()? }.into(),
        Bson::Document(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, relaxed(value)?)));
            Bson::Document(fields.collect::<Result<Document>>()?)
        }
        Bson::Array(items) => {
            Bson::Array(items.into_iter().map(relaxed).collect::<Result<Vec<_>>>()?)
        }
        other => other,
    })
}

/// Runs one statement and prints how long after its commit the target shows all that is expected of it.
async fn change(
    source: &mut Conn,
    target: &Database,
    sql: &str,
    expected: &[Expected],
) -> Result<ExitCode> {
    // The first command of a driver makes its connection, which is not the delay that is asked for.
    target.run_command(doc! { "ping": 1 }).await?;
    source.query_drop(sql).await?;
    let committed = Instant::now();
    for state in expected {
        while !state.is_shown(target).await? {
            ensure!(committed.elapsed() < PATIENCE, "{state} did not arrive within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    println!("  arrived {:.1} ms after the commit", committed.elapsed().as_secs_f64() * 1000.0);
    Ok(ExitCode::SUCCESS)
}

/// What the target has to show of one document; no fields: that it is gone.
struct Expected {
    collection: String,
    id: Bson,
    fields: Option<Document>,
}

impl Expected {
    fn parse(text: &str) -> Result<Self> {
        let (place, fields) = text.split_once('=').context("expected COLLECTION/ID=FIELDS")?;
        let (collection, id) = place.split_once('/').context("expected COLLECTION/ID")?;
        let fields = if fields == "gone" { None } else { Some(serde_json::from_str(fields)?) };
        Ok(Self { collection: collection.to_owned(), id: serde_json::from_str(id)?, fields })
    }

    async fn is_shown(&self, target: &Database) -> Result<bool> {
        let documents = target.collection::<Document>(&self.collection);
        let found = documents.find_one(doc! { "_id": self.id.clone() }).await?;
        Ok(match (&self.fields, found) {
            (None, None) => true,
            (Some(fields), Some(document)) => {
                fields.iter().all(|(name, value)| document.get(name) == Some(value))
            }
            (None, Some(_)) | (Some(_), None) => false,
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.collection, self.id)
    }
}
