//! BSON written by hand: type bytes and the few payloads that rows need (<https://bsonspec.org/spec.html>).
//!
//! An element is a type byte, the name as a C string, and the payload. The functions here append payloads; a caller
//! that learns the type only after writing the value patches the type byte afterwards with [`set_tag`].

/// Type bytes.
pub mod tag {
    /// 64-bit binary floating point.
    pub const DOUBLE: u8 = 0x01;
    /// UTF-8 string.
    pub const STRING: u8 = 0x02;
    /// Embedded document.
    pub const DOCUMENT: u8 = 0x03;
    /// Array.
    pub const ARRAY: u8 = 0x04;
    /// Binary data.
    pub const BINARY: u8 = 0x05;
    /// Boolean.
    pub const BOOLEAN: u8 = 0x08;
    /// UTC milliseconds since the epoch.
    pub const DATE_TIME: u8 = 0x09;
    /// Null.
    pub const NULL: u8 = 0x0A;
    /// 32-bit integer.
    pub const INT32: u8 = 0x10;
    /// 64-bit integer.
    pub const INT64: u8 = 0x12;
    /// 128-bit decimal.
    pub const DECIMAL128: u8 = 0x13;
}

/// Subtypes of binary data.
pub mod subtype {
    /// Bytes that are only bytes.
    pub const GENERIC: u8 = 0;
    /// A UUID.
    pub const UUID: u8 = 4;
    /// A vector of numbers.
    pub const VECTOR: u8 = 9;
}

/// Overwrites the type byte at `at`.
pub fn set_tag(out: &mut [u8], at: usize, tag: u8) {
    if let Some(byte) = out.get_mut(at) {
        *byte = tag;
    }
}

/// Begins a document or array: reserves its length and gives the place of it.
#[must_use]
pub fn begin(out: &mut Vec<u8>) -> usize {
    reserve_length(out)
}

/// Ends the document or array begun at `at`.
pub fn end(out: &mut Vec<u8>, at: usize) {
    out.push(0);
    let length = out.len().saturating_sub(at);
    set_length(out, at, length);
}

/// Begins a string whose bytes the caller appends: reserves its length and gives the place of it.
#[must_use]
pub fn begin_string(out: &mut Vec<u8>) -> usize {
    reserve_length(out)
}

/// Ends the string begun at `at`.
pub fn end_string(out: &mut Vec<u8>, at: usize) {
    out.push(0);
    let length = out.len().saturating_sub(at + 4);
    set_length(out, at, length);
}

fn reserve_length(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    at
}

/// Puts the length of a whole document at its beginning.
pub fn set_document_length(document: &mut [u8]) {
    let length = document.len();
    set_length(document, 0, length);
}

/// A length past 2 GiB saturates: such a document is refused by its size before its length is ever read.
fn set_length(out: &mut [u8], at: usize, length: usize) {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// Appends the payload of a string that is known to be UTF-8.
#[inline]
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&i32::try_from(text.len() + 1).unwrap_or(i32::MAX).to_le_bytes());
    out.extend_from_slice(text);
    out.push(0);
}

/// Appends the payload of a binary of subtype 0, padded with zero bytes up to `width`.
pub fn binary(out: &mut Vec<u8>, bytes: &[u8], width: usize) {
    binary_of(out, subtype::GENERIC, bytes, width);
}

/// Appends the payload of a binary of a subtype, padded with zero bytes up to `width`.
pub fn binary_of(out: &mut Vec<u8>, subtype: u8, bytes: &[u8], width: usize) {
    let length = bytes.len().max(width);
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes());
    out.push(subtype);
    out.extend_from_slice(bytes);
    out.resize(out.len() + (length - bytes.len()), 0);
}

/// Appends what an array's element begins with: the type byte, and its index in decimal as a C string.
#[inline(always)]
pub fn begin_item(out: &mut Vec<u8>, tag: u8, index: usize) {
    match u8::try_from(index) {
        Ok(digit @ 0..=9) => out.extend_from_slice(&[tag, b'0' + digit, 0]),
        _ => begin_later_item(out, tag, index),
    }
}

fn begin_later_item(out: &mut Vec<u8>, tag: u8, index: usize) {
    out.push(tag);
    decimal(out, index as u64, 1);
    out.push(0);
}

/// Appends a number in decimal digits, padded with zeros to at least `width` (at most 20).
pub fn decimal(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if rest == 0 && used >= width.max(1) {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

/// Whether a document has no elements.
#[must_use]
pub const fn is_empty(document: &[u8]) -> bool {
    document.len() <= 5
}

/// The elements of a document without its length and end. What is no element ends them.
pub fn elements(mut rest: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (element, behind) = Element::cut(rest)?;
        rest = behind;
        Some(element)
    })
}

/// The bytes of a document between its length and its end.
#[must_use]
pub fn inside(document: &[u8]) -> &[u8] {
    document.get(4..document.len().saturating_sub(1)).unwrap_or_default()
}

/// One element of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// All of it: type byte, name, payload.
    pub bytes: &'a [u8],
}

impl<'a> Element<'a> {
    fn cut(rest: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&kind, named) = rest.split_first()?;
        let name = named.split(|&byte| byte == 0).next()?;
        let payload = named.get(name.len() + 1..)?;
        let length = 2 + name.len() + payload_length(kind, payload)?;
        let (bytes, behind) = rest.split_at_checked(length)?;
        Some((Self { name, bytes }, behind))
    }
}

/// How long the payload of an element is, of the types that are written here.
fn payload_length(kind: u8, payload: &[u8]) -> Option<usize> {
    let declared = || {
        let bytes = payload.first_chunk::<4>()?;
        usize::try_from(i32::from_le_bytes(*bytes)).ok()
    };
    match kind {
        tag::NULL => Some(0),
        tag::BOOLEAN => Some(1),
        tag::INT32 => Some(4),
        tag::DOUBLE | tag::INT64 | tag::DATE_TIME => Some(8),
        tag::DECIMAL128 => Some(16),
        tag::STRING => declared()?.checked_add(4),
        tag::BINARY => declared()?.checked_add(5),
        tag::DOCUMENT | tag::ARRAY => declared(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_in_decimal_with_padding() {
        let print = |number, width| {
            let mut out = Vec::new();
            decimal(&mut out, number, width);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(0, 1), "0");
        assert_eq!(print(0, 0), "0");
        assert_eq!(print(7, 2), "07");
        assert_eq!(print(838, 2), "838");
        assert_eq!(print(u64::MAX, 1), u64::MAX.to_string());
    }

    #[test]
    fn binaries_are_padded_but_never_cut() {
        let mut out = Vec::new();
        binary(&mut out, b"ab", 4);
        assert_eq!(out, [4, 0, 0, 0, 0, b'a', b'b', 0, 0]);
        out.clear();
        binary(&mut out, b"abc", 2);
        assert_eq!(out, [3, 0, 0, 0, 0, b'a', b'b', b'c']);
    }
}
