//! What a statement in the binlog means for the copy: refused, or followed by a look at the table.

use std::borrow::Cow;

use super::{Assembler, BinlogError, Problem};
use crate::{
    codec::charset::{self, Encoding, encoding},
    model::{table::TableName, value::Text},
    source::binlog::{statement::Statement, tables::Describe},
};

impl<D: Describe> Assembler<D> {
    /// Takes a statement that changes rows or tables.
    pub(super) async fn change(&mut self, statement: Statement) -> Result<(), Problem> {
        let changed = match statement {
            Statement::Change { verb, table } => return self.changed_by_text(verb, table),
            Statement::Create(table) if self.tables.is_ours(&table) && !self.is_held(&table) => {
                self.tables.refresh("CREATE TABLE", &table, None, &mut self.describe).await?
            }
            Statement::Recreate(table) if self.is_copied(&table) => {
                return Err(
                    BinlogError::SchemaChange { verb: "CREATE OR REPLACE TABLE", table }.into()
                );
            }
            Statement::Recreate(table) if self.tables.is_ours(&table) && !self.is_held(&table) => {
                self.tables.refresh("CREATE TABLE", &table, None, &mut self.describe).await?
            }
            Statement::Keep { verb, table, added } if self.is_copied(&table) => {
                self.tables.refresh(verb, &table, Some(&added), &mut self.describe).await?
            }
            Statement::Lose { verb, tables } => return self.lose(verb, tables),
            Statement::DropDatabase(database) => {
                return self.lose("DROP DATABASE", self.tables.all_in(&database));
            }
            Statement::Unreadable(verb) => {
                return Err(BinlogError::UnreadableStatement(verb).into());
            }
            _ => None,
        };
        self.announce(changed);
        Ok(())
    }

    fn changed_by_text(&self, verb: &'static str, table: Option<TableName>) -> Result<(), Problem> {
        let passes = |table: &TableName| !self.tables.is_ours(table) || self.is_held(table);
        if table.as_ref().is_some_and(passes) {
            return Ok(());
        }
        Err(BinlogError::Statement { verb, table }.into())
    }

    /// Whether the copy of the table already holds what the open transaction does to it.
    fn is_held(&self, table: &TableName) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| self.tables.fresh.holds(table, &open.transaction))
    }

    fn is_copied(&self, table: &TableName) -> bool {
        self.tables.schema(table).is_some() && !self.is_held(table)
    }

    /// A table that gets one of our names by RENAME has rows that were never copied.
    fn lose(&self, verb: &'static str, tables: Vec<TableName>) -> Result<(), Problem> {
        let is_rename = verb == "RENAME TABLE";
        let concerns_us = |(place, table): &(usize, TableName)| {
            let is_taken = is_rename && place % 2 == 1 && self.tables.is_ours(table);
            self.is_copied(table) || is_taken && !self.is_held(table)
        };
        match tables.into_iter().enumerate().find(concerns_us) {
            None => Ok(()),
            Some((_, table)) => Err(BinlogError::SchemaChange { verb, table }.into()),
        }
    }
}

/// A statement's text. It is in the session's charset; where the server wrote it anew (CREATE TABLE ... SELECT) in UTF-8,
/// whatever the session had. Of bytes that are neither, verbs and plain names survive.
pub(super) fn text(bytes: &[u8], collation: Option<u16>) -> Cow<'_, str> {
    if let Some(Encoding::Text(charset)) = collation.map(|number| encoding(number.into()))
        && !bytes.is_ascii()
        && let Ok(text) = charset::to_utf8(Text { bytes, charset })
    {
        return Cow::Owned(text);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Engines whose changes a ROLLBACK does not undo.
pub(super) fn is_transactional(engine: &str) -> bool {
    !["MyISAM", "MEMORY", "ARCHIVE", "CSV", "Aria"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(engine))
}
