//! From polling to the stream: the position first, then one more pass, then the binlog from that position on.
//!
//! The stream has every change behind the position; what came before it is in the target once each table was read after
//! it. A first copy would do that too, but would write everything again: a pass writes what differs. A column that only
//! programs set may have missed a change, and no later one mends that: tables without a column that the server itself
//! keeps are read whole.

use super::{Poller, pass::Wish};
use crate::{
    app::{feed::Feed, settle},
    model::{
        fault::{Fault, Stage},
        poll::{Handover, PollMark},
        position::Position,
    },
    pipeline::handle::runs::RunKind,
    source::position,
};

impl Poller {
    /// Makes the last pass. The answer is where reading began; `None` when told to stop.
    ///
    /// # Errors
    /// That some table could not be read: the stream must not begin.
    pub(in crate::app) async fn hand_over(
        &self,
        feed: &Feed,
        start: &Position,
    ) -> Result<Option<Position>, Fault> {
        let Some(reads_from) = settle::wait_and_read(feed).await? else { return Ok(None) };
        let found = self.patience.until_done(|| self.discover()).await?;
        let Some((schemas, indexes)) = found else { return Ok(None) };
        let wish = Wish { kind: RunKind::Incremental, merges: true, distrusts: true };
        let id = uuid::Uuid::new_v4().to_string();
        self.handle.run_begins(&id, wish.kind);
        self.pass_all(&id, &schemas, &indexes, wish, true).await?;
        let run = self.handle.run_ends(&id, None);
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        if let Some(run) = run.filter(|run| run.failed() > 0) {
            let message = format!(
                "{} of {} tables could not be read: the stream cannot begin",
                run.failed(),
                run.tables.len()
            );
            return Err(Fault::fatal(Stage::Source, message).with_hint("the lines above say why"));
        }
        let ask = || async {
            let mut connection = self.connector.pooled().await?;
            Ok(position::current(&mut connection).await?)
        };
        let Some(end) = self.patience.until_done(ask).await? else { return Ok(None) };
        let handover = Handover { start: start.clone(), reads_from: reads_from.clone(), end };
        self.mark(PollMark::HandedOver(handover.into())).await?;
        Ok(Some(reads_from))
    }
}
