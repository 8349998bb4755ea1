//! Cells of the server's answers to our own questions, read without the driver's panicking conversions.

use mysql_async::{Row, Value, prelude::FromValue};

use super::error::SourceError;

/// The cell of a column, by position, as `T`.
pub(super) fn cell<T: FromValue>(row: &Row, index: usize) -> Result<T, SourceError> {
    let value = row.as_ref(index).cloned().ok_or_else(|| missing(&index.to_string()))?;
    converted(value, &index.to_string())
}

/// The cell of a column by name, in whatever letters; names of SHOW statements' columns are stable, their order is not.
pub(super) fn named<T: FromValue>(row: &Row, name: &str) -> Result<T, SourceError> {
    let index = row
        .columns_ref()
        .iter()
        .position(|column| column.name_ref().eq_ignore_ascii_case(name.as_bytes()))
        .ok_or_else(|| missing(name))?;
    converted(row.as_ref(index).cloned().ok_or_else(|| missing(name))?, name)
}

fn converted<T: FromValue>(value: Value, name: &str) -> Result<T, SourceError> {
    mysql_async::from_value_opt(value)
        .map_err(|_| SourceError::Unexpected(format!("column {name} has another type")))
}

fn missing(name: &str) -> SourceError {
    SourceError::Unexpected(format!("column {name} is missing"))
}
