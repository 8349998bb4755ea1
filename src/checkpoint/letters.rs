//! Dead letters in `_sync_dead_letters`.
//!
//! A letter's `_id` is made of pipeline, table and key, then of the position: keeping one again changes nothing, and
//! all letters of a row are one stretch of the `_id` index. A row that was tried again because of its letters gets no
//! further one: those that it has tell why it failed now, and count the try.

use std::collections::BTreeMap;

use bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};

use super::{MongoCheckpoints, errors::CheckpointError};
use crate::{
    model::letter::{DeadLetter, LetterKey},
    sink::{self, SinkError},
};

pub(super) const LETTERS: &str = "_sync_dead_letters";

/// `DuplicateKey`: the letter is there already.
const KEPT_ALREADY: i32 = 11000;

/// The most that is sent in one command, in bytes; a letter holds a row of 1 MiB at most.
const COMMAND_BYTES: usize = 4 << 20;

/// Keys settled in one command.
const SETTLED_AT_ONCE: usize = 500;

/// Some of the open letters' keys.
#[derive(Debug, Default)]
pub struct LetterPage {
    /// The rows.
    pub keys: Vec<LetterKey>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<String>,
}

impl MongoCheckpoints {
    /// The rows that have a letter open, of one table (`database.table`) or of all, in pages of at most `limit`.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn open_letters(
        &self,
        table: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<LetterPage, CheckpointError> {
        let mut filter = self.of_table(table);
        if let Some(after) = after {
            filter.insert("_id", doc! { "$gt": after });
        }
        let what = doc! { "filter": filter, "projection": { "table": 1, "key": 1 } };
        let found = self.link.find(&self.database, LETTERS, what, limit).await?;
        let last = found.last().and_then(|last| last.get_str("_id").ok()).map(str::to_owned);
        Ok(LetterPage {
            next: last.filter(|_| found.len() >= limit),
            keys: found.iter().filter_map(read_key).collect(),
        })
    }

    /// How many letters are open, by table.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn count_letters(&self) -> Result<BTreeMap<String, u64>, CheckpointError> {
        let pipeline = vec![
            doc! { "$match": { "pipeline": &self.name } },
            doc! { "$group": { "_id": "$table", "count": { "$sum": 1 } } },
        ];
        let cursor = doc! { "batchSize": 100_000 };
        let command = doc! { "aggregate": LETTERS, "pipeline": pipeline, "cursor": cursor };
        let answer = self.link.ask(&self.database, command, "count dead letters").await?;
        let read = |group: Document| {
            let table = group.get_str("_id").ok()?.to_owned();
            Some((table, group.get("count").and_then(sink::number)?))
        };
        Ok(sink::first_batch(&answer).into_iter().filter_map(read).collect())
    }

    pub(super) async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CheckpointError> {
        let (again, new): (Vec<&DeadLetter>, Vec<&DeadLetter>) =
            letters.iter().partition(|letter| letter.is_again);
        let mut rest: Vec<&DeadLetter> = new;
        for letter in again {
            if !self.has_failed_again(letter).await? {
                rest.push(letter);
            }
        }
        let mut rest = rest.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at_checked(count_that_fit(rest)).unwrap_or((rest, &[]));
            self.keep_some(now).await?;
            rest = later;
        }
        Ok(())
    }

    /// Brings the letters of a row up to date. False where it has none any more.
    async fn has_failed_again(&self, letter: &DeadLetter) -> Result<bool, CheckpointError> {
        match self.update(letter, Form::Readable).await {
            Err(error) if is_about_a_document(&error) => {}
            updated => return Ok(updated? > 0),
        }
        Ok(self.update(letter, Form::Bytes).await? > 0)
    }

    /// Answers how many letters the row has.
    async fn update(&self, letter: &DeadLetter, form: Form) -> Result<u64, SinkError> {
        let now = doc! {
            "operation": letter.operation,
            "reason": &letter.reason,
            "code": letter.code,
            "row": form.of(&letter.row),
        };
        let change = doc! { "$set": now, "$inc": { "attempts": 1 } };
        let filter = doc! { "_id": self.letters_of(&letter.name()) };
        let update = doc! { "q": filter, "u": change, "multi": true };
        let command = doc! { "update": LETTERS, "updates": [update] };
        Ok(self.link.write_document(&self.database, command).await?.count)
    }

    /// A document that the target refused as a row, it may refuse in a letter too: then the letter holds its bytes.
    async fn keep_some(&self, letters: &[&DeadLetter]) -> Result<(), CheckpointError> {
        let documents = letters.iter().map(|letter| self.document(letter, Form::Readable));
        let refused: Vec<usize> = match self.insert(documents.collect()).await {
            Ok(refused) => refused,
            Err(error) if is_about_a_document(&error) => (0..letters.len()).collect(),
            Err(error) => return Err(error.into()),
        };
        for letter in refused.into_iter().filter_map(|index| letters.get(index)) {
            let refused = self.insert(vec![self.document(letter, Form::Bytes)]).await?;
            if !refused.is_empty() {
                return Err(CheckpointError::Encode { field: "dead letter" });
            }
        }
        Ok(())
    }

    /// Answers which documents were refused.
    async fn insert(&self, documents: Vec<Document>) -> Result<Vec<usize>, SinkError> {
        let command = doc! { "insert": LETTERS, "documents": documents, "ordered": false };
        let reply = self.link.write_command(&self.database, command).await?;
        let refused = reply.errors.into_iter().filter(|error| error.problem.code != KEPT_ALREADY);
        Ok(refused.map(|error| error.index).collect())
    }

    fn document(&self, letter: &DeadLetter, form: Form) -> Document {
        let transaction = letter.transaction.as_ref();
        let position = transaction.map_or_else(|| "snapshot".to_owned(), |one| one.describe());
        let table = letter.table.to_string();
        let row = self.row_hash(&table, &letter.key);
        doc! {
            "_id": format!("{row}-{}", hash(&[position.as_bytes()])),
            "pipeline": &self.name,
            "table": table,
            "key": form.of(&letter.key),
            "operation": letter.operation,
            "position": position,
            "reason": &letter.reason,
            "code": letter.code,
            "row": form.of(&letter.row),
            "at": DateTime::now(),
            "attempts": 1,
        }
    }

    /// Forgets the open letters of one table (`database.table`) or all of them; answers how many.
    ///
    /// # Errors
    /// Whatever the target says.
    pub async fn purge_letters(&self, table: Option<&str>) -> Result<u64, CheckpointError> {
        let delete = doc! { "q": self.of_table(table), "limit": 0 };
        let command = doc! { "delete": LETTERS, "deletes": [delete] };
        Ok(self.link.write_document(&self.database, command).await?.count)
    }

    pub(super) async fn settle(&self, keys: &[LetterKey]) -> Result<(), CheckpointError> {
        for page in keys.chunks(SETTLED_AT_ONCE) {
            let deletes: Vec<Document> = page.iter().map(|key| self.all_letters_of(key)).collect();
            let command = doc! { "delete": LETTERS, "deletes": deletes, "ordered": false };
            self.link.write_document(&self.database, command).await?;
        }
        Ok(())
    }

    fn all_letters_of(&self, key: &LetterKey) -> Document {
        doc! { "q": { "_id": self.letters_of(key) }, "limit": 0 }
    }

    /// The `_id`s of a row's letters. `-` and `.` are neighbours.
    fn letters_of(&self, key: &LetterKey) -> Document {
        let row = self.row_hash(&key.table, &key.key);
        doc! { "$gte": format!("{row}-"), "$lt": format!("{row}.") }
    }

    fn row_hash(&self, table: &str, key: &[u8]) -> String {
        hash(&[self.name.as_bytes(), table.as_bytes(), key])
    }
}

/// How bytes are shown in a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the document that they are, if they are one.
    Readable,
    /// As they are.
    Bytes,
}

impl Form {
    fn of(self, bytes: &[u8]) -> Bson {
        if bytes.is_empty() {
            return Bson::Null;
        }
        let document = bson::deserialize_from_slice::<Document>(bytes).ok();
        match document.filter(|_| self == Self::Readable) {
            Some(document) => Bson::Document(document),
            None => Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }),
        }
    }
}

fn read_key(letter: &Document) -> Option<LetterKey> {
    let key = match letter.get("key")? {
        Bson::Document(document) => bson::serialize_to_vec(document).ok()?,
        Bson::Binary(binary) => binary.bytes.clone(),
        _ => return None,
    };
    Some(LetterKey { table: letter.get_str("table").ok()?.to_owned(), key })
}

/// How many letters from the front make one command; at least one.
fn count_that_fit(letters: &[&DeadLetter]) -> usize {
    let mut bytes = 0;
    let fits = |letter: &&&DeadLetter| {
        bytes += letter.row.len() + letter.key.len() + letter.reason.len() + 512;
        bytes <= COMMAND_BYTES
    };
    letters.iter().take_while(fits).count().max(1)
}

/// The command failed as a whole, but not for the target's sake.
fn is_about_a_document(error: &SinkError) -> bool {
    error.problem().is_some_and(|problem| {
        matches!(problem.consequence, sink::Consequence::Record | sink::Consequence::Suspect)
    })
}

/// 128 bits of BLAKE3 over parts with their lengths, so that no two lists of parts read alike.
pub(super) fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::TableName;

    fn letter(row: Vec<u8>) -> DeadLetter {
        DeadLetter {
            table: TableName::new("shop", "a"),
            key: bson::serialize_to_vec(&doc! { "_id": 1 }).unwrap(),
            operation: "insert",
            transaction: None,
            reason: "because".into(),
            code: 0,
            row,
            is_again: false,
        }
    }

    #[test]
    fn a_command_holds_some_letters_and_never_none() {
        let letters: Vec<DeadLetter> = (0..9).map(|_| letter(vec![0; 1 << 20])).collect();
        assert_eq!(count_that_fit(&letters.iter().collect::<Vec<_>>()), 3);
        assert_eq!(count_that_fit(&[&letter(vec![0; 5 << 20])]), 1);
    }

    #[test]
    fn a_row_that_is_cut_off_is_kept_as_bytes() {
        let whole = bson::serialize_to_vec(&doc! { "a": 1, "b": "text" }).unwrap();
        assert!(Form::Readable.of(&whole).as_document().is_some());
        let cut: Vec<u8> = whole.iter().copied().take(10).collect();
        assert!(matches!(Form::Readable.of(&cut), Bson::Binary(binary) if binary.bytes == cut));
        assert!(matches!(Form::Bytes.of(&whole), Bson::Binary(_)));
        assert_eq!(Form::Readable.of(&[]), Bson::Null);
    }

    #[test]
    fn a_key_reads_back_to_the_same_bytes() {
        let key = bson::serialize_to_vec(&doc! { "_id": { "region": "eu", "no": 7_i64 } }).unwrap();
        let kept = doc! { "table": "shop.a", "key": Form::Readable.of(&key) };
        assert_eq!(read_key(&kept), Some(LetterKey { table: "shop.a".into(), key }));
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(hash(&[b"a", b"bc"]), hash(&[b"ab", b"c"]));
    }
}
