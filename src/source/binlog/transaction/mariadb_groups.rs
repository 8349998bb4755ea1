//! MariaDB's groups of events: how they begin, and what is compressed in them.

use super::{Assembler, BinlogError, Problem};
use crate::{
    model::{gtid::TransactionId, table::TableName},
    source::binlog::{
        mariadb::{self, DomainEvent, InflateError},
        tables::Describe,
    },
};

impl<D: Describe> Assembler<D> {
    /// On MariaDB the GTID event is the BEGIN too, but for statements that commit by themselves.
    pub(super) fn begin_in_domain(
        &mut self,
        event: &DomainEvent,
        start: u64,
    ) -> Result<(), BinlogError> {
        if self.open.is_some() {
            return Err(BinlogError::Unfinished);
        }
        if !self.is_described {
            return Err(BinlogError::Transport);
        }
        let rows = event.is_prepared.then(|| self.held.begin());
        let open = self.open_at(Some(TransactionId::Mariadb(event.gtid)), None, start);
        open.has_begun = !event.is_standalone;
        open.is_void = event.is_void;
        open.held = rows.filter(|_| !open.is_skipped);
        Ok(())
    }

    /// Whether a transaction of MariaDB's is known already. They come in the order of their domain, whose numbers need
    /// not grow: the last of the known ones is recognised by itself.
    pub(super) fn passes_known(&mut self, gtid: Option<&TransactionId>) -> bool {
        let Some(TransactionId::Mariadb(gtid)) = gtid else { return false };
        let Some(last) = self.known.last(gtid.domain) else { return false };
        if last == *gtid {
            self.known.go_to(gtid.domain, None);
        }
        true
    }
}

/// Inflates what is compressed in an event, of this table where it is known.
pub(super) fn inflated(
    bytes: &[u8],
    limit: u64,
    table: Option<&TableName>,
) -> Result<Vec<u8>, Problem> {
    mariadb::inflate(bytes, limit).map_err(|error| match error {
        InflateError::Malformed(malformed) => malformed.into(),
        InflateError::TooLarge { size } => {
            BinlogError::TooLarge { table: table.cloned(), size, limit }.into()
        }
    })
}

#[cfg(test)]
mod tests;
