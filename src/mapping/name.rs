//! Names that the target takes: fields and collections.

use std::borrow::Cow;

/// U+FF04, the full-width dollar sign.
const DOLLAR: &str = "\u{FF04}";
/// U+FF0E, the full-width full stop.
const STOP: &str = "\u{FF0E}";

/// A column's name as a field's: a leading `$` and every `.` would mean something to the target's operators.
pub(super) fn field(column: &str) -> Cow<'_, str> {
    let dollar = column.strip_prefix('$');
    if dollar.is_none() && !column.contains('.') {
        return Cow::Borrowed(column);
    }
    let rest = dollar.unwrap_or(column).replace('.', STOP);
    Cow::Owned(if dollar.is_some() { format!("{DOLLAR}{rest}") } else { rest })
}

/// A table's name as part of a collection's, which may hold no `$` at all.
pub(super) fn table(name: &str) -> Cow<'_, str> {
    if name.contains('$') { Cow::Owned(name.replace('$', DOLLAR)) } else { Cow::Borrowed(name) }
}

/// Replaces `{table}` and `{database}`.
pub(super) fn fill(template: &str, database: &str, table: &str) -> String {
    let mut filled = String::with_capacity(template.len() + table.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let (value, behind) = if let Some(behind) = behind.strip_prefix("table}") {
            (table, behind)
        } else if let Some(behind) = behind.strip_prefix("database}") {
            (database, behind)
        } else {
            ("{", behind)
        };
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// Why the target would refuse the collection's name.
pub(super) fn collection_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.starts_with("system.") {
        Some("`system.` is the target's own")
    } else if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        Some("it begins or ends with a point or has two in a row")
    } else if name.contains(['$', '\0']) {
        Some("it contains `$` or U+0000")
    } else if name.len() > 200 {
        Some("it is longer than 200 bytes")
    } else {
        None
    }
}

/// Why the target would refuse the database's name.
pub(super) fn database_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > 63 {
        Some("it is empty or longer than 63 bytes")
    } else if name.contains(['/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0']) {
        Some("it contains a character that database names may not have")
    } else {
        None
    }
}
