//! Text in a column's charset to UTF-8, as the server converts it. Bytes that do not convert are an error.

use super::CellFault;
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
/// [`CellFault::Charset`] when the bytes are not what the charset allows; `out` then ends in an unknown part of it.
pub fn append_utf8(out: &mut Vec<u8>, text: Text<'_>) -> Result<(), CellFault> {
    let valid = match text.charset {
        Charset::Utf8 => std::str::from_utf8(text.bytes).is_ok(),
        Charset::Ascii => text.bytes.is_ascii(),
        Charset::Latin1 => {
            append_latin1(out, text.bytes);
            return Ok(());
        }
    };
    if !valid {
        return Err(CellFault::Charset(text.charset));
    }
    out.extend_from_slice(text.bytes);
    Ok(())
}

fn append_latin1(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_ascii() {
        return out.extend_from_slice(bytes);
    }
    for &byte in bytes {
        let high_control = usize::from(byte).checked_sub(0x80);
        let character = high_control
            .and_then(|index| LATIN1_HIGH_CONTROLS.get(index).copied())
            .unwrap_or_else(|| char::from(byte));
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
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
    }
}
