//! Removes from a collection what the source does not have, where a first copy found strangers in it and
//! `snapshot.existing` says `replace`.
//!
//! It runs behind the copy and before the stream, on pages of the target's identities: the source is asked which of
//! those keys it has, twice for those that it has not, and the documents of the others go. Why nothing of ours is lost:
//! whatever the source has by the time of the question is kept, and what it gets later comes by the stream, which starts
//! at a position before all this and has not begun. A row of the copy that is gone by the time of the question is
//! deleted by the stream too. Killed halfway it begins again; removing what is gone is harmless.

use std::{collections::HashSet, sync::Arc};

use bson::Bson;
use tracing::info;

use super::patience::Patience;
use crate::{
    mapping::{self, Mapped, Plan, RowMapper, RuleBook},
    model::{change::RowBlock, fault::Fault, key::Cursor, table::TableSchema},
    sink::{Identified, MongoSink},
    source::{connect::Connector, snapshot::Lookup},
};

/// Both sides, and how the one becomes the other.
#[derive(Debug, Clone)]
pub(super) struct Sweeper {
    pub(super) connector: Connector,
    pub(super) sink: Arc<MongoSink>,
    pub(super) rules: RuleBook,
}

/// How a page ended.
struct Page {
    /// The last `_id` looked at; `None` when there was none.
    last: Option<Bson>,
    removed: u64,
}

impl Sweeper {
    /// Sweeps the collection of a table. `None` when told to stop before it is done.
    pub(super) async fn sweep(
        &self,
        table: &Arc<TableSchema>,
        patience: &Patience,
    ) -> Result<Option<()>, Fault> {
        let plan = Plan::compile(Arc::clone(table), &self.rules.resolve(&table.name))
            .map_err(|issues| mapping::unmappable(table, &issues))?;
        let (mut after, mut removed) = (None, 0);
        loop {
            let page = patience.until_done(|| self.sweep_page(&plan, after.clone())).await?;
            let Some(page) = page else { return Ok(None) };
            removed += page.removed;
            after = page.last;
            if after.is_none() {
                break;
            }
        }
        let collection = plan.target().collection.to_string();
        info!(table = %table.name, collection, records_processed = removed, "removed what the source does not have");
        Ok(Some(()))
    }

    async fn sweep_page(&self, plan: &Plan, after: Option<Bson>) -> Result<Page, Fault> {
        let target = plan.target();
        let page = self.sink.page(&target.collection, &target.identity, None, after).await?;
        let last = page.last().map(|document| document.id.clone());
        let mut lookup = Lookup::new(self.connector.clone());
        let once = missing(&mut lookup, plan, page).await?;
        let twice = missing(&mut lookup, plan, once).await?;
        lookup.close().await;
        let removed = if twice.is_empty() {
            0
        } else {
            self.sink.delete(&target.collection, twice.into_iter().map(|one| one.id)).await?
        };
        Ok(Page { last, removed })
    }
}

/// Those documents of a page whose rows the source does not have.
pub(super) async fn missing(
    lookup: &mut Lookup,
    plan: &Plan,
    page: Vec<Identified>,
) -> Result<Vec<Identified>, Fault> {
    let keys: Vec<Cursor> =
        page.iter().filter_map(|document| plan.key_of(&document.identity)).collect();
    if keys.is_empty() {
        return Ok(page);
    }
    let found = lookup.find(plan.schema(), &plan.key_columns(), None, &keys).await?;
    let present: HashSet<Vec<u8>> = filters(plan, found)?.into_iter().collect();
    let is_missing = |one: &Identified| !present.contains(one.identity.as_bytes());
    Ok(page.into_iter().filter(is_missing).collect())
}

/// What finds the documents of rows of which the key is shown.
pub(super) fn filters(plan: &Plan, mut rows: Box<dyn RowBlock>) -> Result<Vec<Vec<u8>>, Fault> {
    let (mut mapper, mut filters) = (RowMapper::default(), Vec::new());
    while let Some(kind) = rows.next_change(&mut mapper.visitor(plan))? {
        filters.extend(filter_of(&mapper.finish(plan, kind)).map(<[u8]>::to_vec));
    }
    Ok(filters)
}

/// What finds the document of a row.
pub(super) const fn filter_of<'m>(mapped: &Mapped<'m>) -> Option<&'m [u8]> {
    match mapped {
        Mapped::Delete { filter }
        | Mapped::Write { filter, .. }
        | Mapped::Rejected { filter, .. } => Some(filter),
        // Of rows that are changed in part; what was found was read whole.
        Mapped::Set { .. } | Mapped::Nothing | Mapped::Reread { .. } | Mapped::Unknown { .. } => {
            None
        }
    }
}
