//! The compiled plan of every table, remade when rows come under a new schema.

use std::{collections::HashMap, sync::Arc};

use crate::{
    mapping::{Plan, RuleBook},
    model::{
        fault::{Fault, Stage},
        table::{TableName, TableSchema},
    },
};

/// Plans by table.
#[derive(Debug)]
pub(super) struct Plans {
    rules: RuleBook,
    compiled: HashMap<TableName, Arc<Plan>>,
}

impl Plans {
    /// No plans yet.
    pub(super) fn new(rules: RuleBook) -> Self {
        Self { rules, compiled: HashMap::new() }
    }

    /// The plan for rows of this schema; `None` where the settings leave the table out because it has no key.
    ///
    /// # Errors
    /// `Fatal` where the table cannot be mapped: an unsupported column, a key that its rules ask for and it has not.
    pub(super) fn plan(&mut self, table: &Arc<TableSchema>) -> Result<Option<Arc<Plan>>, Fault> {
        if let Some(plan) = self.compiled.get(&table.name)
            && Arc::ptr_eq(plan.schema(), table)
        {
            return Ok(Some(Arc::clone(plan)));
        }
        let rules = self.rules.resolve(&table.name);
        if rules.skips(table) {
            return Ok(None);
        }
        let plan = Plan::compile(Arc::clone(table), &rules)
            .map_err(|issues| unmappable(table, &issues))?;
        let plan = Arc::new(plan);
        self.compiled.insert(table.name.clone(), Arc::clone(&plan));
        Ok(Some(plan))
    }
}

fn unmappable<I: std::fmt::Display>(table: &TableSchema, issues: &[I]) -> Fault {
    let reasons: Vec<String> = issues.iter().map(ToString::to_string).collect();
    Fault::fatal(Stage::Mapping, format!("the table cannot be mapped: {}", reasons.join("; ")))
        .at_table(&table.name)
        .with_hint("run `binleaf check`, or leave the table out with source.exclude_tables")
}
