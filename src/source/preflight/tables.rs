//! What the source's tables are like, as far as it matters to snapshot and stream. Pure.

use super::{SOURCE, Variables};
use crate::{
    model::{
        finding::Finding,
        table::{ColumnType, TableSchema, Versioning},
    },
    source::flavour::Flavour,
};

/// Engines whose reads are consistent and whose commits are in the binlog in order.
const TRANSACTIONAL: [&str; 3] = ["InnoDB", "ROCKSDB", "ndbcluster"];

/// The first version whose server, rather than InnoDB, carries cascades out, and so writes them to the binlog. Seen on
/// 9.7.4: with `innodb_native_foreign_keys` OFF (the default) the child's row events are there.
const LOGGED_CASCADES_SINCE: (u16, u16, u16) = (9, 6, 0);

/// Nothing to copy.
pub(super) fn none(tables: &[TableSchema]) -> Option<Finding> {
    let meaning = "no table fits source.databases, source.tables and source.exclude_tables, or this user sees none";
    tables.is_empty().then(|| {
        Finding::error("no_tables", SOURCE, meaning)
            .mend("correct the settings, or GRANT SELECT on the tables")
    })
}

pub(super) fn findings(tables: &[TableSchema], variables: &Variables) -> Vec<Finding> {
    let logged = cascades_are_logged(variables);
    let mut findings = Vec::new();
    for table in tables {
        findings.extend(engine(table));
        findings.extend(numbered_history(table));
        findings.extend(
            cascades(table)
                .filter(|_| !logged)
                .map(|finding| finding.mend(cascades_remedy(table, variables))),
        );
    }
    findings
}

fn engine(table: &TableSchema) -> Option<Finding> {
    if TRANSACTIONAL.iter().any(|engine| engine.eq_ignore_ascii_case(&table.engine)) {
        return None;
    }
    let meaning = format!(
        "the engine {} has no transactions: a row may be seen before it is in the binlog, and a statement that fails \
         half-way leaves its rows behind",
        table.engine
    );
    let remedy = format!("ALTER TABLE {} ENGINE = InnoDB;", table.name.quoted());
    Some(Finding::warning("engine", table.name.to_string(), meaning).mend(remedy))
}

/// MariaDB logs the changes of such a table as statements, whatever `binlog_format` says (seen on 11.8).
fn numbered_history(table: &TableSchema) -> Option<Finding> {
    let Some(Versioning::Declared { end }) = table.versioning else { return None };
    let column = table.columns.get(end)?;
    matches!(column.kind, ColumnType::Int { .. }).then(|| {
        let meaning = format!(
            "its history goes by transaction numbers ({}), and the server logs changes of such a table as statements: they \
             cannot be followed",
            column.name
        );
        Finding::error("versioning", table.name.to_string(), meaning).mend(format!(
            "keep the history by TIMESTAMP(6), or leave it out: source.exclude_tables = [\"{}\"]",
            table.name
        ))
    })
}

fn cascades(table: &TableSchema) -> Option<Finding> {
    let names: Vec<&str> =
        table.foreign_keys.iter().filter(|key| key.cascades).map(|key| key.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let meaning = format!(
        "rows are changed by cascades ({}), which this server does not write to the binlog: such a change reaches the copy \
         only with the row's next change",
        names.join(", ")
    );
    Some(Finding::warning("cascades", table.name.to_string(), meaning))
}

fn cascades_remedy(table: &TableSchema, variables: &Variables) -> String {
    let is_mysql = variables.flavour() == Flavour::Mysql;
    if is_mysql && variables.version >= LOGGED_CASCADES_SINCE {
        return "innodb_native_foreign_keys = OFF -- in my.cnf; then restart the server".to_owned();
    }
    let name =
        table.foreign_keys.iter().find(|key| key.cascades).map_or("", |key| key.name.as_str());
    let or_upgrade = if is_mysql { ", or upgrade to MySQL 9.6, which logs cascades" } else { "" };
    format!(
        "ALTER TABLE {} DROP FOREIGN KEY `{}`; -- and add it with RESTRICT{or_upgrade}",
        table.name.quoted(),
        name.replace('`', "``")
    )
}

fn cascades_are_logged(variables: &Variables) -> bool {
    variables.flavour() == Flavour::Mysql
        && variables.version >= LOGGED_CASCADES_SINCE
        && variables.get("innodb_native_foreign_keys").is_some()
        && !variables.is_on("innodb_native_foreign_keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{ForeignKey, TableName};

    fn table(engine: &str, cascades: bool) -> TableSchema {
        TableSchema {
            name: TableName::new("shop", "orders"),
            columns: Vec::new(),
            defaults: Vec::new(),
            key: None,
            unique_keys: Vec::new(),
            foreign_keys: vec![ForeignKey {
                name: "fk_1".to_owned(),
                columns: Vec::new(),
                references: TableName::new("shop", "people"),
                referenced_columns: Vec::new(),
                cascades,
            }],
            estimated_rows: 0,
            engine: engine.to_owned(),
            versioning: None,
        }
    }

    fn server(version: &str, native: &str) -> Variables {
        let pairs = [("version", version), ("innodb_native_foreign_keys", native)];
        let known = pairs.iter().filter(|(_, value)| !value.is_empty());
        Variables::new(
            known.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    fn codes(table: TableSchema, server: &Variables) -> Vec<&'static str> {
        findings(&[table], server).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn cascades_are_told_where_the_server_keeps_them_to_itself() {
        assert_eq!(codes(table("InnoDB", true), &server("8.4.3", "")), ["cascades"]);
        assert_eq!(codes(table("InnoDB", true), &server("9.7.4", "ON")), ["cascades"]);
        assert!(codes(table("InnoDB", true), &server("9.7.4", "OFF")).is_empty());
        assert!(codes(table("InnoDB", false), &server("8.4.3", "")).is_empty());
    }

    #[test]
    fn engines_without_transactions_are_told() {
        assert_eq!(codes(table("MyISAM", false), &server("9.7.4", "OFF")), ["engine"]);
    }

    #[test]
    fn nothing_to_copy_is_an_error() {
        assert_eq!(none(&[]).unwrap().code, "no_tables");
        assert!(none(&[table("InnoDB", false)]).is_none());
    }
}
