//! Charsets that are tables: what each code is in Unicode, as MySQL 9.7 and MariaDB 11.8 convert it.
//!
//! The tables were asked of the server, code by code, by `examples/charsets.rs`; both servers give the same. They are not
//! the web's (`encoding_rs`): in sjis 8160 is U+301C here and U+FF5E there, and such differences are in most of them. They
//! are kept deflated, 147 KB in all, and each is unpacked when it is first needed.

use std::io::Read;

use crate::model::table::Charset;

/// What comes before three-byte codes of EUC-JP.
const THREE_BYTE_PREFIX: u8 = 0x8F;

/// The second and fourth byte of a four-byte code of gb18030.
const FOUR_BYTE_DIGITS: std::ops::RangeInclusive<u8> = 0x30..=0x39;

/// The conversion of one charset.
#[derive(Debug)]
pub(super) struct Table {
    /// Whether the first 128 codes are ASCII's, so that runs of them are copied.
    keeps_ascii: bool,
    one: [Utf8; 256],
    two: Rectangle,
    /// Behind [`THREE_BYTE_PREFIX`].
    three: Rectangle,
    /// By number, in rising order.
    four: Box<[Run]>,
}

/// A character of one byte in UTF-8; no character where the length is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Utf8 {
    bytes: [u8; 3],
    length: u8,
}

/// The code points of all pairs of a first and a second byte within bounds, by rows; 0 where there is none.
#[derive(Debug, Default)]
struct Rectangle {
    first_lead: u8,
    first_trail: u8,
    width: usize,
    code_points: Box<[u16]>,
}

/// Codes whose code points follow each other.
#[derive(Debug, Clone, Copy)]
struct Run {
    number: u32,
    length: u32,
    code_point: u32,
}

macro_rules! tables {
    ($($charset:ident $file:literal,)*) => {
        /// The table of a charset; `None` for those that are computed.
        pub(super) fn of(charset: Charset) -> Option<&'static Table> {
            use std::sync::LazyLock;
            match charset {
                $(Charset::$charset => {
                    static TABLE: LazyLock<Table> = LazyLock::new(|| {
                        Table::unpack(include_bytes!(concat!("tables/", $file, ".z")))
                    });
                    Some(&TABLE)
                })*
                Charset::Utf8 | Charset::Ascii | Charset::Latin1 => None,
                Charset::Ucs2 | Charset::Utf16 | Charset::Utf16le | Charset::Utf32 => None,
            }
        }
    };
}

tables! {
    Armscii8 "armscii8",
    Big5 "big5",
    Cp1250 "cp1250",
    Cp1251 "cp1251",
    Cp1256 "cp1256",
    Cp1257 "cp1257",
    Cp850 "cp850",
    Cp852 "cp852",
    Cp866 "cp866",
    Cp932 "cp932",
    Dec8 "dec8",
    Eucjpms "eucjpms",
    Euckr "euckr",
    Gb18030 "gb18030",
    Gb2312 "gb2312",
    Gbk "gbk",
    Geostd8 "geostd8",
    Greek "greek",
    Hebrew "hebrew",
    Hp8 "hp8",
    Keybcs2 "keybcs2",
    Koi8r "koi8r",
    Koi8u "koi8u",
    Latin2 "latin2",
    Latin5 "latin5",
    Latin7 "latin7",
    Macce "macce",
    Macroman "macroman",
    Sjis "sjis",
    Swe7 "swe7",
    Tis620 "tis620",
    Ujis "ujis",
}

impl Table {
    /// Appends the text in UTF-8; `None` when a code is ill-formed or has no character.
    pub(super) fn append(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.keeps_ascii && first.is_ascii() {
                let (ascii, behind) = super::split_ascii(rest);
                out.extend_from_slice(ascii);
                rest = behind;
                continue;
            }
            let one = self.one.get(usize::from(first))?;
            let length = if one.length > 0 {
                out.extend_from_slice(one.bytes.get(..usize::from(one.length))?);
                1
            } else {
                let (character, length) = self.long(rest)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                length
            };
            rest = rest.get(length..)?;
        }
        Some(())
    }

    /// The character of the code of several bytes at the beginning, and how many they are.
    fn long(&self, text: &[u8]) -> Option<(char, usize)> {
        match *text {
            [THREE_BYTE_PREFIX, lead, trail, ..] if !self.three.code_points.is_empty() => {
                Some((self.three.character(lead, trail)?, 3))
            }
            [a, b, c, d, ..] if FOUR_BYTE_DIGITS.contains(&b) && !self.four.is_empty() => {
                Some((self.four_bytes([a, b, c, d])?, 4))
            }
            [lead, trail, ..] => Some((self.two.character(lead, trail)?, 2)),
            _ => None,
        }
    }

    /// Four-byte codes are numbers whose digits are 126, 10, 126 and 10 wide.
    fn four_bytes(&self, [a, b, c, d]: [u8; 4]) -> Option<char> {
        let wide = |byte: u8| byte.checked_sub(0x81).filter(|digit| *digit < 126).map(u32::from);
        let narrow = |byte: u8| byte.checked_sub(0x30).filter(|digit| *digit < 10).map(u32::from);
        let number = (wide(a)? * 10 + narrow(b)?) * 1260 + wide(c)? * 10 + narrow(d)?;
        let behind = self.four.partition_point(|run| run.number <= number);
        let run = self.four.get(behind.checked_sub(1)?)?;
        let offset = number - run.number;
        (offset < run.length).then(|| char::from_u32(run.code_point + offset)).flatten()
    }

    /// A table from its file. One that cannot be read converts nothing; a test reads them all.
    fn unpack(packed: &[u8]) -> Self {
        let mut bytes = Vec::new();
        let inflated = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut bytes);
        inflated.ok().and_then(|_| Self::parse(&bytes)).unwrap_or_else(|| Self {
            keeps_ascii: false,
            one: [Utf8::default(); 256],
            two: Rectangle::default(),
            three: Rectangle::default(),
            four: Box::default(),
        })
    }

    /// Three rectangles, for codes of one byte (behind a zero), of two and of three; then the runs of four.
    fn parse(mut file: &[u8]) -> Option<Self> {
        let short = Rectangle::take(&mut file)?;
        let (two, three) = (Rectangle::take(&mut file)?, Rectangle::take(&mut file)?);
        let count = take_number(&mut file)?;
        let four = (0..count).map(|_| Run::take(&mut file)).collect::<Option<_>>()?;
        let mut one = [Utf8::default(); 256];
        for (byte, utf8) in (0..=u8::MAX).zip(&mut one) {
            let character = if byte == 0 { Some('\0') } else { short.character(0, byte) };
            *utf8 = character.map(Utf8::of).unwrap_or_default();
        }
        let is_itself = |byte: u8| short.character(0, byte) == Some(char::from(byte));
        let keeps_ascii = (1..128).all(is_itself);
        file.is_empty().then_some(Self { keeps_ascii, one, two, three, four })
    }
}

impl Utf8 {
    /// A character below U+10000; others take more than there is room for, and are none.
    fn of(character: char) -> Self {
        let mut bytes = [0; 4];
        match (character.encode_utf8(&mut bytes).len(), bytes) {
            (length @ 1..=3, [a, b, c, _]) => {
                Self { bytes: [a, b, c], length: u8::try_from(length).unwrap_or(0) }
            }
            _ => Self::default(),
        }
    }
}

impl Rectangle {
    fn character(&self, lead: u8, trail: u8) -> Option<char> {
        let row = usize::from(lead.checked_sub(self.first_lead)?);
        let column = usize::from(trail.checked_sub(self.first_trail)?);
        if column >= self.width {
            return None;
        }
        let code_point = *self.code_points.get(row * self.width + column)?;
        (code_point != 0).then(|| char::from_u32(code_point.into())).flatten()
    }

    /// First and last of both bytes, then the high bytes of all code points, then the low ones.
    fn take(file: &mut &[u8]) -> Option<Self> {
        let [first_lead, last_lead, first_trail, last_trail] = take_array(file)?;
        let span = |first: u8, last: u8| (usize::from(last) + 1).saturating_sub(first.into());
        let (height, width) = (span(first_lead, last_lead), span(first_trail, last_trail));
        let (high, behind) = file.split_at_checked(height * width)?;
        let (low, behind) = behind.split_at_checked(height * width)?;
        *file = behind;
        let code_points = high.iter().zip(low).map(|(high, low)| u16::from_be_bytes([*high, *low]));
        Some(Self { first_lead, first_trail, width, code_points: code_points.collect() })
    }
}

impl Run {
    fn take(file: &mut &[u8]) -> Option<Self> {
        let (number, length) = (take_number(file)?, take_number(file)?);
        Some(Self { number, length, code_point: take_number(file)? })
    }
}

fn take_number(file: &mut &[u8]) -> Option<u32> {
    take_array(file).map(u32::from_be_bytes)
}

fn take_array(file: &mut &[u8]) -> Option<[u8; 4]> {
    let (array, behind) = file.split_first_chunk()?;
    *file = behind;
    Some(*array)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many codes of one, two, three and four bytes have a character.
    fn counts(charset: Charset) -> [usize; 4] {
        let table = of(charset).unwrap();
        let in_rectangle =
            |one: &Rectangle| one.code_points.iter().filter(|point| **point != 0).count();
        [
            table.one.iter().filter(|one| one.length > 0).count(),
            in_rectangle(&table.two),
            in_rectangle(&table.three),
            table.four.iter().map(|run| usize::try_from(run.length).unwrap()).sum(),
        ]
    }

    #[test]
    fn every_table_is_read_whole() {
        assert_eq!(counts(Charset::Gb18030), [128, 23_940, 0, 1_087_996]);
        assert_eq!(counts(Charset::Eucjpms), [128, 7_965, 7_113, 0]);
        assert_eq!(counts(Charset::Ujis), [128, 7_882, 7_007, 0]);
        assert_eq!(counts(Charset::Sjis), [191, 6_879, 0, 0]);
        assert_eq!(counts(Charset::Cp932), [191, 9_604, 0, 0]);
        for charset in Charset::ALL {
            let Some(table) = of(charset) else { continue };
            // swe7 has letters in place of brackets, and nothing at 7F.
            assert!(counts(charset)[0] >= 127, "{charset:?}");
            assert_eq!(table.keeps_ascii, charset != Charset::Swe7, "{charset:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_converts_nothing() {
        let whole = include_bytes!("tables/sjis.z");
        let table = Table::unpack(&whole[..whole.len() / 2]);
        assert_eq!(table.append(&mut Vec::new(), b"a"), None);
    }
}
