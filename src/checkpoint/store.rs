//! The saved state of one pipeline in the target.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bson::{Bson, DateTime, Document, doc};
use tokio_util::sync::CancellationToken;

use super::{
    document::{self, Saved, Update, VERSION},
    errors::CheckpointError,
    json::{from_bson, to_bson},
    owner::{self, Owner},
};
use crate::{
    config::CheckpointConfig,
    model::{
        position::Position,
        state::{State, StatePart},
        table::TableSchema,
    },
    sink::Link,
};

/// The collection that holds the state and what is shown of tables.
const METADATA: &str = "_sync_metadata";

/// Documents read or written in one command.
pub(super) const PAGE: usize = 200;

/// The state of one pipeline, as the target keeps it.
#[derive(Debug)]
pub struct MongoCheckpoints {
    pub(super) link: Link,
    pub(super) database: String,
    pub(super) name: String,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// The epoch that the pipeline was acquired under.
    epoch: Option<i64>,
    /// What the target is known to hold.
    saved: Option<Saved>,
}

impl MongoCheckpoints {
    /// The state of the pipeline that the settings name. Asks the target nothing yet.
    ///
    /// # Errors
    /// [`CheckpointError::NoDatabase`].
    pub fn open(link: &Link, config: &CheckpointConfig) -> Result<Self, CheckpointError> {
        let database = match config.database.as_str() {
            "" => link.config().database.clone(),
            named => named.to_owned(),
        };
        if database.contains('{') {
            return Err(CheckpointError::NoDatabase);
        }
        let held = Mutex::default();
        Ok(Self { link: link.clone(), database, name: config.name.clone(), held })
    }

    /// Takes the pipeline over: at once where its last owner is gone, else as soon as it has been silent for
    /// [`owner::STALE`]. `false` when cancelled before.
    ///
    /// # Errors
    /// Whatever the target says; [`CheckpointError::Newer`].
    pub async fn acquire(&self, cancel: &CancellationToken) -> Result<bool, CheckpointError> {
        let mut told = false;
        loop {
            let Some(other) = self.try_acquire().await? else { return Ok(true) };
            if !told {
                tracing::warn!(
                    operation = "retrying",
                    owner = %other,
                    "another instance has this pipeline; waiting until it is gone"
                );
                told = true;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(false),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Takes the pipeline over if its last owner is gone; else the answer is who has it.
    ///
    /// # Errors
    /// As [`MongoCheckpoints::acquire`].
    pub async fn try_acquire(&self) -> Result<Option<Owner>, CheckpointError> {
        let us = Owner::ourselves(self.link.instance());
        let fresh = doc! { "$setOnInsert": { "version": VERSION, "epoch": 0_i64 } };
        self.link.write_document(&self.database, doc! {
            "update": METADATA,
            "updates": [{ "q": { "_id": self.checkpoint_id() }, "u": fresh, "upsert": true }],
        }).await?;
        let document = self.checkpoint().await?.unwrap_or_default();
        self.check_version(&document)?;
        let epoch = self.epoch_of(&document)?;
        if let Some(owner) = Owner::read(&document)
            && !owner.is_gone(&us, self.now().await?, owner::start_of)
        {
            return Ok(Some(owner));
        }
        let take = doc! {
            "$set": with(us.fields(), doc! { "epoch": epoch + 1 }),
            "$currentDate": { "owner.heartbeat_at": true },
        };
        if self.update_at(epoch, take).await? == 0 {
            // Somebody else was faster; the caller looks again.
            let document = self.checkpoint().await?.unwrap_or_default();
            return Ok(Some(Owner::read(&document).unwrap_or(us)));
        }
        *self.held() = Held { epoch: Some(epoch + 1), saved: None };
        Ok(None)
    }

    /// Says that this instance is alive; to be called every [`owner::HEARTBEAT`].
    ///
    /// # Errors
    /// [`CheckpointError::TakenOver`].
    pub async fn heartbeat(&self) -> Result<(), CheckpointError> {
        self.update_guarded(doc! { "$currentDate": { "owner.heartbeat_at": true } }).await
    }

    /// Gives the pipeline up, so that the next instance starts at once.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn release(&self) -> Result<(), CheckpointError> {
        let released = self.update_guarded(doc! { "$unset": { "owner": true } }).await;
        *self.held() = Held::default();
        released
    }

    /// Who has the pipeline, if anybody.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn owner(&self) -> Result<Option<Owner>, CheckpointError> {
        Ok(self.checkpoint().await?.as_ref().and_then(Owner::read))
    }

    /// Reads the state; `None` where nothing was ever saved. Needs no acquiring.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] and [`CheckpointError::Newer`]: what cannot be read in full is not used at all.
    pub async fn load(&self) -> Result<Option<State>, CheckpointError> {
        let Some(document) = self.checkpoint().await? else { return Ok(None) };
        self.check_version(&document)?;
        if document::is_blank(&document) {
            return Ok(None);
        }
        let damaged = |field| self.damaged(self.checkpoint_id(), field);
        let (mut state, names) = document::read(&document).map_err(damaged)?;
        let (mut schemas, mut tables) = (self.schemas().await?, BTreeMap::new());
        for (table, name) in &names {
            let schema = schemas.remove(name);
            let schema = schema.ok_or_else(|| self.damaged(name.clone(), "schema"))?;
            tables.insert(table.clone(), Arc::new(schema));
        }
        state.schemas = Arc::new(tables);
        if self.held().epoch.is_some() {
            self.held().saved = Some(Saved {
                snapshot: state.snapshot.clone(),
                polls: Arc::clone(&state.polls),
                schemas: Arc::new(names),
            });
        }
        Ok(Some(state))
    }

    /// Forgets the state, of all tables or of some: the next run copies them anew. The pipeline must be acquired.
    ///
    /// # Errors
    /// [`CheckpointError::TakenOver`], [`CheckpointError::Damaged`].
    pub async fn reset(&self, tables: Option<&[String]>) -> Result<(), CheckpointError> {
        let Some(tables) = tables else { return self.reset_all().await };
        let Some(mut state) = self.load().await? else { return Ok(()) };
        if let Some(snapshot) = state.snapshot_mut() {
            for table in tables {
                snapshot.tables.remove(table);
            }
            snapshot.end = None;
        }
        tables.iter().for_each(|table| drop(Arc::make_mut(&mut state.polls).remove(table)));
        state.consistent = false;
        self.save_state(&state, StatePart::Progress).await
    }

    async fn reset_all(&self) -> Result<(), CheckpointError> {
        let fields =
            ["position", "applied_micros", "phase", "consistent", "snapshot", "tables", "polls"];
        let unset: Document =
            fields.iter().map(|field| ((*field).to_owned(), Bson::Boolean(true))).collect();
        self.held().saved = None;
        self.update_guarded(doc! { "$unset": unset }).await?;
        let schemas = doc! { "q": { "_id": self.range("schema") }, "limit": 0 };
        let command = doc! { "delete": METADATA, "deletes": [schemas] };
        self.link.write_document(&self.database, command).await?;
        Ok(())
    }

    /// Puts the position where an operator wants it; everything else stays. The pipeline must be acquired.
    ///
    /// # Errors
    /// [`CheckpointError::TakenOver`], [`CheckpointError::Damaged`].
    pub async fn set_position(&self, position: &Position) -> Result<(), CheckpointError> {
        let mut state = self.load().await?.unwrap_or_default();
        state.position = Some(position.clone());
        self.save_state(&state, StatePart::All).await
    }

    /// Saves a part of the state. What fails may be saved again, whole or in part.
    pub(super) async fn save_state(
        &self,
        state: &State,
        part: StatePart,
    ) -> Result<(), CheckpointError> {
        // Taken out first: after a failure it is not known what the target holds, and all of it is sent.
        let before = self.held().saved.take();
        let part = if before.is_some() { part } else { StatePart::All };
        let known = before.clone().unwrap_or_default();
        let names = match part {
            StatePart::All => Arc::new(self.save_schemas(state, &known).await?),
            StatePart::Position | StatePart::Progress => Arc::clone(&known.schemas),
        };
        let update = document::update(state, part, before.as_ref(), &names)?;
        self.update_guarded(operators(update)).await?;
        if part == StatePart::All {
            self.remove_schemas(&known, &names).await?;
        }
        let (snapshot, polls) = match part {
            StatePart::Position => (known.snapshot, known.polls),
            StatePart::Progress | StatePart::All => {
                (state.snapshot.clone(), Arc::clone(&state.polls))
            }
        };
        self.held().saved = Some(Saved { snapshot, polls, schemas: names });
        Ok(())
    }

    async fn save_schemas(
        &self,
        state: &State,
        known: &Saved,
    ) -> Result<BTreeMap<String, String>, CheckpointError> {
        let mut names = BTreeMap::new();
        let mut fresh = Vec::new();
        for (table, schema) in &*state.schemas {
            let id = document::schema_id(&self.name, table, schema)?;
            if known.schemas.get(table) != Some(&id) {
                let schema =
                    to_bson(&**schema).ok_or(CheckpointError::Encode { field: "schema" })?;
                let content = doc! { "pipeline": &self.name, "table": table, "schema": schema };
                fresh.push(
                    doc! { "q": { "_id": &id }, "u": { "$setOnInsert": content }, "upsert": true },
                );
            }
            names.insert(table.clone(), id);
        }
        for page in fresh.chunks(PAGE) {
            let command = doc! { "update": METADATA, "updates": page, "ordered": false };
            self.link.write_document(&self.database, command).await?;
        }
        Ok(names)
    }

    /// Removes the schemas that were valid before. None but these: a new owner may have saved others by now.
    async fn remove_schemas(
        &self,
        known: &Saved,
        names: &BTreeMap<String, String>,
    ) -> Result<(), CheckpointError> {
        let stale = known.schemas.iter().filter(|(table, id)| names.get(*table) != Some(*id));
        let deletes: Vec<Document> =
            stale.map(|(_, id)| doc! { "q": { "_id": id }, "limit": 1 }).collect();
        for page in deletes.chunks(PAGE) {
            let command = doc! { "delete": METADATA, "deletes": page, "ordered": false };
            self.link.write_document(&self.database, command).await?;
        }
        Ok(())
    }

    async fn schemas(&self) -> Result<BTreeMap<String, TableSchema>, CheckpointError> {
        let mut schemas = BTreeMap::new();
        let read = |document: Document| {
            let id = document.get_str("_id").unwrap_or_default().to_owned();
            let schema = document.get("schema").and_then(from_bson);
            let schema = schema.ok_or_else(|| self.damaged(id.clone(), "schema"))?;
            schemas.insert(id, schema);
            Ok(())
        };
        self.read_each("schema", read).await?;
        Ok(schemas)
    }

    /// Hands over all documents of this pipeline whose `_id` begins with `KIND:NAME:`, no more than a page of them in
    /// memory at once: a document takes many times the room of what is read from it.
    pub(super) async fn read_each(
        &self,
        kind: &str,
        mut read: impl FnMut(Document) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        let mut range = self.range(kind);
        loop {
            let what = doc! { "filter": { "pipeline": &self.name, "_id": &range } };
            let page = self.link.find(&self.database, METADATA, what, PAGE).await?;
            let Some(last) = page.last().and_then(|last| last.get("_id").cloned()) else {
                return Ok(());
            };
            range.remove("$gte");
            range.insert("$gt", last);
            page.into_iter().try_for_each(&mut read)?;
        }
    }

    /// `:` and `;` are neighbours.
    fn range(&self, kind: &str) -> Document {
        doc! { "$gte": format!("{kind}:{}:", self.name), "$lt": format!("{kind}:{};", self.name) }
    }

    async fn checkpoint(&self) -> Result<Option<Document>, CheckpointError> {
        let filter = doc! { "filter": { "_id": self.checkpoint_id() } };
        let found = self.link.find(&self.database, METADATA, filter, 1).await?;
        Ok(found.into_iter().next())
    }

    /// The target's clock, by which heartbeats are written.
    async fn now(&self) -> Result<DateTime, CheckpointError> {
        let hello = self.link.ask("admin", doc! { "hello": 1 }, "greet").await?;
        let time = hello.get("localTime").and_then(Bson::as_datetime);
        Ok(time.copied().unwrap_or_else(DateTime::now))
    }

    async fn update_guarded(&self, update: Document) -> Result<(), CheckpointError> {
        let epoch = self.held().epoch;
        let epoch = epoch.ok_or_else(|| CheckpointError::NotHeld { name: self.name.clone() })?;
        if self.update_at(epoch, update).await? > 0 {
            return Ok(());
        }
        let owner = self.owner().await?;
        let by = owner.map(|owner| format!(" ({owner})")).unwrap_or_default();
        Err(CheckpointError::TakenOver { name: self.name.clone(), by })
    }

    async fn update_at(&self, epoch: i64, update: Document) -> Result<u64, CheckpointError> {
        let command = doc! {
            "update": METADATA,
            "updates": [{ "q": { "_id": self.checkpoint_id(), "epoch": epoch }, "u": update }],
        };
        Ok(self.link.write_document(&self.database, command).await?.count)
    }

    fn check_version(&self, document: &Document) -> Result<(), CheckpointError> {
        match document.get("version").and_then(from_bson::<i64>) {
            Some(VERSION) => Ok(()),
            Some(version) if version > VERSION => {
                Err(CheckpointError::Newer { name: self.name.clone(), version })
            }
            _ => Err(self.damaged(self.checkpoint_id(), "version")),
        }
    }

    fn epoch_of(&self, document: &Document) -> Result<i64, CheckpointError> {
        let epoch = document.get("epoch").and_then(from_bson::<i64>);
        epoch.ok_or_else(|| self.damaged(self.checkpoint_id(), "epoch"))
    }

    fn damaged(&self, document: String, field: &'static str) -> CheckpointError {
        CheckpointError::Damaged { document, place: format!("{}.{METADATA}", self.database), field }
    }

    fn checkpoint_id(&self) -> String {
        format!("checkpoint:{}", self.name)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A save is a sign of life too.
fn operators(update: Update) -> Document {
    let mut operators = doc! {
        "$set": update.set,
        "$currentDate": { "updated_at": true, "owner.heartbeat_at": true },
    };
    if !update.unset.is_empty() {
        operators.insert("$unset", update.unset);
    }
    operators
}

fn with(mut document: Document, more: Document) -> Document {
    document.extend(more);
    document
}
