//! Values as SQL text: the operands that columns are compared with.
//!
//! Operands are written into the statement, not bound: a parameter has the connection's charset and collation and the
//! type that the driver picks, while a literal takes part in the comparison as the column wants it. Text is a
//! hexadecimal literal with its charset, whose coercibility is lower than the column's: the column's collation decides
//! and its index is used. A DECIMAL stands without quotes, since against a quoted one older servers compare as DOUBLE.
//!
//! Nothing is quoted that was not checked character by character: a saved cursor that somebody edited cannot become SQL.

use super::error::{ServerAnswer, SourceError};
use crate::model::{
    key::SqlValue,
    table::{Charset, ColumnType},
};

/// Writes a value as the operand of a comparison with a column of this type. `None` when it is no value of that type.
pub(super) fn operand(value: &SqlValue, kind: &ColumnType) -> Option<String> {
    use ColumnType as Kind;
    Some(match (value, kind) {
        (SqlValue::Null, _) => "NULL".to_owned(),
        (SqlValue::Int(number), Kind::Int { .. }) => number.to_string(),
        (
            SqlValue::UInt(number),
            Kind::Int { .. } | Kind::Bit { .. } | Kind::Year | Kind::Enum { .. } | Kind::Set { .. },
        ) => number.to_string(),
        (SqlValue::Float(number), Kind::Float) => double(f64::from(*number))?,
        (SqlValue::Double(number), Kind::Double) => double(*number)?,
        (SqlValue::Literal(text), Kind::Decimal { .. }) => only(text, b"-.")?.to_owned(),
        (
            SqlValue::Literal(text),
            Kind::Date | Kind::DateTime { .. } | Kind::Timestamp { .. } | Kind::Time { .. },
        ) => format!("'{}'", only(text, b"-.: ")?),
        (
            SqlValue::Text { hex, charset },
            Kind::Char { .. } | Kind::Varchar { .. } | Kind::Text { .. },
        ) => text(*charset, hex)?,
        (SqlValue::Text { hex, charset }, Kind::Json) => text(*charset, hex)?,
        (SqlValue::Bytes { hex }, Kind::Binary { length }) => bytes(&padded(hex, *length))?,
        (SqlValue::Bytes { hex }, Kind::Uuid) => cast(hex, 16, "UUID")?,
        (SqlValue::Bytes { hex }, Kind::Inet4) => cast(hex, 4, "INET4")?,
        (SqlValue::Bytes { hex }, Kind::Inet6) => cast(hex, 16, "INET6")?,
        (SqlValue::Bytes { hex }, Kind::Vector { .. }) => bytes(hex)?,
        (SqlValue::Bytes { hex }, Kind::Varbinary { .. } | Kind::Blob { .. } | Kind::Geometry) => {
            bytes(hex)?
        }
        _ => return None,
    })
}

/// A text of our own or of the server's, such as a file's name.
pub(super) fn of_text(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("_utf8mb4 X'{hex}'")
}

/// The bytes of a text column's value alone, without a charset.
pub(super) fn raw_text(value: &SqlValue) -> Option<String> {
    match value {
        SqlValue::Null => Some("NULL".to_owned()),
        SqlValue::Text { hex, .. } => bytes(hex),
        _ => None,
    }
}

/// The error of a statement that holds values of rows, without the server's text, which may quote them. The texts that
/// name objects only are kept.
pub(super) fn without_values(error: SourceError) -> SourceError {
    match error {
        SourceError::Refused(answer) if !names_objects_only(answer.code) => {
            let message = "(its text is left out, since it may quote a value)".to_owned();
            SourceError::Refused(ServerAnswer { code: answer.code, message })
        }
        other => other,
    }
}

/// Too many connections, no right, no such database, table, column or index, shutdown, lock wait, deadlock, killed.
const fn names_objects_only(code: u16) -> bool {
    matches!(
        code,
        1040 | 1044
            | 1045
            | 1049
            | 1053
            | 1054
            | 1142
            | 1143
            | 1146
            | 1176
            | 1205
            | 1213
            | 1317
            | 3024
    )
}

/// A double in its shortest form, which the server reads back to the same double. There is no literal for infinity,
/// and no column holds it.
fn double(number: f64) -> Option<String> {
    number.is_finite().then(|| format!("{number:e}"))
}

fn bytes(hex: &str) -> Option<String> {
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("X'{hex}'"))
}

/// A value of a type of MariaDB's that compares with nothing but itself.
fn cast(hex: &str, length: u32, kind: &str) -> Option<String> {
    Some(format!("CAST({} AS {kind})", bytes(&padded(hex, length))?))
}

/// The binlog leaves the trailing zero bytes of a BINARY(n) out; the column has them.
fn padded(hex: &str, length: u32) -> String {
    let digits = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(2);
    format!("{hex:0<digits$}")
}

fn text(charset: Charset, hex: &str) -> Option<String> {
    Some(format!("_{} {}", charset.name(), bytes(hex)?))
}

/// The text, when it is not empty and all of it is digits or one of these.
fn only<'t>(text: &'t str, others: &[u8]) -> Option<&'t str> {
    let fits = |byte: u8| byte.is_ascii_digit() || others.contains(&byte);
    (!text.is_empty() && text.bytes().all(fits)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIGINT: ColumnType = ColumnType::Int { bytes: 8, unsigned: false, boolean: false };
    const MONEY: ColumnType = ColumnType::Decimal { precision: 10, scale: 2 };
    const MOMENT: ColumnType = ColumnType::DateTime { digits: 6 };

    fn check(value: &SqlValue, kind: &ColumnType, expected: Option<&str>) {
        assert_eq!(operand(value, kind).as_deref(), expected);
    }

    #[test]
    fn numbers_are_written_exactly() {
        check(&SqlValue::Int(i64::MIN), &BIGINT, Some("-9223372036854775808"));
        check(
            &SqlValue::UInt(u64::MAX),
            &ColumnType::Bit { bits: 64 },
            Some("18446744073709551615"),
        );
        check(&SqlValue::Float(0.1), &ColumnType::Float, Some("1.0000000149011612e-1"));
        check(&SqlValue::Double(f64::INFINITY), &ColumnType::Double, None);
        check(&SqlValue::Literal("-0.10".to_owned()), &MONEY, Some("-0.10"));
    }

    #[test]
    fn text_keeps_its_charset_and_bytes_their_padding() {
        let text = SqlValue::Text { hex: "e9".to_owned(), charset: Charset::Latin1 };
        let varchar = ColumnType::Varchar { charset: Charset::Latin1, max_bytes: 10 };
        check(&text, &varchar, Some("_latin1 X'e9'"));
        let text = SqlValue::Text { hex: "8160".to_owned(), charset: Charset::Sjis };
        let char = ColumnType::Char { charset: Charset::Sjis, max_bytes: 20 };
        check(&text, &char, Some("_sjis X'8160'"));
        let bytes = SqlValue::Bytes { hex: "01".to_owned() };
        check(&bytes, &ColumnType::Binary { length: 3 }, Some("X'010000'"));
        check(&bytes, &ColumnType::Varbinary { max_bytes: 3 }, Some("X'01'"));
        check(&bytes, &ColumnType::Inet4, Some("CAST(X'01000000' AS INET4)"));
    }

    #[test]
    fn nothing_that_was_tampered_with_becomes_sql() {
        let literal = |text: &str| SqlValue::Literal(text.to_owned());
        check(
            &literal("2020-02-15 04:59:33.000020"),
            &MOMENT,
            Some("'2020-02-15 04:59:33.000020'"),
        );
        check(&literal("2020' OR '1"), &MOMENT, None);
        check(&literal("1 OR 1"), &MONEY, None);
        check(&literal(""), &MONEY, None);
        check(
            &SqlValue::Bytes { hex: "0g".to_owned() },
            &ColumnType::Blob { length_bytes: 1 },
            None,
        );
        check(&SqlValue::Int(1), &MONEY, None);
    }
}
