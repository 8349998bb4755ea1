//! Comparing the two sides of a table by keys and moments, a page at a time: what no cursor tells.
//!
//! Pages of the target's keys are asked of the source: documents whose rows are not there, asked twice, go; rows whose
//! moment is another one than their document's are read again, and compared whole before they are written. Then pages of
//! the source's keys are asked of the target, so that a row is found that was committed too late for its moment and that
//! the target never had. The two sides sort keys differently, so each page is a question and no merge by order.
//!
//! Nothing else writes the table's documents meanwhile: its rows that were sent before are durable, and its next pass
//! begins behind this. So a document that goes is one whose row is gone, and whatever comes later is read by a later pass.

use std::collections::HashMap;

use bson::Bson;
use tokio::time::{Instant, sleep};

use super::{Poller, tables::Polled};
use crate::{
    app::sweep,
    mapping::{Plan, RowMapper, Visitor},
    model::{
        change::{Absence, Image, Message, RowBlock, RowVisitor},
        fault::Fault,
        key::Cursor,
        poll::PollMark,
        value::Value,
    },
    sink::Identified,
    source::snapshot::Lookup,
};

/// Keys of a question.
const PAGE: usize = 2000;

impl Poller {
    /// Compares a table's sides. Documents go only where `removes`; behind a pass over all rows none can be missing in
    /// the target, which is asked only where `both`. `None` when told to stop.
    pub(super) async fn merge(
        &self,
        table: &Polled,
        removes: bool,
        both: bool,
    ) -> Result<Option<()>, Fault> {
        let stamp = table.stamp.as_ref().map(|stamp| stamp.told.column);
        let mut after = None;
        loop {
            let page = || self.target_page(&table.plan, stamp, removes, after.clone());
            let Some(last) = self.patience.until_done(page).await? else { return Ok(None) };
            if last.is_none() {
                break;
            }
            after = last;
        }
        if both { self.merge_back(&table.plan).await } else { Ok(Some(())) }
    }

    /// Looks for rows that the target never had.
    async fn merge_back(&self, plan: &Plan) -> Result<Option<()>, Fault> {
        let mut after = None;
        loop {
            let page = || self.source_page(plan, after.clone());
            let Some(next) = self.patience.until_done(page).await? else { return Ok(None) };
            after = next;
            if after.is_none() {
                return Ok(Some(()));
            }
        }
    }

    /// Compares a page of the target's keys; the answer is where the next one begins.
    async fn target_page(
        &self,
        plan: &Plan,
        stamp: Option<usize>,
        removes: bool,
        after: Option<Bson>,
    ) -> Result<Option<Bson>, Fault> {
        let target = plan.target();
        let field = stamp.and_then(|column| plan.field_of(column));
        let page = self.sink.page(&target.collection, &target.identity, field, after).await?;
        let Some(last) = page.last().map(|document| document.id.clone()) else { return Ok(None) };
        self.pace(page.len()).await;
        let mut lookup = Lookup::new(self.connector.clone());
        let Compared { missing, stale } = self.compare(&mut lookup, plan, stamp, page).await?;
        if removes {
            let gone = sweep::missing(&mut lookup, plan, missing).await?;
            self.remove(plan, gone).await?;
        }
        self.send_rows(&mut lookup, plan, &stale).await?;
        lookup.close().await;
        Ok(Some(last))
    }

    async fn compare(
        &self,
        lookup: &mut Lookup,
        plan: &Plan,
        stamp: Option<usize>,
        page: Vec<Identified>,
    ) -> Result<Compared, Fault> {
        let keys: Vec<Option<Cursor>> =
            page.iter().map(|document| plan.key_of(&document.identity)).collect();
        let asked: Vec<Cursor> = keys.iter().flatten().cloned().collect();
        let found = lookup.find(plan.schema(), &plan.key_columns(), stamp, &asked).await?;
        let moments = moments(plan, stamp, found)?;
        let mut compared = Compared::default();
        for (document, key) in page.into_iter().zip(keys) {
            match moments.get(document.identity.as_bytes()) {
                None => compared.missing.push(document),
                Some(moment) if stamp.is_some() && *moment != document.also => {
                    compared.stale.extend(key);
                }
                Some(_) => {}
            }
        }
        Ok(compared)
    }

    /// Removes documents whose rows are gone.
    pub(super) async fn remove(&self, plan: &Plan, gone: Vec<Identified>) -> Result<(), Fault> {
        if gone.is_empty() {
            return Ok(());
        }
        let filters = gone.iter().map(|one| one.identity.as_bytes().to_vec()).collect();
        let ids = gone.into_iter().map(|one| one.id);
        self.sink.delete(&plan.target().collection, ids).await?;
        self.mark(PollMark::Removed { table: plan.schema().name.clone(), filters }).await
    }

    /// Compares a page of the source's keys; the answer is where the next one begins.
    async fn source_page(
        &self,
        plan: &Plan,
        after: Option<Cursor>,
    ) -> Result<Option<Cursor>, Fault> {
        let (table, columns) = (plan.schema(), plan.key_columns());
        let mut lookup = Lookup::new(self.connector.clone());
        let page = lookup.keys(table, &columns, after.as_ref(), PAGE).await?;
        let filters = sweep::filters(plan, page.rows)?;
        self.pace(filters.len()).await;
        let present = self.sink.present(plan.target(), &filters).await?;
        let absent = filters.iter().filter(|filter| !present.contains(*filter));
        let absent: Vec<Cursor> = absent.filter_map(|filter| plan.key_of_filter(filter)).collect();
        self.send_rows(&mut lookup, plan, &absent).await?;
        lookup.close().await;
        Ok(page.next)
    }

    /// Reads rows whole and sends them to be compared.
    async fn send_rows(
        &self,
        lookup: &mut Lookup,
        plan: &Plan,
        keys: &[Cursor],
    ) -> Result<(), Fault> {
        for keys in keys.chunks(PAGE / 4) {
            let message = lookup.read(plan.schema(), &plan.key_columns(), keys).await?;
            self.send(message).await?;
        }
        Ok(())
    }

    async fn pace(&self, keys: usize) {
        sleep(self.rate.reserve(keys, Instant::now())).await;
    }

    pub(super) async fn mark(&self, mark: PollMark) -> Result<(), Fault> {
        self.send(Message::Mark(crate::model::change::Mark::Poll(mark.into()))).await
    }
}

/// What a page of documents came to.
#[derive(Debug, Default)]
struct Compared {
    /// Those that the source has no row of.
    missing: Vec<Identified>,
    /// The keys of those whose row has another moment.
    stale: Vec<Cursor>,
}

/// The moments of rows as their documents would hold them, by what finds those.
fn moments(
    plan: &Plan,
    stamp: Option<usize>,
    mut rows: Box<dyn RowBlock>,
) -> Result<HashMap<Vec<u8>, Option<Bson>>, Fault> {
    let (mut mapper, mut moments) = (RowMapper::default(), HashMap::new());
    loop {
        let mut watching = Watching { rest: mapper.visitor(plan), plan, stamp, moment: None };
        let Some(kind) = rows.next_change(&mut watching)? else { return Ok(moments) };
        let moment = watching.moment.take();
        if let Some(filter) = sweep::filter_of(&mapper.finish(plan, kind)) {
            moments.insert(filter.to_vec(), moment);
        }
    }
}

/// Shows the cells to the mapping and keeps the moment.
struct Watching<'v> {
    rest: Visitor<'v>,
    plan: &'v Plan,
    stamp: Option<usize>,
    moment: Option<Bson>,
}

impl RowVisitor for Watching<'_> {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        if Some(column) == self.stamp {
            self.moment = self.plan.told(column, &value);
        }
        self.rest.cell(image, column, value);
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        self.rest.absent(image, column, absence);
    }
}
