//! A cell of a row that nothing tells from others, as the operand by which the source finds equal rows.

use crate::{
    codec::json,
    model::{
        key::{SqlValue, hex},
        table::Charset,
        value::Value,
    },
};

/// The operand; a JSON value is told by the server's own text of it. `None` for what no document holds, and for bytes
/// that are no JSON.
#[must_use]
pub fn operand(value: Value<'_>) -> Option<SqlValue> {
    let text = |bytes: &[u8]| SqlValue::Text { hex: hex(bytes), charset: Charset::Utf8 };
    match value {
        Value::JsonText(bytes) => Some(text(bytes)),
        Value::JsonBinary(bytes) => {
            let mut printed = Vec::new();
            json::print_binary(&mut printed, bytes).ok()?;
            Some(text(&printed))
        }
        value => SqlValue::copy(value),
    }
}
