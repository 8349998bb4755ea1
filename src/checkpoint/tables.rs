//! What is shown of tables, and the record of schema changes.

use bson::{Bson, DateTime, Document, doc};

use super::{
    MongoCheckpoints,
    errors::CheckpointError,
    json::{from_bson, to_bson},
    letters::hash,
    store::PAGE,
};
use crate::model::{port::SchemaRecord, state::TableRecord, table::TableSchema};

const METADATA: &str = "_sync_metadata";
pub(super) const SCHEMA_CHANGES: &str = "_sync_schema_changes";

impl MongoCheckpoints {
    /// What was last saved of tables.
    ///
    /// # Errors
    /// Whatever the target says. A record that cannot be read is left out, since it is only shown.
    pub async fn load_tables(&self) -> Result<Vec<TableRecord>, CheckpointError> {
        let mut records = Vec::new();
        let keep = |document| {
            records.extend(read(&document));
            Ok(())
        };
        self.read_each("table", keep).await?;
        Ok(records)
    }

    pub(super) async fn write_tables(&self, tables: &[TableRecord]) -> Result<(), CheckpointError> {
        for page in tables.chunks(PAGE) {
            let updates: Vec<Document> = page.iter().map(|table| self.update_of(table)).collect();
            let command = doc! { "update": METADATA, "updates": updates, "ordered": false };
            self.link.write_document(&self.database, command).await?;
        }
        Ok(())
    }

    fn update_of(&self, table: &TableRecord) -> Document {
        let mut document = document(table);
        document.insert("pipeline", &self.name);
        let id = format!("table:{}:{}", self.name, table.table);
        doc! { "q": { "_id": id }, "u": document, "upsert": true }
    }

    pub(super) async fn write_schema_change(
        &self,
        change: &SchemaRecord,
    ) -> Result<(), CheckpointError> {
        let encode = |schema: &TableSchema| {
            to_bson(schema).ok_or(CheckpointError::Encode { field: "schema" })
        };
        let table = change.after.name.to_string();
        let parts = [&self.name, &table, &change.position, &change.statement];
        let content = doc! {
            "pipeline": &self.name,
            "table": &table,
            "statement": &change.statement,
            "before": change.before.as_deref().map(encode).transpose()?,
            "after": encode(&change.after)?,
            "position": &change.position,
            "at": DateTime::now(),
            "action": change.action,
        };
        let id = hash(&parts.map(|part| part.as_bytes()));
        let update = doc! { "q": { "_id": id }, "u": { "$setOnInsert": content }, "upsert": true };
        let command = doc! { "update": SCHEMA_CHANGES, "updates": [update] };
        self.link.write_document(&self.database, command).await?;
        Ok(())
    }
}

fn document(table: &TableRecord) -> Document {
    let (database, name) = table.table.split_once('.').unwrap_or(("", &table.table));
    let last = match table.last_sync_millis {
        0 => Bson::Null,
        millis => Bson::DateTime(DateTime::from_millis(millis)),
    };
    doc! {
        "table_name": name,
        "database": database,
        "sync_type": to_bson(&table.sync_type),
        "records_synced": i64::try_from(table.records_synced).unwrap_or(i64::MAX),
        "status": &table.status,
        "duration_seconds": table.duration_seconds,
        "last_sync_time": last,
        "timestamp": DateTime::now(),
    }
}

fn read(document: &Document) -> Option<TableRecord> {
    let text = |name| document.get_str(name).ok();
    let last = document.get("last_sync_time").and_then(Bson::as_datetime);
    Some(TableRecord {
        table: format!("{}.{}", text("database")?, text("table_name")?),
        sync_type: from_bson(document.get("sync_type")?)?,
        records_synced: from_bson(document.get("records_synced")?)?,
        status: text("status")?.to_owned(),
        duration_seconds: from_bson(document.get("duration_seconds")?)?,
        last_sync_millis: last.map_or(0, |last| last.timestamp_millis()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::SyncType;

    #[test]
    fn a_record_reads_back() {
        let record = TableRecord {
            table: "shop.orders".into(),
            sync_type: SyncType::Stream,
            records_synced: 200,
            status: "diverged: 1".into(),
            duration_seconds: 0.4,
            last_sync_millis: 1_700_000_000_123,
        };
        let saved = document(&record);
        assert_eq!(saved.get_str("table_name").unwrap(), "orders");
        assert_eq!(saved.get_str("sync_type").unwrap(), "stream");
        assert_eq!(read(&saved), Some(record.clone()));
        let never = TableRecord { last_sync_millis: 0, ..record };
        assert_eq!(read(&document(&never)), Some(never));
    }
}
