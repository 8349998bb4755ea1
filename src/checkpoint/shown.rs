//! Dead letters and schema changes as operators ask for them: the newest first, as JSON.

use bson::{Bson, DateTime, Document, doc};
use serde_json::{Map, Value, json};

use super::{MongoCheckpoints, errors::CheckpointError, letters::LETTERS, tables::SCHEMA_CHANGES};
use crate::sink;

impl MongoCheckpoints {
    /// Open letters, of one table (`database.table`) or of all. Without `values` neither key nor row is even read.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn show_letters(
        &self,
        table: Option<&str>,
        limit: usize,
        values: bool,
    ) -> Result<Vec<Value>, CheckpointError> {
        let hidden = if values {
            Document::new()
        } else {
            doc! { "key": 0, "row": 0 }
        };
        self.newest(LETTERS, table, limit, hidden).await
    }

    /// The open letters whose ids begin so, with key and row; at most two, since one is meant.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn find_letters(&self, beginning: &str) -> Result<Vec<Value>, CheckpointError> {
        let range = doc! { "$gte": beginning, "$lt": format!("{beginning}~") };
        let filter = doc! { "pipeline": &self.name, "_id": range };
        let what = doc! { "filter": filter, "projection": { "pipeline": 0 } };
        let found = self.link.find(&self.database, LETTERS, what, 2).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// Schema changes, of one table (`database.table`) or of all.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn show_schema_changes(
        &self,
        table: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Value>, CheckpointError> {
        self.newest(SCHEMA_CHANGES, table, limit, Document::new()).await
    }

    /// What finds our documents about one table, or about all.
    pub(super) fn of_table(&self, table: Option<&str>) -> Document {
        let mut filter = doc! { "pipeline": &self.name };
        if let Some(table) = table {
            filter.insert("table", table);
        }
        filter
    }

    async fn newest(
        &self,
        collection: &str,
        table: Option<&str>,
        limit: usize,
        mut hidden: Document,
    ) -> Result<Vec<Value>, CheckpointError> {
        hidden.insert("pipeline", 0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let command = doc! {
            "find": collection,
            "filter": self.of_table(table),
            "projection": hidden,
            "sort": { "at": -1, "_id": 1 },
            "limit": limit,
            "batchSize": limit,
            "singleBatch": true,
        };
        let answer = self.link.ask(&self.database, command, "read documents").await?;
        Ok(sink::first_batch(&answer).into_iter().map(shown).collect())
    }
}

/// A document with `_id` as `id`; what JSON does not have is written as MongoDB's relaxed extended JSON does, but for times.
fn shown(document: Document) -> Value {
    let field = |(name, value): (String, Bson)| match name.as_str() {
        "_id" => ("id".to_owned(), plain(value)),
        _ => (name, plain(value)),
    };
    Value::Object(document.into_iter().map(field).collect::<Map<_, _>>())
}

fn plain(value: Bson) -> Value {
    match value {
        Bson::DateTime(time) => text(time).map_or_else(|| far(time), Value::String),
        Bson::Document(document) => {
            Value::Object(document.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        Bson::Array(list) => Value::Array(list.into_iter().map(plain).collect()),
        other => other.into_relaxed_extjson(),
    }
}

fn far(time: DateTime) -> Value {
    json!({ "$date": { "$numberLong": time.timestamp_millis().to_string() } })
}

/// As RFC 3339; `None` beyond its years, for which the driver's own text is that of another time.
fn text(time: DateTime) -> Option<String> {
    let text = time.try_to_rfc3339_string().ok()?;
    (DateTime::parse_rfc3339_str(&text).ok()? == time).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_plain_json() {
        let document = doc! {
            "_id": "a",
            "at": DateTime::from_millis(1_700_000_000_123),
            "row": { "n": 7_i64, "day": [DateTime::from_millis(0)], "far": DateTime::MAX },
        };
        let far = DateTime::MAX.timestamp_millis().to_string();
        assert_eq!(
            shown(document),
            json!({
                "id": "a",
                "at": "2023-11-14T22:13:20.123Z",
                "row": {
                    "n": 7,
                    "day": ["1970-01-01T00:00:00Z"],
                    "far": { "$date": { "$numberLong": far } },
                },
            })
        );
    }
}
