//! What can go wrong while tables are read.

use super::sql::SqlError;
use crate::{
    model::{
        fault::{Class, Fault, Stage},
        table::TableName,
    },
    runtime::channel::Closed,
    source::{error::SourceError, literal},
};

/// An error of the copy.
#[derive(Debug, thiserror::Error)]
pub(in crate::source) enum SnapshotError {
    /// The source did not answer as it should.
    #[error(transparent)]
    Source(SourceError),
    /// A column is not what the schema says.
    #[error("column {0} is not what it was when the table's schema was read")]
    Altered(String),
    /// The table has a column that is not mapped.
    #[error("column {column} has the type {declared}, which this version does not copy")]
    Unsupported {
        /// The column.
        column: String,
        /// Its type as the server writes it.
        declared: String,
    },
    /// The saved progress is of another key.
    #[error("the copy cannot go on where it was")]
    Progress(#[from] SqlError),
    /// The source sent a key that is none.
    #[error("the source sent a key that cannot be read")]
    Key,
    /// Nobody takes the rows.
    #[error("the apply loop is gone")]
    Closed(#[from] Closed),
}

impl From<SourceError> for SnapshotError {
    fn from(error: SourceError) -> Self {
        Self::Source(literal::without_values(error))
    }
}

impl From<mysql_async::Error> for SnapshotError {
    fn from(error: mysql_async::Error) -> Self {
        SourceError::from(error).into()
    }
}

impl SnapshotError {
    /// What it means for the pipeline.
    pub(in crate::source) fn into_fault(self, table: &TableName) -> Fault {
        let fault = match self {
            Self::Source(error) => Fault::from(error),
            Self::Closed(closed) => {
                return Fault::fatal(Stage::Runtime, "the apply loop is gone").caused_by(closed);
            }
            Self::Altered(_) => Fault::new(Class::Fatal, Stage::Snapshot, self.to_string())
                .with_hint(format!("the table was altered while it was copied: {}", again(table))),
            Self::Unsupported { .. } => Fault::new(Class::Fatal, Stage::Snapshot, self.to_string())
                .with_hint(
                    "leave the table out with source.exclude_tables, or change the column's type",
                ),
            Self::Progress(error) => {
                Fault::fatal(Stage::Snapshot, "the copy cannot go on where it was")
                    .with_hint(again(table))
                    .caused_by(error)
            }
            Self::Key => Fault::fatal(Stage::Snapshot, self.to_string()),
        };
        fault.at_table(table)
    }
}

fn again(table: &TableName) -> String {
    format!(
        "`binleaf checkpoint reset --tables {table}`, then `binleaf run`, copies the table anew"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::error::ServerAnswer;

    fn refused(code: u16, message: &str) -> Fault {
        let answer = ServerAnswer { code, message: message.to_owned() };
        let error = SnapshotError::from(SourceError::Refused(answer));
        error.into_fault(&TableName::new("shop", "orders"))
    }

    #[test]
    fn a_key_never_reaches_an_error() {
        let fault = refused(1525, "Incorrect DATE value: '2021-02-30'");
        assert!(!fault.chain().contains("2021") && fault.chain().contains("1525"));
        assert!(refused(1146, "Table 'shop.orders' doesn't exist").chain().contains("shop.orders"));
    }
}
