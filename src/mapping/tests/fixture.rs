//! Tables and rows for the tests.

use std::sync::Arc;

use bson::Document;

use crate::{
    config::{IdRule, Keyless},
    mapping::{Mapped, Plan, PlanIssue, Problem, RowMapper, TableRules, TypeRules},
    model::{
        change::{ChangeKind, Image, RowVisitor},
        table::{Charset, Column, ColumnType, Key, KeyColumn, TableName, TableSchema},
        value::{Text, Value},
        write::Collection,
    },
};

pub(super) const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
pub(super) const VARCHAR: ColumnType =
    ColumnType::Varchar { charset: Charset::Utf8, max_bytes: 400 };

/// A table `shop.things` whose key is the named columns; none where none is named.
pub(super) fn table(columns: &[(&str, ColumnType)], key: &[&str]) -> TableSchema {
    let mut schema = TableSchema::named(TableName::new("shop", "things"));
    schema.columns = columns
        .iter()
        .map(|(name, kind)| Column {
            name: (*name).to_owned(),
            kind: kind.clone(),
            nullable: true,
            generated: false,
            invisible: false,
            on_update_timestamp: false,
        })
        .collect();
    schema.key = (!key.is_empty()).then(|| unique(&schema, "PRIMARY", key));
    schema
}

pub(super) fn unique(schema: &TableSchema, index: &str, columns: &[&str]) -> Key {
    let part =
        |name: &&str| KeyColumn { column: schema.column_index(name).unwrap(), descending: false };
    Key { index: index.to_owned(), columns: columns.iter().map(part).collect(), hidden: false }
}

pub(in crate::mapping) fn rules() -> TableRules {
    TableRules {
        collection: Collection { database: "shop".to_owned(), name: "things".to_owned() },
        id: IdRule::PrimaryKey,
        keyless: Keyless::Hash,
        types: TypeRules::default(),
        timestamp_column: None,
        timestamp_zone: None,
    }
}

pub(super) fn plan(schema: TableSchema) -> Plan {
    Plan::compile(Arc::new(schema), &rules()).expect("a plan")
}

pub(super) fn problems(schema: TableSchema, rules: &TableRules) -> Vec<Problem> {
    let problems =
        |issues: &[PlanIssue]| issues.iter().map(|issue| issue.problem.clone()).collect();
    match Plan::compile(Arc::new(schema), rules) {
        Ok(plan) => problems(plan.issues()),
        Err(issues) => problems(&issues),
    }
}

pub(super) fn text(text: &str) -> Value<'_> {
    Value::Text(Text { bytes: text.as_bytes(), charset: Charset::Utf8 })
}

/// What a change became, in owned form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Write {
        insert: bool,
        filter: Document,
        document: Document,
        replaced: Option<Document>,
        coerced: u32,
    },
    Set {
        filter: Document,
        fields: Document,
        coerced: u32,
    },
    Nothing,
    Reread {
        filter: Document,
        replaced: Option<Document>,
    },
    Unknown {
        column: String,
    },
    Delete {
        filter: Document,
    },
    Rejected {
        filter: Document,
        row: Document,
        replaced: Option<Document>,
        reason: String,
    },
}

impl Outcome {
    pub(super) fn document(self) -> Document {
        match self {
            Self::Write { document, .. } => document,
            other => panic!("not written: {other:?}"),
        }
    }

    pub(super) fn filter(self) -> Document {
        match self {
            Self::Write { filter, .. }
            | Self::Set { filter, .. }
            | Self::Reread { filter, .. }
            | Self::Delete { filter }
            | Self::Rejected { filter, .. } => filter,
            other => panic!("no filter: {other:?}"),
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> Document {
    Document::from_reader(bytes).expect("valid BSON")
}

/// Maps one change twice with one mapper: the second time nothing of the first may be left.
pub(super) fn change(
    plan: &Plan,
    kind: ChangeKind,
    before: &[Value<'_>],
    after: &[Value<'_>],
) -> Outcome {
    let mut mapper = RowMapper::default();
    let first = map(&mut mapper, plan, kind, before, after);
    assert_eq!(first, map(&mut mapper, plan, kind, before, after));
    first
}

pub(super) fn map(
    mapper: &mut RowMapper,
    plan: &Plan,
    kind: ChangeKind,
    before: &[Value<'_>],
    after: &[Value<'_>],
) -> Outcome {
    let mut visitor = mapper.visitor(plan);
    for (image, cells) in [(Image::Before, before), (Image::After, after)] {
        for (column, value) in cells.iter().enumerate() {
            visitor.cell(image, column, *value);
        }
    }
    told(&mapper.finish(plan, kind))
}

/// What was made of a change, as documents.
pub(super) fn told(mapped: &Mapped<'_>) -> Outcome {
    match mapped {
        Mapped::Write { insert, filter, document, replaced, coerced } => Outcome::Write {
            insert: *insert,
            filter: parse(filter),
            document: parse(document),
            replaced: replaced.map(parse),
            coerced: *coerced,
        },
        Mapped::Set { filter, fields, coerced } => {
            Outcome::Set { filter: parse(filter), fields: parse(fields), coerced: *coerced }
        }
        Mapped::Nothing => Outcome::Nothing,
        Mapped::Reread { filter, replaced } => {
            Outcome::Reread { filter: parse(filter), replaced: replaced.map(parse) }
        }
        Mapped::Unknown { column } => Outcome::Unknown { column: (*column).to_owned() },
        Mapped::Delete { filter } => Outcome::Delete { filter: parse(filter) },
        Mapped::Rejected { filter, row, replaced, reason } => Outcome::Rejected {
            filter: parse(filter),
            row: parse(row),
            replaced: replaced.map(parse),
            reason: reason.to_string(),
        },
    }
}

pub(super) fn insert(plan: &Plan, row: &[Value<'_>]) -> Outcome {
    change(plan, ChangeKind::Insert, &[], row)
}

pub(super) fn update(plan: &Plan, before: &[Value<'_>], after: &[Value<'_>]) -> Outcome {
    change(plan, ChangeKind::Update, before, after)
}

pub(super) fn delete(plan: &Plan, row: &[Value<'_>]) -> Outcome {
    change(plan, ChangeKind::Delete, row, &[])
}
