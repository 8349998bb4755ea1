//! What the settings say about one table.

use std::sync::Arc;

use globset::{Glob, GlobMatcher};

use super::name;
use crate::{
    config::{Config, IdRule, Keyless, TableConfig, TypesConfig, TypesPatch},
    model::{
        table::{TableName, TableSchema},
        write::Collection,
    },
};

/// The rules for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRules {
    /// Where its rows go.
    pub collection: Collection,
    /// What `_id` is made of.
    pub id: IdRule,
    /// What becomes of the table where it has no usable key.
    pub keyless: Keyless,
    /// How types are told.
    pub types: TypeRules,
    /// The column that tells when a row was changed, where it is named.
    pub timestamp_column: Option<String>,
    /// The zone of the wall clock that it holds, where that is named.
    pub timestamp_zone: Option<String>,
}

/// How the types of one table are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeRules {
    /// Of all columns.
    pub table: TypesConfig,
    /// What single columns say, by name.
    pub columns: Vec<(String, TypesPatch)>,
    /// Whether the columns are named for this very table, and not for whatever a glob fits.
    pub by_name: bool,
}

impl TypeRules {
    /// The rules of a column; names are compared as the server compares them.
    #[must_use]
    pub fn of(&self, column: &str) -> TypesConfig {
        match self.columns.iter().find(|(name, _)| same_name(name, column)) {
            Some((_, patch)) => self.table.with(patch),
            None => self.table,
        }
    }
}

/// Whether two names are of one column: the server does not tell them apart by case.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

impl TableRules {
    /// Whether the settings leave the table out because it has no usable key.
    #[must_use]
    pub fn skips(&self, schema: &TableSchema) -> bool {
        self.keyless == Keyless::Skip && self.id == IdRule::PrimaryKey && schema.key.is_none()
    }
}

/// The settings of all tables, ready to be asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RuleBook {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    database: String,
    collection: String,
    keyless: Keyless,
    types: TypesConfig,
    /// The most exact one first.
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    database: Option<Pattern>,
    table: Pattern,
    rules: TableConfig,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    matcher: Option<GlobMatcher>,
}

impl RuleBook {
    /// Reads the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut sections: Vec<Section> =
            config.tables.iter().map(|(pattern, rules)| Section::new(pattern, rules)).collect();
        // The sort is stable and the settings come in order of their text, so that ties have one outcome.
        sections.sort_by_key(|section| std::cmp::Reverse(section.exactness()));
        let shared = Shared {
            database: config.target.database.clone(),
            collection: config.target.collection.clone(),
            keyless: config.target.keyless,
            types: config.types,
            sections,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The rules for a table: the section whose pattern fits most exactly, over the defaults of `[target]`.
    #[must_use]
    pub fn resolve(&self, table: &TableName) -> TableRules {
        let section = self.shared.sections.iter().find(|section| section.fits(table));
        let own = section.map(|section| &section.rules);
        let escaped = name::table(&table.table);
        let collection =
            own.and_then(|rules| rules.collection.as_deref()).unwrap_or(&self.shared.collection);
        TableRules {
            collection: Collection {
                database: name::fill(&self.shared.database, &table.database, &escaped),
                name: name::fill(collection, &name::table(&table.database), &escaped),
            },
            id: own.and_then(|rules| rules.id.clone()).unwrap_or(IdRule::PrimaryKey),
            keyless: own.and_then(|rules| rules.keyless).unwrap_or(self.shared.keyless),
            timestamp_column: own.and_then(|rules| rules.timestamp_column.clone()),
            timestamp_zone: own.and_then(|rules| rules.timestamp_zone.clone()),
            types: section.map_or_else(
                || TypeRules { table: self.shared.types, ..TypeRules::default() },
                |section| section.types(self.shared.types),
            ),
        }
    }
}

impl Section {
    fn new(pattern: &str, rules: &TableConfig) -> Self {
        let (database, table) = match pattern.split_once('.') {
            Some((database, table)) => (Some(Pattern::new(database)), table),
            None => (None, pattern),
        };
        Self { database, table: Pattern::new(table), rules: rules.clone() }
    }

    fn types(&self, global: TypesConfig) -> TypeRules {
        let columns = self.rules.columns.iter();
        TypeRules {
            table: global.with(&self.rules.types),
            columns: columns.map(|(name, column)| (name.clone(), column.types)).collect(),
            by_name: self.table.is_name(),
        }
    }

    fn fits(&self, name: &TableName) -> bool {
        let database = self.database.as_ref().is_none_or(|pattern| pattern.fits(&name.database));
        database && self.table.fits(&name.table)
    }

    /// Names before globs, the table before the database, more letters before fewer.
    fn exactness(&self) -> (bool, bool, usize) {
        let database = self.database.as_ref();
        let letters = self.table.letters() + database.map_or(0, Pattern::letters);
        (self.table.is_name(), database.is_some_and(Pattern::is_name), letters)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let is_glob = text.contains(['*', '?', '[', '{', '\\']);
        let glob = is_glob.then(|| Glob::new(text).ok()).flatten();
        Self { text: text.to_owned(), matcher: glob.map(|glob| glob.compile_matcher()) }
    }

    fn fits(&self, name: &str) -> bool {
        self.text == name || self.matcher.as_ref().is_some_and(|glob| glob.is_match(name))
    }

    const fn is_name(&self) -> bool {
        self.matcher.is_none()
    }

    fn letters(&self) -> usize {
        self.text.chars().filter(|letter| !matches!(letter, '*' | '?')).count()
    }
}
