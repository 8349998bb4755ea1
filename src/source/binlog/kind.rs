//! A column's type as a table map tells it, in the words of the schema.
//!
//! What the map leaves out (labels without `binlog_row_metadata=FULL`, TINYINT(1) always) is taken from what is known of
//! the column; a schema fits a table map when each of its columns comes out of this unchanged.

use super::table_map::{MapColumn, column_type as ty, decode_label};
use crate::{
    codec::charset::Encoding,
    model::table::{Charset, ColumnType},
};

/// The type of a column; `Err` says why this version cannot read it.
pub(super) fn kind_of(
    column: &MapColumn<'_>,
    known: Option<&ColumnType>,
) -> Result<ColumnType, String> {
    match column.code {
        ty::TINY => int(1, column, known),
        ty::SHORT => int(2, column, known),
        ty::INT24 => int(3, column, known),
        ty::LONG => int(4, column, known),
        ty::LONGLONG => int(8, column, known),
        ty::FLOAT => Ok(ColumnType::Float),
        ty::DOUBLE => Ok(ColumnType::Double),
        ty::NEWDECIMAL => {
            let [precision, scale] = column.meta.to_le_bytes();
            Ok(ColumnType::Decimal { precision, scale })
        }
        ty::BIT => Ok(ColumnType::Bit { bits: bits(column.meta) }),
        ty::YEAR => Ok(ColumnType::Year),
        ty::DATE | ty::NEWDATE => Ok(ColumnType::Date),
        ty::DATETIME2 => digits(column).map(|digits| ColumnType::DateTime { digits }),
        ty::TIMESTAMP2 => digits(column).map(|digits| ColumnType::Timestamp { digits }),
        ty::TIME2 => digits(column).map(|digits| ColumnType::Time { digits }),
        ty::STRING | ty::VARCHAR | ty::BLOB => string(column, known),
        ty::ENUM => labels(column, known).map(|labels| ColumnType::Enum { labels }),
        ty::SET => labels(column, known).map(|labels| ColumnType::Set { labels }),
        ty::JSON => Ok(ColumnType::Json),
        ty::GEOMETRY => Ok(ColumnType::Geometry),
        ty::VECTOR => Err("VECTOR".to_owned()),
        ty::OLD_TIME | ty::OLD_DATETIME | ty::OLD_TIMESTAMP => {
            Err("a temporal type in the form before MySQL 5.6".to_owned())
        }
        other => Err(format!("type code {other}")),
    }
}

fn int(
    bytes: u8,
    column: &MapColumn<'_>,
    known: Option<&ColumnType>,
) -> Result<ColumnType, String> {
    let known = match known {
        Some(ColumnType::Int { bytes: width, unsigned, boolean }) if *width == bytes => {
            Some((*unsigned, *boolean))
        }
        _ => None,
    };
    let unsigned = column.unsigned.or_else(|| known.map(|(unsigned, _)| unsigned));
    let unsigned = unsigned.ok_or("a number of unknown signedness")?;
    let boolean = known.is_some_and(|(was_unsigned, boolean)| boolean && was_unsigned == unsigned);
    Ok(ColumnType::Int { bytes, unsigned, boolean })
}

/// BIT's metadata: the bits past whole bytes, then the whole bytes.
fn bits(meta: u16) -> u8 {
    let [rest, whole] = meta.to_le_bytes();
    whole.saturating_mul(8).saturating_add(rest)
}

fn digits(column: &MapColumn<'_>) -> Result<u8, String> {
    u8::try_from(column.meta)
        .ok()
        .filter(|digits| *digits <= 6)
        .ok_or_else(|| "a fraction of more than six digits".to_owned())
}

fn string(column: &MapColumn<'_>, known: Option<&ColumnType>) -> Result<ColumnType, String> {
    let encoding =
        column.encoding.or_else(|| known.and_then(encoding_of)).ok_or("text of unknown charset")?;
    let length = u32::from(column.meta);
    let length_bytes = u8::try_from(column.meta).unwrap_or(u8::MAX);
    match (column.code, encoding) {
        (_, Encoding::Other) => Err("text in a charset that this version does not read".to_owned()),
        (ty::STRING, Encoding::Binary) => Ok(ColumnType::Binary { length }),
        (ty::STRING, Encoding::Text(charset)) => {
            Ok(ColumnType::Char { charset, max_bytes: length })
        }
        (ty::VARCHAR, Encoding::Binary) => Ok(ColumnType::Varbinary { max_bytes: length }),
        (ty::VARCHAR, Encoding::Text(charset)) => {
            Ok(ColumnType::Varchar { charset, max_bytes: length })
        }
        (_, _) if !(1..=4).contains(&length_bytes) => Err("a BLOB of impossible size".to_owned()),
        (_, Encoding::Binary) => Ok(ColumnType::Blob { length_bytes }),
        (_, Encoding::Text(charset)) => Ok(ColumnType::Text { charset, length_bytes }),
    }
}

const fn encoding_of(known: &ColumnType) -> Option<Encoding> {
    match known {
        ColumnType::Char { charset, .. }
        | ColumnType::Varchar { charset, .. }
        | ColumnType::Text { charset, .. } => Some(Encoding::Text(*charset)),
        ColumnType::Binary { .. } | ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => {
            Some(Encoding::Binary)
        }
        _ => None,
    }
}

/// The labels as told, else as known: told as bytes that are no text, they must at least be as many.
fn labels(column: &MapColumn<'_>, known: Option<&ColumnType>) -> Result<Vec<String>, String> {
    let known = match (column.code, known) {
        (ty::ENUM, Some(ColumnType::Enum { labels })) => Some(labels),
        (ty::SET, Some(ColumnType::Set { labels })) => Some(labels),
        _ => None,
    };
    let unknown = || "ENUM or SET with labels that the binlog does not tell".to_owned();
    let Some(told) = &column.labels else {
        let fits = |labels: &&Vec<String>| value_bytes(column.code, labels.len()) == column.meta;
        return known.filter(fits).cloned().ok_or_else(unknown);
    };
    let encoding = column.encoding.unwrap_or(Encoding::Text(Charset::Utf8));
    let decoded: Option<Vec<String>> =
        told.iter().map(|label| decode_label(label, encoding)).collect();
    match decoded {
        Some(labels) => Ok(labels),
        None => known.filter(|labels| labels.len() == told.len()).cloned().ok_or_else(unknown),
    }
}

/// How many bytes a value with this many labels takes.
fn value_bytes(code: u8, count: usize) -> u16 {
    match (code, count) {
        (ty::ENUM, 0..256) => 1,
        (ty::ENUM, _) => 2,
        (_, 0..=32) => u16::try_from(count.div_ceil(8)).unwrap_or(4),
        _ => 8,
    }
}
