//! What compiling a plan finds: told by `check`, and the reason where a table cannot be mapped.

use std::{collections::HashMap, fmt};

use super::plan::Plan;
use crate::model::{
    fault::{Fault, Stage},
    finding::{Finding, Level},
    table::{TableName, TableSchema},
    write::Collection,
};

/// Something about a table's mapping that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanIssue {
    /// The table.
    pub table: TableName,
    /// What it is.
    pub problem: Problem,
}

/// What may be told of a table's mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A field is not called as its column.
    #[error("column {column} becomes field {field}")]
    FieldRenamed {
        /// The column.
        column: String,
        /// The field.
        field: String,
    },
    /// Moments of more than three fractional digits become dates of milliseconds.
    #[error("digits below the millisecond are cut: {columns}")]
    CutDigits {
        /// The columns, joined.
        columns: String,
    },
    /// A collection is not called as its table.
    #[error("the table's name contains `$`: its collection is {collection}")]
    CollectionRenamed {
        /// The collection.
        collection: String,
    },
    /// Two columns would become one field.
    #[error("columns {first} and {second} would both become field {field}")]
    SameField {
        /// One column.
        first: String,
        /// The other.
        second: String,
        /// The field.
        field: String,
    },
    /// A column's type is not mapped.
    #[error("column {column} has type {declared}, which this version does not map")]
    Unsupported {
        /// The column.
        column: String,
        /// The type.
        declared: String,
    },
    /// `id` names a column that the table does not have.
    #[error("id names column {column}, which the table does not have")]
    UnknownKeyColumn {
        /// The name.
        column: String,
    },
    /// `id` names columns that do not tell rows apart.
    #[error("id = [{columns}] needs a unique index of NOT NULL columns on just these")]
    NoUniqueIndex {
        /// The columns, joined.
        columns: String,
    },
    /// A JSON, geometry or likewise unordered column in a key.
    #[error("key column {column} has a type that cannot be part of a key")]
    UnusableKeyColumn {
        /// The column.
        column: String,
    },
    /// An ENUM or SET in the key has two values with one text.
    #[error(
        "key column {column} has labels that are empty or equal: two rows would share an identity"
    )]
    AmbiguousLabels {
        /// The column.
        column: String,
    },
    /// A setting by which two rows would share an identity.
    #[error(
        "key column {column}: {setting} would tell different values alike, and two rows would share an identity"
    )]
    MergingSetting {
        /// The column.
        column: String,
        /// The setting.
        setting: &'static str,
    },
    /// Settings for a column that the table does not have.
    #[error("the settings name column {column}, which the table does not have")]
    UnknownColumn {
        /// The name.
        column: String,
    },
    /// A setting for a column of a type that it does not touch.
    #[error("column {column}: {setting} does nothing for a column of this type")]
    IdleSetting {
        /// The column.
        column: String,
        /// The key of `[types]`.
        setting: &'static str,
    },
    /// `id = "object_id"` on a table that has no key at all.
    #[error("id = \"object_id\" needs a primary key or a unique key of NOT NULL columns")]
    ObjectIdWithoutKey,
    /// No key: rows are told apart by a hash.
    #[error("no usable key: `_id` is a hash of the row, and equal rows are one document")]
    Hashed,
    /// No key, and the settings leave such tables out.
    #[error("no usable key: the table is left out, as keyless = \"skip\" says")]
    Skipped,
    /// No key, and the settings refuse such tables.
    #[error("no usable key, and keyless = \"stop\"")]
    Stopped,
    /// The target would refuse the name.
    #[error("target name {name} is not possible: {reason}")]
    TargetName {
        /// The database's or collection's name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// Two tables share a collection.
    #[error("collection {collection} is the target of table {other} too")]
    SharedCollection {
        /// The collection.
        collection: Collection,
        /// The other table.
        other: TableName,
    },
}

impl Problem {
    /// How bad it is. A table with an [`Level::Error`] is not mapped.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::FieldRenamed { .. } | Self::CutDigits { .. } | Self::CollectionRenamed { .. } => {
                Level::Info
            }
            Self::Hashed
            | Self::Skipped
            | Self::UnknownColumn { .. }
            | Self::IdleSetting { .. } => Level::Warning,
            Self::SameField { .. }
            | Self::Unsupported { .. }
            | Self::UnknownKeyColumn { .. }
            | Self::NoUniqueIndex { .. }
            | Self::UnusableKeyColumn { .. }
            | Self::AmbiguousLabels { .. }
            | Self::MergingSetting { .. }
            | Self::ObjectIdWithoutKey
            | Self::Stopped
            | Self::TargetName { .. }
            | Self::SharedCollection { .. } => Level::Error,
        }
    }

    /// A stable name for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FieldRenamed { .. } => "field_renamed",
            Self::CutDigits { .. } => "precision",
            Self::CollectionRenamed { .. } => "collection_renamed",
            Self::SameField { .. } => "same_field",
            Self::Unsupported { .. } => "unsupported_type",
            Self::UnknownKeyColumn { .. } | Self::NoUniqueIndex { .. } => "id_columns",
            Self::UnusableKeyColumn { .. }
            | Self::AmbiguousLabels { .. }
            | Self::MergingSetting { .. } => "key_column",
            Self::UnknownColumn { .. } | Self::IdleSetting { .. } => "column_setting",
            Self::ObjectIdWithoutKey | Self::Hashed | Self::Skipped | Self::Stopped => "keyless",
            Self::TargetName { .. } => "target_name",
            Self::SharedCollection { .. } => "shared_collection",
        }
    }

    fn remedy(&self, table: &TableName) -> Option<String> {
        Some(match self {
            Self::FieldRenamed { .. } | Self::CollectionRenamed { .. } => return None,
            Self::CutDigits { .. } => {
                format!("tables.\"{table}\".types = {{ datetime = \"string\" }} keeps them")
            }
            Self::SameField { first, .. } => {
                format!("ALTER TABLE {} RENAME COLUMN `{first}` TO …", table.quoted())
            }
            Self::Unsupported { declared, .. } if declared.contains("/* mariadb-5.3 */") => {
                let table = table.quoted();
                format!("SET GLOBAL mysql56_temporal_format = ON; ALTER TABLE {table} FORCE;")
            }
            Self::Unsupported { declared, .. } if declared.contains("/* 5.5 binary format */") => {
                format!("ALTER TABLE {} FORCE;", table.quoted())
            }
            Self::Unsupported { .. } => {
                format!("source.exclude_tables = [\"{table}\"]")
            }
            Self::UnknownKeyColumn { .. } => format!("correct tables.\"{table}\".id"),
            Self::NoUniqueIndex { columns } => {
                format!("ALTER TABLE {} ADD UNIQUE ({columns})", table.quoted())
            }
            Self::UnusableKeyColumn { .. } | Self::AmbiguousLabels { .. } => {
                format!("tables.\"{table}\".id = [columns of another unique index]")
            }
            Self::MergingSetting { column, setting } => {
                let lossless = match *setting {
                    "tinyint1 = \"bool\"" => "tinyint1 = \"int\"",
                    _ => "decimal = \"decimal128\"",
                };
                format!("tables.\"{table}\".columns.\"{column}\".types = {{ {lossless} }}")
            }
            Self::UnknownColumn { column } => {
                format!("correct or remove tables.\"{table}\".columns.\"{column}\"")
            }
            Self::IdleSetting { column, setting } => {
                format!("remove tables.\"{table}\".columns.\"{column}\".types.{setting}")
            }
            Self::ObjectIdWithoutKey | Self::Hashed | Self::Skipped | Self::Stopped => {
                format!("ALTER TABLE {} ADD PRIMARY KEY (…)", table.quoted())
            }
            Self::TargetName { .. } | Self::SharedCollection { .. } => {
                format!("tables.\"{table}\".collection = \"another name\"")
            }
        })
    }
}

impl fmt::Display for PlanIssue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl From<&PlanIssue> for Finding {
    fn from(issue: &PlanIssue) -> Self {
        Self {
            level: issue.problem.level(),
            code: issue.problem.code(),
            object: issue.table.to_string(),
            meaning: issue.problem.to_string(),
            remedy: issue.problem.remedy(&issue.table),
        }
    }
}

/// Tables that would share a collection with one before them.
pub fn shared_collections<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Vec<PlanIssue> {
    let mut owners: HashMap<&Collection, &TableName> = HashMap::new();
    let mut issues = Vec::new();
    for plan in plans {
        let (collection, table) = (&plan.target().collection, &plan.schema().name);
        let owner = *owners.entry(collection).or_insert(table);
        if owner != table {
            let problem =
                Problem::SharedCollection { collection: collection.clone(), other: owner.clone() };
            issues.push(PlanIssue { table: table.clone(), problem });
        }
    }
    issues
}

/// The fault of a table that cannot be mapped.
#[must_use]
pub fn unmappable(table: &TableSchema, issues: &[PlanIssue]) -> Fault {
    let reasons: Vec<String> = issues.iter().map(ToString::to_string).collect();
    Fault::fatal(Stage::Mapping, format!("the table cannot be mapped: {}", reasons.join("; ")))
        .at_table(&table.name)
        .with_hint("run `binleaf check`, or leave the table out with source.exclude_tables")
}
