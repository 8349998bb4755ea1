//! The compiled plan of every table, remade when rows come under a new schema.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::lanes::{Lanes, Route};
use crate::{
    mapping::{self, Plan, RuleBook},
    model::{
        change::{Origin, Rows},
        fault::Fault,
        table::TableName,
    },
};

/// Plans by table.
#[derive(Debug)]
pub(super) struct Plans {
    rules: RuleBook,
    /// Collections that have unique indexes besides their keys, by full name.
    one_lane: HashSet<String>,
    /// With the lane of those that keep to one.
    compiled: HashMap<TableName, Compiled>,
    /// The one that was asked for last: mostly the next rows are of the same table.
    last: Option<Compiled>,
}

type Compiled = (Arc<Plan>, Option<Route>);

impl Plans {
    /// No plans yet.
    pub(super) fn new(rules: RuleBook, one_lane: HashSet<String>) -> Self {
        Self { rules, one_lane, compiled: HashMap::new(), last: None }
    }

    /// The plan for rows and the lanes that they may take; `None` where the settings leave the table out because it has no key.
    ///
    /// # Errors
    /// `Fatal` where the table cannot be mapped: an unsupported column, a key that its rules ask for and it has not.
    pub(super) fn plan(
        &mut self,
        rows: &Rows,
        lanes: &Lanes,
    ) -> Result<Option<(Arc<Plan>, Route)>, Fault> {
        let table = &rows.table;
        let usual = match rows.origin {
            Origin::Snapshot => Route::Free,
            // A row may be read twice in one pass, and the second reading counts.
            Origin::Poll | Origin::Stream(_) | Origin::Again(_) => Route::ByKey,
        };
        let is_of = |(plan, _): &Compiled| Arc::ptr_eq(plan.schema(), table);
        if !self.last.as_ref().is_some_and(is_of) {
            self.last = self.compiled.get(&table.name).filter(|known| is_of(known)).cloned();
        }
        if let Some((plan, route)) = &self.last {
            return Ok(Some((Arc::clone(plan), route.unwrap_or(usual))));
        }
        let rules = self.rules.resolve(&table.name);
        if rules.skips(table) {
            return Ok(None);
        }
        let plan = Plan::compile(Arc::clone(table), &rules)
            .map_err(|issues| mapping::unmappable(table, &issues))?;
        let collection = &plan.target().collection;
        let depends = self.one_lane.contains(&collection.to_string());
        let route = depends.then(|| lanes.one_for(collection));
        let plan = Arc::new(plan);
        self.compiled.insert(table.name.clone(), (Arc::clone(&plan), route));
        Ok(Some((plan, route.unwrap_or(usual))))
    }
}
