//! Text in a column's charset to UTF-8, as the server converts it. Bytes that do not convert are an error.

mod collation;
mod table;
mod unicode;

pub use self::collation::{Encoding, encoding};

use super::{CellFault, element};
use crate::model::{table::Charset, value::Text};

/// What latin1's bytes 80 to 9F mean: windows-1252 with its five holes filled by the C1 controls
/// (MySQL 9.7, `SELECT HEX(CONVERT(_latin1 x'81' USING utf32))`).
const LATIN1_HIGH_CONTROLS: [char; 32] = [
    '\u{20AC}', '\u{0081}', '\u{201A}', '\u{0192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{02C6}', '\u{2030}', '\u{0160}', '\u{2039}', '\u{0152}', '\u{008D}', '\u{017D}', '\u{008F}',
    '\u{0090}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{02DC}', '\u{2122}', '\u{0161}', '\u{203A}', '\u{0153}', '\u{009D}', '\u{017E}', '\u{0178}',
];

/// Appends the text in UTF-8.
///
/// # Errors
/// [`CellFault::Charset`] when the bytes are not what the charset allows, or are codes that it allows but that have no
/// character, for which the server would write `?`; `out` then ends in an unknown part of it.
pub fn append_utf8(out: &mut Vec<u8>, text: Text<'_>) -> Result<(), CellFault> {
    let Text { bytes, charset } = text;
    let appended = match charset {
        Charset::Utf8 => is_utf8(bytes).then(|| out.extend_from_slice(bytes)),
        Charset::Ascii => bytes.is_ascii().then(|| out.extend_from_slice(bytes)),
        Charset::Latin1 => {
            append_latin1(out, bytes);
            return Ok(());
        }
        Charset::Utf16 => unicode::append_utf16(out, bytes),
        Charset::Utf16le => unicode::append_utf16le(out, bytes),
        Charset::Ucs2 => unicode::append_ucs2(out, bytes),
        Charset::Utf32 => unicode::append_utf32(out, bytes),
        _ => table::of(charset).and_then(|table| table.append(out, bytes)),
    };
    appended.ok_or(CellFault::Charset(charset))
}

/// Appends the text as the payload of a BSON string.
///
/// # Errors
/// As [`append_utf8`].
#[inline]
pub fn append_string(out: &mut Vec<u8>, text: Text<'_>) -> Result<(), CellFault> {
    if text.charset == Charset::Utf8 {
        if !is_utf8(text.bytes) {
            return Err(CellFault::Charset(Charset::Utf8));
        }
        element::string(out, text.bytes);
        return Ok(());
    }
    let at = element::begin_string(out);
    append_utf8(out, text)?;
    element::end_string(out, at);
    Ok(())
}

/// Whether the bytes are UTF-8. Most texts are short and ASCII, which takes a few steps to see, and so are the ends of
/// most others.
#[inline]
#[must_use]
pub fn is_utf8(bytes: &[u8]) -> bool {
    is_ascii(bytes) || std::str::from_utf8(without_ascii_ends(bytes)).is_ok()
}

/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Looks at whole words; the last one overlaps the one before it.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let high = if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        words.iter().fold(u64::from_ne_bytes(*last), |all, word| all | u64::from_ne_bytes(*word))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last))
    } else {
        bytes.iter().fold(0, |all, byte| all | u64::from(*byte))
    };
    high & HIGH == 0
}

/// What is left without the words of ASCII at both ends. No character of UTF-8 reaches into a word that is ASCII.
fn without_ascii_ends(bytes: &[u8]) -> &[u8] {
    let is_ascii = |word: &&[u8; 8]| u64::from_ne_bytes(**word) & HIGH == 0;
    let (words, _) = bytes.as_chunks();
    let leading = words.iter().take_while(is_ascii).count() * 8;
    let rest = bytes.get(leading..).unwrap_or_default();
    let (_, words) = rest.as_rchunks();
    let trailing = words.iter().rev().take_while(is_ascii).count() * 8;
    rest.get(..rest.len() - trailing).unwrap_or_default()
}

/// The text in UTF-8.
///
/// # Errors
/// As [`append_utf8`].
pub fn to_utf8(text: Text<'_>) -> Result<String, CellFault> {
    let mut out = Vec::with_capacity(text.bytes.len());
    append_utf8(&mut out, text)?;
    String::from_utf8(out).map_err(|_| CellFault::Charset(text.charset))
}

/// The bytes without the blanks at their end, as the server tells a CHAR.
#[must_use]
pub fn trimmed(text: Text<'_>) -> Text<'_> {
    let Text { mut bytes, charset } = text;
    // The binlog has CHAR without its blanks as a rule.
    if !matches!(bytes.last(), Some(b' ' | 0)) {
        return text;
    }
    while let Some(shorter) = bytes.strip_suffix(charset.blank()) {
        bytes = shorter;
    }
    Text { bytes, charset }
}

fn append_latin1(out: &mut Vec<u8>, bytes: &[u8]) {
    let (ascii, rest) = split_ascii(bytes);
    out.extend_from_slice(ascii);
    for &byte in rest {
        let high_control = usize::from(byte).checked_sub(0x80);
        let character = high_control
            .and_then(|index| LATIN1_HIGH_CONTROLS.get(index).copied())
            .unwrap_or_else(|| char::from(byte));
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// The ASCII at the beginning, and what comes behind it.
fn split_ascii(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at_checked(encoding_rs::Encoding::ascii_valid_up_to(bytes)).unwrap_or((&[], bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(bytes: &[u8], charset: Charset) -> Result<String, CellFault> {
        let mut out = Vec::new();
        append_utf8(&mut out, Text { bytes, charset })?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn utf8_is_what_the_standard_library_says_wherever_it_stands_among_ascii() {
        let samples: [&[u8]; 8] = [
            "ü".as_bytes(),
            "コー".as_bytes(),
            "😀".as_bytes(),
            b"\xC3",
            b"\xBC",
            b"\xE3\x82",
            b"\xF0\x9F\x98",
            b"\xED\xA0\x80",
        ];
        for sample in samples {
            for (before, behind) in (0..20).flat_map(|before| (0..20).map(move |b| (before, b))) {
                let text = [&vec![b'a'; before][..], sample, &vec![b'z'; behind]].concat();
                assert_eq!(is_utf8(&text), std::str::from_utf8(&text).is_ok(), "{text:x?}");
            }
        }
    }

    #[test]
    fn latin1_is_windows_1252_with_its_holes_filled() {
        for byte in 0..=255_u8 {
            let ours = convert(&[byte], Charset::Latin1).unwrap();
            let bytes = [byte];
            let theirs = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0;
            assert_eq!(ours, theirs, "byte {byte:02x}");
        }
        assert_eq!(
            convert(b"\x81\x8d\x8f\x90\x9d", Charset::Latin1).unwrap(),
            "\u{81}\u{8d}\u{8f}\u{90}\u{9d}"
        );
    }

    #[test]
    fn bytes_that_do_not_convert_are_an_error() {
        assert_eq!(convert(b"a\xff", Charset::Utf8), Err(CellFault::Charset(Charset::Utf8)));
        assert_eq!(convert(b"\xed\xa0\x80", Charset::Utf8), Err(CellFault::Charset(Charset::Utf8)));
        assert_eq!(convert(b"\x80", Charset::Ascii), Err(CellFault::Charset(Charset::Ascii)));
        assert_eq!(convert("é€😀\0".as_bytes(), Charset::Utf8).unwrap(), "é€😀\0");
        for (bytes, charset) in [
            (&b"a\x81"[..], Charset::Sjis),
            (b"\xff\xff", Charset::Sjis),
            (b"\x85\x41", Charset::Sjis),
            (b"\x98", Charset::Cp1251),
            (b"\xff", Charset::Tis620),
            (b"\xff", Charset::Swe7),
            (b"\x8f\xa1", Charset::Eucjpms),
            (b"\x81\x30\x81", Charset::Gb18030),
            (b"\xfe\x39\xfe\x39", Charset::Gb18030),
            (b"\x00a\x00", Charset::Utf16),
            (b"\xd8\x3d\x00a", Charset::Utf16),
            (b"\x00\xdc", Charset::Utf16le),
            (b"\xd8\x3d\xde\x00", Charset::Ucs2),
            (b"\x00\x11\x00\x00", Charset::Utf32),
            (b"\x00\x00\x41", Charset::Utf32),
        ] {
            assert_eq!(convert(bytes, charset), Err(CellFault::Charset(charset)), "{bytes:x?}");
        }
    }

    #[test]
    fn text_of_any_length_is_seen_to_be_utf8_or_not() {
        for length in 0..40 {
            let ascii = vec![b'a'; length];
            assert!(is_ascii(&ascii) && is_utf8(&ascii));
            for place in 0..length {
                let mut bytes = ascii.clone();
                bytes[place] = 0x80;
                assert!(!is_ascii(&bytes) && !is_utf8(&bytes), "{place} of {length}");
                bytes.splice(place..=place, "é".bytes());
                assert!(!is_ascii(&bytes) && is_utf8(&bytes), "{place} of {length}");
            }
        }
    }

    #[test]
    fn codes_are_what_the_server_says() {
        for (bytes, charset, expected) in [
            (&b"a\x81\x60\xb1\x5cz"[..], Charset::Sjis, "a\u{301c}\u{ff71}\\z"),
            (b"\x81\x60", Charset::Cp932, "\u{ff5e}"),
            (b"\xa4\xa2\x8f\xb0\xa1\x8e\xb1", Charset::Ujis, "あ丂\u{ff71}"),
            (b"\xc4\xe3\x30", Charset::Gbk, "你0"),
            (b"\x81\x30\x81\x30\x94\x39\xda\x33", Charset::Gb18030, "\u{80}\u{1f4a9}"),
            (b"}{|\0\x24", Charset::Swe7, "åäö\0$"),
            (b"\xd8\x3d\xde\x00\x00a", Charset::Utf16, "😀a"),
            (b"\x3d\xd8\x00\xdea\x00", Charset::Utf16le, "😀a"),
            (b"\x20\xac\x00a", Charset::Ucs2, "€a"),
            (b"\x00\x01\xf6\x00", Charset::Utf32, "😀"),
        ] {
            assert_eq!(convert(bytes, charset).as_deref(), Ok(expected), "{charset:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_utf8_or_an_error(
            bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..40),
        ) {
            for charset in Charset::ALL {
                let mut out = b"before".to_vec();
                match append_utf8(&mut out, Text { bytes: &bytes, charset }) {
                    Ok(()) => assert!(std::str::from_utf8(&out).is_ok(), "{charset:?}"),
                    Err(fault) => assert_eq!(fault, CellFault::Charset(charset)),
                }
            }
        }
    }

    #[test]
    fn only_whole_blanks_are_trimmed() {
        let check = |bytes: &[u8], charset, kept: &[u8]| {
            assert_eq!(trimmed(Text { bytes, charset }).bytes, kept, "{charset:?}");
        };
        check(b"a b  ", Charset::Sjis, b"a b");
        check(b"   ", Charset::Utf8, b"");
        check(b"\x01\x20\x00\x20\x00\x20", Charset::Utf16, b"\x01\x20");
        check(b"\x20\x20", Charset::Ucs2, b"\x20\x20");
        check(b"\x20\x01\x20\x00", Charset::Utf16le, b"\x20\x01");
        check(b"\x00\x00\x20\x20\x00\x00\x00\x20", Charset::Utf32, b"\x00\x00\x20\x20");
    }
}
