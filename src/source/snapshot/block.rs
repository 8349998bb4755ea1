//! Rows on their way to the apply loop.

use std::{mem::size_of, sync::Arc, vec};

use mysql_async::{Row, Value as Wire};

use super::cell;
use crate::model::{
    change::{ChangeKind, Image, Message, Origin, RowBlock, RowVisitor, Rows},
    fault::{Fault, Stage},
    table::TableSchema,
};

/// The most rows of a block.
pub(super) const MOST_ROWS: usize = 1000;

/// A block that holds this much is full, whatever its number of rows.
const FULL_BYTES: usize = 256 << 10;

/// What an allocation of its own costs besides its content, roughly.
const ALLOCATION_BYTES: usize = 16;

/// A block that is being filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    rows: Vec<Row>,
    bytes: usize,
}

impl Filling {
    /// An empty block with room for so many rows.
    pub(super) fn with_room(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), bytes: 0 }
    }

    pub(super) fn push(&mut self, row: Row) {
        self.bytes += held_bytes(&row);
        self.rows.push(row);
    }

    pub(super) const fn row_count(&self) -> usize {
        self.rows.len()
    }

    pub(super) const fn is_full(&self, most_rows: usize) -> bool {
        self.rows.len() >= most_rows || self.bytes >= FULL_BYTES
    }

    /// These rows, to be shown one by one.
    pub(super) fn into_block(self, table: &Arc<TableSchema>) -> Box<dyn RowBlock> {
        Box::new(ReadRows { table: Arc::clone(table), rows: self.rows.into_iter() })
    }

    /// The message that carries these rows.
    pub(super) fn into_message(self, table: &Arc<TableSchema>) -> Message {
        let bytes = self.bytes;
        Message::Rows(Rows {
            table: Arc::clone(table),
            origin: Origin::Snapshot,
            block: self.into_block(table),
            bytes,
        })
    }
}

/// What a row holds in memory.
fn held_bytes(row: &Row) -> usize {
    let cells = row.len() * size_of::<Option<Wire>>() + size_of::<Row>() + ALLOCATION_BYTES;
    let contents = (0..row.len()).filter_map(|index| match row.as_ref(index) {
        Some(Wire::Bytes(bytes)) => Some(bytes.capacity() + ALLOCATION_BYTES),
        _ => None,
    });
    cells + contents.sum::<usize>()
}

/// Rows as the driver read them.
struct ReadRows {
    table: Arc<TableSchema>,
    rows: vec::IntoIter<Row>,
}

impl std::fmt::Debug for ReadRows {
    /// The number of rows only: values never reach a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReadRows").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl RowBlock for ReadRows {
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        let Some(row) = self.rows.next() else { return Ok(None) };
        for (index, column) in self.table.columns.iter().enumerate() {
            let value = row.as_ref(index).and_then(|wire| cell::read(&column.kind, wire));
            let value = value.ok_or_else(|| self.misfit(&column.name))?;
            visitor.cell(Image::After, index, value);
        }
        Ok(Some(ChangeKind::Read))
    }
}

impl ReadRows {
    fn misfit(&self, column: &str) -> Fault {
        let message = format!("column {column}: the source sent a value of another type");
        Fault::fatal(Stage::Snapshot, message).at_table(&self.table.name)
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::{Column as WireColumn, consts::ColumnType as WireType};
    use mysql_common::row::new_row;

    use super::*;
    use crate::model::{
        change::Absence,
        table::{Column, ColumnType, TableName},
        value::Value,
    };

    struct Cells(Vec<String>);

    impl RowVisitor for Cells {
        fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
            self.0.push(format!("{image:?} {column} {value:?}"));
        }

        fn absent(&mut self, image: Image, column: usize, absence: Absence) {
            self.0.push(format!("{image:?} {column} {absence:?}"));
        }
    }

    fn table() -> Arc<TableSchema> {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
            nullable: true,
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        };
        let columns = vec![
            column("a", ColumnType::Int { bytes: 4, unsigned: false, boolean: false }),
            column("b", ColumnType::Blob { length_bytes: 4 }),
        ];
        let name = TableName::new("shop", "orders");
        Arc::new(TableSchema { columns, ..TableSchema::named(name) })
    }

    fn row(first: Wire, second: Wire) -> Row {
        let columns = [WireType::MYSQL_TYPE_LONG, WireType::MYSQL_TYPE_BLOB].map(WireColumn::new);
        new_row(vec![first, second], Arc::from(columns))
    }

    fn rows_of(message: Message) -> Rows {
        match message {
            Message::Rows(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_block_shows_its_rows_cell_by_cell() {
        let mut filling = Filling::default();
        filling.push(row(Wire::Int(1), Wire::NULL));
        let mut rows = rows_of(filling.into_message(&table()));
        let mut cells = Cells(Vec::new());
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), Some(ChangeKind::Read));
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), None);
        assert_eq!(cells.0, ["After 0 Int(1)", "After 1 Null"]);
    }

    #[test]
    fn a_block_is_full_by_rows_or_by_bytes() {
        let mut filling = Filling::default();
        filling.push(row(Wire::Int(1), Wire::Bytes(vec![0; 100])));
        assert!(filling.is_full(1) && !filling.is_full(2));
        filling.push(row(Wire::Int(1), Wire::Bytes(vec![0; 300_000])));
        assert!(filling.is_full(1000));
        assert!(rows_of(filling.into_message(&table())).bytes >= 300_100);
    }

    #[test]
    fn a_value_of_another_type_is_a_fault_that_does_not_show_it() {
        let mut filling = Filling::default();
        filling.push(row(Wire::Bytes(b"secret".to_vec()), Wire::NULL));
        let mut rows = rows_of(filling.into_message(&table()));
        let fault = rows.block.next_change(&mut Cells(Vec::new())).unwrap_err();
        assert!(!fault.chain().contains("secret") && fault.chain().contains("column a"));
        assert!(!format!("{rows:?}").contains("secret"));
    }
}
