//! Which tables are copied: names and globs over databases and tables.

use globset::{Glob, GlobMatcher};

use crate::{config::SourceConfig, model::table::TableName, source::error::SourceError};

/// Databases of the server itself, which no pattern takes in.
const SYSTEM: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];

/// The choice that `source.databases`, `source.tables` and `source.exclude_tables` make.
#[derive(Debug, Clone)]
pub struct TableFilter {
    databases: Vec<Pattern>,
    tables: Vec<TablePattern>,
    excluded: Vec<TablePattern>,
}

/// A name or a glob.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    glob: GlobMatcher,
}

/// `table` or `database.table`.
#[derive(Debug, Clone)]
struct TablePattern {
    text: String,
    database: Option<Pattern>,
    table: Pattern,
}

impl TableFilter {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// When a pattern is no glob.
    pub fn new(config: &SourceConfig) -> Result<Self, SourceError> {
        Ok(Self {
            databases: each(&config.databases, |text| Pattern::new("source.databases", text))?,
            tables: each(&config.tables, |text| TablePattern::new("source.tables", text))?,
            excluded: each(&config.exclude_tables, |text| {
                TablePattern::new("source.exclude_tables", text)
            })?,
        })
    }

    /// The tables of any database that one pattern takes in.
    pub(in crate::source) fn of_tables(pattern: &str) -> Result<Self, SourceError> {
        let databases = vec![Pattern::new("source.databases", "*")?];
        let tables = vec![TablePattern::new("tables", pattern)?];
        Ok(Self { databases, tables, excluded: Vec::new() })
    }

    /// Whether the table is copied.
    #[must_use]
    pub fn matches(&self, name: &TableName) -> bool {
        self.matches_database(&name.database)
            && self.tables.iter().any(|pattern| pattern.matches(name))
            && !self.excluded.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether tables of this database may be copied.
    #[must_use]
    pub fn matches_database(&self, database: &str) -> bool {
        !SYSTEM.iter().any(|system| system.eq_ignore_ascii_case(database))
            && self.databases.iter().any(|pattern| pattern.matches(database))
    }

    /// The plain names among the databases.
    pub fn named_databases(&self) -> impl Iterator<Item = &str> {
        self.databases
            .iter()
            .filter(|pattern| pattern.is_name())
            .map(|pattern| pattern.text.as_str())
    }

    /// The plain table names that none of these tables has: of `tables`, then of `exclude_tables`.
    #[must_use]
    pub fn unknown_names(&self, known: &[TableName]) -> (Vec<&str>, Vec<&str>) {
        (unknown(&self.tables, known), unknown(&self.excluded, known))
    }
}

fn unknown<'a>(patterns: &'a [TablePattern], known: &[TableName]) -> Vec<&'a str> {
    patterns
        .iter()
        .filter(|pattern| pattern.table.is_name())
        .filter(|pattern| !known.iter().any(|name| pattern.matches(name)))
        .map(|pattern| pattern.text.as_str())
        .collect()
}

fn each<T>(
    texts: &[String],
    compile: impl Fn(&str) -> Result<T, SourceError>,
) -> Result<Vec<T>, SourceError> {
    texts.iter().map(|text| compile(text)).collect()
}

impl Pattern {
    fn new(setting: &'static str, text: &str) -> Result<Self, SourceError> {
        let glob = Glob::new(text).map_err(|error| {
            SourceError::Setting(format!("{setting}: {text} is no pattern: {}", error.kind()))
        })?;
        Ok(Self { text: text.to_owned(), glob: glob.compile_matcher() })
    }

    /// A name matches itself, whatever letters of globs it holds.
    fn matches(&self, name: &str) -> bool {
        self.text == name || self.glob.is_match(name)
    }

    fn is_name(&self) -> bool {
        !self.text.contains(['*', '?', '[', '{'])
    }
}

impl TablePattern {
    /// A name with a dot inside cannot be told from `database.table`; a glob such as `a?b` reaches it.
    fn new(setting: &'static str, text: &str) -> Result<Self, SourceError> {
        let (database, table) = match text.split_once('.') {
            Some((database, table)) => (Some(Pattern::new(setting, database)?), table),
            None => (None, text),
        };
        Ok(Self { text: text.to_owned(), database, table: Pattern::new(setting, table)? })
    }

    fn matches(&self, name: &TableName) -> bool {
        self.database.as_ref().is_none_or(|pattern| pattern.matches(&name.database))
            && self.table.matches(&name.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(databases: &[&str], tables: &[&str], excluded: &[&str]) -> TableFilter {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        TableFilter::new(&SourceConfig {
            databases: owned(databases),
            tables: owned(tables),
            exclude_tables: owned(excluded),
            ..SourceConfig::default()
        })
        .unwrap()
    }

    fn name(text: &str) -> TableName {
        let (database, table) = text.split_once('.').unwrap();
        TableName::new(database, table)
    }

    #[test]
    fn globs_and_names_with_and_without_database() {
        let filter =
            filter(&["shop", "crm_*"], &["orders", "crm_eu.*", "log_?"], &["*.tmp_*", "log_9"]);
        for (text, expected) in [
            ("shop.orders", true),
            ("crm_us.orders", true),
            ("crm_us.people", false),
            ("crm_eu.people", true),
            ("crm_eu.tmp_1", false),
            ("shop.log_1", true),
            ("shop.log_9", false),
            ("shop.Orders", false),
            ("other.orders", false),
        ] {
            assert_eq!(filter.matches(&name(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_servers_own_databases_are_never_copied() {
        let filter = filter(&["*"], &["*"], &[]);
        assert!(filter.matches(&name("shop.orders")));
        assert!(!filter.matches(&name("mysql.user")) && !filter.matches(&name("SYS.x")));
    }

    #[test]
    fn names_that_exist_nowhere_are_told() {
        let filter = filter(&["shop"], &["orders", "shop.nope", "x*"], &["gone"]);
        let known = [name("shop.orders")];
        assert_eq!(filter.unknown_names(&known), (vec!["shop.nope"], vec!["gone"]));
    }

    #[test]
    fn a_broken_glob_is_a_wrong_setting() {
        let config = SourceConfig { tables: vec!["a[".to_owned()], ..SourceConfig::default() };
        assert!(matches!(TableFilter::new(&config), Err(SourceError::Setting(_))));
    }
}
