//! Removing the documents of rows that are gone from a table without a key.
//!
//! Its documents are named by a hash of the whole row, which does not lead back to the row. So all rows are read once
//! more, and documents whose hash none of them has go. The hashes of a large table do not fit into memory: it is read once
//! for each part of them. A row that is put in meanwhile is not in the target yet; nothing else writes the collection.

use std::{collections::HashSet, sync::Arc};

use bson::Bson;

use super::{Poller, tables::Polled};
use crate::{
    app::sweep,
    mapping::{Plan, RowMapper},
    model::{change::Message, fault::Fault, snapshot::SnapshotState, table::TableSchema},
    runtime::{
        channel::{self, QueueGauge, Receiver},
        tasks,
    },
    sink::Identified,
    source::snapshot::{self, Progress, Purpose, SnapshotJob},
};

/// Rows of which the hashes are held at once: 16 bytes each, and the table around them.
const ROWS_A_PART: u64 = 500_000;

/// Between the reading and the hashing, in bytes.
const QUEUE_BYTES: usize = 2 << 20;

/// A part of all hashes.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: u64,
    of: u64,
}

impl Part {
    /// Whether a document of this identity, `{_id: Binary}`, is of this part. Its hash stands at its end.
    fn has(self, identity: &[u8]) -> bool {
        let byte = identity.len().checked_sub(2).and_then(|place| identity.get(place));
        u64::from(byte.copied().unwrap_or(0)) % self.of == self.number
    }
}

impl Poller {
    /// Removes what the source does not have. `None` when told to stop.
    pub(super) async fn sweep_keyless(&self, table: &Polled) -> Result<Option<()>, Fault> {
        let of = (table.schema().estimated_rows / ROWS_A_PART + 1).min(256);
        for number in 0..of {
            let part = Part { number, of };
            let there = self.hashes(&table.plan, part).await?;
            if self.stop.is_cancelled()
                || self.sweep_part(&table.plan, part, &there).await?.is_none()
            {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// What finds the documents of all rows of a part.
    async fn hashes(&self, plan: &Arc<Plan>, part: Part) -> Result<HashSet<Vec<u8>>, Fault> {
        let (sender, receiver) = channel::bounded(QUEUE_BYTES, &QueueGauge::default());
        let mapping = tasks::spawn(hash_all(receiver, Arc::clone(plan), part));
        let table: Arc<TableSchema> = Arc::clone(plan.schema());
        let state = SnapshotState::unplaced();
        let job = SnapshotJob {
            connector: self.connector.clone(),
            config: self.config.snapshot.clone(),
            retry: self.config.retry.clone(),
            progress: Progress::new(&[], &state),
            tables: vec![table],
            state,
            sender,
            rate: self.rate.clone(),
            purpose: Purpose::Renewal,
            cancel: self.stop.clone(),
        };
        snapshot::run(job).await?;
        mapping
            .await
            .map_err(|_| Fault::fatal(crate::model::fault::Stage::Runtime, "a task panicked"))?
    }

    async fn sweep_part(
        &self,
        plan: &Plan,
        part: Part,
        there: &HashSet<Vec<u8>>,
    ) -> Result<Option<()>, Fault> {
        let mut after = None;
        loop {
            let page = || self.sweep_page(plan, part, there, after.clone());
            let Some(last) = self.patience.until_done(page).await? else { return Ok(None) };
            if last.is_none() {
                return Ok(Some(()));
            }
            after = last;
        }
    }

    async fn sweep_page(
        &self,
        plan: &Plan,
        part: Part,
        there: &HashSet<Vec<u8>>,
        after: Option<Bson>,
    ) -> Result<Option<Bson>, Fault> {
        let target = plan.target();
        let page = self.sink.page(&target.collection, &target.identity, None, after).await?;
        let last = page.last().map(|document| document.id.clone());
        let is_gone = |one: &Identified| {
            let identity = one.identity.as_bytes();
            part.has(identity) && !there.contains(identity)
        };
        self.remove(plan, page.into_iter().filter(is_gone).collect()).await?;
        Ok(last)
    }
}

async fn hash_all(
    mut receiver: Receiver,
    plan: Arc<Plan>,
    part: Part,
) -> Result<HashSet<Vec<u8>>, Fault> {
    let (mut mapper, mut hashes) = (RowMapper::default(), HashSet::new());
    while let Some(envelope) = receiver.recv().await {
        let (message, _share) = envelope.open();
        let Message::Rows(mut rows) = message else { continue };
        while let Some(kind) = rows.block.next_change(&mut mapper.visitor(&plan))? {
            let mapped = mapper.finish(&plan, kind);
            let filter = sweep::filter_of(&mapped).filter(|filter| part.has(filter));
            hashes.extend(filter.map(<[u8]>::to_vec));
        }
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identity_is_of_one_part() {
        for last in 0..=u8::MAX {
            let identity = [1, 2, last, 0];
            let parts = (0..7).filter(|number| Part { number: *number, of: 7 }.has(&identity));
            assert_eq!(parts.count(), 1);
        }
        assert!(Part { number: 0, of: 1 }.has(b""));
    }
}
