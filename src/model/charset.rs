//! The charsets of columns.

use serde::{Deserialize, Serialize};

/// A charset that columns may have: every one of MySQL 9.7 and MariaDB 11.8 but `binary`, whose strings are no text. Saved
/// by the server's name in small letters, `utf8mb4` and `utf8mb3` both as `utf8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// `utf8mb4` and `utf8mb3`: passed through after a validity check.
    Utf8,
    /// `ascii`.
    Ascii,
    /// `latin1`: windows-1252 with the five holes filled by the C1 controls.
    Latin1,
    /// `armscii8`: Armenian.
    Armscii8,
    /// `big5`: traditional Chinese.
    Big5,
    /// `cp1250`: Windows, Central European.
    Cp1250,
    /// `cp1251`: Windows, Cyrillic.
    Cp1251,
    /// `cp1256`: Windows, Arabic.
    Cp1256,
    /// `cp1257`: Windows, Baltic.
    Cp1257,
    /// `cp850`: DOS, Western European.
    Cp850,
    /// `cp852`: DOS, Central European.
    Cp852,
    /// `cp866`: DOS, Russian.
    Cp866,
    /// `cp932`: Shift-JIS as Windows has it.
    Cp932,
    /// `dec8`: DEC, Western European.
    Dec8,
    /// `eucjpms`: EUC-JP as Windows has it.
    Eucjpms,
    /// `euckr`: Korean.
    Euckr,
    /// `gb18030`: Chinese, up to four bytes a character.
    Gb18030,
    /// `gb2312`: simplified Chinese.
    Gb2312,
    /// `gbk`: simplified Chinese.
    Gbk,
    /// `geostd8`: Georgian.
    Geostd8,
    /// `greek`: ISO 8859-7.
    Greek,
    /// `hebrew`: ISO 8859-8.
    Hebrew,
    /// `hp8`: HP, Western European.
    Hp8,
    /// `keybcs2`: DOS, Kamenický's Czech and Slovak.
    Keybcs2,
    /// `koi8r`: Russian.
    Koi8r,
    /// `koi8u`: Ukrainian.
    Koi8u,
    /// `latin2`: ISO 8859-2.
    Latin2,
    /// `latin5`: ISO 8859-9.
    Latin5,
    /// `latin7`: ISO 8859-13.
    Latin7,
    /// `macce`: Mac, Central European.
    Macce,
    /// `macroman`: Mac, Western European.
    Macroman,
    /// `sjis`: Shift-JIS.
    Sjis,
    /// `swe7`: seven bits with Swedish letters where ASCII has brackets.
    Swe7,
    /// `tis620`: Thai.
    Tis620,
    /// `ucs2`: two bytes a character, the high one first.
    Ucs2,
    /// `ujis`: EUC-JP.
    Ujis,
    /// `utf16`: the high byte first.
    Utf16,
    /// `utf16le`: the low byte first.
    Utf16le,
    /// `utf32`: four bytes a character, the high one first.
    Utf32,
}

impl Charset {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::Utf8,
        Self::Ascii,
        Self::Latin1,
        Self::Armscii8,
        Self::Big5,
        Self::Cp1250,
        Self::Cp1251,
        Self::Cp1256,
        Self::Cp1257,
        Self::Cp850,
        Self::Cp852,
        Self::Cp866,
        Self::Cp932,
        Self::Dec8,
        Self::Eucjpms,
        Self::Euckr,
        Self::Gb18030,
        Self::Gb2312,
        Self::Gbk,
        Self::Geostd8,
        Self::Greek,
        Self::Hebrew,
        Self::Hp8,
        Self::Keybcs2,
        Self::Koi8r,
        Self::Koi8u,
        Self::Latin2,
        Self::Latin5,
        Self::Latin7,
        Self::Macce,
        Self::Macroman,
        Self::Sjis,
        Self::Swe7,
        Self::Tis620,
        Self::Ucs2,
        Self::Ujis,
        Self::Utf16,
        Self::Utf16le,
        Self::Utf32,
    ];

    /// The charset by the server's name, older names of UTF-8 included. `None` for `binary` and for what no server of
    /// ours has.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "utf8mb3" | "utf8" => Some(Self::Utf8),
            _ => Self::ALL.into_iter().find(|charset| charset.name() == name),
        }
    }

    /// The server's name; of both UTF-8s the wider one's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8mb4",
            Self::Ascii => "ascii",
            Self::Latin1 => "latin1",
            Self::Armscii8 => "armscii8",
            Self::Big5 => "big5",
            Self::Cp1250 => "cp1250",
            Self::Cp1251 => "cp1251",
            Self::Cp1256 => "cp1256",
            Self::Cp1257 => "cp1257",
            Self::Cp850 => "cp850",
            Self::Cp852 => "cp852",
            Self::Cp866 => "cp866",
            Self::Cp932 => "cp932",
            Self::Dec8 => "dec8",
            Self::Eucjpms => "eucjpms",
            Self::Euckr => "euckr",
            Self::Gb18030 => "gb18030",
            Self::Gb2312 => "gb2312",
            Self::Gbk => "gbk",
            Self::Geostd8 => "geostd8",
            Self::Greek => "greek",
            Self::Hebrew => "hebrew",
            Self::Hp8 => "hp8",
            Self::Keybcs2 => "keybcs2",
            Self::Koi8r => "koi8r",
            Self::Koi8u => "koi8u",
            Self::Latin2 => "latin2",
            Self::Latin5 => "latin5",
            Self::Latin7 => "latin7",
            Self::Macce => "macce",
            Self::Macroman => "macroman",
            Self::Sjis => "sjis",
            Self::Swe7 => "swe7",
            Self::Tis620 => "tis620",
            Self::Ucs2 => "ucs2",
            Self::Ujis => "ujis",
            Self::Utf16 => "utf16",
            Self::Utf16le => "utf16le",
            Self::Utf32 => "utf32",
        }
    }

    /// The blank, to which the server pads CHAR. Where it is one byte, no longer character ends in that byte.
    #[must_use]
    pub const fn blank(self) -> &'static [u8] {
        match self {
            Self::Ucs2 | Self::Utf16 => b"\0 ",
            Self::Utf16le => b" \0",
            Self::Utf32 => b"\0\0\0 ",
            _ => b" ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again() {
        for charset in Charset::ALL {
            assert_eq!(Charset::named(charset.name()), Some(charset));
        }
        assert_eq!(Charset::named("utf8mb3"), Some(Charset::Utf8));
        assert_eq!(Charset::named("binary"), None);
        assert_eq!(Charset::named("ebcdic"), None);
    }

    #[test]
    fn what_is_saved_is_the_servers_name_and_utf8() {
        for charset in Charset::ALL {
            let name = if charset == Charset::Utf8 { "utf8" } else { charset.name() };
            assert_eq!(serde_json::to_value(charset).unwrap(), name);
            assert_eq!(serde_json::from_value::<Charset>(name.into()).unwrap(), charset);
        }
    }
}
