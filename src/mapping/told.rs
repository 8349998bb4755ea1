//! Single values of a document, by their columns.

use bson::Bson;

use super::plan::Plan;
use crate::{codec::element, model::value::Value};

impl Plan {
    /// The field that a column becomes; `None` for one that becomes none.
    #[must_use]
    pub fn field_of(&self, column: usize) -> Option<&str> {
        let field = self.columns.get(column)?.field.as_ref()?;
        std::str::from_utf8(field.name()?).ok()
    }

    /// What the document of a row with this value holds in the column's field; `None` where it holds no such field, or
    /// the value cannot be told.
    #[must_use]
    pub fn told(&self, column: usize, value: &Value<'_>) -> Option<Bson> {
        let field = self.columns.get(column)?.field.as_ref()?;
        if field.omits_null && *value == Value::Null {
            return None;
        }
        let mut document = Vec::new();
        let at = element::begin(&mut document);
        let head = document.len();
        document.extend_from_slice(b"\x0av\0");
        let written = field.codec.append(&mut document, value).ok()?;
        element::set_tag(&mut document, head, written.tag);
        element::end(&mut document, at);
        bson::deserialize_from_slice::<bson::Document>(&document).ok()?.remove("v")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        mapping::tests::fixture,
        model::{
            table::{ColumnType, TableSchema},
            value::{Date, DateTime},
        },
    };

    #[test]
    fn a_value_is_told_as_in_its_document() {
        let kinds = [ColumnType::Double, ColumnType::DateTime { digits: 6 }];
        let table = TableSchema::of_kinds("t", &kinds);
        let plan = Plan::compile(Arc::new(table), &fixture::rules()).unwrap();
        assert_eq!(plan.field_of(1), Some("c1"));
        let date = Date { year: 1970, month: 1, day: 2 };
        let moment = DateTime { date, micros: 1_999, ..DateTime::default() };
        let expected = bson::DateTime::from_millis(86_400_001);
        assert_eq!(plan.told(1, &Value::DateTime(moment)), Some(expected.into()));
        assert_eq!(plan.told(1, &Value::Null), Some(Bson::Null));
        assert_eq!(plan.told(1, &Value::DateTime(DateTime::default())), Some(Bson::Null));
        assert_eq!(plan.told(2, &Value::Null), None);
    }
}
