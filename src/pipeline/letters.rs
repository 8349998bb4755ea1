//! Dead letters on the way in, and the rows that have one open.
//!
//! A letter says that the target does not show a row as it is. A later good version of the row, or its delete, settles
//! it. The open ones are remembered so that this costs nothing while there are none.

use std::collections::{BTreeMap, HashSet};

use tracing::error;

use crate::{
    model::{
        change::Origin,
        fault::{Class, Fault, Stage},
        letter::{DeadLetter, LetterKey},
        table::TableName,
        write::{OperationKind, Rejection, WriteBatch},
    },
    telemetry::metrics,
};

/// The rows whose letters are open.
#[derive(Debug, Default)]
pub(super) struct OpenLetters {
    keys: HashSet<LetterKey>,
    by_table: BTreeMap<String, u64>,
}

impl OpenLetters {
    /// The letters that an earlier run left.
    pub(super) fn new(keys: Vec<LetterKey>) -> Self {
        let mut open = Self::default();
        keys.into_iter().for_each(|key| open.add(key));
        open
    }

    /// The tables that have or had open letters.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.by_table.keys().map(String::as_str)
    }

    /// Open letters of a table.
    pub(super) fn count(&self, table: &str) -> u64 {
        self.by_table.get(table).copied().unwrap_or(0)
    }

    /// Whether the row has an open letter.
    pub(super) fn holds(&self, table: &TableName, key: &[u8]) -> bool {
        !self.keys.is_empty()
            && self.keys.contains(&LetterKey { table: table.to_string(), key: key.to_vec() })
    }

    /// Takes in what became of a batch; the answer is the letters that it has settled.
    pub(super) fn landed(
        &mut self,
        batch: &WriteBatch,
        rejected: &[Rejection],
        kept: &[DeadLetter],
    ) -> Vec<LetterKey> {
        let settled = if self.keys.is_empty() { Vec::new() } else { self.settle(batch, rejected) };
        for letter in kept {
            self.add(letter.name());
        }
        settled
    }

    /// The rows of these keys are gone; the answer is the letters that this has settled.
    pub(super) fn gone(&mut self, table: &TableName, keys: Vec<Vec<u8>>) -> Vec<LetterKey> {
        let name = table.to_string();
        if self.count(&name) == 0 {
            return Vec::new();
        }
        let keys = keys.into_iter().map(|key| LetterKey { table: name.clone(), key });
        let settled: Vec<LetterKey> = keys.filter(|key| self.keys.remove(key)).collect();
        let fewer = u64::try_from(settled.len()).unwrap_or(u64::MAX);
        self.by_table.entry(name).and_modify(|count| *count = count.saturating_sub(fewer));
        settled
    }

    fn settle(&mut self, batch: &WriteBatch, rejected: &[Rejection]) -> Vec<LetterKey> {
        let refused: HashSet<(usize, usize)> =
            rejected.iter().map(|one| (one.group, one.operation)).collect();
        let mut settled = Vec::new();
        for (group_index, group) in batch.groups.iter().enumerate() {
            let table = group.table.name.to_string();
            if self.count(&table) == 0 {
                continue;
            }
            // Fields that were set do not make a document whole.
            let whole = group.operations.iter().enumerate();
            for (index, operation) in whole.filter(|(_, one)| one.kind != OperationKind::Set) {
                let key = LetterKey { table: table.clone(), key: group.filter(operation).to_vec() };
                if !refused.contains(&(group_index, index)) && self.keys.remove(&key) {
                    self.by_table
                        .entry(table.clone())
                        .and_modify(|count| *count = count.saturating_sub(1));
                    settled.push(key);
                }
            }
        }
        settled
    }

    fn add(&mut self, key: LetterKey) {
        let table = key.table.clone();
        if self.keys.insert(key) {
            *self.by_table.entry(table).or_default() += 1;
        }
    }
}

/// The letter of an operation that the target refused.
pub(super) fn letter_of(batch: &WriteBatch, rejection: &Rejection) -> Option<DeadLetter> {
    let group = batch.groups.get(rejection.group)?;
    let operation = group.operations.get(rejection.operation)?;
    Some(DeadLetter {
        table: group.table.name.clone(),
        key: group.filter(operation).to_vec(),
        operation: operation.kind.label(),
        transaction: transaction_of(&operation.origin),
        reason: rejection.reason.clone(),
        code: rejection.code,
        row: bounded(group.document(operation)),
        is_again: is_again(&operation.origin),
    })
}

/// The letter of a row that could not be mapped.
pub(super) fn unmapped(
    table: &TableName,
    key: &[u8],
    row: &[u8],
    reason: String,
    origin: &Origin,
) -> DeadLetter {
    DeadLetter {
        table: table.clone(),
        key: key.to_vec(),
        operation: OperationKind::Replace.label(),
        transaction: transaction_of(origin),
        reason,
        code: 0,
        row: bounded(row),
        is_again: is_again(origin),
    }
}

/// The fault that stops the pipeline where the policy says so.
pub(super) fn stop_fault(letter: &DeadLetter) -> Fault {
    let fault = Fault::new(
        Class::Fatal,
        Stage::Sink,
        format!("a change cannot be written: {}", letter.reason),
    )
    .at_table(&letter.table)
    .with_hint("mend the row in the source, or set errors.record = \"dead-letter\"");
    match &letter.transaction {
        Some(transaction) => fault.at_position(transaction.describe()),
        None => fault,
    }
}

/// Logs and counts letters.
pub(super) fn tell(letters: &[DeadLetter], what_became: &str) {
    for letter in letters {
        metrics::dead_letter(&letter.table);
        metrics::error(Class::Record, Stage::Sink);
        error!(
            operation = "dead_letter",
            table = %letter.table,
            position = letter.transaction.as_ref().map(|transaction| transaction.describe()),
            error = letter.reason,
            code = letter.code,
            "a change could not be written: {what_became}"
        );
    }
}

fn transaction_of(origin: &Origin) -> Option<std::sync::Arc<crate::model::position::Transaction>> {
    match origin {
        Origin::Snapshot | Origin::Poll | Origin::Again(_) => None,
        Origin::Stream(transaction) => Some(std::sync::Arc::clone(transaction)),
    }
}

const fn is_again(origin: &Origin) -> bool {
    matches!(origin, Origin::Again(_))
}

fn bounded(row: &[u8]) -> Vec<u8> {
    row.get(..DeadLetter::MAX_ROW_BYTES).unwrap_or(row).to_vec()
}
