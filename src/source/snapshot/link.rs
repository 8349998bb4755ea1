//! A reader's connection: opened when it is needed, thrown away after a fault, opened again after a wait.

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::error::SnapshotError;
use crate::{
    config::RetryConfig,
    model::{
        fault::{Fault, Stage},
        table::TableName,
    },
    runtime::retry::Backoff,
    source::{connect::Connector, error::SourceError, protocol::Connection},
    telemetry::metrics,
};

/// What the session has beyond the connector's own settings.
///
/// Text comes in the column's own bytes, so that it takes the same conversion as the stream's, not the server's silent
/// question marks. Without `ALLOW_INVALID_DATES` a date that does not exist, which a key may hold, is refused as an
/// operand (MySQL 9.7: error 1525).
const SESSION: &str = "SET SESSION character_set_results = NULL, sql_mode = 'ALLOW_INVALID_DATES'";

/// One connection and what it takes to have it again.
#[derive(Debug)]
pub(in crate::source) struct Link {
    connector: Connector,
    retry: RetryConfig,
    stop: CancellationToken,
    connection: Option<Connection>,
    backoff: Option<Backoff>,
}

impl Link {
    pub(in crate::source) const fn new(
        connector: Connector,
        retry: RetryConfig,
        stop: CancellationToken,
    ) -> Self {
        Self { connector, retry, stop, connection: None, backoff: None }
    }

    /// The connection. What is begun on it and given up must be followed by [`Link::hang_up`].
    pub(in crate::source) async fn open(&mut self) -> Result<&mut Connection, SnapshotError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => prepared(&self.connector).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// What was to be done is done.
    pub(in crate::source) fn went_well(&mut self, table: &TableName) {
        if self.backoff.take().is_some() {
            info!(operation = "reconnected", %table, "reading again");
        }
    }

    /// Throws the connection away and waits until it is worth another try.
    ///
    /// # Errors
    /// When trying again cannot help, or was tried often enough.
    pub(in crate::source) async fn went_wrong(
        &mut self,
        error: SnapshotError,
        table: &TableName,
    ) -> Result<(), Fault> {
        self.hang_up();
        let fault = error.into_fault(table);
        metrics::error(fault.class, Stage::Snapshot);
        if !fault.is_transient() {
            return Err(fault);
        }
        let backoff = self.backoff.get_or_insert_with(|| Backoff::new(&self.retry));
        let Some(wait) = backoff.next_wait() else { return Err(fault.given_up()) };
        metrics::retry(Stage::Snapshot);
        warn!(operation = "retrying", %table, error = %fault.chain(), wait_seconds = wait.as_secs_f64(), "will read again");
        // Whoever is told to stop in the meantime sees it at the next step.
        self.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        Ok(())
    }

    /// Closes the socket at once, whatever is still to come on it; the server notices at its next write.
    pub(in crate::source) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Says goodbye on a connection that nothing is left to come on.
    pub(in crate::source) async fn close(mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.quit().await
        {
            tracing::debug!(%error, "closing a connection to the source");
        }
    }
}

/// A connection whose text arrives in its columns' own charsets.
pub(in crate::source) async fn prepared(connector: &Connector) -> Result<Connection, SourceError> {
    let mut connection = connector.open().await?;
    connection.run(SESSION).await?;
    Ok(connection)
}
