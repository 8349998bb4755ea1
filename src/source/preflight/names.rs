//! Names in the settings that the source does not have.

use std::collections::BTreeMap;

use mysql_async::Conn;

use super::rights;
use crate::{
    config::Config,
    model::{
        finding::Finding,
        table::{TableName, TableSchema, quote_identifier},
    },
    source::{
        error::SourceError,
        schema::{self, TableFilter},
    },
};

/// How alike two names are to be taken for a slip (1 is equal).
const ALIKE: f64 = 0.8;

/// What this user sees of the source.
pub(super) struct Seen {
    /// The account that the server took us for, as GRANT writes it.
    account: String,
    databases: Vec<String>,
    /// Everything in the chosen databases, with its kind (`BASE TABLE`, `VIEW`, …).
    tables: BTreeMap<TableName, String>,
}

impl Seen {
    pub(super) async fn read(
        connection: &mut Conn,
        config: &Config,
        filter: &TableFilter,
    ) -> Result<Self, SourceError> {
        let limit = config.source.read_timeout;
        let account = rights::account(connection, limit).await?;
        let databases = schema::databases(connection, limit).await?;
        let chosen =
            databases.iter().filter(|name| filter.matches_database(name)).cloned().collect();
        let tables = schema::kinds(connection, chosen, limit).await?;
        Ok(Self { account, databases, tables })
    }
}

pub(super) fn findings(
    seen: &Seen,
    config: &Config,
    filter: &TableFilter,
    found: &[TableSchema],
) -> Vec<Finding> {
    let mut findings = unknown_databases(seen, filter);
    let base: Vec<TableName> = seen
        .tables
        .iter()
        .filter(|(_, kind)| schema::is_table(kind))
        .map(|(name, _)| name.clone())
        .collect();
    let (tables, excluded) = filter.unknown_names(&base);
    findings.extend(tables.into_iter().map(|name| unknown_table(name, seen)));
    findings.extend(excluded.into_iter().map(|name| unknown_exclusion(name, &base)));
    let names: Vec<TableName> = found.iter().map(|table| table.name.clone()).collect();
    for section in config.tables.keys().filter(|section| !fits_any(section, &names)) {
        let setting = format!("tables.\"{section}\"");
        let meaning =
            format!("{setting} fits no table that is copied{}", suggestion(section, &names));
        findings.push(
            Finding::warning("unknown_table", setting, meaning)
                .mend("correct the name, or take it out"),
        );
    }
    findings
}

/// A section is a list of one pattern.
fn fits_any(section: &str, names: &[TableName]) -> bool {
    TableFilter::of_tables(section)
        .is_ok_and(|filter| names.iter().any(|name| filter.matches(name)))
}

fn unknown_databases(seen: &Seen, filter: &TableFilter) -> Vec<Finding> {
    let unknown = filter
        .named_databases()
        .filter(|name| !seen.databases.iter().any(|database| database == name));
    unknown
        .map(|name| {
            let meaning = format!("database {name} does not exist, or this user may not see it");
            let account = &seen.account;
            let remedy = format!(
                "GRANT SELECT ON {}.* TO {account}; -- or correct source.databases",
                quote_identifier(&name.replace('_', "\\_"))
            );
            Finding::error("unknown_database", name, meaning).mend(remedy)
        })
        .collect()
}

fn unknown_table(name: &str, seen: &Seen) -> Finding {
    let names: Vec<TableName> = seen.tables.keys().cloned().collect();
    if let Some((_, kind)) = seen.tables.iter().find(|(table, _)| is_called(table, name)) {
        let kind = kind.to_lowercase();
        let meaning = format!("{name} is no table but a {kind}; only base tables are copied");
        return Finding::error("unknown_table", name, meaning).mend("take it out of source.tables");
    }
    let nearest = suggestion(name, &names);
    let meaning = format!("table {name} does not exist, or this user may not see it{nearest}");
    Finding::error("unknown_table", name, meaning).mend(unknown_table_remedy(name, seen))
}

fn unknown_table_remedy(name: &str, seen: &Seen) -> String {
    let scope = match name.split_once('.') {
        Some((database, table)) => TableName::new(database, table).quoted(),
        None => format!("`…`.{}", quote_identifier(name)),
    };
    format!("correct source.tables, or GRANT SELECT ON {scope} TO {};", seen.account)
}

fn unknown_exclusion(name: &str, known: &[TableName]) -> Finding {
    let meaning =
        format!("table {name} of source.exclude_tables does not exist{}", suggestion(name, known));
    Finding::warning("unknown_table", name, meaning).mend("correct source.exclude_tables")
}

fn is_called(table: &TableName, name: &str) -> bool {
    table.table == name || table.to_string() == name
}

fn suggestion(name: &str, known: &[TableName]) -> String {
    let has_database = name.contains('.');
    let full =
        |table: &TableName| if has_database { table.to_string() } else { table.table.clone() };
    let scored = known.iter().map(|table| (strsim::jaro_winkler(name, &full(table)), full(table)));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    match best {
        Some((score, best)) if score >= ALIKE => format!("; the nearest name is {best}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TableConfig;

    fn told(tables: &[&str], section: Option<&str>) -> Vec<(&'static str, String)> {
        let mut config = Config::default();
        config.source.databases = vec!["shop".to_owned(), "gone".to_owned()];
        config.source.tables = tables.iter().map(|text| (*text).to_owned()).collect();
        if let Some(section) = section {
            config.tables.insert(section.to_owned(), TableConfig::default());
        }
        let orders = TableName::new("shop", "orders");
        let kinds = [(orders.clone(), "BASE TABLE"), (TableName::new("shop", "totals"), "VIEW")];
        let seen = Seen {
            account: "'u'@'%'".to_owned(),
            databases: vec!["shop".to_owned()],
            tables: kinds.into_iter().map(|(name, kind)| (name, kind.to_owned())).collect(),
        };
        let found = TableSchema::named(orders);
        let filter = TableFilter::new(&config.source).unwrap();
        findings(&seen, &config, &filter, &[found])
            .into_iter()
            .map(|finding| (finding.code, finding.meaning))
            .collect()
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest_one() {
        let told = told(&["oders", "totals", "o*"], Some("shop.orders"));
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0].0, "unknown_database");
        assert!(told[1].1.ends_with("the nearest name is orders"), "{told:?}");
        assert!(told[2].1.contains("no table but a view"), "{told:?}");
    }

    #[test]
    fn sections_of_tables_that_are_not_there_are_told() {
        let told = told(&["*"], Some("shop.orderz"));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].1.contains("nearest name is shop.orders"), "{told:?}");
    }
}
