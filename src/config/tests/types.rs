//! `[types]`, and what tables and columns say of it.

use super::*;
use crate::config::{
    TypesConfig,
    types::{BinaryAs, DecimalAs, NullsAs, ZeroDateAs},
};

#[test]
fn tables_and_columns_say_what_differs() {
    let config = toml(
        "[types]\ndecimal = \"string\"\nnulls = \"omit\"\n[tables.\"shop.orders\"]\ntypes = { decimal = \"double\" }\n\
         [tables.\"shop.orders\".columns.price.types]\ndecimal = \"decimal128\"\nzero_date = \"dead_letter\"\n",
    )
    .config;
    let defaults = TypesConfig::default();
    let global = TypesConfig { decimal: DecimalAs::String, nulls: NullsAs::Omit, ..defaults };
    assert_eq!(config.types, global);
    let table = &config.tables["shop.orders"];
    let of_table = config.types.with(&table.types);
    assert_eq!(of_table, TypesConfig { decimal: DecimalAs::Double, ..global });
    let of_column = of_table.with(&table.columns["price"].types);
    let zero_date = ZeroDateAs::DeadLetter;
    assert_eq!(of_column, TypesConfig { decimal: DecimalAs::Decimal128, zero_date, ..global });
}

#[test]
fn variables_reach_tables_and_columns() {
    let variables = [
        ("BINLEAF__TYPES__BINARY", "uuid"),
        ("BINLEAF__TABLES__ORDERS__TYPES__NULLS", "omit"),
        ("BINLEAF__TABLES__ORDERS__COLUMNS__PRICE__TYPES__DECIMAL", "string"),
    ];
    let config = environment(&variables).config;
    assert_eq!(config.types.binary, BinaryAs::Uuid);
    assert_eq!(config.tables["orders"].types.nulls, Some(NullsAs::Omit));
    assert_eq!(config.tables["orders"].columns["price"].types.decimal, Some(DecimalAs::String));
    let written = toml(&file_of(&config));
    assert_eq!(format!("{:?}", written.config), format!("{config:?}"));
}

#[test]
fn wrong_types_are_told_where_they_stand() {
    let told = toml_errors(
        "[types]\ndecimals = \"string\"\nset = \"list\"\n[tables.a]\ntypes = { nulls = \"drop\", jsn = \"string\" }\n\
             [tables.b]\ntypes = \"string\"\ncolumns = 1\n[tables.c.columns]\nx = 1\n\
             [tables.c.columns.y]\ntypes = 1\ntipes = { set = \"array\" }\n",
    );
    for expected in [
        "types.decimals: unknown key, did you mean types.decimal?",
        "types.set: array or string is expected",
        "tables.a.types.nulls: keep or omit is expected",
        "tables.a.types.jsn: unknown key, did you mean json?",
        "tables.b.types: a section is expected",
        "tables.b.columns: a section is expected",
        "tables.c.columns.x: a section with the column's settings is expected",
        "tables.c.columns.y.types: a section is expected",
        "tables.c.columns.y.tipes: unknown key, did you mean types?",
    ] {
        assert!(told.iter().any(|line| line.ends_with(expected)), "{expected}\nin {told:#?}");
    }
}

#[test]
fn the_examples_of_sections_of_tables_are_valid() {
    for (name, example, _) in keys::NESTED_KEYS {
        toml(&format!("[tables.\"orders\"]\n{} = {example}\n", name.replace("NAME", "price")));
    }
}
