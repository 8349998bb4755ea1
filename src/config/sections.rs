//! The sections of the settings with their defaults.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{
    alerts::AlertsConfig,
    batch::BatchConfig,
    operation::{HttpConfig, LogConfig, ShutdownConfig},
    poll::PollConfig,
    types::{ColumnConfig, TypesConfig, TypesPatch},
};

/// All settings.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `mode`.
    pub mode: Mode,
    /// `[source]`.
    pub source: SourceConfig,
    /// `[target]`.
    pub target: TargetConfig,
    /// `[snapshot]`.
    pub snapshot: SnapshotConfig,
    /// `[stream]`.
    pub stream: StreamConfig,
    /// `[poll]`.
    pub poll: PollConfig,
    /// `[batch]`.
    pub batch: BatchConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[checkpoint]`.
    pub checkpoint: CheckpointConfig,
    /// `[retry]`.
    pub retry: RetryConfig,
    /// `[errors]`.
    pub errors: ErrorsConfig,
    /// `[types]`.
    pub types: TypesConfig,
    /// `[tables."…"]` by pattern: `table` or `database.table`, globs allowed; the most exact one wins.
    pub tables: BTreeMap<String, TableConfig>,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[shutdown]`.
    pub shutdown: ShutdownConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// `[alerts]`.
    pub alerts: AlertsConfig,
    /// `SYNC_ENABLED=false`: start paused.
    pub start_paused: bool,
}

/// How changes are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The binlog, with a way out when it cannot be had.
    #[default]
    Auto,
    /// The binlog only.
    Stream,
    /// Timestamp columns, on a schedule.
    Poll,
}

/// Where a secret comes from. Files and commands are asked again on every reconnect.
#[derive(Debug, Clone)]
pub enum Secret {
    /// Given in the settings or the environment.
    Inline(SecretString),
    /// The contents of a file without its last line break.
    File(PathBuf),
    /// The standard output of a program without its last line break.
    Command(Vec<String>),
}

/// `[source]`.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Hosts in the order in which they are tried: `host:port` first, then `hosts`.
    pub hosts: Vec<(String, u16)>,
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// Databases to copy: names or globs.
    pub databases: Vec<String>,
    /// Tables to copy: names or globs, `table` or `database.table`.
    pub tables: Vec<String>,
    /// Tables to leave out, in the same form.
    pub exclude_tables: Vec<String>,
    /// The session charset of connections that read names and settings.
    pub charset: String,
    /// The replica id to register with; 0 derives one.
    pub server_id: u32,
    /// Encryption.
    pub tls: TlsConfig,
    /// Whether rows and binlog come compressed, where the server can.
    pub compression: bool,
    /// The longest that connecting takes.
    pub connect_timeout: Duration,
    /// The longest that an answer to a query takes to begin.
    pub read_timeout: Duration,
    /// The longest that sending a query takes.
    pub write_timeout: Duration,
    /// How often a silent source says that it is there; three missed ones mean it is not.
    pub heartbeat: Duration,
    /// The connection pool.
    pub pool: PoolConfig,
}

impl SourceConfig {
    /// The database, where exactly one is copied and named without a pattern.
    #[must_use]
    pub fn single_database(&self) -> Option<String> {
        match self.databases.as_slice() {
            [only] if !only.contains(['*', '?', '[', '{']) => Some(only.clone()),
            _ => None,
        }
    }
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            hosts: vec![("127.0.0.1".to_owned(), 3306)],
            user: "binleaf".to_owned(),
            password: Secret::Inline(SecretString::from("")),
            databases: vec!["shop".to_owned()],
            tables: vec!["*".to_owned()],
            exclude_tables: Vec::new(),
            charset: "utf8mb4".to_owned(),
            server_id: 0,
            tls: TlsConfig::default(),
            compression: false,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            heartbeat: Duration::from_secs(5),
            pool: PoolConfig::default(),
        }
    }
}

/// `source.tls`.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {
    /// How much is asked of the server.
    pub mode: TlsMode,
    /// Certificates to trust (PEM); the built-in roots where none is given.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate (PEM).
    pub cert_file: Option<PathBuf>,
    /// The client's key (PEM).
    pub key_file: Option<PathBuf>,
}

/// The five modes of MySQL's own `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Never encrypted.
    Disabled,
    /// Encrypted where the server can.
    #[default]
    Preferred,
    /// Encrypted, whoever the server is.
    Required,
    /// Encrypted, the certificate signed by a trusted authority.
    VerifyCa,
    /// That, and made out to the host's name.
    VerifyIdentity,
}

/// `source.pool`.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Connections kept open.
    pub min: usize,
    /// The most connections.
    pub max: usize,
    /// The longest wait for a free one.
    pub timeout: Duration,
    /// A connection older than this is replaced.
    pub recycle: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            min: 1,
            max: 10,
            timeout: Duration::from_secs(30),
            recycle: Duration::from_secs(3600),
        }
    }
}

/// `[target]`.
#[derive(Debug, Clone)]
pub struct TargetConfig {
    /// The connection string, which may hold a password.
    pub uri: Secret,
    /// The target database; `{database}` is the source database's name.
    pub database: String,
    /// The collection; `{table}` and `{database}` are replaced.
    pub collection: String,
    /// Whose acknowledgement a write waits for.
    pub write_concern: WriteConcern,
    /// Whether it waits for the journal.
    pub journal: bool,
    /// What becomes of tables without a usable key.
    pub keyless: Keyless,
}

impl Default for TargetConfig {
    fn default() -> Self {
        Self {
            uri: Secret::Inline(SecretString::from("mongodb://127.0.0.1:27017")),
            database: "shop".to_owned(),
            collection: "{table}".to_owned(),
            write_concern: WriteConcern::Majority,
            journal: true,
            keyless: Keyless::Hash,
        }
    }
}

/// `target.write_concern`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteConcern {
    /// Most of the data-bearing members.
    Majority,
    /// This many members; at least one.
    Nodes(u32),
}

/// `target.keyless`: what becomes of tables without a usable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyless {
    /// `_id` is a hash of the row.
    Hash,
    /// The table is left out.
    Skip,
    /// The start is refused.
    Stop,
}

/// `[snapshot]`.
#[derive(Debug, Clone)]
pub struct SnapshotConfig {
    /// When a first copy is made.
    pub when: SnapshotWhen,
    /// What becomes of a collection that is not empty and not ours.
    pub existing: Existing,
    /// How many connections read side by side.
    pub workers: usize,
    /// Rows a range.
    pub chunk_rows: usize,
    /// Rows a second over all workers; 0 is unlimited.
    pub read_rate: u64,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            when: SnapshotWhen::Initial,
            existing: Existing::Stop,
            workers: 2,
            chunk_rows: 20_000,
            read_rate: 0,
        }
    }
}

/// `snapshot.when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotWhen {
    /// Where there is no state yet.
    Initial,
    /// Not at all: the stream starts at `stream.start`.
    Never,
    /// At every start.
    Always,
}

/// `snapshot.existing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The start is refused.
    Stop,
    /// Rows are added and replaced; documents that no row has stay.
    Merge,
    /// What the source does not have is removed after the copy.
    Replace,
}

/// `[stream]`.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// Where the stream starts when there is no saved position.
    pub start: StreamStart,
    /// What happens when the source no longer has our position.
    pub on_purged: OnPurged,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self { start: StreamStart::Checkpoint, on_purged: OnPurged::Stop }
    }
}

/// `stream.start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStart {
    /// The saved position, else the snapshot's.
    Checkpoint,
    /// The source's position at the start.
    Now,
    /// Behind this GTID set, or this position of MariaDB's.
    Gtid(crate::model::gtid::GtidPosition),
    /// This file and offset.
    File(String, u64),
}

/// `stream.on_purged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPurged {
    /// Exit code 4.
    Stop,
    /// A new copy is made.
    Snapshot,
}

/// `[limits]`.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// Bytes between the source and the apply loop.
    pub queue_bytes: u64,
    /// The largest event accepted, in bytes.
    pub event: u64,
    /// `check` tells when the sum of the parts would exceed this, in bytes.
    pub memory: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { queue_bytes: 16 << 20, event: 1 << 30, memory: 256 << 20 }
    }
}

/// `[checkpoint]`.
#[derive(Debug, Clone)]
pub struct CheckpointConfig {
    /// How often the mark is saved at most.
    pub interval: Duration,
    /// The database of the state collections; empty is the target's.
    pub database: String,
    /// The pipeline's name.
    pub name: String,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(200),
            database: String::new(),
            name: "default".to_owned(),
        }
    }
}

/// `[retry]`.
#[derive(Debug, Clone)]
pub struct RetryConfig {
    /// The first wait.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
    /// How often; 0 is for ever.
    pub attempts: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), max: Duration::from_secs(30), attempts: 0 }
    }
}

/// `[errors]`.
#[derive(Debug, Clone)]
pub struct ErrorsConfig {
    /// What becomes of a change that cannot be written.
    pub record: RecordPolicy,
}

impl Default for ErrorsConfig {
    fn default() -> Self {
        Self { record: RecordPolicy::DeadLetter }
    }
}

/// `errors.record`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordPolicy {
    /// Keep it with its reason and go on.
    DeadLetter,
    /// Stop.
    Stop,
    /// Count it and go on.
    Skip,
}

/// `[tables."…"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableConfig {
    /// The collection's name.
    pub collection: Option<String>,
    /// What `_id` is made of.
    pub id: Option<IdRule>,
    /// What becomes of the table where it has no usable key.
    pub keyless: Option<Keyless>,
    /// The column that tells when a row was changed.
    pub timestamp_column: Option<String>,
    /// The zone of the wall clock that it holds, where it is a DATETIME; a name that [`super::parse_zone`] knows.
    pub timestamp_zone: Option<String>,
    /// How types are told.
    pub types: TypesPatch,
    /// Settings of single columns, by name.
    pub columns: BTreeMap<String, ColumnConfig>,
}

/// `tables.*.id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdRule {
    /// The primary key, else the first usable unique key.
    PrimaryKey,
    /// MongoDB makes it.
    ObjectId,
    /// These columns, which have a unique index.
    Columns(Vec<String>),
}
