//! Whether the server's answer has the columns that the schema says, type by type.
//!
//! A table may be altered between the reading of its schema and the reading of its rows. The server tells the type, the
//! digits and the charset of every column of an answer before the first row; a row is decoded only if all of them fit.

use mysql_async::{
    Column as Wire,
    consts::{ColumnFlags, ColumnType as WireType},
};

use crate::{
    codec::charset::{Encoding, encoding},
    model::table::{Charset, Column, ColumnType},
};

/// The name of the first column that does not fit; `None` when all do.
pub(in crate::source) fn misfit<'c>(
    columns: impl IntoIterator<Item = &'c Column>,
    answer: &[Wire],
) -> Option<&'c str> {
    let mut wires = answer.iter();
    columns
        .into_iter()
        .find(|column| !wires.next().is_some_and(|wire| fits(&column.kind, wire)))
        .map(|column| column.name.as_str())
}

fn fits(kind: &ColumnType, wire: &Wire) -> bool {
    use WireType as W;
    let wire_type = wire.column_type();
    match kind {
        ColumnType::Int { bytes, unsigned, .. } => {
            Some(wire_type) == integer(*bytes)
                && wire.flags().contains(ColumnFlags::UNSIGNED_FLAG) == *unsigned
        }
        ColumnType::Float => wire_type == W::MYSQL_TYPE_FLOAT,
        ColumnType::Double => wire_type == W::MYSQL_TYPE_DOUBLE,
        ColumnType::Decimal { scale, .. } => {
            wire_type == W::MYSQL_TYPE_NEWDECIMAL && wire.decimals() == *scale
        }
        // As numbers; of a short text MariaDB makes a short one.
        ColumnType::Bit { .. } | ColumnType::Enum { .. } | ColumnType::Set { .. } => {
            matches!(wire_type, W::MYSQL_TYPE_LONGLONG | W::MYSQL_TYPE_LONG)
        }
        ColumnType::Year => wire_type == W::MYSQL_TYPE_YEAR,
        ColumnType::Date => matches!(wire_type, W::MYSQL_TYPE_DATE | W::MYSQL_TYPE_NEWDATE),
        ColumnType::DateTime { digits } => timed(wire, W::MYSQL_TYPE_DATETIME, *digits),
        ColumnType::Timestamp { digits } => timed(wire, W::MYSQL_TYPE_TIMESTAMP, *digits),
        ColumnType::Time { digits } => timed(wire, W::MYSQL_TYPE_TIME, *digits),
        ColumnType::Char { charset, .. }
        | ColumnType::Varchar { charset, .. }
        | ColumnType::Text { charset, .. } => is_string(wire_type) && is_text(wire, *charset),
        ColumnType::Binary { .. } | ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => {
            is_string(wire_type) && is_binary(wire)
        }
        // MariaDB's is a LONGTEXT.
        ColumnType::Json => {
            wire_type == W::MYSQL_TYPE_JSON
                || (is_string(wire_type) && is_text(wire, Charset::Utf8))
        }
        // MariaDB's is a VARBINARY.
        ColumnType::Vector { .. } => {
            (wire_type == W::MYSQL_TYPE_VECTOR || is_string(wire_type)) && is_binary(wire)
        }
        ColumnType::Uuid | ColumnType::Inet4 | ColumnType::Inet6 => {
            is_string(wire_type) && is_binary(wire)
        }
        ColumnType::Geometry => wire_type == W::MYSQL_TYPE_GEOMETRY,
        ColumnType::Unsupported { .. } => false,
    }
}

const fn integer(bytes: u8) -> Option<WireType> {
    match bytes {
        1 => Some(WireType::MYSQL_TYPE_TINY),
        2 => Some(WireType::MYSQL_TYPE_SHORT),
        3 => Some(WireType::MYSQL_TYPE_INT24),
        4 => Some(WireType::MYSQL_TYPE_LONG),
        8 => Some(WireType::MYSQL_TYPE_LONGLONG),
        _ => None,
    }
}

fn timed(wire: &Wire, expected: WireType, digits: u8) -> bool {
    wire.column_type() == expected && wire.decimals() == digits
}

const fn is_string(wire: WireType) -> bool {
    matches!(
        wire,
        WireType::MYSQL_TYPE_STRING
            | WireType::MYSQL_TYPE_VAR_STRING
            | WireType::MYSQL_TYPE_VARCHAR
            | WireType::MYSQL_TYPE_TINY_BLOB
            | WireType::MYSQL_TYPE_BLOB
            | WireType::MYSQL_TYPE_MEDIUM_BLOB
            | WireType::MYSQL_TYPE_LONG_BLOB
    )
}

fn is_text(wire: &Wire, charset: Charset) -> bool {
    encoding(wire.character_set().into()) == Encoding::Text(charset)
}

fn is_binary(wire: &Wire) -> bool {
    encoding(wire.character_set().into()) == Encoding::Binary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(kind: WireType, collation: u16) -> Wire {
        Wire::new(kind).with_character_set(collation)
    }

    fn check(kind: &ColumnType, wire: &Wire, expected: bool) {
        assert_eq!(fits(kind, wire), expected, "{kind:?} {:?}", wire.column_type());
    }

    #[test]
    fn an_altered_column_is_noticed() {
        let int = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
        check(&int, &wire(WireType::MYSQL_TYPE_LONG, 63), true);
        check(&int, &wire(WireType::MYSQL_TYPE_LONGLONG, 63), false);
        let unsigned = wire(WireType::MYSQL_TYPE_LONG, 63).with_flags(ColumnFlags::UNSIGNED_FLAG);
        check(&int, &unsigned, false);
        let varchar = ColumnType::Varchar { charset: Charset::Latin1, max_bytes: 10 };
        check(&varchar, &wire(WireType::MYSQL_TYPE_VAR_STRING, 8), true);
        check(&varchar, &wire(WireType::MYSQL_TYPE_VAR_STRING, 255), false);
        let utf16 = ColumnType::Varchar { charset: Charset::Utf16, max_bytes: 10 };
        check(&utf16, &wire(WireType::MYSQL_TYPE_VAR_STRING, 2816), true);
        check(&utf16, &wire(WireType::MYSQL_TYPE_VAR_STRING, 56), false);
        let blob = ColumnType::Blob { length_bytes: 2 };
        check(&blob, &wire(WireType::MYSQL_TYPE_BLOB, 63), true);
        check(&blob, &wire(WireType::MYSQL_TYPE_BLOB, 255), false);
        let json = wire(WireType::MYSQL_TYPE_BLOB, 45);
        check(&ColumnType::Json, &json, true);
        check(&ColumnType::Json, &wire(WireType::MYSQL_TYPE_BLOB, 8), false);
        let bytes = wire(WireType::MYSQL_TYPE_VAR_STRING, 63);
        check(&ColumnType::Vector { dimensions: 3 }, &bytes, true);
        check(&ColumnType::Vector { dimensions: 3 }, &wire(WireType::MYSQL_TYPE_VECTOR, 63), true);
        check(&ColumnType::Uuid, &wire(WireType::MYSQL_TYPE_STRING, 63), true);
        check(&ColumnType::Uuid, &wire(WireType::MYSQL_TYPE_STRING, 8), false);
        let money = ColumnType::Decimal { precision: 10, scale: 2 };
        check(&money, &wire(WireType::MYSQL_TYPE_NEWDECIMAL, 63).with_decimals(2), true);
        check(&money, &wire(WireType::MYSQL_TYPE_NEWDECIMAL, 63).with_decimals(4), false);
    }

    #[test]
    fn a_missing_column_is_noticed() {
        let column = Column {
            name: "a".to_owned(),
            kind: ColumnType::Double,
            nullable: false,
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        };
        assert_eq!(misfit([&column], &[]), Some("a"));
        assert_eq!(misfit([&column], &[wire(WireType::MYSQL_TYPE_DOUBLE, 63)]), None);
    }
}
