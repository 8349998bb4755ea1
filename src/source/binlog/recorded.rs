//! Rows of recorded events as the stream hands them out, without a connection: for the bench of the row decoder and the
//! test that counts what decoding allocates.

use std::sync::Arc;

use super::{
    layout,
    raw::{Event, EventReader},
    rows::{self, EventRows, Held, Plan},
    table_map::{Dialect, TableMapHead},
    versioned,
    wire::Malformed,
};
use crate::model::{
    change::RowBlock,
    table::{TableName, TableSchema},
};

/// A table as a recorded table map with full metadata tells it.
#[derive(Debug)]
pub struct RecordedTable(Arc<Plan>);

impl RecordedTable {
    /// Reads a TABLE_MAP of MySQL's: header and body.
    ///
    /// # Errors
    /// Where it does not tell the whole table.
    pub fn of(table_map: &[u8]) -> Result<Self, Malformed> {
        let table_map = read(table_map)?;
        let untold = |_| Malformed("the table map does not tell the table");
        let head = TableMapHead::parse(table_map.data())?;
        let map = head.columns(Dialect::Mysql)?;
        let name = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let name = TableName::new(name(head.database), name(head.table));
        let schema = layout::build(&name, None, &map).map_err(untold)?;
        let reading = versioned::fit(&schema, &map).map_err(untold)?;
        Ok(Self(Arc::new(Plan::new(Arc::new(schema), reading, map.dialect))))
    }

    /// The table.
    #[must_use]
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.0.schema
    }

    /// The rows of an event of this table: header and body.
    ///
    /// # Errors
    /// When the event has none.
    pub fn rows(&self, event: &[u8]) -> Result<Box<dyn RowBlock>, Malformed> {
        let event = read(event)?;
        let head = rows::head(event.header().kind, event.data())?;
        Ok(Box::new(EventRows::new(Held::Event(event), head, Arc::clone(&self.0))?))
    }
}

fn read(event: &[u8]) -> Result<Event<'static>, Malformed> {
    EventReader::read_plain(event.to_vec()).map_err(|_| Malformed("not an event"))
}
