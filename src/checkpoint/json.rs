//! Rust values to BSON and back, by way of JSON's data model.
//!
//! BSON has no unsigned 64-bit number, and a cursor may stand on one above 2^63: it is kept as Decimal128.

use bson::{Bson, Document};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Number, Value as Json};

/// A value as BSON.
pub(super) fn to_bson<T: Serialize>(value: &T) -> Option<Bson> {
    serde_json::to_value(value).ok().and_then(encode)
}

/// What BSON holds; `None` where it is not what the type says. The reason is not told, since it may quote a key.
pub(super) fn from_bson<T: DeserializeOwned>(value: &Bson) -> Option<T> {
    serde_json::from_value(decode(value)?).ok()
}

fn encode(value: Json) -> Option<Bson> {
    Some(match value {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(value),
        Json::String(text) => Bson::String(text),
        Json::Number(number) => encode_number(&number)?,
        Json::Array(list) => Bson::Array(list.into_iter().map(encode).collect::<Option<_>>()?),
        Json::Object(map) => {
            let fields = map.into_iter().map(|(name, value)| Some((name, encode(value)?)));
            Bson::Document(fields.collect::<Option<Document>>()?)
        }
    })
}

fn encode_number(number: &Number) -> Option<Bson> {
    if let Some(number) = number.as_i64() {
        return Some(Bson::Int64(number));
    }
    match number.as_u64() {
        Some(large) => large.to_string().parse().ok().map(Bson::Decimal128),
        None => number.as_f64().map(Bson::Double),
    }
}

fn decode(value: &Bson) -> Option<Json> {
    Some(match value {
        Bson::Null => Json::Null,
        Bson::Boolean(value) => Json::Bool(*value),
        Bson::String(text) => Json::String(text.clone()),
        Bson::Int32(number) => Json::from(*number),
        Bson::Int64(number) => Json::from(*number),
        Bson::Decimal128(number) => Json::from(number.to_string().parse::<u64>().ok()?),
        Bson::Double(number) => Json::Number(Number::from_f64(*number)?),
        Bson::Array(list) => Json::Array(list.iter().map(decode).collect::<Option<_>>()?),
        Bson::Document(document) => {
            let fields = document.iter().map(|(name, value)| Some((name.clone(), decode(value)?)));
            Json::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

/// A table's name as a field name: `.` and `$` mean something in updates.
pub(super) fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('.', "%2E").replace('$', "%24")
}

/// The name that was escaped.
pub(super) fn unescape(name: &str) -> String {
    name.replace("%24", "$").replace("%2E", ".").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::SqlValue;

    #[test]
    fn cursors_of_every_kind_come_back_as_they_were() {
        let cursor = vec![
            SqlValue::UInt(u64::MAX),
            SqlValue::Int(i64::MIN),
            SqlValue::Float(3.4),
            SqlValue::Double(1.0),
            SqlValue::Literal("2006-02-15 04:59:33.000020".into()),
            SqlValue::Bytes { hex: "00ff".into() },
            SqlValue::Null,
        ];
        let saved = to_bson(&cursor).unwrap();
        assert_eq!(from_bson::<Vec<SqlValue>>(&saved), Some(cursor));
        assert_eq!(from_bson::<Vec<SqlValue>>(&Bson::String("x".into())), None);
    }

    #[test]
    fn every_name_can_be_a_field() {
        for name in ["shop.orders", "shop.a$b", "shop.50%", "shop.%2E", "shop.%24x"] {
            let escaped = escape(name);
            assert!(!escaped.contains(['.', '$']));
            assert_eq!(unescape(&escaped), name);
        }
    }
}
