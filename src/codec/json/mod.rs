//! JSON in the server's two forms, both to the same BSON: a value means what the server's own text of it says.
//!
//! [`append_binary`] reads the binary form (binlog), [`append_text`] the text (binary protocol). They meet in one
//! writer, so that numbers, strings and duplicate keys follow the same rules by both roads (promise P2).

mod binary;
mod diff;
mod kind;
mod number;
mod opaque;
mod path;
mod print;
mod text;
mod tree;
mod writer;

#[cfg(test)]
mod tests;

use super::{CellFault, charset};
use crate::model::table::Charset;

/// The most levels of objects and arrays; the server's own limit (`JSON_DOCUMENT_MAX_DEPTH`, MySQL 9.7).
const MAX_DEPTH: usize = 100;

/// Appends the payload of a value in the server's binary form and gives its type byte. No bytes at all are the JSON
/// null that the server puts where a value must be but none was given.
///
/// # Errors
/// A [`CellFault`] for bytes that the server would not have written, keys with U+0000 and values past 16 MiB; `out`
/// then ends in an unknown part of the value.
pub fn append_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
    binary::append(out, bytes)
}

/// Appends the text that the server itself would print for a value in its binary form.
///
/// # Errors
/// A [`CellFault`] as for [`append_binary`]; keys with U+0000 are text like any other.
pub fn print_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CellFault> {
    print::print(out, bytes)
}

/// Appends the value in binary form that differences, as PARTIAL_JSON tells them, make of a value in binary form.
///
/// # Errors
/// A [`CellFault`] for bytes that the server would not have written, and for differences that do not fit the value.
pub fn apply_diffs(out: &mut Vec<u8>, before: &[u8], diffs: &[u8]) -> Result<(), CellFault> {
    diff::apply(out, before, diffs)
}

/// Appends the payload of a value in text form (UTF-8) and gives its type byte.
///
/// # Errors
/// A [`CellFault`] as for [`append_binary`].
pub fn append_text(out: &mut Vec<u8>, text: &[u8]) -> Result<u8, CellFault> {
    text::append(out, text)
}

/// Refuses what is no UTF-8.
#[inline]
fn check_utf8(bytes: &[u8]) -> Result<(), CellFault> {
    charset::is_utf8(bytes).then_some(()).ok_or(CellFault::Charset(Charset::Utf8))
}

/// The text that the bytes are.
fn utf8(bytes: &[u8]) -> Result<&str, CellFault> {
    std::str::from_utf8(bytes).map_err(|_| CellFault::Charset(Charset::Utf8))
}
