//! Unicode in units of two and four bytes. A surrogate that is not one of a pair is no character.

/// utf16: pairs of bytes, the high one first, surrogates in pairs.
pub(super) fn append_utf16(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    append_pairs(out, units(bytes, u16::from_be_bytes)?)
}

/// utf16le: the same with the low byte first.
pub(super) fn append_utf16le(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    append_pairs(out, units(bytes, u16::from_le_bytes)?)
}

/// ucs2: every pair of bytes is a character of its own.
pub(super) fn append_ucs2(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    units(bytes, u16::from_be_bytes)?.try_for_each(|unit| append(out, char::from_u32(unit.into())?))
}

/// utf32: four bytes a character, the highest first.
pub(super) fn append_utf32(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    units(bytes, u32::from_be_bytes)?.try_for_each(|unit| append(out, char::from_u32(unit)?))
}

fn append_pairs(out: &mut Vec<u8>, units: impl Iterator<Item = u16>) -> Option<()> {
    char::decode_utf16(units).try_for_each(|character| append(out, character.ok()?))
}

fn append(out: &mut Vec<u8>, character: char) -> Option<()> {
    match u8::try_from(character) {
        Ok(ascii) if ascii.is_ascii() => out.push(ascii),
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    Some(())
}

/// The numbers that the bytes are; `None` when the last one is incomplete.
fn units<const N: usize, T>(
    bytes: &[u8],
    number: fn([u8; N]) -> T,
) -> Option<impl Iterator<Item = T>> {
    let (units, []) = bytes.as_chunks() else { return None };
    Some(units.iter().map(move |unit| number(*unit)))
}
