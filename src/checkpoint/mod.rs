//! The saved state: position, progress of the first copy, schemas, owner, what is shown of tables, and dead letters.
//!
//! It lies in the target, so that it is saved under the same write concern as the data, and a copy of the target is a
//! copy of both. Every save asks for the epoch that the pipeline was acquired under: an instance that was taken over
//! saves nothing more.

mod audit;
mod document;
mod errors;
mod json;
mod letters;
mod owner;
mod shown;
mod store;
mod tables;

pub use errors::CheckpointError;
pub use letters::LetterPage;
pub use owner::{HEARTBEAT, Owner, STALE};
pub use store::MongoCheckpoints;

use crate::model::{
    fault::Fault,
    letter::{DeadLetter, LetterKey},
    port::{Checkpoints, SchemaRecord},
    state::{State, StatePart, TableRecord},
};

impl Checkpoints for MongoCheckpoints {
    async fn save(&self, state: &State, part: StatePart) -> Result<(), Fault> {
        Ok(self.save_state(state, part).await?)
    }

    async fn save_tables(&self, tables: &[TableRecord]) -> Result<(), Fault> {
        Ok(self.write_tables(tables).await?)
    }

    async fn keep_letters(&self, letters: &[DeadLetter]) -> Result<(), Fault> {
        Ok(self.keep(letters).await?)
    }

    async fn settle_letters(&self, keys: &[LetterKey]) -> Result<(), Fault> {
        Ok(self.settle(keys).await?)
    }

    async fn record_schema_change(&self, change: &SchemaRecord) -> Result<(), Fault> {
        Ok(self.write_schema_change(change).await?)
    }
}
