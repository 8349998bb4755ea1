//! Waiting until the XA transactions that are prepared now are settled.
//!
//! The rows of a prepared transaction are in the binlog, and its GTID is in `gtid_executed`, long before anybody can see
//! them. A copy that starts behind such a transaction would get its rows neither by reading, since they are not visible,
//! nor by the stream, which begins behind them. So it waits: once the transaction is committed every read sees its rows,
//! and once it is rolled back there are none. Those that are prepared after the copy's position come by the stream.

use std::collections::BTreeSet;

use super::{
    Connector,
    error::SourceError,
    position,
    xid::{self, Xid},
};
use crate::model::position::Position;

/// The XA transactions that are waited for; those that are prepared when they are first asked for.
#[derive(Debug, Default)]
pub struct Unsettled(Option<BTreeSet<Xid>>);

impl Unsettled {
    /// Answers with how many are left. None is known to a user who may not ask; `check` tells that.
    ///
    /// # Errors
    /// Whatever the connection says.
    pub async fn look(&mut self, connector: &Connector) -> Result<usize, SourceError> {
        let mut connection = connector.pooled().await?;
        let prepared = xid::recover(&mut connection).await?.unwrap_or_default();
        let awaited = self.0.get_or_insert_with(|| prepared.clone());
        awaited.retain(|xid| prepared.contains(xid));
        Ok(awaited.len())
    }
}

/// The position right before a copy's first read.
///
/// # Errors
/// As [`position::current`].
pub async fn reading_from(connector: &Connector) -> Result<Position, SourceError> {
    let mut connection = connector.pooled().await?;
    position::current(&mut connection).await
}
