//! Bytes to plain Rust and to BSON bytes: charsets, decimals, dates, JSON in both of the server's forms, geometry.
//! Shared by source and mapping.
//!
//! Pure and synchronous. Nothing here trusts its input: every offset and count is checked, recursion is bounded, and
//! what is appended to the output never exceeds a small factor of what was read.

pub mod charset;
pub mod decimal;
pub mod decimal128;
pub mod element;
pub mod geometry;
pub mod json;
pub mod temporal;

use crate::model::table::Charset;

/// Why a cell cannot be told as BSON. Never holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CellFault {
    /// The decoder offered another kind of value than the column has.
    #[error("the value is not of the column's type")]
    Mismatch,
    /// A part of the value is outside of what the type can hold.
    #[error("the value is outside of its type's range")]
    OutOfRange,
    /// The row image ended before this column, or its cells came out of order.
    #[error("the row has no value for the column")]
    Missing,
    /// The bytes are not well formed in their charset, or have no character there.
    #[error("the bytes do not convert from {} to UTF-8", .0.name())]
    Charset(Charset),
    /// The JSON is malformed.
    #[error("the JSON is malformed")]
    Json,
    /// A JSON key that BSON cannot hold.
    #[error("a JSON key contains U+0000")]
    JsonKey,
    /// More levels than the server or the target take.
    #[error("the value is nested too deeply")]
    Nesting,
    /// The geometry is malformed or has more than two dimensions.
    #[error("the geometry is malformed or not two-dimensional")]
    Geometry,
    /// More than a document holds.
    #[error("the value exceeds 16 MiB as BSON")]
    TooLarge,
}

/// The most bytes that one structured cell (JSON, geometry) may take as BSON: what a document of the target holds.
pub(crate) const MAX_CELL_BYTES: usize = 16 << 20;
