//! What another decoder has said, played into a table.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::{Changed, Precision, Said, columns::Column, documents};
use crate::random::values::Kind;

/// One change, with all columns behind the row's number.
#[derive(Debug)]
pub enum Change {
    Insert(Row),
    Update(Row, Row),
    Delete(Row),
}

/// A row's number and its values.
pub type Row = (i32, Vec<Said>);

/// The table as it is after the changes.
#[derive(Debug)]
pub struct Played<'c> {
    columns: &'c [Column],
    rows: BTreeMap<i32, Vec<Said>>,
    pub changed: Changed,
}

impl<'c> Played<'c> {
    pub fn new(columns: &'c [Column]) -> Self {
        Self { columns, rows: BTreeMap::new(), changed: Changed::default() }
    }

    pub fn play(&mut self, change: Change) {
        let count = match change {
            Change::Insert(row) => {
                self.put(row);
                &mut self.changed.inserted
            }
            Change::Update(before, after) => {
                self.remove(&before);
                self.put(after);
                &mut self.changed.updated
            }
            Change::Delete(before) => {
                self.remove(&before);
                &mut self.changed.deleted
            }
        };
        *count += 1;
    }

    fn put(&mut self, (number, values): Row) {
        assert_eq!(values.len(), self.columns.len(), "row {number} has all columns");
        assert!(self.rows.insert(number, values).is_none(), "row {number} is there already");
    }

    fn remove(&mut self, (number, values): &Row) {
        assert_eq!(self.rows.remove(number).as_ref(), Some(values), "row {number} as it was");
    }

    /// Where the documents say something else.
    pub fn differences(&self, documents: &[Document], precision: Precision) -> Vec<String> {
        let mut left = self.rows.clone();
        let mut differences = Vec::new();
        for document in documents {
            let number = document.get_i32("n").expect("a number");
            let Some(values) = left.remove(&number) else {
                differences.push(format!("row {number} is in the target and not in the source"));
                continue;
            };
            for (column, theirs) in self.columns.iter().zip(values) {
                let told = document.get(&column.name).unwrap_or(&Bson::Undefined);
                let ours = documents::said(column, told);
                if !ours.as_ref().is_some_and(|ours| agree(column, ours, &theirs, precision)) {
                    differences.push(format!(
                        "row {number} {} {}: {told:?}, {theirs:?}",
                        column.name, column.declared
                    ));
                }
            }
        }
        differences.extend(left.keys().map(|number| format!("row {number} is not in the target")));
        differences
    }
}

/// Whether they say the same, as exactly as the other decoder does.
fn agree(column: &Column, ours: &Said, theirs: &Said, precision: Precision) -> bool {
    match (ours, theirs) {
        (Said::Float(ours), Said::Float(theirs)) if matches!(column.kind, Kind::Float) => {
            (ours - theirs).abs() <= precision.float * theirs.abs()
        }
        (Said::Text(ours), Said::Text(theirs)) => *theirs == cut(ours, precision.seconds),
        _ => ours == theirs,
    }
}

/// A time with so many digits behind the seconds; what has no colon is none.
fn cut(text: &str, digits: usize) -> &str {
    match text.split_once('.').filter(|_| text.contains(':')) {
        Some((seconds, fraction)) => &text[..seconds.len() + 1 + fraction.len().min(digits)],
        None => text,
    }
}
