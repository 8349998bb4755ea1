//! `[types]`: what keys allow, what does nothing, and what stays told apart.

use bson::doc;

use super::fixture::{INT, Outcome, VARCHAR, delete, insert, parse, problems, rules, table, text};
use crate::{
    config::{
        Config, TableConfig, TypesPatch,
        types::{
            BinaryAs, ColumnConfig, DatetimeAs, DecimalAs, GeometryAs, JsonAs, NullsAs, SetAs,
            Tinyint1As, ZeroDateAs,
        },
    },
    mapping::{Plan, Problem, RuleBook, TableRules},
    model::{
        finding::Level,
        table::{ColumnType, TableName, TableSchema},
        value::{Date, Value},
    },
};

const FLAG: ColumnType = ColumnType::Int { bytes: 1, unsigned: false, boolean: true };
const MONEY: ColumnType = ColumnType::Decimal { precision: 10, scale: 2 };
const ZERO: Value<'static> = Value::Date(Date { year: 0, month: 0, day: 0 });

fn with(patch: TypesPatch) -> TableRules {
    let mut rules = rules();
    rules.types.table = rules.types.table.with(&patch);
    rules
}

fn plan(schema: TableSchema, rules: &TableRules) -> Plan {
    Plan::compile(schema.into(), rules).expect("a plan")
}

#[test]
fn a_key_allows_no_setting_that_merges_values() {
    for (kind, patch, setting) in [
        (
            FLAG,
            TypesPatch { tinyint1: Some(Tinyint1As::Bool), ..TypesPatch::default() },
            "tinyint1 = \"bool\"",
        ),
        (
            MONEY,
            TypesPatch { decimal: Some(DecimalAs::Double), ..TypesPatch::default() },
            "decimal = \"double\"",
        ),
    ] {
        let columns = [("id", INT), ("v", kind)];
        let told = problems(table(&columns, &["id", "v"]), &with(patch));
        let column = "v".to_owned();
        assert_eq!(told, [Problem::MergingSetting { column, setting }]);
        assert_eq!((told[0].level(), told[0].code()), (Level::Error, "key_column"));
        assert_eq!(problems(table(&columns, &["id"]), &with(patch)), []);
        // The column may say otherwise than the table.
        let mut rules = with(patch);
        let own = TypesPatch {
            tinyint1: Some(Tinyint1As::Int),
            decimal: Some(DecimalAs::String),
            ..TypesPatch::default()
        };
        rules.types.columns = vec![("V".to_owned(), own)];
        assert_eq!(problems(table(&columns, &["id", "v"]), &rules), []);
    }
}

#[test]
fn lossless_settings_hold_for_keys_too() {
    let patch = TypesPatch {
        decimal: Some(DecimalAs::String),
        datetime: Some(DatetimeAs::String),
        binary: Some(BinaryAs::Uuid),
        ..TypesPatch::default()
    };
    let columns = [("m", MONEY), ("d", ColumnType::Date)];
    let plan = plan(table(&columns, &["m", "d"]), &with(patch));
    let money = crate::model::value::Decimal { negative: true, coefficient: 5, scale: 2 };
    let date = Date { year: 2026, month: 1, day: 10 };
    let row = [Value::Decimal(money), Value::Date(date)];
    let id = doc! {"m": "-0.05", "d": "2026-01-10"};
    let expected = doc! {"_id": id, "m": "-0.05", "d": "2026-01-10"};
    assert_eq!(insert(&plan, &row).document(), expected);
}

#[test]
fn a_zero_date_in_a_key_is_found_again_although_its_row_is_refused() {
    let patch = TypesPatch { zero_date: Some(ZeroDateAs::DeadLetter), ..TypesPatch::default() };
    let columns = [("d", ColumnType::Date), ("n", INT)];
    let plan = plan(table(&columns, &["d"]), &with(patch));
    let row = [ZERO, Value::Int(1)];
    let Outcome::Rejected { filter, row: told, reason, .. } = insert(&plan, &row) else {
        panic!("not rejected")
    };
    assert_eq!(told, doc! {"_id": "0000-00-00", "d": "0000-00-00", "n": 1});
    assert_eq!(filter, doc! {"_id": "0000-00-00"});
    assert!(reason.starts_with("column d: the date"), "{reason}");
    assert_eq!(delete(&plan, &row), Outcome::Delete { filter });
}

#[test]
fn nulls_that_are_omitted_are_those_of_sql() {
    let patch = TypesPatch { nulls: Some(NullsAs::Omit), ..TypesPatch::default() };
    let columns = [("id", INT), ("a", VARCHAR), ("j", ColumnType::Json), ("d", ColumnType::Date)];
    let omitting = plan(table(&columns, &["id"]), &with(patch));
    let row = [Value::Int(1), Value::Null, Value::JsonText(b"null"), ZERO];
    let expected = doc! {"_id": 1, "id": 1, "j": null, "d": null};
    assert_eq!(insert(&omitting, &row).document(), expected);
    let row = [Value::Int(1), text(""), Value::Null, Value::Null];
    assert_eq!(insert(&omitting, &row).document(), doc! {"_id": 1, "id": 1, "a": ""});
}

#[test]
fn rows_without_a_key_stay_apart_whatever_the_settings() {
    let patch = TypesPatch {
        tinyint1: Some(Tinyint1As::Bool),
        decimal: Some(DecimalAs::Double),
        zero_date: Some(ZeroDateAs::Null),
        nulls: Some(NullsAs::Omit),
        ..TypesPatch::default()
    };
    let filter = |kind: ColumnType, value| {
        let keyless = plan(table(&[("a", INT), ("v", kind)], &[]), &with(patch));
        insert(&keyless, &[Value::Null, value]).filter()
    };
    assert_ne!(filter(FLAG, Value::Int(1)), filter(FLAG, Value::Int(2)));
    assert_ne!(filter(ColumnType::Date, ZERO), filter(ColumnType::Date, Value::Null));
    let wide = ColumnType::Decimal { precision: 65, scale: 0 };
    let long = |text| filter(wide.clone(), Value::WideDecimal(text));
    assert_ne!(long("90071992547409930"), long("90071992547409931"));
    // Two points that differ by their SRID only.
    let point = |srid: u8| {
        let mut bytes = vec![srid, 0, 0, 0, 1, 1, 0, 0, 0];
        bytes.resize(25, 0);
        bytes
    };
    let (one, other) = (point(0), point(1));
    let geometry = |bytes| filter(ColumnType::Geometry, Value::Geometry(bytes));
    assert_ne!(geometry(&one), geometry(&other));
}

#[test]
fn settings_that_do_nothing_are_told() {
    let mut rules = rules();
    let set = TypesPatch { set: Some(SetAs::String), ..TypesPatch::default() };
    let json = TypesPatch { json: Some(JsonAs::String), ..TypesPatch::default() };
    rules.types.columns =
        vec![("Name".to_owned(), set), ("gone".to_owned(), json), ("doc".to_owned(), json)];
    let columns = [("id", INT), ("name", VARCHAR), ("doc", ColumnType::Json)];
    assert_eq!(problems(table(&columns, &["id"]), &rules), [], "a glob fits what it fits");
    rules.types.by_name = true;
    let told = problems(table(&columns, &["id"]), &rules);
    let idle = Problem::IdleSetting { column: "name".to_owned(), setting: "set" };
    assert_eq!(told, [idle, Problem::UnknownColumn { column: "gone".to_owned() }]);
    assert!(told.iter().all(|problem| problem.level() == Level::Warning));
}

#[test]
fn digits_that_are_cut_are_told() {
    let (fine, coarse) = (ColumnType::Timestamp { digits: 6 }, ColumnType::DateTime { digits: 3 });
    let columns = [("at", fine.clone()), ("a", fine.clone()), ("b", coarse), ("c", fine)];
    let schema = || table(&columns, &["at"]);
    let cut = Problem::CutDigits { columns: "a, c".to_owned() };
    assert_eq!(problems(schema(), &rules()), [cut]);
    let patch = TypesPatch { datetime: Some(DatetimeAs::String), ..TypesPatch::default() };
    assert_eq!(problems(schema(), &with(patch)), []);
}

#[test]
fn the_most_exact_place_decides() {
    let geometry = |told| TypesPatch { geometry: Some(told), ..TypesPatch::default() };
    let mut config = Config::default();
    config.types.set = SetAs::String;
    let column = ColumnConfig { types: geometry(GeometryAs::Geojson) };
    let section = TableConfig {
        types: geometry(GeometryAs::Wkb),
        columns: [("Place".to_owned(), column)].into(),
        ..TableConfig::default()
    };
    config.tables.insert("or*".to_owned(), section);
    let book = RuleBook::new(&config);
    let orders = book.resolve(&TableName::new("shop", "orders")).types;
    assert_eq!(orders.of("shape").geometry, GeometryAs::Wkb);
    assert_eq!(orders.of("place").geometry, GeometryAs::Geojson);
    assert_eq!((orders.of("place").set, orders.by_name), (SetAs::String, false));
    let other = book.resolve(&TableName::new("shop", "items")).types;
    assert_eq!(other.of("place").geometry, GeometryAs::Geojson);
}

#[test]
fn a_value_that_no_document_holds_is_refused() {
    let plan = plan(table(&[("id", INT), ("v", VARCHAR)], &["id"]), &rules());
    let refused = insert(&plan, &[Value::Int(1), Value::TooLarge]);
    let Outcome::Rejected { reason, row, .. } = refused else { panic!("not rejected") };
    assert_eq!(reason, "column v: the value exceeds 16 MiB as BSON");
    assert_eq!(row, parse(&doc! {"_id": 1, "id": 1, "v": null}.to_vec().unwrap()));
}
