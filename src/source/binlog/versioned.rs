//! MariaDB's system-versioned tables: of their rows the current ones are copied.
//!
//! The binlog has their history too: a DELETE comes as an update of the row's end, an UPDATE is followed by an insert of
//! the row as it was. A row is current while its end is the largest that the type holds. Where the period's two columns
//! are not declared, they stand hidden behind all others in a row image, and information_schema does not tell them.

use super::{
    cell::Cell,
    kind::kind_of,
    layout::{self, Difference},
    table_map::TableMap,
    wire::{Malformed, Wire},
};
use crate::model::{
    change::{Absence, ChangeKind, Image, RowVisitor},
    table::{TableSchema, Versioning},
    value::Value,
};

/// How many columns a period has that is not declared: the row's start and its end.
const HIDDEN: usize = 2;

/// The largest TIMESTAMP, in seconds: until 11.4, and since 11.5.
const LAST_SECONDS: [i64; 2] = [i32::MAX as i64, u32::MAX as i64];

/// Where a row image of a versioned table has what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    /// How many columns are the table's own; hidden ones follow.
    own: usize,
    /// The column that says when the row ended.
    end: usize,
}

/// How the rows of a table map are read under a schema that is its own.
pub(super) type Reading = (Box<[Cell]>, Option<History>);

/// Compiles the reading of rows, if the schema is that of the table map.
pub(super) fn fit(schema: &TableSchema, map: &TableMap<'_>) -> Result<Reading, Difference> {
    let own = own_columns(Some(schema), map);
    let count = own.columns.len();
    let mut cells = layout::fit(schema, &own)?.into_vec();
    let Some(versioning) = schema.versioning else { return Ok((cells.into(), None)) };
    for told in map.columns.iter().skip(count) {
        let cell = kind_of(told, None).ok().and_then(|kind| Cell::compile(&kind, told));
        cells.push(
            cell.ok_or_else(|| Difference::Layout("a hidden column of no period".to_owned()))?,
        );
    }
    let end = match versioning {
        Versioning::Declared { end } => end,
        Versioning::Hidden => cells.len().saturating_sub(1),
    };
    Ok((cells.into(), Some(History { own: count, end })))
}

/// The map without what only the history needs: hidden columns, and the row's end, which is part of every key.
pub(super) fn own_columns<'a>(known: Option<&TableSchema>, map: &TableMap<'a>) -> TableMap<'a> {
    let versioning = known.and_then(|known| known.versioning);
    let hidden = if versioning == Some(Versioning::Hidden) { HIDDEN } else { 0 };
    let own = map.columns.len().saturating_sub(hidden);
    let in_key = |part: &usize| match versioning {
        Some(Versioning::Declared { end }) => *part != end,
        Some(Versioning::Hidden) => *part < own,
        None => true,
    };
    TableMap {
        dialect: map.dialect,
        columns: map.columns.iter().take(own).cloned().collect(),
        primary_key: map
            .primary_key
            .as_ref()
            .map(|key| key.iter().copied().filter(in_key).collect()),
        is_full: map.is_full,
        has_prefix_key: map.has_prefix_key,
    }
}

impl History {
    /// Shows the images of the next change that concerns a current row; `None` at the end. `show` shows those of any.
    pub(super) fn next_change(
        self,
        show: impl Fn(&mut Wire<'_>, &mut dyn RowVisitor) -> Result<(), Malformed>,
        change: ChangeKind,
        wire: &mut Wire<'_>,
        visitor: &mut dyn RowVisitor,
    ) -> Result<Option<ChangeKind>, Malformed> {
        while !wire.is_empty() {
            let mut ends = Ends { column: self.end, before: true, after: true };
            let mut images = *wire;
            show(wire, &mut ends)?;
            let Some(meaning) = ends.meaning(change) else { continue };
            let only = (meaning != change).then_some(Image::Before);
            show(&mut images, &mut Own { columns: self.own, only, visitor })?;
            return Ok(Some(meaning));
        }
        Ok(None)
    }
}

/// Looks at the ends of both images: whether the rows are current.
struct Ends {
    column: usize,
    before: bool,
    after: bool,
}

impl Ends {
    /// What a change of this kind means for the current rows.
    const fn meaning(&self, change: ChangeKind) -> Option<ChangeKind> {
        match (change, self.before, self.after) {
            (ChangeKind::Update, true, false) => Some(ChangeKind::Delete),
            (_, true, true) => Some(change),
            // A row of the history comes, changes, or goes.
            _ => None,
        }
    }
}

impl RowVisitor for Ends {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        if column == self.column {
            let is_current = is_last(&value);
            match image {
                Image::Before => self.before = is_current,
                Image::After => self.after = is_current,
            }
        }
    }

    /// The end is part of every key, so that an image lacks it only where the change left it as it was.
    fn absent(&mut self, _: Image, _: usize, _: Absence) {}
}

fn is_last(value: &Value<'_>) -> bool {
    match value {
        Value::Timestamp(end) => LAST_SECONDS.contains(&end.seconds) && end.micros == 999_999,
        Value::UInt(transaction) => *transaction == u64::MAX,
        _ => false,
    }
}

/// Passes on what is the table's own.
struct Own<'v> {
    columns: usize,
    only: Option<Image>,
    visitor: &'v mut dyn RowVisitor,
}

impl RowVisitor for Own<'_> {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        if column < self.columns && self.only.is_none_or(|only| only == image) {
            self.visitor.cell(image, column, value);
        }
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        if column < self.columns && self.only.is_none_or(|only| only == image) {
            self.visitor.absent(image, column, absence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::table::{Column, ColumnType, Key, KeyColumn, TableName},
        source::binlog::{fixture::Seen, rows::show_change, table_map::TableMapHead},
    };

    /// `v (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING`, recorded on 11.8.9.
    const MAP: &[u8] = b"\x18\0\0\0\0\0\x01\0\x01p\0\x01v\0\x04\x03\x03\x11\x11\x02\x06\x06\x02";
    const LAST: [u8; 7] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x42, 0x3F];
    const PAST: [u8; 7] = [0x6B, 0, 0, 0, 0, 0, 1];

    fn schema() -> TableSchema {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: ColumnType::Int { bytes: 4, unsigned: false, boolean: false },
            nullable: name == "x",
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        };
        let part = KeyColumn { column: 0, descending: false };
        let key = Key { index: "PRIMARY".to_owned(), columns: vec![part], hidden: false };
        TableSchema {
            columns: vec![column("id"), column("x")],
            key: Some(key),
            versioning: Some(Versioning::Hidden),
            ..TableSchema::named(TableName::new("p", "v"))
        }
    }

    fn image(x: u32, end: [u8; 7]) -> Vec<u8> {
        let numbers = [1_u32.to_le_bytes(), x.to_le_bytes()].concat();
        [&[0][..], &numbers, &PAST, &end].concat()
    }

    #[track_caller]
    fn check(change: ChangeKind, images: &[(u32, [u8; 7])], expected: &[ChangeKind]) {
        let map = TableMapHead::parse(MAP)
            .unwrap()
            .columns(super::super::table_map::Dialect::Mariadb)
            .unwrap();
        let (cells, history) = fit(&schema(), &map).unwrap();
        let bytes: Vec<u8> = images.iter().flat_map(|(x, end)| image(*x, *end)).collect();
        let (mut wire, mut seen, mut found) = (Wire(&bytes), Seen::default(), Vec::new());
        let history = history.unwrap();
        let show = |wire: &mut Wire<'_>, visitor: &mut dyn RowVisitor| {
            show_change(&cells, change, wire, visitor)
        };
        while let Some(kind) = history.next_change(show, change, &mut wire, &mut seen).unwrap() {
            found.push(kind);
        }
        assert_eq!(found, expected, "{images:?}");
        assert!(!format!("{seen:?}").contains("2262"), "hidden columns are shown: {seen:?}");
    }

    #[test]
    fn only_what_happens_to_current_rows_is_a_change() {
        use ChangeKind::{Delete, Insert, Update};
        check(Insert, &[(1, LAST)], &[Insert]);
        check(Insert, &[(1, PAST), (2, LAST), (3, PAST)], &[Insert]);
        check(Update, &[(1, LAST), (2, LAST)], &[Update]);
        check(Update, &[(1, LAST), (1, PAST), (2, LAST), (3, LAST)], &[Delete, Update]);
        check(Update, &[(1, PAST), (2, PAST)], &[]);
        check(Delete, &[(1, PAST), (2, LAST)], &[Delete]);
    }

    #[test]
    fn a_delete_shows_the_row_as_it_was_and_nothing_else() {
        let map = TableMapHead::parse(MAP)
            .unwrap()
            .columns(super::super::table_map::Dialect::Mariadb)
            .unwrap();
        let (cells, history) = fit(&schema(), &map).unwrap();
        let bytes = [image(7, LAST), image(7, PAST)].concat();
        let mut seen = Seen::default();
        let change = ChangeKind::Update;
        let show = |wire: &mut Wire<'_>, visitor: &mut dyn RowVisitor| {
            show_change(&cells, change, wire, visitor)
        };
        history.unwrap().next_change(show, change, &mut Wire(&bytes), &mut seen).unwrap();
        assert!(format!("{seen:?}").contains("\" - 1|7\""), "{seen:?}");
    }
}
