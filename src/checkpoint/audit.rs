//! Commands in `_sync_audit`.

use bson::{DateTime, Document, doc};

use super::{MongoCheckpoints, errors::CheckpointError};
use crate::model::audit::AuditEntry;

const AUDIT: &str = "_sync_audit";

impl MongoCheckpoints {
    /// Keeps a command. Keeping it again changes nothing.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn keep_audit(&self, entry: &AuditEntry) -> Result<(), CheckpointError> {
        let arguments: Document =
            entry.arguments.iter().map(|(name, value)| (name.clone(), value.into())).collect();
        let content = doc! {
            "pipeline": &self.name,
            "at": DateTime::from_system_time(entry.at),
            "actor": &entry.actor,
            "action": entry.action,
            "arguments": arguments,
            "result": &entry.result,
        };
        let update =
            doc! { "q": { "_id": &entry.id }, "u": { "$setOnInsert": content }, "upsert": true };
        let command = doc! { "update": AUDIT, "updates": [update] };
        self.link.write_document(&self.database, command).await?;
        Ok(())
    }
}
