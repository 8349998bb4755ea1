//! The settings: one struct a section, defaults as the documentation states them.
//!
//! [`Config`] is what the rest of the program sees, complete and checked. It holds secrets and is therefore not
//! `Serialize`. [`load`] makes it out of files, variables and flags; the table in `keys` is the one place that knows
//! which keys there are.

mod address;
pub mod alerts;
pub mod batch;
mod check;
mod choice;
mod environment;
mod error;
mod given;
mod keys;
mod layer;
mod load;
mod operation;
mod poll;
mod rules;
pub mod sections;
mod template;
#[cfg(test)]
mod tests;
pub mod types;
mod zone;

pub use alerts::{
    AlertsConfig, ChannelsConfig, EmailConfig, MailTls, RuleConfig, TelegramConfig, WebhookConfig,
};
pub use batch::{BatchConfig, BatchSizing};
pub use environment::Environment;
pub use error::{ConfigErrors, ConfigProblem};
pub use load::{FileChoice, Flags, LoadOptions, Loaded, load};
pub use operation::{HttpConfig, LogConfig, LogFormat, ShutdownConfig};
pub use poll::PollConfig;
pub use sections::{
    CheckpointConfig, Config, ErrorsConfig, Existing, IdRule, Keyless, LimitsConfig, Mode,
    OnPurged, PoolConfig, RecordPolicy, RetryConfig, Secret, SnapshotConfig, SnapshotWhen,
    SourceConfig, StreamConfig, StreamStart, TableConfig, TargetConfig, TlsConfig, TlsMode,
    WriteConcern,
};
pub use template::{default_file, file_of, settings_page};
pub use types::{ColumnConfig, TypesConfig, TypesPatch};
pub use zone::parse_zone;
