//! What a field of a document says, in the words of the other decoders. Shares nothing with the mapping.

use bson::{Bson, Decimal128};

use super::{Said, columns::Column};
use crate::random::values::Kind;

/// What the field says of the column; `None` where it is of a type that the column's values never become.
pub fn said(column: &Column, value: &Bson) -> Option<Said> {
    if *value == Bson::Null {
        return Some(Said::Null);
    }
    match (&column.kind, value) {
        (Kind::Bit(1), Bson::Boolean(is_set)) => Some(Said::Number(i128::from(*is_set))),
        (Kind::Number(_) | Kind::Bit(_) | Kind::Year, value) => number(value).map(Said::Number),
        (Kind::Float | Kind::Double, Bson::Double(number)) => Some(Said::Float(*number)),
        (Kind::Decimal(..), Bson::Decimal128(decimal)) => Some(Said::Text(plain(*decimal))),
        (Kind::Decimal(..) | Kind::Date | Kind::Time(_), Bson::String(text)) => {
            Some(Said::Text(text.clone()))
        }
        (Kind::Moment(_, false), Bson::String(text)) => Some(Said::Text(text.replace('T', " "))),
        (Kind::Moment(_, true), Bson::String(text)) => {
            Some(Said::Text(text.replace('T', " ").replace('Z', "")))
        }
        (Kind::Text(..), Bson::String(text)) => {
            let (bytes, _, is_lossy) = column.encoding.encode(text);
            (!is_lossy).then(|| Said::Bytes(bytes.into_owned()))
        }
        (Kind::Bytes(_), Bson::Binary(binary)) => Some(Said::Bytes(binary.bytes.clone())),
        (Kind::Enum(_), Bson::String(label)) => Some(Said::Number(label_number(label)?)),
        (Kind::Set(_), Bson::Array(members)) => {
            let bits = members.iter().map(|member| label_number(member.as_str()?));
            let mask = bits.map(|number| Some(1 << (number? - 1))).sum::<Option<i128>>();
            mask.map(Said::Number)
        }
        (Kind::Json, value) => Some(Said::Json(value.clone())),
        (Kind::Vector(_), Bson::Array(numbers)) => {
            numbers.iter().map(Bson::as_f64).collect::<Option<_>>().map(Said::Floats)
        }
        _ => None,
    }
}

fn number(value: &Bson) -> Option<i128> {
    match value {
        Bson::Int32(number) => Some(i128::from(*number)),
        Bson::Int64(number) => Some(i128::from(*number)),
        Bson::Decimal128(decimal) => plain(*decimal).parse().ok(),
        _ => None,
    }
}

/// The number of the label `l7`; the empty one has none.
fn label_number(label: &str) -> Option<i128> {
    if label.is_empty() { Some(0) } else { label.strip_prefix('l')?.parse().ok() }
}

/// A decimal without an exponent, from its 128 bits: sign, exponent with a bias of 6176, coefficient.
fn plain(decimal: Decimal128) -> String {
    let bits = u128::from_le_bytes(decimal.bytes());
    let exponent = i32::try_from(bits >> 113 & 0x3FFF).expect("14 bits") - 6176;
    let coefficient = bits & ((1 << 113) - 1);
    let scale = usize::try_from(-exponent).expect("no positive exponent");
    let digits = format!("{coefficient:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if bits >> 127 == 1 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}
