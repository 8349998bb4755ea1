//! A source database and the target database that it is copied to, both of one test only.

use bson::{Document, doc};
use mongodb::{Client, Collection, IndexModel, options::IndexOptions};
use mysql_async::{Conn, OptsBuilder, prelude::Queryable};

use super::{
    comparer::Comparison,
    flavour::{self, Flavour},
    servers::{self, Address},
};

/// No log may ever hold this: every password and every text that the tests write begins with it.
pub const CANARY: &str = "cnry";

/// A source database.
#[derive(Debug, Clone)]
pub struct Source {
    pub address: Address,
    pub flavour: Flavour,
    pub database: String,
    /// The user that binleaf logs in as: SELECT and the two REPLICATION rights, nothing else.
    pub user: String,
    pub password: String,
}

impl Source {
    async fn create(address: Address, name: &str) -> Self {
        let flavour = Flavour::of(&address).await;
        let source = Self {
            address,
            flavour,
            database: name.to_owned(),
            user: name.to_owned(),
            password: format!("{CANARY}-{:016x}", fastrand::u64(..)),
        };
        let mut conn = source.administrator().await;
        source.create_in(&mut conn).await;
        conn.disconnect().await.expect("a clean end");
        source
    }

    /// Makes the database and the user on the server of a connection.
    pub async fn create_in(&self, conn: &mut Conn) {
        let (user, database) = (&self.user, &self.database);
        for statement in [
            format!("CREATE DATABASE `{database}`"),
            format!("CREATE USER `{user}`@`%` IDENTIFIED BY '{}'", self.password),
            format!("GRANT SELECT ON `{database}`.* TO `{user}`@`%`"),
            format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `{user}`@`%`"),
        ] {
            conn.query_drop(statement).await.expect("a new database");
        }
    }

    /// A connection with all rights and no database chosen.
    pub async fn administrator(&self) -> Conn {
        self.try_connect(None).await.expect("the source answers")
    }

    /// A connection with all rights: wall clock in UTC, no strictness, so that odd values can be stored too.
    pub async fn connect(&self) -> Conn {
        self.try_connect(Some(self.database.clone())).await.expect("the source answers")
    }

    /// The same, for when the source may be away.
    pub async fn try_connect(&self, database: Option<String>) -> mysql_async::Result<Conn> {
        let options = OptsBuilder::default()
            .ip_or_hostname(self.address.host.clone())
            .tcp_port(self.address.port)
            .user(Some("root"))
            .pass(Some(self.address.password.clone()))
            .db_name(database)
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 30))
            .setup(vec![
                "SET time_zone = '+00:00', sql_mode = '', character_set_results = utf8mb4",
            ]);
        Conn::new(options).await
    }

    /// Runs one statement.
    pub async fn run(&self, statement: impl AsRef<str>) {
        self.run_all(&[statement.as_ref()]).await;
    }

    /// Runs statements on one connection.
    pub async fn run_all(&self, statements: &[&str]) {
        let mut conn = self.connect().await;
        for statement in statements {
            if let Err(error) = conn.query_drop(*statement).await {
                let shown: String = statement.chars().take(200).collect();
                panic!("{shown}: {error}");
            }
        }
        conn.disconnect().await.expect("a clean end");
    }

    /// The one value that a query returns, as text.
    pub async fn value(&self, query: impl AsRef<str>) -> String {
        let mut conn = self.administrator().await;
        let value: Option<Option<String>> =
            conn.query_first(query.as_ref()).await.expect("a query");
        conn.disconnect().await.expect("a clean end");
        value.flatten().unwrap_or_default()
    }

    /// The one number that a query returns.
    pub async fn number(&self, query: impl AsRef<str>) -> u64 {
        let text = self.value(query).await;
        text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
    }

    /// Everything that the server has committed until now.
    pub async fn executed(&self) -> String {
        self.value(match self.flavour {
            Flavour::Mysql => "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')",
            Flavour::Mariadb => "SELECT @@GLOBAL.gtid_binlog_pos",
        })
        .await
    }

    /// Whether one GTID set holds another, by the server's own algebra; of MariaDB's positions whether every domain is
    /// as far.
    pub async fn includes(&self, whole: &str, part: &str) -> bool {
        match self.flavour {
            Flavour::Mysql => {
                self.value(format!("SELECT GTID_SUBSET('{part}', '{whole}')")).await == "1"
            }
            Flavour::Mariadb => flavour::is_as_far(whole, part),
        }
    }

    /// Throws the binlog away and begins a new history.
    pub async fn reset_binlog(&self) {
        self.run(match self.flavour {
            Flavour::Mysql => "RESET BINARY LOGS AND GTIDS",
            Flavour::Mariadb => "RESET MASTER",
        })
        .await;
    }

    /// The end of the binlog: file and offset.
    pub async fn coordinates(&self) -> (String, u64) {
        let mut conn = self.administrator().await;
        let row: Option<mysql_async::Row> =
            conn.query_first(self.flavour.binlog_status()).await.expect("a query");
        let row = row.expect("the binlog is on");
        (row.get(0).expect("a file"), row.get(1).expect("an offset"))
    }
}

/// A target database.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: Address,
    pub database: String,
    client: Client,
}

impl Target {
    async fn new(address: Address, name: &str) -> Self {
        let client = Client::with_uri_str(address.mongodb_uri()).await.expect("a target address");
        Self { address, database: name.to_owned(), client }
    }

    pub fn handle(&self) -> mongodb::Database {
        self.client.database(&self.database)
    }

    /// A database beside it, of the same test, which goes with it.
    pub fn beside(&self, name: &str) -> Self {
        Self { database: format!("{}_{name}", self.database), ..self.clone() }
    }

    /// Another database of the same server.
    pub fn sibling(&self, name: &str) -> mongodb::Database {
        self.client.database(name)
    }

    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.handle().collection(name)
    }

    /// All collections that hold rows, not state.
    pub async fn collections(&self) -> Vec<String> {
        let mut names = self.handle().list_collection_names().await.expect("the target answers");
        names.retain(|name| !name.starts_with("_sync_") && !name.starts_with("system."));
        names.sort();
        names
    }

    /// All documents of a collection that match.
    pub async fn find(&self, collection: &str, filter: Document) -> Vec<Document> {
        use futures_util::TryStreamExt;
        let cursor = self.collection(collection).find(filter).await.expect("the target answers");
        cursor.try_collect().await.expect("documents")
    }

    /// Makes a unique index of a user's own, named as MongoDB names it, over the texts of a field.
    pub async fn refuse_doubles(&self, collection: &str, field: &str) {
        let unique = IndexOptions::builder()
            .unique(true)
            .partial_filter_expression(doc! { field: { "$exists": true, "$type": "string" } })
            .build();
        let index = IndexModel::builder().keys(doc! { field: 1 }).options(unique).build();
        self.collection(collection).create_index(index).await.expect("an index");
    }

    pub async fn count(&self, collection: &str) -> u64 {
        self.collection(collection).count_documents(Document::new()).await.expect("a count")
    }

    /// What binleaf saved for itself.
    pub async fn checkpoint(&self) -> Option<Document> {
        self.find("_sync_metadata", bson::doc! { "_id": "checkpoint:default" }).await.pop()
    }

    /// The saved position, or nothing.
    pub async fn saved_position(&self) -> Option<Document> {
        self.checkpoint().await?.get_document("position").ok().cloned()
    }
}

/// A source database and a target database with random names, both gone at the end.
#[derive(Debug)]
pub struct Pair {
    pub source: Source,
    pub target: Target,
}

impl Pair {
    /// On the servers that all tests share.
    pub async fn new() -> Self {
        Self::on(servers::mysql(), servers::mongodb()).await
    }

    /// On these servers.
    pub async fn on(source: Address, target: Address) -> Self {
        let name = format!("t_{:08x}", fastrand::u32(..));
        Self {
            source: Source::create(source, &name).await,
            target: Target::new(target, &name).await,
        }
    }

    /// Fails with the differing fields unless every row of every table is in the target, and nothing else.
    pub async fn assert_equal(&self) {
        Comparison::of(self).assert_equal().await;
    }
}

impl Drop for Pair {
    /// On a thread of its own: a runtime cannot be entered twice, and a failed test drops too.
    fn drop(&mut self) {
        let (source, target) = (self.source.clone(), self.target.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let limit = std::time::Duration::from_secs(20);
                tokio::time::timeout(limit, remove(source, target)).await.ok();
            });
            std::io::Result::Ok(())
        });
        dropping.join().ok();
    }
}

async fn remove(source: Source, target: Target) {
    if let Ok(mut conn) = source.try_connect(None).await {
        for statement in [
            format!("DROP DATABASE IF EXISTS `{}`", source.database),
            format!("DROP USER IF EXISTS `{}`@`%`", source.user),
        ] {
            conn.query_drop(statement).await.ok();
        }
    }
    let quick = format!("{}&serverSelectionTimeoutMS=2000", target.address.mongodb_uri());
    if let Ok(client) = Client::with_uri_str(quick).await {
        client.database(&target.database).drop().await.ok();
        client.database(&target.beside("polled").database).drop().await.ok();
    }
}
