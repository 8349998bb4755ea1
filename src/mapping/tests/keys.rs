//! What `_id` is made of, and what a change of it means.

use bson::{Bson, doc};

use super::fixture::{
    INT, Outcome, VARCHAR, delete, insert, map, parse, plan, problems, rules, table, text, unique,
    update,
};
use crate::{
    config::IdRule,
    mapping::{Plan, Problem, RowMapper},
    model::{
        change::ChangeKind,
        table::ColumnType,
        value::{Date, DateTime, Value},
        write::Identity,
    },
};

const FINE: ColumnType = ColumnType::DateTime { digits: 6 };

fn moment(micros: u32) -> Value<'static> {
    let date = Date { year: 2020, month: 1, day: 1 };
    Value::DateTime(DateTime { date, micros, ..DateTime::default() })
}

#[test]
fn a_single_key_is_a_scalar_and_stays_in_the_body() {
    let plan = plan(table(&[("name", VARCHAR), ("id", INT)], &["id"]));
    let expected = Outcome::Write {
        insert: true,
        filter: doc! {"_id": 5},
        document: doc! {"_id": 5, "name": "x", "id": 5},
        replaced: None,
        coerced: 0,
    };
    assert_eq!(insert(&plan, &[text("x"), Value::Int(5)]), expected);
    assert_eq!(
        delete(&plan, &[text("x"), Value::Int(5)]),
        Outcome::Delete { filter: doc! {"_id": 5} }
    );
    assert_eq!(plan.target().identity, Identity::Id);
}

#[test]
fn a_composite_key_is_a_document_in_index_order() {
    let plan = plan(table(&[("a.b", INT), ("c", VARCHAR), ("$d", INT)], &["$d", "a.b"]));
    let document = insert(&plan, &[Value::Int(1), text("x"), Value::Int(2)]).document();
    let id = doc! {"\u{FF04}d": 2, "a\u{FF0E}b": 1};
    assert_eq!(document, doc! {"_id": id, "a\u{FF0E}b": 1, "c": "x", "\u{FF04}d": 2});
}

/// Documents are made around their fields, in a room that long keys do not fit into.
#[test]
fn keys_of_every_length_stand_before_the_fields() {
    let plan = plan(table(&[("id", VARCHAR), ("number", INT)], &["id"]));
    for length in 0..200 {
        let key = "k".repeat(length);
        let document = insert(&plan, &[text(&key), Value::Int(7)]).document();
        assert_eq!(document, doc! {"_id": &key, "id": &key, "number": 7});
    }
}

#[test]
fn a_changed_key_names_the_old_document() {
    let plan = plan(table(&[("id", INT), ("name", VARCHAR)], &["id"]));
    let rows = |before, after| {
        update(&plan, &[Value::Int(before), text("x")], &[Value::Int(after), text("y")])
    };
    let Outcome::Write { insert, filter, replaced, .. } = rows(1, 2) else { panic!("not written") };
    assert_eq!((insert, filter, replaced), (false, doc! {"_id": 2}, Some(doc! {"_id": 1})));
    let Outcome::Write { replaced, .. } = rows(1, 1) else { panic!("not written") };
    assert_eq!(replaced, None);
}

#[test]
fn a_key_column_called_id_is_the_one_field() {
    let plan = plan(table(&[("_id", INT), ("name", VARCHAR)], &["_id"]));
    let document = insert(&plan, &[Value::Int(1), text("x")]).document();
    assert_eq!(document, doc! {"_id": 1, "name": "x"});
}

#[test]
fn any_other_column_called_id_moves_aside() {
    let renamed = Problem::FieldRenamed { column: "_id".to_owned(), field: "_id_".to_owned() };
    let beside = || table(&[("id", INT), ("_id", INT)], &["id"]);
    let document = insert(&plan(beside()), &[Value::Int(1), Value::Int(2)]).document();
    assert_eq!(document, doc! {"_id": 1, "id": 1, "_id_": 2});
    assert_eq!(problems(beside(), &rules()), [renamed]);
    let composite = plan(table(&[("_id", INT), ("b", INT)], &["_id", "b"]));
    let document = insert(&composite, &[Value::Int(1), Value::Int(2)]).document();
    assert_eq!(document, doc! {"_id": {"_id_": 1, "b": 2}, "_id_": 1, "b": 2});
    let clash =
        problems(table(&[("_id", INT), ("_id_", INT), ("b", INT)], &["_id", "b"]), &rules());
    assert!(clash.iter().any(|problem| matches!(problem, Problem::SameField { .. })), "{clash:?}");
}

#[test]
fn a_hidden_key_is_no_field() {
    let mut schema = table(&[("my_row_id", INT), ("name", VARCHAR)], &["my_row_id"]);
    schema.key.as_mut().unwrap().hidden = true;
    let document = insert(&plan(schema), &[Value::Int(9), text("x")]).document();
    assert_eq!(document, doc! {"_id": 9, "name": "x"});
}

#[test]
fn two_rows_never_share_an_id() {
    let plan = plan(table(&[("at", FINE), ("zero", ColumnType::Date)], &["at", "zero"]));
    let filter = |micros, day| {
        insert(&plan, &[moment(micros), Value::Date(Date { year: 0, month: 0, day })]).filter()
    };
    let expected = doc! {"_id": {"at": "2020-01-01T00:00:00.000001", "zero": "0000-00-01"}};
    assert_eq!(filter(1, 1), expected);
    assert_ne!(filter(1, 1), filter(2, 1));
    assert_ne!(filter(1, 1), filter(1, 2));
}

#[test]
fn labels_that_read_alike_are_no_key() {
    for labels in [["a", "a"], ["a", ""]] {
        let labels = labels.map(str::to_owned).to_vec();
        let found = problems(table(&[("e", ColumnType::Enum { labels })], &["e"]), &rules());
        assert_eq!(found, [Problem::AmbiguousLabels { column: "e".to_owned() }]);
    }
}

#[test]
fn object_id_filters_on_the_key_fields() {
    let mut rules = rules();
    rules.id = IdRule::ObjectId;
    let labels = ["a", "b"].map(str::to_owned).to_vec();
    let columns = [("_id", INT), ("at", FINE), ("s", ColumnType::Set { labels }), ("n", INT)];
    let schema = table(&columns, &["s", "_id", "at"]);
    let plan = Plan::compile(schema.into(), &rules).unwrap();
    let fields = ["s", "_id_", "at"].map(str::to_owned).to_vec();
    assert_eq!(
        plan.target().identity,
        Identity::Fields { fields, index: "binleaf_key".to_owned() }
    );
    let row = [Value::Int(1), moment(5), Value::Set(3), Value::Int(4)];
    let (at, set) = ("2020-01-01T00:00:00.000005", "a,b");
    let written = insert(&plan, &row);
    assert_eq!(written.clone().filter(), doc! {"s": set, "_id_": 1, "at": at});
    assert_eq!(written.document(), doc! {"_id_": 1, "at": at, "s": set, "n": 4});
}

#[test]
fn chosen_columns_need_a_unique_index_on_just_them() {
    let mut schema = table(&[("id", INT), ("region", VARCHAR), ("no", INT)], &["id"]);
    schema.unique_keys =
        vec![schema.key.clone().unwrap(), unique(&schema, "by_no", &["no", "region"])];
    let mut rules = rules();
    let mut compile = |columns: &[&str]| {
        rules.id = IdRule::Columns(columns.iter().map(|&column| column.to_owned()).collect());
        Plan::compile(schema.clone().into(), &rules)
    };
    let plan = compile(&["region", "no"]).unwrap();
    let filter = insert(&plan, &[Value::Int(1), text("eu"), Value::Int(7)]).filter();
    assert_eq!(filter, doc! {"_id": {"no": 7, "region": "eu"}});
    let Err(issues) = compile(&["no"]) else { panic!("no unique index on `no` alone") };
    assert_eq!(issues[0].problem, Problem::NoUniqueIndex { columns: "no".to_owned() });
    let Err(issues) = compile(&["nowhere"]) else { panic!("no such column") };
    assert!(issues.iter().any(|issue| matches!(issue.problem, Problem::UnknownKeyColumn { .. })));
}

#[test]
fn rows_without_a_key_are_known_by_their_hash() {
    let plan = plan(table(&[("a", INT), ("b", VARCHAR)], &[]));
    assert!(plan.is_keyless());
    let row = [Value::Int(1), text("x")];
    let written = insert(&plan, &row);
    let body = doc! {"a": 1, "b": "x"}.to_vec().unwrap();
    let hash = blake3::hash(&body).as_bytes()[..16].to_vec();
    let id = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: hash };
    assert_eq!(written.clone().filter(), doc! {"_id": id.clone()});
    assert_eq!(written.document(), doc! {"_id": id, "a": 1, "b": "x"});
    let Outcome::Write { replaced, .. } = update(&plan, &row, &[Value::Int(2), text("x")]) else {
        panic!("not written");
    };
    assert_eq!(replaced, Some(delete(&plan, &row).filter()));
}

#[test]
fn the_hash_tells_apart_what_the_body_does_not() {
    let plan = plan(table(&[("at", FINE)], &[]));
    let (one, two) = (insert(&plan, &[moment(1)]), insert(&plan, &[moment(2)]));
    assert_ne!(one.clone().filter(), two.clone().filter());
    let body = |outcome: Outcome| outcome.document().get("at").cloned();
    assert_eq!(body(one), body(two));
    let zero = Value::DateTime(DateTime::default());
    assert_ne!(insert(&plan, &[zero]).filter(), insert(&plan, &[Value::Null]).filter());
}

#[test]
fn documents_hold_what_their_length_says() {
    let plan = plan(table(&[("id", INT)], &["id"]));
    let bytes = insert(&plan, &[Value::Int(1)]).document().to_vec().unwrap();
    assert_eq!(parse(&bytes).get("id"), Some(&Bson::Int32(1)));
}

/// What one row left behind is in none of the others, whatever they are of.
#[test]
fn one_mapper_serves_changes_of_all_kinds_and_tables_in_turn() {
    let plans = [
        plan(table(&[("id", INT), ("name", VARCHAR)], &["id"])),
        plan(table(&[("a", INT), ("b", VARCHAR)], &["b", "a"])),
        plan(table(&[("a", INT), ("b", VARCHAR)], &[])),
    ];
    let rows: [&[Value<'_>]; 3] =
        [&[Value::Int(1), text("x")], &[Value::Int(2), Value::Null], &[Value::Int(3)]];
    let kinds = [ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete, ChangeKind::Read];
    let mut mapper = RowMapper::default();
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..5_000 {
        let plan = &plans[random.usize(..plans.len())];
        let (kind, old, new) = (
            kinds[random.usize(..kinds.len())],
            rows[random.usize(..rows.len())],
            rows[random.usize(..rows.len())],
        );
        let (before, after): (&[Value<'_>], &[Value<'_>]) = match kind {
            ChangeKind::Insert | ChangeKind::Read => (&[], new),
            ChangeKind::Update => (old, new),
            ChangeKind::Delete => (old, &[]),
        };
        let fresh = map(&mut RowMapper::default(), plan, kind, before, after);
        assert_eq!(map(&mut mapper, plan, kind, before, after), fresh, "{kind:?}");
    }
}
