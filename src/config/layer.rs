//! Settings of one origin as a flat list of paths and values, and how one list lies over another.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use config::{Map, Value, ValueKind};

use super::{
    address,
    error::ConfigProblem,
    given::{Given, check_pattern, nearest},
    keys::{self, TABLE_KEYS, TYPE_KEYS},
    sections::Config,
    types::TypesPatch,
};

/// Ways to say one thing: within an origin only one of each row, and a higher origin's replaces the lower one's.
const ALTERNATIVES: &[&[&str]] = &[
    &["source.password", "source.password_file", "source.password_command"],
    &["source.database", "source.databases"],
    &["target.uri", "target.uri_file"],
    &["alerts.channels.webhook.url", "alerts.channels.webhook.url_file"],
];

/// Where a key stands: `source.host`, or `tables."shop.orders".id`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(Vec<String>);

impl KeyPath {
    pub(super) fn new(segments: Vec<String>) -> Self {
        Self(segments)
    }

    pub(super) fn of(path: &str) -> Self {
        Self(path.split('.').map(str::to_owned).collect())
    }

    fn child(&self, segment: String) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }

    /// The ways to say what it says, itself among them.
    fn alternatives(&self) -> Vec<Self> {
        let name = self.to_string();
        match ALTERNATIVES.iter().find(|row| row.contains(&name.as_str())) {
            Some(row) => row.iter().map(|name| Self::of(name)).collect(),
            None => vec![self.clone()],
        }
    }

    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("BINLEAF__{}", self.0.join("__").to_uppercase())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare = |segment: &str| {
            !segment.is_empty()
                && segment
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        };
        for (at, segment) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            if is_bare(segment) {
                write!(formatter, "{dot}{segment}")?;
            } else {
                write!(formatter, "{dot}{}", keys::quoted(segment))?;
            }
        }
        Ok(())
    }
}

/// Who said it.
#[derive(Clone)]
pub(super) enum Origin {
    /// A file.
    File(PathBuf),
    /// A variable, of the process or of a `.env` file.
    Variable { name: String, file: Option<PathBuf> },
    /// An argument of the command line.
    Flag(&'static str),
}

impl Origin {
    /// Says what is wrong with what it said.
    pub(super) fn problem(&self, path: &KeyPath, reason: String) -> ConfigProblem {
        self.problem_of(&path.to_string(), reason)
    }

    /// The same for a path as people write it.
    pub(super) fn problem_of(&self, path: &str, reason: String) -> ConfigProblem {
        let (place, key) = match self {
            Self::File(file) => (file.display().to_string(), path.to_owned()),
            Self::Variable { name, file: Some(file) } => (file.display().to_string(), name.clone()),
            Self::Variable { name, file: None } => ("environment".to_owned(), name.clone()),
            Self::Flag(flag) => ("command line".to_owned(), (*flag).to_owned()),
        };
        ConfigProblem { place: Some(place), key: Some(key), reason }
    }

    /// A key as this origin spells it.
    pub(super) fn spell(&self, path: &str) -> String {
        match self {
            Self::Variable { .. } => KeyPath::of(path).variable(),
            Self::File(_) | Self::Flag(_) => path.to_owned(),
        }
    }
}

/// A value and who gave it.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) value: Given,
    pub(super) origin: Origin,
}

impl Leaf {
    /// Checks the value and puts it into the settings.
    pub(super) fn read(&self, path: &KeyPath, to: &mut Config) -> Result<(), String> {
        let name = path.to_string();
        if let Some(key) = keys::find(&name) {
            return (key.read)(to, &self.value);
        }
        match path.0.as_slice() {
            [tables] if tables == "tables" => Err("a section is expected".to_owned()),
            [tables, _] if tables == "tables" => {
                Err("a section with the table's settings is expected".to_owned())
            }
            [tables, pattern, key] if tables == "tables" => self.read_table(pattern, key, to),
            [tables, pattern, nested @ ..] if tables == "tables" => {
                self.read_nested(pattern, nested, to)
            }
            _ if keys::is_section(&name) => Err("it is a section, not a value".to_owned()),
            _ => Err(self.unknown(&name)),
        }
    }

    fn read_table(&self, pattern: &str, name: &str, to: &mut Config) -> Result<(), String> {
        check_pattern(pattern)?;
        if ["types", "columns"].contains(&name) {
            return Err("a section is expected".to_owned());
        }
        let known = TABLE_KEYS.iter().map(|key| key.name).chain(["types", "columns"]);
        match TABLE_KEYS.iter().find(|key| key.name == name) {
            Some(key) => (key.read)(to.tables.entry(pattern.to_owned()).or_default(), &self.value),
            None => Err(unknown_key(name, known)),
        }
    }

    /// What stands in a section of a table: `types.KEY`, or `columns.NAME.types.KEY`.
    fn read_nested(&self, pattern: &str, path: &[String], to: &mut Config) -> Result<(), String> {
        check_pattern(pattern)?;
        let table = to.tables.entry(pattern.to_owned()).or_default();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["types", key] => self.read_type(key, &mut table.types),
            ["columns", "", ..] => Err("the column has no name".to_owned()),
            ["columns", column, "types", key] => {
                let column = table.columns.entry((*column).to_owned()).or_default();
                self.read_type(key, &mut column.types)
            }
            ["columns", _] => Err("a section with the column's settings is expected".to_owned()),
            ["columns", _, "types"] => Err("a section is expected".to_owned()),
            ["columns", _, key, ..] => Err(unknown_key(key, ["types"].into_iter())),
            _ => Err("unknown key".to_owned()),
        }
    }

    fn read_type(&self, name: &str, to: &mut TypesPatch) -> Result<(), String> {
        match TYPE_KEYS.iter().find(|key| key.name == name) {
            Some(key) => (key.read)(to, &self.value),
            None => Err(unknown_key(name, TYPE_KEYS.iter().map(|key| key.name))),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let (what, known) = match self.value {
            Given::Section(_) => ("section", nearest(name, sections())),
            _ => ("key", nearest_key(name)),
        };
        match known {
            Some(known) => format!("unknown {what}, did you mean {}?", self.origin.spell(known)),
            None => format!("unknown {what}"),
        }
    }
}

fn unknown_key<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    match nearest(name, known) {
        Some(known) => format!("unknown key, did you mean {known}?"),
        None => "unknown key".to_owned(),
    }
}

/// Whether a path within `tables` has keys below it.
fn is_table_section(path: &[String]) -> bool {
    match path {
        [tables] | [tables, _] => tables == "tables",
        [tables, _, nested] => tables == "tables" && (nested == "types" || nested == "columns"),
        [tables, _, columns, _] => tables == "tables" && columns == "columns",
        [tables, _, columns, _, types] => {
            tables == "tables" && columns == "columns" && types == "types"
        }
        _ => false,
    }
}

/// The names of all sections, and of those within them.
fn sections() -> impl Iterator<Item = &'static str> {
    let above = |path: &'static str| path.match_indices('.').filter_map(|(at, _)| path.get(..at));
    keys::all().flat_map(move |key| above(key.path)).chain(["tables"])
}

/// The known key most like an unknown one: by its whole path, else by its own name in another section.
fn nearest_key(name: &str) -> Option<&'static str> {
    let own = |path: &str| path.rsplit('.').next().map(str::to_owned);
    nearest(name, keys::all().map(|key| key.path))
        .or_else(|| keys::all().find(|key| own(key.path) == own(name)).map(|key| key.path))
}

/// A value that counts for nothing because a stronger origin says it too.
pub(super) struct Hidden {
    pub(super) lower: Leaf,
    /// Where the stronger origin says it.
    pub(super) path: KeyPath,
    pub(super) upper: Leaf,
}

/// All that one origin says.
#[derive(Clone, Default)]
pub(super) struct Layer(BTreeMap<KeyPath, Leaf>);

impl Layer {
    /// Takes a parsed file apart.
    pub(super) fn from_file(file: &std::path::Path, content: Map<String, Value>) -> Self {
        let mut layer = Self::default();
        let origin = Origin::File(file.to_owned());
        for (key, value) in content {
            layer.flatten(KeyPath(vec![key]), value, &origin);
        }
        layer
    }

    fn flatten(&mut self, path: KeyPath, value: Value, origin: &Origin) {
        let is_tables = is_table_section(&path.0);
        match value.kind {
            ValueKind::Table(children) if is_tables || keys::is_section(&path.to_string()) => {
                for (key, child) in children {
                    self.flatten(path.child(key), child, origin);
                }
            }
            kind => {
                if let Some(value) = Given::from_file(Value::new(None, kind)) {
                    self.insert(path, Leaf { value, origin: origin.clone() });
                }
            }
        }
    }

    pub(super) fn insert(&mut self, path: KeyPath, leaf: Leaf) {
        self.0.insert(path, leaf);
    }

    /// The value of a key, by its path as people write it.
    pub(super) fn get(&self, name: &str) -> Option<&Leaf> {
        self.0.iter().find(|(path, _)| path.to_string() == name).map(|(_, leaf)| leaf)
    }

    pub(super) fn leaves(&self) -> impl Iterator<Item = (&KeyPath, &Leaf)> {
        self.0.iter()
    }

    /// Takes out every value that is refused on its own, and says why.
    pub(super) fn take_refused(&mut self) -> Vec<(KeyPath, ConfigProblem)> {
        let mut refused = Vec::new();
        self.0.retain(|path, leaf| match leaf.read(path, &mut Config::default()) {
            Ok(()) => true,
            Err(reason) => {
                refused.push((path.clone(), leaf.origin.problem(path, reason)));
                false
            }
        });
        refused
    }

    /// Replaces `source.url` by the keys that it stands for, and refuses what is said in two ways.
    pub(super) fn resolve(&mut self) -> Vec<ConfigProblem> {
        let mut problems = self.expand_url();
        for alternatives in ALTERNATIVES {
            let mut given = alternatives.iter().filter(|name| self.get(name).is_some());
            let Some(first) = given.next() else { continue };
            for second in given {
                problems.extend(self.twice(second, first));
            }
        }
        problems
    }

    fn expand_url(&mut self) -> Vec<ConfigProblem> {
        let path = KeyPath::of("source.url");
        let Some(leaf) = self.0.remove(&path) else { return Vec::new() };
        let Ok(url) = address::parse_url(&leaf.value) else { return Vec::new() };
        let parts = [
            ("source.host", Some(Given::Text(url.host))),
            ("source.port", Some(Given::Integer(url.port.into()))),
            ("source.user", url.user.map(Given::Text)),
            ("source.password", url.password.map(Given::Text)),
            ("source.database", url.database.map(Given::Text)),
        ];
        let mut problems = Vec::new();
        for (name, value) in parts {
            let Some(value) = value else { continue };
            problems.extend(self.twice_or_alternative(name));
            self.insert(KeyPath::of(name), Leaf { value, origin: leaf.origin.clone() });
        }
        problems
    }

    /// Takes out what says the same as a part of the URL.
    fn twice_or_alternative(&mut self, name: &str) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        for same in KeyPath::of(name).alternatives() {
            problems.extend(self.twice(&same.to_string(), "source.url"));
            self.0.remove(&same);
        }
        problems
    }

    fn twice(&self, second: &str, first: &str) -> Option<ConfigProblem> {
        let leaf = self.get(second)?;
        let reason = format!("{} says it already: give one of the two", leaf.origin.spell(first));
        Some(leaf.origin.problem(&KeyPath::of(second), reason))
    }

    /// Lays `upper` over this, and hands back what is hidden by it.
    pub(super) fn cover(&mut self, upper: &Self) -> Vec<Hidden> {
        let mut hidden = Vec::new();
        for (path, leaf) in upper.leaves() {
            for same in path.alternatives() {
                if let Some(lower) = self.0.remove(&same) {
                    hidden.push(Hidden { lower, path: path.clone(), upper: leaf.clone() });
                }
            }
        }
        self.0.extend(upper.0.clone());
        hidden
    }
}
