//! Collation numbers, by which table maps name charsets (`information_schema.collations`, MySQL 9.7).

use crate::model::table::Charset;

/// What the bytes of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Text that this version reads.
    Text(Charset),
    /// No text.
    Binary,
    /// Text in a charset that this version does not read.
    Other,
}

/// The charset of a collation.
pub(super) const fn encoding(collation: u64) -> Encoding {
    match collation {
        63 => Encoding::Binary,
        // utf8mb3, then utf8mb4.
        33 | 76 | 83 | 192..=215 | 223 => Encoding::Text(Charset::Utf8),
        45 | 46 | 224..=247 | 255..=323 => Encoding::Text(Charset::Utf8),
        11 | 65 => Encoding::Text(Charset::Ascii),
        5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => Encoding::Text(Charset::Latin1),
        _ => Encoding::Other,
    }
}
