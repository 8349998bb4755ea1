//! Reads the target's answer to a write: counts, errors of single documents, error of the write concern.

use bson::{Bson, Document};

use super::{
    codes::{Consequence, DUPLICATE_KEY},
    errors::{Problem, SinkError},
    redact,
};
use crate::model::write::Identity;

/// The answer to an insert, update or delete.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// Documents inserted, matched or upserted, deleted.
    pub(crate) count: u64,
    /// Of these, upserted ones.
    pub(super) upserted: u64,
    /// Operations that failed.
    pub(crate) errors: Vec<WriteError>,
    /// Why the write is not durable yet.
    pub(super) concern: Option<Problem>,
}

/// One operation that failed.
#[derive(Debug)]
pub(crate) struct WriteError {
    /// Its place in the command.
    pub(crate) index: usize,
    /// What the target says.
    pub(crate) problem: Problem,
    /// The index, where the value of a unique one was taken.
    pub(super) duplicate: Option<Duplicate>,
}

/// A unique index that refused a value.
#[derive(Debug, Default)]
pub(crate) struct Duplicate {
    /// Its name; FerretDB tells nothing else, and some servers not even that.
    pub(super) name: Option<String>,
    /// Its fields.
    fields: Option<Vec<String>>,
}

impl Duplicate {
    /// Whether it is the index that tells the rows of a table apart. An index that is not named at all is taken for
    /// it: the write becomes a replace, which shows at the second try if it was another.
    pub(super) fn is_identity(&self, identity: &Identity) -> bool {
        match (&self.name, &self.fields, identity) {
            (None, None, _) => true,
            (Some(name), _, Identity::Id) if name == "_id_" => true,
            (Some(name), _, Identity::Fields { index, .. }) if name == index => true,
            (_, Some(fields), Identity::Id) => fields.iter().eq(["_id"]),
            (_, Some(fields), Identity::Fields { fields: ours, .. }) => fields == ours,
            (Some(_), None, _) => false,
        }
    }

    /// What a dead letter says.
    pub(super) fn reason(&self) -> String {
        match &self.name {
            Some(name) => format!("another document has the same value in the unique index {name}"),
            None => "another document has the same value in a unique index".to_owned(),
        }
    }
}

/// Reads an answer.
pub(super) fn parse(reply: &Document) -> Result<Reply, SinkError> {
    let unreadable = |field| SinkError::Answer { doing: "write", field };
    let count = reply.get("n").and_then(number).ok_or_else(|| unreadable("n"))?;
    let upserted = match reply.get("upserted") {
        None => 0,
        Some(Bson::Array(list)) => u64::try_from(list.len()).unwrap_or(u64::MAX),
        Some(_) => return Err(unreadable("upserted")),
    };
    let errors = match reply.get("writeErrors") {
        None => Vec::new(),
        Some(Bson::Array(list)) => list.iter().map(parse_error).collect::<Result<_, _>>()?,
        Some(_) => return Err(unreadable("writeErrors")),
    };
    let concern = match reply.get("writeConcernError") {
        None => None,
        Some(Bson::Document(error)) => Some(parse_concern(error)),
        Some(_) => return Err(unreadable("writeConcernError")),
    };
    Ok(Reply { count, upserted, errors, concern })
}

fn parse_error(error: &Bson) -> Result<WriteError, SinkError> {
    let unreadable = || SinkError::Answer { doing: "write", field: "writeErrors" };
    let error = error.as_document().ok_or_else(unreadable)?;
    let index = error.get("index").and_then(number).and_then(|index| usize::try_from(index).ok());
    let text = error.get_str("errmsg").unwrap_or_default();
    let code = code_of(error);
    Ok(WriteError {
        index: index.ok_or_else(unreadable)?,
        problem: Problem::of_document(code, text),
        duplicate: (code == DUPLICATE_KEY).then(|| duplicate(error, text)),
    })
}

fn duplicate(error: &Document, text: &str) -> Duplicate {
    let fields = error.get_document("keyPattern").ok();
    Duplicate {
        name: redact::index_name(text).map(str::to_owned),
        fields: fields.map(|pattern| pattern.keys().cloned().collect()),
    }
}

/// The documents are written, only not confirmed: an unknown reason is one that passes.
fn parse_concern(error: &Document) -> Problem {
    let name = error.get_str("codeName").unwrap_or_default();
    let text = error.get_str("errmsg").unwrap_or_default();
    let mut problem = Problem::of_command(code_of(error), name, text);
    if problem.consequence != Consequence::Fatal {
        problem.consequence = Consequence::Transient;
    }
    problem
}

/// 8 is `UnknownError`.
fn code_of(error: &Document) -> i32 {
    error.get("code").and_then(number).and_then(|code| i32::try_from(code).ok()).unwrap_or(8)
}

/// Servers answer counts as whatever number type they like.
pub(crate) fn number(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        Bson::Double(number) if number.fract() == 0.0 && (0.0..=9e15).contains(number) => {
            format!("{number:.0}").parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn error(error: Document) -> WriteError {
        let reply = doc! { "ok": 1.0, "n": 0, "writeErrors": [error] };
        parse(&reply).unwrap().errors.remove(0)
    }

    #[test]
    fn counts_are_read_from_every_number_type() {
        let reply = doc! { "n": 3.0, "upserted": [{ "index": 0, "_id": 1 }], "ok": 1 };
        let reply = parse(&reply).unwrap();
        assert_eq!((reply.count, reply.upserted), (3, 1));
        assert!(parse(&doc! { "ok": 1 }).is_err());
    }

    #[test]
    fn the_identity_is_told_from_other_unique_indexes() {
        let fields = Identity::Fields { fields: vec!["k".into()], index: "binleaf_key".into() };
        let ferret = |name: &str| {
            let text =
                format!("Duplicate key violation on the requested collection: Index '{name}'");
            error(doc! { "index": 0, "code": 11000, "errmsg": text }).duplicate.unwrap()
        };
        assert!(ferret("_id_").is_identity(&Identity::Id));
        assert!(!ferret("email").is_identity(&Identity::Id));
        assert!(ferret("binleaf_key").is_identity(&fields));
        assert!(!ferret("_id_").is_identity(&fields));
        let text = "E11000 duplicate key error collection: d.c index: mine dup key: { k: 1 }";
        let by_pattern = doc! { "index": 0, "code": 11000, "errmsg": text, "keyPattern": { "k": 1 }, "keyValue": { "k": 1 } };
        assert!(error(by_pattern).duplicate.unwrap().is_identity(&fields));
        let unnamed = doc! { "index": 0, "code": 11000, "errmsg": "duplicate" };
        assert!(error(unnamed).duplicate.unwrap().is_identity(&Identity::Id));
    }

    #[test]
    fn an_unconfirmed_write_is_transient() {
        let reply = doc! { "n": 1, "writeConcernError": { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting for replication timed out" } };
        let concern = parse(&reply).unwrap().concern.unwrap();
        assert_eq!(concern.consequence, Consequence::Transient);
    }
}
