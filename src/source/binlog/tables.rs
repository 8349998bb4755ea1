//! Which tables are ours, what is known of each, and how the rows of each table map are read.
//!
//! A table map is compared with the schema once; the same map again, which is what every transaction begins with, costs
//! one look-up. Table ids are the server's own and start anew with it, so they are forgotten with every file.

use std::{collections::HashMap, future::Future, sync::Arc};

use super::{
    error::BinlogError,
    fresh::Fresh,
    grown::{Added, grown},
    layout::{self, Difference},
    rows::{self, Plan},
    table_map::{Dialect, TableMap, TableMapHead},
    versioned::{self, Reading},
    wire::Malformed,
};
use crate::{
    model::{
        change::SchemaChanged,
        position::Transaction,
        table::{ColumnType, TableName, TableSchema},
    },
    source::{error::SourceError, schema::TableFilter},
};

/// Asks the source what a table looks like now.
pub(super) trait Describe: Send {
    fn describe(
        &mut self,
        table: &TableName,
    ) -> impl Future<Output = Result<Option<TableSchema>, SourceError>> + Send;

    /// Whether something other than a table bears the name: a sequence of MariaDB's has rows in the binlog too.
    fn is_other_kind(
        &mut self,
        table: &TableName,
    ) -> impl Future<Output = Result<bool, SourceError>> + Send;
}

/// What is known of the source's tables.
#[derive(Debug)]
pub(super) struct Tables {
    filter: TableFilter,
    known: HashMap<TableName, Known>,
    mapped: HashMap<u64, Mapped, foldhash::fast::RandomState>,
    /// Whether the server takes names in any case (`lower_case_table_names`).
    pub(super) folds_case: bool,
    /// Who writes the table maps.
    pub(super) dialect: Dialect,
    /// Tables that were copied behind the position where the stream begins.
    pub(super) fresh: Fresh,
}

#[derive(Debug)]
struct Known {
    schema: Arc<TableSchema>,
    /// A DDL on it was seen since the source was asked last, so that asking again may help.
    is_stale: bool,
}

/// A table map that was seen.
#[derive(Debug)]
struct Mapped {
    body: Box<[u8]>,
    route: Route,
}

/// Where a table's rows go.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// Not ours: nothing of them is read.
    Foreign,
    /// Read by this plan.
    Ours(Arc<Plan>),
}

impl Tables {
    pub(super) fn new(filter: TableFilter, schemas: Vec<Arc<TableSchema>>) -> Self {
        let known =
            |schema: Arc<TableSchema>| (schema.name.clone(), Known { schema, is_stale: false });
        Self {
            filter,
            known: schemas.into_iter().map(known).collect(),
            mapped: HashMap::default(),
            folds_case: false,
            dialect: Dialect::default(),
            fresh: Fresh::default(),
        }
    }

    /// Forgets the table ids of a file.
    pub(super) fn forget_ids(&mut self) {
        self.mapped.clear();
    }

    /// The plan of the table id, if its map was seen.
    pub(super) fn route(&self, table_id: u64) -> Option<&Route> {
        self.mapped.get(&table_id).map(|mapped| &mapped.route)
    }

    /// Whether changes of the table are copied.
    pub(super) fn is_ours(&self, name: &TableName) -> bool {
        self.known.contains_key(name) || self.filter.matches(name)
    }

    /// The schema of a table that is copied already.
    pub(super) fn schema(&self, name: &TableName) -> Option<&Arc<TableSchema>> {
        self.known.get(name).map(|known| &known.schema)
    }

    /// The tables of the database that are copied.
    pub(super) fn all_in(&self, database: &str) -> Vec<TableName> {
        let mut names: Vec<_> =
            self.known.keys().filter(|name| name.database == database).cloned().collect();
        names.sort_unstable();
        names
    }

    /// Whether this very map was taken before.
    pub(super) fn has_mapped(&self, body: &[u8]) -> bool {
        let mapped = rows::table_id(body).ok().and_then(|id| self.mapped.get(&id));
        mapped.is_some_and(|mapped| *mapped.body == *body)
    }

    /// Takes a table map that was not taken before; answers with the schema if it is new from here on. `is_settled` says whether its rows count
    /// when the transaction ends, and not only when a later one commits it.
    pub(super) async fn map(
        &mut self,
        body: &[u8],
        transaction: Option<&Transaction>,
        is_settled: bool,
        describe: &mut impl Describe,
    ) -> Result<Option<SchemaChanged>, MapError> {
        let head = TableMapHead::parse(body)?;
        let name = name_of(&head)?;
        if !self.is_ours(&name) {
            self.remember(head.table_id, body, Route::Foreign);
            return Ok(None);
        }
        if transaction.is_some_and(|transaction| self.fresh.holds(&name, transaction)) {
            // Remembered without its body, so that the same map is looked at again once the copy is reached.
            let route = if is_settled { Route::Foreign } else { self.route_to_hold(&name, &head)? };
            self.remember(head.table_id, &[], route);
            return Ok(None);
        }
        let map = head.columns(self.dialect)?;
        if !self.known.contains_key(&name) && is_other_kind(&name, describe).await? {
            self.remember(head.table_id, body, Route::Foreign);
            return Ok(None);
        }
        let (plan, changed) = self.resolve(&name, &map, describe).await?;
        self.remember(head.table_id, body, Route::Ours(Arc::new(plan)));
        Ok(changed)
    }

    /// The route of rows that a table's copy may or may not hold, which their commit will tell. If they are committed
    /// behind the copy, the table cannot have been altered between: rows of another layout are in the copy.
    fn route_to_hold(&self, name: &TableName, head: &TableMapHead<'_>) -> Result<Route, Malformed> {
        let Some(schema) = self.schema(name) else { return Ok(Route::Foreign) };
        let map = head.columns(self.dialect)?;
        Ok(match versioned::fit(schema, &map) {
            Ok(reading) => {
                Route::Ours(Arc::new(Plan::new(Arc::clone(schema), reading, self.dialect)))
            }
            Err(_) => Route::Foreign,
        })
    }

    fn remember(&mut self, table_id: u64, body: &[u8], route: Route) {
        self.mapped.insert(table_id, Mapped { body: body.into(), route });
    }

    /// Finds the schema that the map's rows are read by.
    async fn resolve(
        &mut self,
        name: &TableName,
        map: &TableMap<'_>,
        describe: &mut impl Describe,
    ) -> Result<(Plan, Option<SchemaChanged>), BinlogError> {
        let known = self.known.get(name).map(|known| (Arc::clone(&known.schema), known.is_stale));
        let is_new = known.is_none();
        let (schema, may_ask) = match known {
            Some((schema, is_stale)) => (Some(schema), is_stale),
            None => (described(name, None, describe).await?.map(Arc::new), false),
        };
        let fitted = schema.as_ref().map(|schema| (schema, versioned::fit(schema, map)));
        let difference = match fitted {
            Some((schema, Ok(reading))) => {
                return Ok(self.settle(Arc::clone(schema), reading, is_new));
            }
            Some((_, Err(difference))) => difference,
            None => Difference::Layout("the table is gone and its columns are not told".to_owned()),
        };
        let newer = match (map.is_full, may_ask) {
            (true, _) => {
                let known = schema.as_deref();
                layout::build(name, known, &versioned::own_columns(known, map))
            }
            (false, true) => described(name, schema.as_deref(), describe).await?.ok_or(difference),
            (false, false) => Err(difference),
        };
        let newer = newer.map_err(|difference| error(name, difference))?;
        let reading = versioned::fit(&newer, map).map_err(|difference| error(name, difference))?;
        Ok(self.settle(Arc::new(newer), reading, true))
    }

    /// Keeps the schema that rows are read by from here on.
    fn settle(
        &mut self,
        schema: Arc<TableSchema>,
        (cells, history): Reading,
        is_new: bool,
    ) -> (Plan, Option<SchemaChanged>) {
        let known = Known { schema: Arc::clone(&schema), is_stale: false };
        let changed = match self.known.insert(schema.name.clone(), known) {
            Some(_) => is_new.then(|| changed("ALTER TABLE", &schema)),
            None => Some(changed("CREATE TABLE", &schema)),
        };
        (Plan::new(schema, (cells, history), self.dialect), changed)
    }

    /// Looks at a table again after a DDL that keeps its rows and adds these columns, if that is known; answers with the
    /// schema if it is new.
    ///
    /// The source answers for now, which may be later than the statement; where the statement does not put that right,
    /// the next table map does.
    pub(super) async fn refresh(
        &mut self,
        verb: &'static str,
        name: &TableName,
        added: Option<&[Added]>,
        describe: &mut impl Describe,
    ) -> Result<Option<SchemaChanged>, BinlogError> {
        let known = self.known.get(name).map(|known| Arc::clone(&known.schema));
        let Some(now) = described(name, known.as_deref(), describe).await? else {
            return Ok(None);
        };
        let has_key_of = |known: &Arc<TableSchema>| key_names(known) == key_names(&now);
        if known.as_ref().is_some_and(|known| !has_key_of(known)) {
            return Err(BinlogError::SchemaChange { verb, table: name.clone() });
        }
        let grown = known.zip(added).and_then(|(known, added)| grown(&known, &now, added));
        let schema = grown.unwrap_or(now);
        if let Some((column, declared)) = unsupported(&schema) {
            return Err(BinlogError::Unsupported { table: name.clone(), column, declared });
        }
        if let Some(known) = self.known.get_mut(name) {
            known.is_stale = true;
            if known.schema.columns == schema.columns && known.schema.defaults == schema.defaults {
                return Ok(None);
            }
        }
        let schema = Arc::new(schema);
        let known = Known { schema: Arc::clone(&schema), is_stale: true };
        self.known.insert(name.clone(), known);
        Ok(Some(changed(verb, &schema)))
    }
}

async fn is_other_kind(
    name: &TableName,
    describe: &mut impl Describe,
) -> Result<bool, BinlogError> {
    Ok(describe.is_other_kind(name).await?)
}

/// What a table looks like now, but for what may have been otherwise when its next rows were written.
async fn described(
    name: &TableName,
    known: Option<&TableSchema>,
    describe: &mut impl Describe,
) -> Result<Option<TableSchema>, SourceError> {
    let mut found = describe.describe(name).await?;
    if let Some(schema) = &mut found {
        layout::keep_old_defaults(schema, known);
    }
    Ok(found)
}

fn changed(verb: &str, schema: &Arc<TableSchema>) -> SchemaChanged {
    SchemaChanged { table: Arc::clone(schema), statement: format!("{verb} {}", schema.name) }
}

/// A map that could not be taken.
#[derive(Debug)]
pub(super) enum MapError {
    Malformed(Malformed),
    Other(BinlogError),
}

impl From<Malformed> for MapError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<BinlogError> for MapError {
    fn from(error: BinlogError) -> Self {
        Self::Other(error)
    }
}

fn name_of(head: &TableMapHead<'_>) -> Result<TableName, Malformed> {
    let text =
        |bytes| std::str::from_utf8(bytes).map_err(|_| Malformed("a table's name is no text"));
    Ok(TableName::new(text(head.database)?, text(head.table)?))
}

fn error(table: &TableName, difference: Difference) -> BinlogError {
    match difference {
        Difference::Layout(difference) => {
            BinlogError::Mismatch { table: table.clone(), difference }
        }
        Difference::Unsupported { column, declared } => {
            BinlogError::Unsupported { table: table.clone(), column, declared }
        }
    }
}

fn unsupported(schema: &TableSchema) -> Option<(String, String)> {
    schema.columns.iter().find_map(|column| match &column.kind {
        ColumnType::Unsupported { declared } => Some((column.name.clone(), declared.clone())),
        _ => None,
    })
}

/// The key's columns by name: what the documents' identity is made of.
fn key_names(schema: &TableSchema) -> Option<Vec<&str>> {
    let key = schema.key.as_ref()?;
    let names =
        key.columns.iter().map(|part| schema.columns.get(part.column).map(|c| c.name.as_str()));
    names.collect()
}
