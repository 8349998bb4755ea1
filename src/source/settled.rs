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

/// The XA transactions that are waited for.
#[derive(Debug, Default)]
pub struct Unsettled {
    /// `None` before they were asked for.
    awaited: Option<BTreeSet<Xid>>,
    /// Whether this user may not ask: nothing is then waited for.
    pub is_unknown: bool,
}

impl Unsettled {
    /// Asks which are prepared; answers with how many of those of the first time are left.
    ///
    /// # Errors
    /// Whatever the connection says.
    pub async fn look(&mut self, connector: &Connector) -> Result<usize, SourceError> {
        let mut connection = connector.pooled().await?;
        let Some(prepared) = xid::recover(&mut connection).await? else {
            self.is_unknown = true;
            return Ok(0);
        };
        let awaited = self.awaited.get_or_insert_with(|| prepared.clone());
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
