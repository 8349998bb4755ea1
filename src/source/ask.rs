//! Questions whose answers are a few rows, over whichever connection is at hand.

use mysql_async::{Conn, Row, prelude::Queryable};

use super::error::SourceError;

/// A connection that answers questions.
pub(in crate::source) trait Ask: Send {
    /// The rows that a statement answers with.
    fn ask(&mut self, sql: &str) -> impl Future<Output = Result<Vec<Row>, SourceError>> + Send;
}

impl Ask for Conn {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, SourceError> {
        Ok(self.query(sql).await?)
    }
}
