//! The tables as polling sees them: which column tells their changes, on what clock, by which index.

use std::{collections::BTreeSet, sync::Arc};

use jiff::tz::TimeZone;

use crate::{
    config::{Config, parse_zone},
    mapping::{self, Plan, RuleBook},
    model::{
        fault::Fault,
        table::{Column, ColumnType, TableSchema},
    },
    source::{
        Connector, SourceError,
        polling::{Leading, Told, Zone, leading_indexes, stamp_column},
    },
};

/// A table that is polled.
#[derive(Debug, Clone)]
pub(super) struct Polled {
    pub(super) plan: Arc<Plan>,
    /// What tells its changes; `None` where all of it is read each time.
    pub(super) stamp: Option<Stamp>,
}

/// The column that tells a table's changes.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) told: Told,
    pub(super) zone: Zone,
    /// An index that begins with it.
    pub(super) index: Option<String>,
}

impl Polled {
    /// A table's plan and column.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(super) fn new(
        schema: &Arc<TableSchema>,
        (config, rules): (&Config, &RuleBook),
        indexes: &Leading,
    ) -> Result<Self, Fault> {
        let plan = Plan::compile(Arc::clone(schema), &rules.resolve(&schema.name))
            .map_err(|issues| mapping::unmappable(schema, &issues))?;
        // Of rows that are told apart by a hash a changed one is another row, and the old one has to go.
        let stamp = if plan.is_keyless() { None } else { stamp(schema, config, rules, indexes) };
        Ok(Self { plan: Arc::new(plan), stamp })
    }

    pub(super) fn schema(&self) -> &Arc<TableSchema> {
        self.plan.schema()
    }

    /// The timestamp column itself.
    pub(super) fn column(&self) -> Option<&Column> {
        self.schema().columns.get(self.stamp.as_ref()?.told.column)
    }
}

/// What tells a table's changes, by the settings.
pub(super) fn stamp(
    schema: &TableSchema,
    config: &Config,
    rules: &RuleBook,
    indexes: &Leading,
) -> Option<Stamp> {
    let rules = rules.resolve(&schema.name);
    let told =
        stamp_column(schema, rules.timestamp_column.as_deref(), &config.poll.timestamp_columns)?;
    let column = schema.columns.get(told.column)?;
    let named: Option<TimeZone> =
        rules.timestamp_zone.as_deref().and_then(|name| parse_zone(name).ok());
    let zone = match (named, &column.kind) {
        (Some(zone), ColumnType::DateTime { .. }) => Zone::Named(zone),
        _ => Zone::OfSource,
    };
    let index = indexes.of(&schema.name, &column.name).cloned();
    Some(Stamp { told, zone, index })
}

/// The indexes of all databases that hold some of these tables.
pub(super) async fn indexes(
    connector: &Connector,
    tables: &[Arc<TableSchema>],
) -> Result<Leading, SourceError> {
    let databases: BTreeSet<&str> =
        tables.iter().map(|table| table.name.database.as_str()).collect();
    let databases: Vec<&str> = databases.into_iter().collect();
    let mut connection = connector.pooled().await?;
    leading_indexes(&mut connection, &databases, connector.config().read_timeout).await
}
