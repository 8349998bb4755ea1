//! Collation numbers, by which table maps name charsets (`information_schema.collations`, MySQL 9.7;
//! `collation_character_set_applicability`, MariaDB 11.8).

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
        // MariaDB's own: without padding, and those of UCA 14.
        576..=579 | 1057 | 1107 | 1216 | 1238 | 2048..=2303 => Encoding::Text(Charset::Utf8),
        608..=611 | 1069 | 1070 | 1248 | 1270 | 2304..=2559 => Encoding::Text(Charset::Utf8),
        1035 | 1089 => Encoding::Text(Charset::Ascii),
        1032 | 1071 => Encoding::Text(Charset::Latin1),
        _ => Encoding::Other,
    }
}
