//! Which column tells when a row was changed. Pure.

use crate::model::table::{Column, ColumnType, TableSchema};

/// What a table's timestamp column tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The column, as its place in the table.
    pub column: usize,
    /// Whether it tells updates too; else only when a row came to be.
    pub tells_updates: bool,
    /// Whether the server itself sets it at each update.
    pub is_kept_by_server: bool,
}

/// Words in the names of columns that are set when a row comes to be, and never again.
const OF_CREATION: [&str; 3] = ["creat", "insert", "added"];

/// The column of a table: the one that the settings name for it, else the first of the usual names that tells updates,
/// else one that the server keeps, else one that tells when rows came to be. `None` where there is none.
#[must_use]
pub fn stamp_column(table: &TableSchema, named: Option<&str>, usual: &[String]) -> Option<Told> {
    let moments = || table.columns.iter().enumerate().filter(|(_, column)| is_moment(column));
    if let Some(name) = named {
        let (column, found) = moments().find(|(_, one)| one.name.eq_ignore_ascii_case(name))?;
        // Whoever names it knows what it tells.
        let is_kept_by_server = found.on_update_timestamp;
        return Some(Told { column, tells_updates: true, is_kept_by_server });
    }
    let by_name = |creation: bool| {
        let usual = usual.iter().filter(move |name| is_of_creation(name) == creation);
        usual.filter_map(|name| moments().find(|(_, one)| one.name.eq_ignore_ascii_case(name)))
    };
    let found = by_name(false)
        .chain(moments().filter(|(_, one)| one.on_update_timestamp))
        .chain(by_name(true))
        .next();
    let (column, found) = found?;
    Some(Told {
        column,
        tells_updates: found.on_update_timestamp || !is_of_creation(&found.name),
        is_kept_by_server: found.on_update_timestamp,
    })
}

const fn is_moment(column: &Column) -> bool {
    matches!(column.kind, ColumnType::Timestamp { .. } | ColumnType::DateTime { .. })
}

fn is_of_creation(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OF_CREATION.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, bool)]) -> TableSchema {
        let kinds = vec![ColumnType::Timestamp { digits: 0 }; columns.len()];
        let mut table = TableSchema::of_kinds("t", &kinds);
        for (column, (name, on_update)) in table.columns.iter_mut().zip(columns) {
            (*name).clone_into(&mut column.name);
            column.on_update_timestamp = *on_update;
        }
        table
    }

    fn found(columns: &[(&str, bool)], named: Option<&str>) -> Option<(usize, bool, bool)> {
        let usual = ["updated_at", "mtime", "created_at"].map(str::to_owned);
        let told = stamp_column(&table(columns), named, &usual)?;
        Some((told.column, told.tells_updates, told.is_kept_by_server))
    }

    #[test]
    fn the_likeliest_column_is_taken() {
        assert_eq!(found(&[("mtime", false), ("Updated_At", false)], None), Some((1, true, false)));
        let kept = [("created_at", false), ("touched", true)];
        assert_eq!(found(&kept, None), Some((1, true, true)), "before a moment of creation");
        assert_eq!(found(&[("created_at", false)], None), Some((0, false, false)));
        assert_eq!(found(&[("created_at", true)], None), Some((0, true, true)));
        assert_eq!(found(&kept, Some("CREATED_AT")), Some((0, true, false)), "if it is named");
        assert_eq!(found(&[("day", false)], None), None);
        assert_eq!(found(&[("mtime", false)], Some("updated_at")), None, "a name is no guess");
    }

    #[test]
    fn other_types_tell_no_moment() {
        let mut table = table(&[("updated_at", false)]);
        table.columns[0].kind = ColumnType::Year;
        assert_eq!(stamp_column(&table, Some("updated_at"), &[]), None);
    }
}
