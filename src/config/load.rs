//! Reading the settings: flags over `BINLEAF__…` variables over the file over plain names over defaults.
//!
//! Each value is checked on its own first, whatever hides it later; then origins are laid over one another and the
//! settings are checked as a whole. Everything that is wrong is told at once.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use config::{FileFormat, Format};

use super::{
    check,
    environment::Environment,
    error::{ConfigErrors, ConfigProblem},
    given::Given,
    layer::{Hidden, KeyPath, Layer, Leaf, Origin},
    sections::Config,
};
use crate::model::finding::Finding;

const FILE_NAME: &str = "binleaf.toml";
const SYSTEM_FILE: &str = "/etc/binleaf/binleaf.toml";
const FILE_VARIABLE: &str = "BINLEAF_CONFIG";

/// Which file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FileChoice {
    /// `BINLEAF_CONFIG`, else `./binleaf.toml`, else `/etc/binleaf/binleaf.toml`, else none.
    #[default]
    Search,
    /// This one.
    Named(PathBuf),
    /// None, whatever there is.
    None,
}

impl From<Option<PathBuf>> for FileChoice {
    fn from(named: Option<PathBuf>) -> Self {
        named.map_or(Self::Search, Self::Named)
    }
}

/// Settings of the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
}

/// What settings are read from.
#[derive(Debug, Default)]
pub struct LoadOptions {
    /// The file.
    pub file: FileChoice,
    /// The command line.
    pub flags: Flags,
    /// The variables.
    pub environment: Environment,
    /// Where a file is looked for; empty is the working directory.
    pub directory: PathBuf,
}

/// The settings and how they came about.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, complete and checked.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What was ignored, and why; no errors, but worth a line of `check` and of the log.
    pub notes: Vec<String>,
}

impl Loaded {
    /// The notes, and the files that cannot be read, as findings of `check`.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let notes =
            self.notes.iter().map(|note| Finding::info("setting_ignored", "settings", note));
        notes
            .chain(check::memory(&self.config))
            .chain(check::journal(&self.config))
            .chain(check::files(&self.config))
            .collect()
    }
}

/// Reads the settings.
///
/// # Errors
/// Everything that is wrong with them, in one list.
pub fn load(options: LoadOptions) -> Result<Loaded, ConfigErrors> {
    let LoadOptions { file, flags, mut environment, directory } = options;
    let mut loading = Loading::default();
    let file = loading.read_file(&file, &environment, &directory);
    environment.add_file(&dotenv_path(file.as_deref(), &directory), &mut loading.problems);
    let variables = environment.keys(&mut loading.problems);

    let mut settings = environment.plain_names();
    let from_file = std::mem::take(&mut loading.file_layer);
    for layer in [from_file, variables, flag_layer(&flags)] {
        loading.cover(&mut settings, layer);
    }
    // Plain names are checked last: a stray one that something hides does no harm.
    loading.take_refused(&mut settings);
    loading.notes.extend(environment.notes());

    let mut config = Config::default();
    for (path, leaf) in settings.leaves() {
        if let Err(reason) = leaf.read(path, &mut config) {
            loading.problems.push(leaf.origin.problem(path, reason));
        }
    }
    config.start_paused = !environment.enabled(&mut loading.problems);
    check::complete(&mut config, &settings);
    loading.problems.extend(check::whole(&config, &settings, &loading.refused));
    ConfigErrors::check(loading.problems)?;
    Ok(Loaded { config, file, notes: loading.notes })
}

#[derive(Default)]
struct Loading {
    problems: Vec<ConfigProblem>,
    notes: Vec<String>,
    file_layer: Layer,
    /// Keys whose value was refused: rules that rest on them would tell nonsense.
    refused: BTreeSet<String>,
}

impl Loading {
    /// Finds and parses the file. Hands back its path where there is one.
    fn read_file(
        &mut self,
        choice: &FileChoice,
        environment: &Environment,
        directory: &Path,
    ) -> Option<PathBuf> {
        let named = match choice {
            FileChoice::None => return None,
            FileChoice::Named(path) => Some(path.clone()),
            FileChoice::Search => environment.get(FILE_VARIABLE).map(PathBuf::from),
        };
        let is_named = named.is_some();
        let candidates = match named {
            Some(path) => vec![path],
            None => vec![directory.join(FILE_NAME), PathBuf::from(SYSTEM_FILE)],
        };
        for path in candidates {
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    self.parse(&path, &text);
                    return Some(path);
                }
                Err(error) if error.kind() == ErrorKind::NotFound && !is_named => {}
                Err(error) => {
                    self.refuse_file(&path, format!("cannot be read: {error}"));
                    return Some(path);
                }
            }
        }
        None
    }

    fn parse(&mut self, path: &Path, text: &str) {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => FileFormat::Toml,
            Some("yaml" | "yml") => FileFormat::Yaml,
            _ => {
                return self
                    .refuse_file(path, "its name must end with .toml, .yaml or .yml".into());
            }
        };
        match format.parse(None, text) {
            Ok(content) => self.file_layer = Layer::from_file(path, content),
            Err(error) => self.refuse_file(path, syntax_error(&error.to_string())),
        }
    }

    fn refuse_file(&mut self, path: &Path, reason: String) {
        let place = Some(path.display().to_string());
        self.problems.push(ConfigProblem { place, key: None, reason });
    }

    /// Checks a layer by itself and lays it over the settings.
    fn cover(&mut self, settings: &mut Layer, mut layer: Layer) {
        self.take_refused(&mut layer);
        self.problems.extend(layer.resolve());
        for Hidden { lower, path, upper } in settings.cover(&layer) {
            // Variables are there to override the file; a plain name that a file overrides may be a surprise.
            if let (Origin::Variable { name, .. }, Origin::File(file)) =
                (&lower.origin, &upper.origin)
                && !lower.value.says_the_same(&upper.value)
            {
                self.notes.push(format!("{name} is ignored: {} says {path}", file.display()));
            }
        }
    }

    fn take_refused(&mut self, layer: &mut Layer) {
        for (path, problem) in layer.take_refused() {
            self.refused.insert(path.to_string());
            self.problems.push(problem);
        }
    }
}

fn dotenv_path(file: Option<&Path>, directory: &Path) -> PathBuf {
    file.and_then(Path::parent).unwrap_or(directory).join(".env")
}

fn flag_layer(flags: &Flags) -> Layer {
    let mut layer = Layer::default();
    let given = [
        ("--log-level", "log.level", &flags.log_level),
        ("--log-format", "log.format", &flags.log_format),
    ];
    for (flag, path, value) in given {
        if let Some(value) = value {
            let leaf = Leaf { value: Given::Word(value.clone()), origin: Origin::Flag(flag) };
            layer.insert(KeyPath::of(path), leaf);
        }
    }
    layer
}

/// What a parser says, without the line of the file that it shows: that may hold a password.
fn syntax_error(text: &str) -> String {
    let is_quote = |line: &str| {
        line.trim_start()
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .trim_start()
            .starts_with('|')
    };
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty() && !is_quote(line)).collect();
    if lines.is_empty() || text.contains("invalid type") {
        return "keys and values are expected".to_owned();
    }
    lines.join(": ")
}
