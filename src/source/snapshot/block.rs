//! Rows on their way to the apply loop.

use std::sync::Arc;

use super::{
    cell::{self, Cell},
    form::Forms,
};
use crate::{
    model::{
        change::{ChangeKind, Image, Message, Origin, RowBlock, RowVisitor, Rows},
        fault::{Fault, Stage},
        table::{Column, TableSchema},
    },
    source::wire::Malformed,
};

/// The most rows of a block.
pub(in crate::source) const MOST_ROWS: usize = 1000;

/// A block that holds this much is full, whatever its number of rows: small enough that its memory is taken from what
/// others have left, and not from the kernel, which zeroes it.
const FULL_BYTES: usize = 96 << 10;

/// A block that is being filled. Rows lie behind each other as they came.
#[derive(Debug)]
pub(in crate::source) struct Filling {
    table: Arc<TableSchema>,
    forms: Forms,
    packets: Packets,
}

/// Rows as they came, and where each of them ends.
#[derive(Default)]
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl std::fmt::Debug for Packets {
    /// The number of rows only: values never reach a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Packets").field("rows", &self.ends.len()).finish_non_exhaustive()
    }
}

/// How large a block became: room for the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::source) struct Room {
    rows: usize,
    bytes: usize,
}

impl Filling {
    /// An empty block of this table's rows, whose cells come in these forms.
    pub(in crate::source) fn new(table: &Arc<TableSchema>, forms: Forms, room: Room) -> Self {
        let packets =
            Packets { bytes: Vec::with_capacity(room.bytes), ends: Vec::with_capacity(room.rows) };
        Self { table: Arc::clone(table), forms, packets }
    }

    /// Adds a row.
    pub(in crate::source) fn push(&mut self, packet: &[u8]) {
        self.packets.bytes.extend_from_slice(packet);
        self.packets.ends.push(self.packets.bytes.len());
    }

    /// The newest row, as it came.
    pub(in crate::source) fn last(&self) -> Option<&[u8]> {
        let Packets { bytes, ends } = &self.packets;
        let end = *ends.last()?;
        let start = ends.len().checked_sub(2).and_then(|before| ends.get(before)).copied();
        bytes.get(start.unwrap_or(0)..end)
    }

    pub(in crate::source) const fn row_count(&self) -> usize {
        self.packets.ends.len()
    }

    /// What the block holds in memory, in bytes.
    const fn held_bytes(&self) -> usize {
        self.packets.bytes.len() + self.packets.ends.len() * size_of::<usize>()
    }

    pub(in crate::source) const fn is_full(&self, most_rows: usize) -> bool {
        self.row_count() >= most_rows || self.held_bytes() >= FULL_BYTES
    }

    pub(in crate::source) const fn room(&self) -> Room {
        Room { rows: self.row_count(), bytes: self.packets.bytes.len() }
    }

    /// These rows, which have a cell for each column of the table, as rows that were read.
    pub(in crate::source) fn into_block(self) -> Box<dyn RowBlock> {
        Box::new(ReadRows { filled: self, row: 0, places: None })
    }

    /// These rows, which have cells for some columns, as deletes. `places` tells for each column of the table where its
    /// cell stands; the others are NULL.
    pub(in crate::source) fn into_deletes(self, places: Box<[Option<usize>]>) -> Box<dyn RowBlock> {
        Box::new(ReadRows { filled: self, row: 0, places: Some(places) })
    }

    /// The message that carries these rows.
    pub(in crate::source) fn into_message(self, origin: Origin) -> Message {
        Message::Rows(Rows {
            table: Arc::clone(&self.table),
            origin,
            bytes: self.held_bytes(),
            block: self.into_block(),
        })
    }
}

/// Rows on their way.
#[derive(Debug)]
struct ReadRows {
    filled: Filling,
    /// How many have been shown.
    row: usize,
    places: Option<Box<[Option<usize>]>>,
}

impl RowBlock for ReadRows {
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        let Packets { bytes, ends } = &self.filled.packets;
        let Some(end) = ends.get(self.row) else { return Ok(None) };
        let start = self.row.checked_sub(1).and_then(|row| ends.get(row)).copied().unwrap_or(0);
        let packet = bytes.get(start..*end).unwrap_or_default();
        self.row += 1;
        let shown = match &self.places {
            None => self.filled.show(packet, visitor).map(|()| ChangeKind::Read),
            Some(places) => {
                self.filled.show_some(packet, places, visitor).map(|()| ChangeKind::Delete)
            }
        };
        shown.map(Some).map_err(|misfit| misfit.into_fault(&self.filled.table))
    }
}

/// Why a row cannot be shown.
enum Misfit<'t> {
    Row(Malformed),
    Column(&'t str),
}

impl From<Malformed> for Misfit<'_> {
    fn from(malformed: Malformed) -> Self {
        Self::Row(malformed)
    }
}

impl Misfit<'_> {
    fn into_fault(self, table: &TableSchema) -> Fault {
        let fault = match self {
            Self::Column(name) => {
                let message = format!("column {name}: the source sent a value of another type");
                Fault::fatal(Stage::Snapshot, message)
            }
            Self::Row(malformed) => {
                let message = "the source sent a row that cannot be read";
                Fault::fatal(Stage::Snapshot, message).caused_by(malformed)
            }
        };
        fault.at_table(&table.name)
    }
}

impl Filling {
    fn show(&self, packet: &[u8], visitor: &mut dyn RowVisitor) -> Result<(), Misfit<'_>> {
        let mut cells = self.forms.cells(packet)?;
        for (index, column) in self.table.columns.iter().enumerate() {
            show_cell(column, index, cells.next()?, Image::After, visitor)?;
        }
        Ok(cells.end()?)
    }

    fn show_some(
        &self,
        packet: &[u8],
        places: &[Option<usize>],
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), Misfit<'_>> {
        let cells = self.forms.cells(packet)?.all()?;
        for (index, (column, place)) in self.table.columns.iter().zip(places).enumerate() {
            let cell = match place {
                None => Cell::Null,
                Some(place) => *cells.get(*place).ok_or(Misfit::Column(&column.name))?,
            };
            show_cell(column, index, cell, Image::Before, visitor)?;
        }
        Ok(())
    }
}

fn show_cell<'t>(
    column: &'t Column,
    index: usize,
    cell: Cell<'_>,
    image: Image,
    visitor: &mut dyn RowVisitor,
) -> Result<(), Misfit<'t>> {
    let value = cell::read(&column.kind, cell).ok_or(Misfit::Column(&column.name))?;
    visitor.cell(image, index, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use mysql_async::{Column as WireColumn, consts::ColumnType as WireType};

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

    /// A row of a number and some bytes, each of which may be NULL.
    fn row(first: Option<i32>, second: Option<&[u8]>) -> Vec<u8> {
        let nulls = u8::from(first.is_none()) << 2 | u8::from(second.is_none()) << 3;
        let mut packet = vec![0, nulls];
        packet.extend(first.into_iter().flat_map(i32::to_le_bytes));
        if let Some(bytes) = second {
            let [low, middle, high, _] = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            packet.extend([0xFD, low, middle, high]);
            packet.extend(bytes);
        }
        packet
    }

    fn filling(types: [WireType; 2]) -> Filling {
        Filling::new(&table(), Forms::of(&types.map(WireColumn::new)), Room::default())
    }

    const TYPES: [WireType; 2] = [WireType::MYSQL_TYPE_LONG, WireType::MYSQL_TYPE_BLOB];

    fn rows_of(message: Message) -> Rows {
        match message {
            Message::Rows(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_block_shows_its_rows_cell_by_cell() {
        let mut filling = filling(TYPES);
        filling.push(&row(Some(1), None));
        let mut rows = rows_of(filling.into_message(Origin::Snapshot));
        let mut cells = Cells(Vec::new());
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), Some(ChangeKind::Read));
        assert_eq!(rows.block.next_change(&mut cells).unwrap(), None);
        assert_eq!(cells.0, ["After 0 Int(1)", "After 1 Null"]);
    }

    #[test]
    fn a_block_is_full_by_rows_or_by_bytes() {
        let mut filling = filling(TYPES);
        filling.push(&row(Some(1), Some(&[0; 100])));
        assert!(filling.is_full(1) && !filling.is_full(2));
        filling.push(&row(Some(1), Some(&[0; 300_000])));
        assert!(filling.is_full(1000));
        assert!(rows_of(filling.into_message(Origin::Snapshot)).bytes >= 300_100);
    }

    #[test]
    fn a_value_of_another_type_is_a_fault_that_does_not_show_it() {
        let mut filling = filling([WireType::MYSQL_TYPE_BLOB, WireType::MYSQL_TYPE_BLOB]);
        filling.push(b"\0\x08\x06secret");
        let mut rows = rows_of(filling.into_message(Origin::Snapshot));
        let fault = rows.block.next_change(&mut Cells(Vec::new())).unwrap_err();
        assert!(!fault.chain().contains("secret") && fault.chain().contains("column a"));
        assert!(!format!("{rows:?}").contains("secret"));
    }

    #[test]
    fn a_row_that_is_none_is_a_fault() {
        for packet in [&row(Some(1), None)[..5], &[row(Some(1), None), vec![7]].concat(), b""] {
            let mut filling = filling(TYPES);
            filling.push(packet);
            let mut rows = rows_of(filling.into_message(Origin::Snapshot));
            assert!(rows.block.next_change(&mut Cells(Vec::new())).is_err());
        }
    }

    #[test]
    fn a_row_of_keys_has_its_cells_where_the_answer_has_them() {
        let types = [WireType::MYSQL_TYPE_BLOB, WireType::MYSQL_TYPE_LONG];
        let mut filling = filling(types);
        filling.push(&[&[0, 0, 1, b'k'][..], &5_i32.to_le_bytes()].concat());
        let mut rows = filling.into_deletes([Some(1), None].into());
        let mut cells = Cells(Vec::new());
        assert_eq!(rows.next_change(&mut cells).unwrap(), Some(ChangeKind::Delete));
        assert_eq!(cells.0, ["Before 0 Int(5)", "Before 1 Null"]);
    }
}
