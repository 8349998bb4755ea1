//! Rows on their way to the apply loop.

use std::{mem::size_of, sync::Arc};

use mysql_async::Row;

use super::cell::{self, Cell};
use crate::model::{
    change::{ChangeKind, Image, Message, Origin, RowBlock, RowVisitor, Rows},
    fault::{Fault, Stage},
    table::TableSchema,
};

/// The most rows of a block.
pub(super) const MOST_ROWS: usize = 1000;

/// A block that holds this much is full, whatever its number of rows.
const FULL_BYTES: usize = 256 << 10;

/// A block that is being filled. Cells lie side by side and their bytes behind each other: a row as the driver gives it
/// has an allocation for each text, which is given back here, on the thread that made it.
#[derive(Debug)]
pub(super) struct Filling {
    table: Arc<TableSchema>,
    rows: usize,
    cells: Vec<Packed>,
    bytes: Vec<u8>,
}

/// A cell whose bytes, if it has any, are the next so many of the block's.
#[derive(Clone, Copy)]
enum Packed {
    Plain(Cell<'static>),
    Bytes(usize),
    /// The row has no such cell.
    Absent,
}

impl std::fmt::Debug for Packed {
    /// Nothing of the value: values never reach a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Packed")
    }
}

/// How large a block became: room for the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    cells: usize,
    bytes: usize,
}

impl Filling {
    /// An empty block of this table's rows.
    pub(super) fn new(table: &Arc<TableSchema>, room: Room) -> Self {
        let (cells, bytes) = (Vec::with_capacity(room.cells), Vec::with_capacity(room.bytes));
        Self { table: Arc::clone(table), rows: 0, cells, bytes }
    }

    /// Adds a row that has a cell for each column of the table.
    pub(super) fn push(&mut self, row: &Row) {
        for column in 0..self.table.columns.len() {
            self.push_cell(row, column);
        }
        self.rows += 1;
    }

    /// Adds a row that has cells for some columns. `places` tells for each column of the table where its cell stands;
    /// the others are NULL.
    pub(super) fn push_some(&mut self, row: &Row, places: &[Option<usize>]) {
        for place in places {
            match place {
                Some(place) => self.push_cell(row, *place),
                None => self.cells.push(Packed::Plain(Cell::Null)),
            }
        }
        self.rows += 1;
    }

    fn push_cell(&mut self, row: &Row, place: usize) {
        let packed = match row.as_ref(place).map(Cell::of) {
            None => Packed::Absent,
            Some(Ok(plain)) => Packed::Plain(plain),
            Some(Err(bytes)) => {
                self.bytes.extend_from_slice(bytes);
                Packed::Bytes(bytes.len())
            }
        };
        self.cells.push(packed);
    }

    pub(super) const fn row_count(&self) -> usize {
        self.rows
    }

    /// What the block holds in memory, in bytes.
    const fn held_bytes(&self) -> usize {
        self.cells.len() * size_of::<Packed>() + self.bytes.len()
    }

    pub(super) const fn is_full(&self, most_rows: usize) -> bool {
        self.rows >= most_rows || self.held_bytes() >= FULL_BYTES
    }

    pub(super) const fn room(&self) -> Room {
        Room { cells: self.cells.len(), bytes: self.bytes.len() }
    }

    /// These rows, to be shown one by one: as rows that were read, or as deletes.
    pub(super) fn into_block(self, kind: ChangeKind) -> Box<dyn RowBlock> {
        Box::new(ReadRows { filled: self, kind, cell: 0, byte: 0 })
    }

    /// The message that carries these rows.
    pub(super) fn into_message(self) -> Message {
        Message::Rows(Rows {
            table: Arc::clone(&self.table),
            origin: Origin::Snapshot,
            bytes: self.held_bytes(),
            block: self.into_block(ChangeKind::Read),
        })
    }
}

/// Rows on their way, up to which cell and byte they have been shown.
struct ReadRows {
    filled: Filling,
    kind: ChangeKind,
    cell: usize,
    byte: usize,
}

impl std::fmt::Debug for ReadRows {
    /// The number of rows only: values never reach a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReadRows").field("rows", &self.filled.rows).finish_non_exhaustive()
    }
}

impl RowBlock for ReadRows {
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        if self.cell >= self.filled.cells.len() {
            return Ok(None);
        }
        let columns = &self.filled.table.columns;
        let image = if self.kind == ChangeKind::Delete { Image::Before } else { Image::After };
        let cells = self.filled.cells.get(self.cell..).unwrap_or_default();
        for (index, (column, packed)) in columns.iter().zip(cells).enumerate() {
            let cell = match *packed {
                Packed::Plain(cell) => Some(cell),
                Packed::Bytes(length) => {
                    let begun = self.byte;
                    self.byte += length;
                    self.filled.bytes.get(begun..self.byte).map(Cell::Bytes)
                }
                Packed::Absent => None,
            };
            let value = cell.and_then(|cell| cell::read(&column.kind, cell));
            let value = value.ok_or_else(|| self.misfit(&column.name))?;
            visitor.cell(image, index, value);
        }
        self.cell += columns.len().max(1);
        Ok(Some(self.kind))
    }
}

impl ReadRows {
    fn misfit(&self, column: &str) -> Fault {
        let message = format!("column {column}: the source sent a value of another type");
        Fault::fatal(Stage::Snapshot, message).at_table(&self.filled.table.name)
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::{Column as WireColumn, Value as Wire, consts::ColumnType as WireType};
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
        let mut filling = Filling::new(&table(), Room::default());
        filling.push(&row(Wire::Int(1), Wire::NULL));
        let mut rows = rows_of(filling.into_message());
        let mut cells = Cells(Vec::new());
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), Some(ChangeKind::Read));
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), None);
        assert_eq!(cells.0, ["After 0 Int(1)", "After 1 Null"]);
    }

    #[test]
    fn a_block_is_full_by_rows_or_by_bytes() {
        let mut filling = Filling::new(&table(), Room::default());
        filling.push(&row(Wire::Int(1), Wire::Bytes(vec![0; 100])));
        assert!(filling.is_full(1) && !filling.is_full(2));
        filling.push(&row(Wire::Int(1), Wire::Bytes(vec![0; 300_000])));
        assert!(filling.is_full(1000));
        assert!(rows_of(filling.into_message()).bytes >= 300_100);
    }

    #[test]
    fn a_value_of_another_type_is_a_fault_that_does_not_show_it() {
        let mut filling = Filling::new(&table(), Room::default());
        filling.push(&row(Wire::Bytes(b"secret".to_vec()), Wire::NULL));
        let mut rows = rows_of(filling.into_message());
        let fault = rows.block.next_change(&mut Cells(Vec::new())).unwrap_err();
        assert!(!fault.chain().contains("secret") && fault.chain().contains("column a"));
        assert!(!format!("{rows:?}").contains("secret"));
    }
}
