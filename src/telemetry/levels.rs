//! How much is logged, and that it can be changed while it runs.
//!
//! What the settings say stands first, what was changed since behind it: of two directives for the same thing the later
//! one counts.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde::Serialize;
use tracing_subscriber::{EnvFilter, Registry, filter::ParseError, reload};
use utoipa::ToSchema;

/// The stations, as log lines name them.
pub const COMPONENTS: &[&str] = &[
    "admin",
    "alert",
    "app",
    "checkpoint",
    "cli",
    "codec",
    "config",
    "mapping",
    "model",
    "pipeline",
    "runtime",
    "sink",
    "source",
    "telemetry",
];

/// How much can be logged, the least first.
pub const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Chatter of libraries that says nothing to an operator.
const QUIET: &[&str] = &[
    "hyper=warn",
    "rustls=warn",
    "mio=warn",
    "h2=warn",
    "reqwest=warn",
    "mongodb=warn",
    "mysql_async=warn",
];

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Levels {
    /// Of all that is not named otherwise; as in the settings it may be a list of directives.
    #[schema(examples("info"))]
    pub level: String,
    /// Of components that were set apart.
    pub components: BTreeMap<&'static str, &'static str>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLevel {
    /// There is no such level.
    Level,
    /// There is no such component.
    Component,
    /// This process does not log.
    NotLogging,
}

#[derive(Debug)]
struct Dial {
    /// As the settings say.
    configured: String,
    now: Levels,
    filter: reload::Handle<EnvFilter, Registry>,
}

static DIAL: OnceLock<Mutex<Dial>> = OnceLock::new();

/// The filter that goes by the settings, and can be changed from now on.
pub(super) fn filter(configured: &str) -> Result<reload::Layer<EnvFilter, Registry>, ParseError> {
    let now = Levels { level: configured.to_owned(), components: BTreeMap::new() };
    let (layer, filter) = reload::Layer::new(EnvFilter::try_new(directives(configured, &now))?);
    let dial = Dial { configured: configured.to_owned(), now, filter };
    drop(DIAL.set(Mutex::new(dial)));
    Ok(layer)
}

/// What is logged now.
///
/// # Errors
/// [`NoLevel::NotLogging`].
pub fn now() -> Result<Levels, NoLevel> {
    Ok(dial()?.now.clone())
}

/// A change of what is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    component: Option<&'static str>,
    level: Option<&'static str>,
}

/// A change of how much is logged, of a component or of all; without a level back to what it was.
///
/// # Errors
/// What is unknown.
pub fn find(component: Option<&str>, level: Option<&str>) -> Result<Change, NoLevel> {
    let level = level.map(|level| known(&LEVELS, level).ok_or(NoLevel::Level)).transpose()?;
    let component = component.map(|name| known(COMPONENTS, name).ok_or(NoLevel::Component));
    Ok(Change { component: component.transpose()?, level })
}

/// Changes how much is logged.
///
/// # Errors
/// [`NoLevel::NotLogging`].
pub fn set(change: &Change) -> Result<Levels, NoLevel> {
    let mut dial = dial()?;
    let next = changed(&dial, *change);
    let filter =
        EnvFilter::try_new(directives(&dial.configured, &next)).map_err(|_| NoLevel::Level)?;
    dial.filter.reload(filter).map_err(|_| NoLevel::NotLogging)?;
    dial.now = next;
    Ok(dial.now.clone())
}

fn changed(dial: &Dial, change: Change) -> Levels {
    let mut next = dial.now.clone();
    match (change.component, change.level) {
        (Some(component), Some(level)) => drop(next.components.insert(component, level)),
        (Some(component), None) => drop(next.components.remove(component)),
        (None, Some(level)) => level.clone_into(&mut next.level),
        (None, None) => {
            next = Levels { level: dial.configured.clone(), components: BTreeMap::new() };
        }
    }
    next
}

fn directives(configured: &str, levels: &Levels) -> String {
    let mut parts = vec![QUIET.join(","), configured.to_owned(), levels.level.clone()];
    parts.extend(levels.components.iter().map(|(name, level)| format!("binleaf::{name}={level}")));
    parts.join(",")
}

fn known(words: &[&'static str], word: &str) -> Option<&'static str> {
    words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied()
}

fn dial() -> Result<MutexGuard<'static, Dial>, NoLevel> {
    let dial = DIAL.get().ok_or(NoLevel::NotLogging)?;
    Ok(dial.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_stands_behind_what_the_settings_say() {
        let components = BTreeMap::from([("source", "trace")]);
        let levels = Levels { level: "warn".to_owned(), components };
        let all = directives("info,binleaf::sink=debug", &levels);
        assert!(all.ends_with(",info,binleaf::sink=debug,warn,binleaf::source=trace"), "{all}");
        assert!(EnvFilter::try_new(all).is_ok());
    }

    #[test]
    fn every_station_can_be_named() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut stations: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "fuzzing")
            .collect();
        stations.sort();
        assert_eq!(stations, COMPONENTS);
    }

    #[test]
    fn only_what_is_known_can_be_set() {
        assert_eq!(find(None, Some("loud")), Err(NoLevel::Level));
        assert_eq!(find(Some("kitchen"), Some("info")), Err(NoLevel::Component));
        assert_eq!(known(&LEVELS, "DEBUG"), Some("debug"));
    }
}
