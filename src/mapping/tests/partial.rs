//! What images become that lack columns.

use bson::{Document, doc};

use super::fixture::{INT, Outcome, VARCHAR, plan, rules, table, text, told};
use crate::{
    config::types::NullsAs,
    mapping::{Plan, RowMapper},
    model::{
        change::{Absence, ChangeKind, Image, RowVisitor},
        value::Value,
    },
};

/// A cell, or why there is none.
type Cell<'a> = Result<Value<'a>, Absence>;

const SAME: Cell<'static> = Err(Absence::Unchanged);
const UNTOLD: Cell<'static> = Err(Absence::Untold);

fn change(plan: &Plan, kind: ChangeKind, before: &[Cell<'_>], after: &[Cell<'_>]) -> Outcome {
    let mut mapper = RowMapper::default();
    let mut visitor = mapper.visitor(plan);
    for (image, cells) in [(Image::Before, before), (Image::After, after)] {
        for (column, cell) in cells.iter().enumerate() {
            match cell {
                Ok(value) => visitor.cell(image, column, *value),
                Err(absence) => visitor.absent(image, column, *absence),
            }
        }
    }
    match told(&mapper.finish(plan, kind)) {
        Outcome::Write { document, .. } => Outcome::Write {
            insert: kind == ChangeKind::Insert,
            filter: Document::new(),
            document,
            replaced: None,
            coerced: 0,
        },
        Outcome::Rejected { .. } => panic!("rejected"),
        other => other,
    }
}

fn update(plan: &Plan, before: &[Cell<'_>], after: &[Cell<'_>]) -> Outcome {
    change(plan, ChangeKind::Update, before, after)
}

fn int(number: i64) -> Cell<'static> {
    Ok(Value::Int(number))
}

fn things() -> Plan {
    plan(table(&[("id", INT), ("a", INT), ("b", VARCHAR)], &["id"]))
}

#[test]
fn an_update_sets_the_fields_that_it_tells_but_for_the_key() {
    let key = [int(1), UNTOLD, UNTOLD];
    let outcome = update(&things(), &key, &[int(1), SAME, Ok(Value::Null)]);
    let fields = doc! { "b": null };
    assert_eq!(outcome, Outcome::Set { filter: doc! { "_id": 1 }, fields, coerced: 0 });
    assert_eq!(update(&things(), &key, &[int(1), SAME, SAME]), Outcome::Nothing);
    let whole = update(&things(), &key, &[int(1), int(2), Ok(text("x"))]);
    assert_eq!(whole.document(), doc! { "_id": 1, "id": 1, "a": 2, "b": "x" });
}

#[test]
fn what_fields_alone_do_not_tell_is_read_again() {
    let key = [int(1), UNTOLD, UNTOLD];
    let reread = |id: i32, replaced: Option<Document>| Outcome::Reread {
        filter: doc! { "_id": id },
        replaced,
    };
    assert_eq!(update(&things(), &key, &[int(1), UNTOLD, Ok(text("x"))]), reread(1, None));
    let moved = update(&things(), &key, &[int(2), int(5), SAME]);
    assert_eq!(moved, reread(2, Some(doc! { "_id": 1 })));
    let inserted = change(&things(), ChangeKind::Insert, &[], &[int(3), UNTOLD, SAME]);
    assert_eq!(inserted, reread(3, None));
    let mut rules = rules();
    rules.types.table.nulls = NullsAs::Omit;
    let schema = table(&[("id", INT), ("a", INT), ("b", VARCHAR)], &["id"]);
    let omitting = Plan::compile(schema.into(), &rules).unwrap();
    assert_eq!(update(&omitting, &key, &[int(1), int(5), SAME]), reread(1, None));
}

#[test]
fn a_delete_needs_the_key_only() {
    let outcome = change(&things(), ChangeKind::Delete, &[int(1), UNTOLD, UNTOLD], &[]);
    assert_eq!(outcome, Outcome::Delete { filter: doc! { "_id": 1 } });
}

#[test]
fn a_row_that_nothing_names_is_told_with_the_column() {
    let unknown = |column: &str| Outcome::Unknown { column: column.to_owned() };
    let no_key = [UNTOLD, int(1), UNTOLD];
    assert_eq!(change(&things(), ChangeKind::Delete, &no_key, &[]), unknown("id"));
    assert_eq!(update(&things(), &no_key, &[SAME, int(2), SAME]), unknown("id"));
    let keyless = plan(table(&[("a", INT), ("b", INT)], &[]));
    assert_eq!(change(&keyless, ChangeKind::Insert, &[], &[int(1), UNTOLD]), unknown("b"));
    assert_eq!(change(&keyless, ChangeKind::Delete, &[int(1), UNTOLD], &[]), unknown("b"));
}
