//! Settings to rules, names, and what `check` tells.

use super::fixture::{INT, plan, problems, rules, table};
use crate::{
    config::{Config, IdRule, Keyless, TableConfig},
    mapping::{Plan, Problem, RuleBook, shared_collections},
    model::{
        finding::{Finding, Level},
        table::{ColumnType, TableName},
    },
};

fn book(database: &str, collection: &str, sections: &[(&str, &str)]) -> RuleBook {
    let mut config = Config::default();
    database.clone_into(&mut config.target.database);
    collection.clone_into(&mut config.target.collection);
    for (pattern, collection) in sections {
        let section =
            TableConfig { collection: Some((*collection).to_owned()), ..TableConfig::default() };
        config.tables.insert((*pattern).to_owned(), section);
    }
    RuleBook::new(&config)
}

fn collection(book: &RuleBook, database: &str, table: &str) -> String {
    book.resolve(&TableName::new(database, table)).collection.to_string()
}

#[test]
fn the_most_exact_pattern_wins() {
    let patterns =
        ["*", "order*", "*.orders", "orders", "shop.orders", "shop.*", "s?op.ord*", "[invalid"];
    let sections: Vec<(&str, &str)> = patterns.iter().map(|&pattern| (pattern, pattern)).collect();
    let book = book("x", "{table}", &sections);
    assert_eq!(collection(&book, "shop", "orders"), "x.shop.orders");
    assert_eq!(collection(&book, "mall", "orders"), "x.*.orders");
    assert_eq!(collection(&book, "shop", "orderly"), "x.shop.*");
    assert_eq!(collection(&book, "mall", "orderly"), "x.order*");
    assert_eq!(collection(&book, "mall", "other"), "x.*");
}

#[test]
fn templates_are_filled_and_dollars_escaped() {
    let templates = book("{database}", "{database}_{table}_{other}", &[]);
    assert_eq!(collection(&templates, "shop", "a$b"), "shop.shop_a\u{FF04}b_{other}");
    let plain = book("x", "{table}", &[]);
    assert_eq!(collection(&plain, "shop", "{database}"), "x.{database}");
}

#[test]
fn names_that_the_target_refuses_are_errors() {
    for (name, possible) in [
        ("orders", true),
        ("a.b", true),
        ("system.users", false),
        (".a", false),
        ("a..b", false),
        ("", false),
    ] {
        let mut rules = rules();
        name.clone_into(&mut rules.collection.name);
        let found = problems(table(&[("id", INT)], &["id"]), &rules);
        assert_eq!(found.is_empty(), possible, "{name}: {found:?}");
    }
    let mut rules = rules();
    rules.collection.database = "a.b".to_owned();
    assert!(matches!(
        problems(table(&[("id", INT)], &["id"]), &rules)[..],
        [Problem::TargetName { .. }]
    ));
}

#[test]
fn fields_are_escaped_and_told() {
    let schema = table(&[("id", INT), ("$a.b", INT)], &["id"]);
    let plan = plan(schema);
    let findings: Vec<Finding> = plan.findings().collect();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].level, findings[0].code), (Level::Info, "field_renamed"));
    assert_eq!(findings[0].meaning, "column $a.b becomes field \u{FF04}a\u{FF0E}b");
    let clash = table(&[("a.b", INT), ("a\u{FF0E}b", INT)], &["a.b"]);
    let found = problems(clash, &rules());
    assert!(found.iter().any(|problem| matches!(problem, Problem::SameField { .. })));
}

#[test]
fn unsupported_columns_are_refused_by_name() {
    let declared = "vector(3)".to_owned();
    let schema = table(&[("id", INT), ("v", ColumnType::Unsupported { declared })], &["id"]);
    let found = problems(schema, &rules());
    assert_eq!(
        found[0].to_string(),
        "column v has type vector(3), which this version does not map"
    );
    for (declared, mend) in [
        (
            "time /* mariadb-5.3 */",
            "SET GLOBAL mysql56_temporal_format = ON; ALTER TABLE `shop`.`things` FORCE;",
        ),
        ("time /* 5.5 binary format */", "ALTER TABLE `shop`.`things` FORCE;"),
    ] {
        let kind = ColumnType::Unsupported { declared: declared.to_owned() };
        let Err(issues) = Plan::compile(table(&[("t", kind)], &[]).into(), &rules()) else {
            panic!("{declared} is not read")
        };
        let told =
            issues.iter().map(Finding::from).any(|told| told.remedy.as_deref() == Some(mend));
        assert!(told, "{issues:?}");
    }
    let keyed = table(&[("j", ColumnType::Json)], &["j"]);
    assert!(matches!(problems(keyed, &rules())[..], [Problem::UnusableKeyColumn { .. }]));
}

#[test]
fn tables_without_a_key_follow_the_settings() {
    let keyless = || table(&[("a", INT)], &[]);
    let mut rules = rules();
    assert_eq!(problems(keyless(), &rules), [Problem::Hashed]);
    rules.keyless = Keyless::Stop;
    assert_eq!(problems(keyless(), &rules), [Problem::Stopped]);
    rules.keyless = Keyless::Skip;
    assert_eq!(problems(keyless(), &rules), [Problem::Skipped]);
    assert!(Plan::compile(keyless().into(), &rules).is_err());
    assert!(rules.skips(&keyless()) && !rules.skips(&table(&[("a", INT)], &["a"])));
    rules.id = IdRule::ObjectId;
    assert_eq!(problems(keyless(), &rules), [Problem::ObjectIdWithoutKey]);
}

#[test]
fn two_tables_with_one_target_are_told() {
    let one = plan(table(&[("id", INT)], &["id"]));
    let mut other = table(&[("id", INT)], &["id"]);
    other.name = TableName::new("mall", "things");
    let other = plan(other);
    assert_eq!(shared_collections([&one]), []);
    assert_eq!(shared_collections([&one, &other])[0].table, TableName::new("mall", "things"));
}
