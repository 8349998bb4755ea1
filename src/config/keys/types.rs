//! Keys of `[types]`, which tables and columns may say as well.

use super::{Key, Shown, put, show_choice, show_text};
use crate::config::{choice::Choice, given::Given, types::TypesPatch};

/// A key of `types` of a table or a column.
pub(in crate::config) struct TypeKey {
    /// Its name.
    pub(in crate::config) name: &'static str,
    /// Checks a value and puts it where it belongs.
    pub(in crate::config) read: fn(&mut TypesPatch, &Given) -> Result<(), String>,
    /// The value that the settings have.
    pub(in crate::config) show: fn(&TypesPatch) -> Shown,
}

macro_rules! type_keys {
    ($($field:ident: $meaning:literal),+ $(,)?) => {
        /// For all tables.
        pub(super) const KEYS: &[Key] = &[$(Key {
            path: concat!("types.", stringify!($field)),
            meaning: $meaning,
            example: "",
            read: |to, given| put(&mut to.types.$field, given.choice()),
            show: |of| show_choice(of.types.$field),
        }),+];

        /// For single tables and columns.
        pub(in crate::config) const TYPE_KEYS: &[TypeKey] = &[$(TypeKey {
            name: stringify!($field),
            read: |to, given| put(&mut to.$field, given.choice().map(Some)),
            show: |of| of.$field.map_or(Shown::Unset, |value| show_text(value.text())),
        }),+];
    };
}

type_keys! {
    tinyint1: "Signed TINYINT(1): `int`, or `bool` (any number but 0 is true; an error of `check` on a column of the key).",
    decimal: "DECIMAL: `decimal128` (with the declared scale; String for columns of more than 34 digits), `double` (the nearest one; an error of `check` on a column of the key) or `string`.",
    datetime: "DATE, DATETIME and TIMESTAMP: `date` (cut to milliseconds) or `string` (ISO 8601 with the column's digits; TIMESTAMP ends with `Z`).",
    zero_date: "Dates with a zero part, and dates that do not exist: `null` (counted in `binleaf_values_coerced_total`), `string` or `dead-letter` (the row is kept aside).",
    set: "SET: `array` (of its members, in the order of their definition) or `string` (joined by commas).",
    binary: "BINARY, VARBINARY and BLOB: `binary`, or `uuid` (values of exactly 16 bytes get subtype 4).",
    json: "JSON: `document` (the value itself) or `string` (the server's text).",
    geometry: "POINT to GEOMETRYCOLLECTION: `geojson`, or `wkb` (well-known binary, without the SRID that the server puts before it).",
    vector: "VECTOR: `binary` (subtype 9, 32-bit floats) or `array` (of doubles).",
    nulls: "SQL NULL: `keep` (a Null field) or `omit` (no field). A JSON `null` and a date told as Null stay Null.",
}

/// The `types` of a table or column as a TOML inline table; `None` where it says nothing.
pub(in crate::config) fn show_types(types: &TypesPatch) -> Option<String> {
    let said: Vec<String> = TYPE_KEYS
        .iter()
        .filter_map(|key| match (key.show)(types) {
            Shown::Value(value) => Some(format!("{} = {value}", key.name)),
            Shown::Unset | Shown::Hidden => None,
        })
        .collect();
    (!said.is_empty()).then(|| format!("{{ {} }}", said.join(", ")))
}
