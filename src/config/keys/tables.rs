//! Keys of `[tables."…"]`.

use super::{Shown, put, show_choice, show_list, show_text};
use crate::config::{
    given::Given,
    parse_zone,
    sections::{IdRule, TableConfig},
};

/// A setting of single tables.
pub(in crate::config) struct TableKey {
    /// Its name below the table's.
    pub(in crate::config) name: &'static str,
    /// What it does.
    pub(in crate::config) meaning: &'static str,
    /// A value in TOML.
    pub(in crate::config) example: &'static str,
    /// Checks a value and puts it where it belongs.
    pub(in crate::config) read: fn(&mut TableConfig, &Given) -> Result<(), String>,
    /// The value that the settings have.
    pub(in crate::config) show: fn(&TableConfig) -> Shown,
}

/// All of them.
pub(in crate::config) const TABLE_KEYS: &[TableKey] = &[
    TableKey {
        name: "collection",
        meaning: "The collection, in place of `target.collection`; `{table}` and `{database}` are replaced.",
        example: r#""orders""#,
        read: |to, given| put(&mut to.collection, given.name().map(Some)),
        show: |of| of.collection.as_deref().map_or(Shown::Unset, show_text),
    },
    TableKey {
        name: "id",
        meaning: "What `_id` is: \"primary_key\" (the default; a scalar, or a document for a key of several columns), \"object_id\" (MongoDB makes it, a unique index keeps the key) or a list of columns that have a unique index.",
        example: r#"["region", "order_no"]"#,
        read: |to, given| put(&mut to.id, id_rule(given).map(Some)),
        show: |of| match &of.id {
            None => Shown::Unset,
            Some(IdRule::PrimaryKey) => show_text("primary_key"),
            Some(IdRule::ObjectId) => show_text("object_id"),
            Some(IdRule::Columns(columns)) => show_list(columns),
        },
    },
    TableKey {
        name: "keyless",
        meaning: "`hash`, `skip` or `stop`, in place of `target.keyless`.",
        example: r#""skip""#,
        read: |to, given| put(&mut to.keyless, given.choice().map(Some)),
        show: |of| of.keyless.map_or(Shown::Unset, show_choice),
    },
    TableKey {
        name: "timestamp_column",
        meaning: "The TIMESTAMP or DATETIME column that tells when a row was changed, in place of one that is found by its name. Every change must set it.",
        example: r#""changed_on""#,
        read: |to, given| put(&mut to.timestamp_column, given.name().map(Some)),
        show: |of| of.timestamp_column.as_deref().map_or(Shown::Unset, show_text),
    },
    TableKey {
        name: "timestamp_zone",
        meaning: "The zone of the wall clock that this column holds, where it is a DATETIME: a name or an offset (\"+02:00\"). By default the source's own.",
        example: r#""Europe/Berlin""#,
        read: |to, given| put(&mut to.timestamp_zone, given.name().and_then(zone).map(Some)),
        show: |of| of.timestamp_zone.as_deref().map_or(Shown::Unset, show_text),
    },
];

/// Settings of tables that are sections themselves: name, a value in TOML, and what it does.
pub(in crate::config) const NESTED_KEYS: &[(&str, &str, &str)] = &[
    (
        "types",
        r#"{ decimal = "string" }"#,
        "Keys of `[types]` for this table; the page of types shows what every type becomes.",
    ),
    (
        "columns.NAME.types",
        r#"{ zero_date = "string", nulls = "omit" }"#,
        "Keys of `[types]` for one column.",
    ),
];

fn zone(name: String) -> Result<String, String> {
    parse_zone(&name).map(|_| name)
}

fn id_rule(given: &Given) -> Result<IdRule, String> {
    const EXPECTED: &str = "\"primary_key\", \"object_id\" or a list of columns is expected";
    match given {
        Given::Text(text) | Given::Word(text) if text == "primary_key" => Ok(IdRule::PrimaryKey),
        Given::Text(text) | Given::Word(text) if text == "object_id" => Ok(IdRule::ObjectId),
        Given::Word(text) if text.contains(',') => columns(given.list()?),
        Given::List(_) => columns(given.list()?),
        _ => Err(EXPECTED.to_owned()),
    }
}

fn columns(names: Vec<String>) -> Result<IdRule, String> {
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err("at least one column is expected, and no empty name".to_owned());
    }
    let twice = names
        .iter()
        .enumerate()
        .find(|(at, name)| names.iter().take(*at).any(|before| before == *name));
    match twice {
        Some((_, name)) => Err(format!("column {name} is in it twice")),
        None => Ok(IdRule::Columns(names)),
    }
}
