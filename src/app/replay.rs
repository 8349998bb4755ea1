//! Tries again what dead letters are about, when somebody asks for it.
//!
//! Nothing is read here. The apply loop is told which rows, and reads each when its turn comes, so that what it writes has
//! its place among the changes before and behind it. A row that can be written now, or is gone, settles its letters; one
//! that cannot keeps them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracing::{error, info, warn};

use super::{Context, check, patience::Patience, prepare::Session};
use crate::{
    checkpoint::MongoCheckpoints,
    config::Config,
    mapping::{Plan, RuleBook},
    model::{
        change::{Message, NoRows, Origin, Rows},
        fault::Fault,
        letter::LetterKey,
        table::TableSchema,
    },
    pipeline::handle::replays::Replay,
    runtime::channel::Sender,
    source::connect::Connector,
};

/// Letters that are looked at in one go.
const PAGE: usize = 500;

/// What trying again takes.
#[derive(Debug)]
pub(super) struct Replayer {
    config: Arc<Config>,
    connector: Connector,
    checkpoints: Arc<MongoCheckpoints>,
    rules: RuleBook,
    sender: Sender,
    patience: Patience,
}

/// How many rows.
#[derive(Debug, Default)]
struct Told {
    /// Are tried again.
    rows: usize,
    /// Cannot be: their table is not copied any more, or no key finds them.
    left: usize,
}

type Tables = BTreeMap<String, (Arc<TableSchema>, Plan)>;

impl Replayer {
    /// One that ends with the source, as `patience` says: whoever can send keeps the apply loop waiting.
    pub(super) fn new(
        context: &Context,
        session: &Session,
        sender: &Sender,
        patience: &Patience,
    ) -> Self {
        Self {
            config: Arc::clone(&context.config),
            connector: session.connector.clone(),
            checkpoints: Arc::clone(&session.checkpoints),
            rules: session.rules.clone(),
            sender: sender.clone(),
            patience: patience.clone(),
        }
    }

    /// Fulfils wishes until told to stop.
    pub(super) async fn run(self) -> Result<(), Fault> {
        let (stop, handle) = (self.patience.stop.clone(), self.patience.handle.clone());
        while let Some(replay) = stop.run_until_cancelled(handle.until_replay_is_asked()).await {
            match self.patience.until_done(|| self.tell_all(&replay)).await {
                Ok(None) => break,
                Ok(Some(told)) => told.tell(),
                Err(fault) => {
                    handle.set_error(&fault);
                    error!(error = %fault.chain(), hint = fault.hint.as_deref(), "dead letters could not be tried again");
                }
            }
        }
        Ok(())
    }

    async fn tell_all(&self, replay: &Replay) -> Result<Told, Fault> {
        let (tables, mut told) = (self.tables().await?, Told::default());
        let mut after = None;
        loop {
            let of = replay.table.as_deref();
            let page = self.checkpoints.open_letters(of, after.as_deref(), PAGE).await?;
            for (table, filters) in by_table(page.keys) {
                self.tell_some(tables.get(&table), filters, &mut told).await;
            }
            after = page.next;
            if after.is_none() {
                return Ok(told);
            }
        }
    }

    /// Tells the apply loop of some rows of one table.
    async fn tell_some(
        &self,
        table: Option<&(Arc<TableSchema>, Plan)>,
        filters: BTreeSet<Vec<u8>>,
        told: &mut Told,
    ) {
        let all = filters.len();
        let Some((schema, plan)) = table else {
            told.left += all;
            return;
        };
        let can_be_asked_for = |filter: &Vec<u8>| plan.key_of_filter(filter).is_some();
        let filters: Vec<Vec<u8>> = filters.into_iter().filter(can_be_asked_for).collect();
        (told.rows, told.left) = (told.rows + filters.len(), told.left + all - filters.len());
        if filters.is_empty() {
            return;
        }
        let rows = Rows {
            table: Arc::clone(schema),
            bytes: filters.iter().map(Vec::len).sum(),
            origin: Origin::Again(filters.into()),
            block: Box::new(NoRows),
        };
        // When the apply loop is gone everything ends.
        drop(self.sender.send(Message::Rows(rows)).await);
    }

    /// The tables as they are now, by name.
    async fn tables(&self) -> Result<Tables, Fault> {
        let found = check::tables(&self.connector, &self.config).await?;
        let found = check::without_skipped(found, &self.rules);
        let planned = found.into_iter().filter_map(|table| {
            let plan = Plan::compile(Arc::clone(&table), &self.rules.resolve(&table.name)).ok()?;
            Some((table.name.to_string(), (table, plan)))
        });
        Ok(planned.collect())
    }
}

impl Told {
    fn tell(&self) {
        let Self { rows, left } = self;
        info!(rows, left, "rows with dead letters are tried again");
        if *left > 0 {
            warn!(
                rows = left,
                hint = "`binleaf checkpoint reset --tables` copies their table anew",
                "rows with dead letters cannot be tried again: their table is not copied any more, or no key finds them"
            );
        }
    }
}

/// Each row once, however many letters it has.
fn by_table(keys: Vec<LetterKey>) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
    let mut tables: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for LetterKey { table, key } in keys {
        tables.entry(table).or_default().insert(key);
    }
    tables
}
