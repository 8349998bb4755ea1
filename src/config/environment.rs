//! Environment variables and `.env` files as a source of settings.
//!
//! [`Environment::of_process`] is the only place of the program that reads the process's environment, and nothing
//! writes to it: a `.env` file is read beside it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    error::ConfigProblem,
    given::Given,
    keys::TYPE_KEYS,
    layer::{KeyPath, Layer, Leaf, Origin},
};

/// Variables that begin with this set the key that the rest of their name spells.
const PREFIX: &str = "BINLEAF__";

/// A variable that people's `.env` files already have.
pub(super) struct PlainName {
    /// The variable.
    pub(super) name: &'static str,
    /// The key that it sets.
    pub(super) key: &'static str,
    convert: fn(&str) -> String,
}

/// All of them, except `SYNC_<TABLE>_COLLECTION` and `SYNC_ENABLED`.
pub(super) const PLAIN_NAMES: &[PlainName] = &[
    plain("MYSQL_HOST", "source.host", str::to_owned),
    plain("MYSQL_PORT", "source.port", str::to_owned),
    plain("MYSQL_USER", "source.user", str::to_owned),
    plain("MYSQL_PASSWORD", "source.password", str::to_owned),
    plain("MYSQL_DATABASE", "source.database", str::to_owned),
    plain("MYSQL_CHARSET", "source.charset", str::to_owned),
    plain("MYSQL_MIN_POOL_SIZE", "source.pool.min", str::to_owned),
    plain("MYSQL_MAX_POOL_SIZE", "source.pool.max", str::to_owned),
    plain("MYSQL_POOL_TIMEOUT", "source.pool.timeout", seconds),
    plain("MYSQL_POOL_RECYCLE", "source.pool.recycle", seconds),
    plain("MONGODB_URL", "target.uri", str::to_owned),
    plain("MONGODB_DATABASE", "target.database", str::to_owned),
    plain("SYNC_BATCH_SIZE", "batch.operations", str::to_owned),
    plain("SYNC_MAX_RETRIES", "retry.attempts", str::to_owned),
    plain("SYNC_RETRY_DELAY", "retry.initial", seconds),
    plain("SYNC_TABLES", "source.tables", all_or_some),
    plain("SYNC_INTERVAL_MINUTES", "poll.interval", minutes),
    plain("SYNC_INTERVAL", "poll.interval", seconds),
];

const fn plain(name: &'static str, key: &'static str, convert: fn(&str) -> String) -> PlainName {
    PlainName { name, key, convert }
}

struct Variable {
    /// `None` where it is not UTF-8.
    value: Option<String>,
    file: Option<PathBuf>,
}

/// The variables that settings are read from. `Debug` shows names only.
#[derive(Default)]
pub struct Environment {
    variables: BTreeMap<String, Variable>,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable's text; `None` where it is not set, is empty or is not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?.value.as_deref()?;
        (!value.is_empty()).then_some(value)
    }

    /// Adds what a `.env` file sets and the process does not. A file that is not there adds nothing.
    pub(super) fn add_file(&mut self, path: &Path, problems: &mut Vec<ConfigProblem>) {
        let mut refuse = |key: Option<&str>, reason: &str| {
            problems.push(ConfigProblem {
                place: Some(path.display().to_string()),
                key: key.map(str::to_owned),
                reason: reason.to_owned(),
            });
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return refuse(None, &format!("cannot be read: {error}")),
        };
        let text = text.trim_start_matches('\u{feff}');
        let mut lost: Vec<&str> = text.lines().filter_map(our_name).collect();
        let mut is_whole = true;
        for line in dotenvy::Iter::new(text.as_bytes()) {
            match line {
                Ok((name, value)) => {
                    lost.retain(|ours| *ours != name);
                    self.add(name, value, path);
                }
                // Other programs' lines are none of ours. The error may hold a secret and does not hold the name.
                Err(_) => is_whole = false,
            }
        }
        for name in lost.into_iter().filter(|_| !is_whole) {
            refuse(
                Some(name),
                "the line cannot be read: put a value with blanks, quotes, # or $ between single quotes",
            );
        }
    }

    fn add(&mut self, name: String, value: String, path: &Path) {
        self.variables
            .entry(name)
            .or_insert_with(|| Variable { value: Some(value), file: Some(path.to_owned()) });
    }

    /// What `BINLEAF__SECTION__KEY` variables say.
    pub(super) fn keys(&self, problems: &mut Vec<ConfigProblem>) -> Layer {
        let mut layer = Layer::default();
        for (name, variable) in &self.variables {
            let Some(spelled) = name.strip_prefix(PREFIX) else { continue };
            let path = spelled_path(spelled);
            let origin = origin(name, variable);
            match &variable.value {
                Some(value) => {
                    layer.insert(path, Leaf { value: Given::Word(value.clone()), origin });
                }
                None => problems.push(origin.problem(&path, "it is not UTF-8".to_owned())),
            }
        }
        layer
    }

    /// What the plain names say. Empty ones say nothing: compose files set them so.
    pub(super) fn plain_names(&self) -> Layer {
        let mut layer = Layer::default();
        for PlainName { name, key, convert } in PLAIN_NAMES {
            self.insert_plain(&mut layer, name, KeyPath::of(key), convert);
        }
        for name in self.variables.keys() {
            if let Some(table) = collection_of(name) {
                let path = ["tables".to_owned(), table, "collection".to_owned()];
                self.insert_plain(&mut layer, name, KeyPath::new(path.into()), &str::to_owned);
            }
        }
        layer
    }

    fn insert_plain(
        &self,
        layer: &mut Layer,
        name: &str,
        path: KeyPath,
        convert: &impl Fn(&str) -> String,
    ) {
        if let (Some(value), Some(variable)) = (self.get(name), self.variables.get(name)) {
            let value = Given::Word(convert(value));
            layer.insert(path, Leaf { value, origin: origin(name, variable) });
        }
    }

    /// `SYNC_ENABLED`.
    pub(super) fn enabled(&self, problems: &mut Vec<ConfigProblem>) -> bool {
        let name = "SYNC_ENABLED";
        let (Some(value), Some(variable)) = (self.get(name), self.variables.get(name)) else {
            return true;
        };
        Given::Word(value.to_owned()).switch().unwrap_or_else(|reason| {
            problems.push(origin(name, variable).problem(&KeyPath::of(name), reason));
            true
        })
    }

    /// Variables that look like ours and say nothing.
    pub(super) fn notes(&self) -> Vec<String> {
        let misspelled = self
            .variables
            .keys()
            .filter(|name| name.starts_with("BINLEAF_") && !name.starts_with(PREFIX))
            .filter(|name| *name != "BINLEAF_CONFIG")
            .map(|name| format!("{name} is ignored: settings are spelled BINLEAF__SECTION__KEY"));
        misspelled.collect()
    }
}

impl<Name: Into<OsString>, Value: Into<OsString>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Variables: IntoIterator<Item = (Name, Value)>>(variables: Variables) -> Self {
        let variables = variables.into_iter().filter_map(|(name, value)| {
            let value = value.into().into_string().ok();
            Some((name.into().into_string().ok()?, Variable { value, file: None }))
        });
        Self { variables: variables.collect() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}

fn origin(name: &str, variable: &Variable) -> Origin {
    Origin::Variable { name: name.to_owned(), file: variable.file.clone() }
}

/// `SOURCE__TLS__MODE` is `source.tls.mode`. A table's name keeps its case, unless it is all upper case.
fn spelled_path(spelled: &str) -> KeyPath {
    let mut parts: Vec<&str> = spelled.split("__").collect();
    let lower = |part: &str| part.to_ascii_lowercase();
    if parts.first().is_some_and(|first| first.eq_ignore_ascii_case("tables")) && parts.len() > 2 {
        let key = parts.pop().map(lower).unwrap_or_default();
        let behind = nested(&mut parts, &key);
        let table = parts.split_off(1).join("__");
        let head = ["tables".to_owned(), table_name(&table)];
        return KeyPath::new(head.into_iter().chain(behind).chain([key]).collect());
    }
    KeyPath::new(parts.into_iter().map(lower).collect())
}

/// Takes off what stands between a table and a key of its types: `TYPES`, or `COLUMNS__NAME__TYPES`.
fn nested(parts: &mut Vec<&str>, key: &str) -> Vec<String> {
    let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
    match *parts.as_slice() {
        [_, _, .., types] if !is(types, "types") || !TYPE_KEYS.iter().any(|of| of.name == key) => {
            Vec::new()
        }
        [_, _, .., columns, column, _] if is(columns, "columns") && parts.len() > 4 => {
            parts.truncate(parts.len() - 3);
            vec!["columns".to_owned(), table_name(column), "types".to_owned()]
        }
        [_, _, _, ..] => {
            parts.pop();
            vec!["types".to_owned()]
        }
        _ => Vec::new(),
    }
}

fn table_name(spelled: &str) -> String {
    let is_upper = !spelled.contains(|letter: char| letter.is_lowercase());
    if is_upper { spelled.to_lowercase() } else { spelled.to_owned() }
}

/// The table of `SYNC_<TABLE>_COLLECTION`.
fn collection_of(name: &str) -> Option<String> {
    let table = name.strip_prefix("SYNC_")?.strip_suffix("_COLLECTION")?;
    (!table.is_empty()).then(|| table_name(table))
}

/// The name at the head of a line of `.env`, where it is one that settings are read from.
fn our_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, _) = line.split_once('=')?;
    let ours = ["MYSQL_", "MONGODB_", "SYNC_", "BINLEAF_"];
    let name = name.trim();
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_name && ours.iter().any(|prefix| name.starts_with(prefix))).then_some(name)
}

fn seconds(value: &str) -> String {
    let value = value.trim();
    if value.parse::<f64>().is_err() {
        return value.to_owned();
    }
    match value.split_once('.') {
        // humantime reads whole numbers only.
        Some((whole, part)) if !part.is_empty() => {
            let millis: String = part.chars().chain("000".chars()).take(3).collect();
            format!("{}s {millis}ms", if whole.is_empty() { "0" } else { whole })
        }
        _ => format!("{}s", value.trim_end_matches('.')),
    }
}

fn minutes(value: &str) -> String {
    match value.trim().parse::<u32>() {
        Ok(minutes) => format!("{minutes}m"),
        Err(_) => value.trim().to_owned(),
    }
}

fn all_or_some(value: &str) -> String {
    if value.trim().eq_ignore_ascii_case("all") { "*".to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_spell_keys() {
        for (spelled, path) in [
            ("MODE", "mode"),
            ("SOURCE__TLS__CA_FILE", "source.tls.ca_file"),
            ("TABLES__ORDERS__COLLECTION", "tables.orders.collection"),
            ("TABLES__My_Orders__ID", "tables.My_Orders.id"),
            ("TABLES__A__B__ID", "tables.a__b.id"),
            ("TABLES__ORDERS__TYPES__DECIMAL", "tables.orders.types.decimal"),
            ("TABLES__A__B__TYPES__NULLS", "tables.a__b.types.nulls"),
            ("TABLES__ORDERS__COLUMNS__PRICE__TYPES__SET", "tables.orders.columns.price.types.set"),
            ("TABLES__A__COLUMNS__Pr__TYPES__SET", "tables.a.columns.Pr.types.set"),
            ("TABLES__COLUMNS__A__TYPES__SET", "tables.columns__a.types.set"),
            ("TABLES__A__TYPES__ID", "tables.a__types.id"),
            ("TABLES__TYPES__ID", "tables.types.id"),
            ("TYPES__ZERO_DATE", "types.zero_date"),
        ] {
            assert_eq!(spelled_path(spelled).to_string(), path);
        }
        assert_eq!(KeyPath::of("source.tls.ca_file").variable(), "BINLEAF__SOURCE__TLS__CA_FILE");
    }

    #[test]
    fn plain_names_are_converted() {
        for (value, duration) in
            [("3600", "3600s"), ("0.5", "0s 500ms"), ("1.25", "1s 250ms"), ("2m", "2m")]
        {
            assert_eq!(seconds(value), duration);
        }
        assert_eq!(all_or_some("ALL"), "*");
        assert_eq!(collection_of("SYNC_ORDERS_COLLECTION").as_deref(), Some("orders"));
        assert_eq!(collection_of("SYNC_BATCH_SIZE"), None);
        assert_eq!(collection_of("SYNC__COLLECTION"), None);
    }

    #[test]
    fn debug_shows_no_values() {
        let environment: Environment = [("MYSQL_PASSWORD", "hunter2")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"MYSQL_PASSWORD"}"#);
    }

    #[test]
    fn our_lines_are_told_from_others() {
        assert_eq!(our_name("export MYSQL_PASSWORD='a"), Some("MYSQL_PASSWORD"));
        assert_eq!(our_name("APP_NAME=My app"), None);
        assert_eq!(our_name("no line"), None);
    }
}
