//! The table of all keys: the one place that knows which exist, what they mean, how each is read and how it is shown.
//!
//! Loading, `init`, the settings page and the suggestions for unknown keys all go by it, so that none of them can
//! drift from the others.

mod alerts;
mod pipeline;
mod source;
mod tables;
mod target;
mod types;

use std::{fmt::Display, path::PathBuf, time::Duration};

use super::{
    choice::Choice,
    given::{Given, size_text},
    sections::Config,
};

pub(super) use tables::{NESTED_KEYS, TABLE_KEYS};
pub(super) use types::{TYPE_KEYS, show_types};

/// A single setting.
pub(super) struct Key {
    /// `section.key`, as in the file.
    pub(super) path: &'static str,
    /// What it does; one to three sentences without line breaks.
    pub(super) meaning: &'static str,
    /// A value in TOML for keys that have no default.
    pub(super) example: &'static str,
    /// Checks a value and puts it where it belongs.
    pub(super) read: fn(&mut Config, &Given) -> Result<(), String>,
    /// The value that the settings have.
    pub(super) show: fn(&Config) -> Shown,
}

/// What can be told of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// The value in TOML.
    Value(String),
    /// There is none.
    Unset,
    /// There is one, and it is a secret.
    Hidden,
}

/// All keys, in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    [
        pipeline::GENERAL,
        source::KEYS,
        source::CONNECTION_KEYS,
        target::KEYS,
        pipeline::COPY_KEYS,
        pipeline::POLL_KEYS,
        pipeline::KEYS,
        types::KEYS,
        pipeline::OPERATION_KEYS,
        alerts::KEYS,
        alerts::CHANNEL_KEYS,
    ]
    .into_iter()
    .flatten()
}

/// The key of a path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| key.path == path)
}

/// Whether keys live below a path.
pub(super) fn is_section(path: &str) -> bool {
    all().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    *slot = value?;
    Ok(())
}

fn show_text(text: &str) -> Shown {
    Shown::Value(quoted(text))
}

fn show_plain(value: impl Display) -> Shown {
    Shown::Value(value.to_string())
}

fn show_choice<T: Choice>(value: T) -> Shown {
    show_text(value.text())
}

fn show_duration(duration: Duration) -> Shown {
    show_text(&humantime::format_duration(duration).to_string())
}

fn show_size(bytes: u64) -> Shown {
    show_text(&size_text(bytes))
}

fn show_list(texts: &[String]) -> Shown {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    Shown::Value(format!("[{}]", texts.join(", ")))
}

fn show_path(path: Option<&PathBuf>) -> Shown {
    path.map_or(Shown::Unset, |path| show_text(&path.to_string_lossy()))
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_are_unique_and_every_key_explains_itself() {
        let mut seen = BTreeSet::new();
        for key in all() {
            assert!(seen.insert(key.path), "{} is there twice", key.path);
            assert!(key.meaning.ends_with(['.', ')']), "{}", key.path);
            let unset = (key.show)(&Config::default()) == Shown::Unset;
            assert_eq!(unset, !key.example.is_empty(), "{}", key.path);
        }
    }

    #[test]
    fn sections_are_known_by_their_keys() {
        for path in ["source", "source.tls", "log"] {
            assert!(is_section(path), "{path}");
        }
        for path in ["sourc", "source.host", "polls"] {
            assert!(!is_section(path), "{path}");
        }
    }
}
