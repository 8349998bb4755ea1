//! One value as a file or a variable gave it, read into the type that its key has.
//!
//! A reason for refusing a value says what is expected and never repeats the value: it might be a secret in the wrong
//! place.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use config::{FileFormat, Format, Map, Value, ValueKind};
use globset::Glob;
use secrecy::SecretString;

use super::choice::Choice;

/// The longest duration that a setting takes: far from any overflow of the clock.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Units of sizes with their factors.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
];

/// A value before its key has read it. It has no `Debug`: it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Given {
    /// Text of a file.
    Text(String),
    /// The text of a variable or flag, which stands for a number, a switch or a comma list as well.
    Word(String),
    /// A whole number.
    Integer(i128),
    /// A number with a point.
    Float(f64),
    /// `true` or `false`.
    Switch(bool),
    /// A list.
    List(Vec<Given>),
    /// Keys and values.
    Section(BTreeMap<String, Given>),
}

impl Given {
    /// Reads what a file said; `None` where it said nothing (YAML's `key:`).
    pub(super) fn from_file(value: Value) -> Option<Self> {
        Some(match value.kind {
            ValueKind::Nil => return None,
            ValueKind::Boolean(switch) => Self::Switch(switch),
            ValueKind::I64(number) => Self::Integer(number.into()),
            ValueKind::I128(number) => Self::Integer(number),
            ValueKind::U64(number) => Self::Integer(number.into()),
            ValueKind::U128(number) => Self::Integer(i128::try_from(number).unwrap_or(i128::MAX)),
            ValueKind::Float(number) => Self::Float(number),
            ValueKind::String(text) => Self::Text(text),
            ValueKind::Array(values) => {
                Self::List(values.into_iter().filter_map(Self::from_file).collect())
            }
            ValueKind::Table(entries) => Self::Section(entries_of(entries)),
        })
    }

    /// Whether both say the same, however they say it.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self == other
            || matches!((self.spelled(), other.spelled()), (Some(one), Some(two)) if one == two)
    }

    fn spelled(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text.clone()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Switch(switch) => Some(switch.to_string()),
            Self::List(values) => {
                let texts: Option<Vec<String>> = values.iter().map(Self::spelled).collect();
                texts.map(|texts| texts.join(","))
            }
            Self::Float(_) | Self::Section(_) => None,
        }
    }

    /// Text, as it is.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) | Self::Word(text) => Ok(text.clone()),
            Self::Integer(_) | Self::Float(_) | Self::Switch(_) => {
                Err("text is expected: put it between quotes".to_owned())
            }
            Self::List(_) | Self::Section(_) => Err("text is expected".to_owned()),
        }
    }

    /// Text that says something.
    pub(super) fn name(&self) -> Result<String, String> {
        let text = self.text()?;
        if text.trim().is_empty() {
            return Err("it must not be empty".to_owned());
        }
        Ok(text)
    }

    /// A secret.
    pub(super) fn secret(&self) -> Result<SecretString, String> {
        self.text().map(SecretString::from)
    }

    /// A path; empty text is none.
    pub(super) fn path(&self) -> Result<Option<PathBuf>, String> {
        let text = self.text()?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    /// `true` or `false`.
    pub(super) fn switch(&self) -> Result<bool, String> {
        const EXPECTED: &str = "true or false is expected";
        match self {
            Self::Switch(switch) => Ok(*switch),
            Self::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(true),
                "false" | "no" | "off" | "0" => Ok(false),
                _ => Err(EXPECTED.to_owned()),
            },
            _ => Err(EXPECTED.to_owned()),
        }
    }

    /// A whole number between two bounds, both allowed.
    pub(super) fn number<T>(&self, least: T, most: T) -> Result<T, String>
    where
        T: TryFrom<i128> + PartialOrd + std::fmt::Display + Copy,
    {
        let number = match self {
            Self::Integer(number) => Some(*number),
            Self::Word(word) => word.trim().parse().ok(),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("a whole number from {least} to {most} is expected"))
    }

    /// A duration such as `30s`, not shorter than `least`.
    pub(super) fn duration(&self, least: Duration) -> Result<Duration, String> {
        let text = match self {
            Self::Text(text) | Self::Word(text) => text.trim(),
            _ => "",
        };
        let duration = match text {
            "0" => Duration::ZERO,
            text => humantime::parse_duration(text)
                .map_err(|_| "a duration such as \"200ms\", \"30s\" or \"1h\" is expected")?,
        };
        if duration < least {
            return Err(format!("it must be at least {}", humantime::format_duration(least)));
        }
        if duration > LONGEST {
            return Err("it must be at most 366 days".to_owned());
        }
        Ok(duration)
    }

    /// A size such as `4MiB`, or a number of bytes, between two bounds.
    pub(super) fn size(&self, least: u64, most: u64) -> Result<u64, String> {
        let bytes = match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            Self::Text(text) | Self::Word(text) => parse_size(text),
            _ => None,
        };
        let bytes = bytes.ok_or("a size such as \"512KiB\", \"4MiB\" or \"1GiB\" is expected")?;
        if bytes < least || bytes > most {
            return Err(format!(
                "a size from {} to {} is expected",
                size_text(least),
                size_text(most)
            ));
        }
        Ok(bytes)
    }

    /// A list of texts; a variable has them between commas.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Self::List(values) => values.iter().map(Self::text).collect(),
            Self::Word(word) => Ok(word
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()),
            _ => Err("a list of texts such as [\"a\", \"b\"] is expected".to_owned()),
        }
    }

    /// A number, with or without a point.
    pub(super) fn float(&self) -> Result<f64, String> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "a threshold; 53 bits are plenty")]
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Word(word) => word.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| "a number is expected".to_owned())
    }

    /// Keys and values. A variable has them as TOML writes them in a line: `{ a = "1" }`.
    pub(super) fn section(&self) -> Result<BTreeMap<String, Self>, String> {
        match self.structured() {
            Some(Self::Section(entries)) => Ok(entries),
            _ => Err("keys and values such as { a = \"b\" } are expected".to_owned()),
        }
    }

    /// A list of sections. A variable has it as TOML writes it in a line: `[{ a = "1" }]`.
    pub(super) fn sections(&self) -> Result<Vec<BTreeMap<String, Self>>, String> {
        let expected = || "a list such as [{ a = \"b\" }, …] is expected".to_owned();
        match self.structured() {
            Some(Self::List(entries)) => entries
                .into_iter()
                .map(|entry| match entry {
                    Self::Section(entries) => Ok(entries),
                    _ => Err(expected()),
                })
                .collect(),
            _ => Err(expected()),
        }
    }

    /// What a variable's text stands for where lists and sections are nested; anything else as it is.
    fn structured(&self) -> Option<Self> {
        let Self::Word(word) = self else { return Some(self.clone()) };
        let content = FileFormat::Toml.parse(None, &format!("value = {word}\n")).ok()?;
        content
            .into_iter()
            .find(|(key, _)| key == "value")
            .and_then(|(_, value)| Self::from_file(value))
    }

    /// A list of names or globs.
    pub(super) fn patterns(&self) -> Result<Vec<String>, String> {
        let patterns = self.list()?;
        patterns.iter().try_for_each(|pattern| check_pattern(pattern))?;
        Ok(patterns)
    }

    /// A list of names or globs that has at least one.
    pub(super) fn some_patterns(&self) -> Result<Vec<String>, String> {
        let patterns = self.patterns()?;
        if patterns.is_empty() {
            return Err("it names nothing: at least one name or glob is expected".to_owned());
        }
        Ok(patterns)
    }

    /// One of the names of an enum.
    pub(super) fn choice<T: Choice>(&self) -> Result<T, String> {
        let (Self::Text(text) | Self::Word(text)) = self else { return Err(expected::<T>()) };
        T::find(text).ok_or_else(|| match nearest(text, T::ALL.iter().map(|(name, _)| *name)) {
            Some(name) => format!("{}, did you mean {name}?", expected::<T>()),
            None => expected::<T>(),
        })
    }
}

fn entries_of(entries: Map<String, Value>) -> BTreeMap<String, Given> {
    let read = |(key, value)| Some((key, Given::from_file(value)?));
    entries.into_iter().filter_map(read).collect()
}

/// Refuses an empty name and a glob that does not parse.
pub(super) fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        return Err("an empty name is in it".to_owned());
    }
    match Glob::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("a glob in it is broken: {}", error.kind())),
    }
}

/// Whether a name is a glob.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

/// The name most like `text`, where one is near enough to be meant.
pub(super) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A size as people write it.
pub(super) fn size_text(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = units.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    match whole {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes}B"),
    }
}

fn expected<T: Choice>() -> String {
    let names: Vec<&str> = T::ALL.iter().map(|(name, _)| *name).collect();
    match names.split_last() {
        Some((last, [])) => format!("{last} is expected"),
        Some((last, others)) => format!("{} or {last} is expected", others.join(", ")),
        None => String::new(),
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsMode;

    fn word(text: &str) -> Given {
        Given::Word(text.to_owned())
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("4MiB", 4 << 20),
            ("512KiB", 512 << 10),
            ("1GiB", 1 << 30),
            ("16 mb", 16_000_000),
            ("123", 123),
            ("7B", 7),
        ] {
            assert_eq!(word(text).size(0, u64::MAX), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "4 apples", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(word(text).size(0, u64::MAX).is_err(), "{text}");
        }
        for bytes in [0, 1, 1000, 1 << 10, 3 << 20, (1 << 30) + 1] {
            assert_eq!(parse_size(&size_text(bytes)), Some(bytes));
        }
        assert_eq!(
            word("5GiB").size(1024, 1 << 30),
            Err("a size from 1KiB to 1GiB is expected".to_owned())
        );
    }

    #[test]
    fn durations_need_a_unit_and_keep_their_bounds() {
        let zero = Duration::ZERO;
        assert_eq!(word("200ms").duration(zero), Ok(Duration::from_millis(200)));
        assert_eq!(word("1m 30s").duration(zero), Ok(Duration::from_secs(90)));
        assert_eq!(word("0").duration(zero), Ok(zero));
        assert!(word("20").duration(zero).is_err());
        assert!(Given::Integer(20).duration(zero).is_err());
        assert!(word("0s").duration(Duration::from_millis(1)).is_err());
        assert!(word("1000000000years").duration(zero).is_err());
    }

    #[test]
    fn numbers_keep_their_bounds() {
        assert_eq!(word("3306").number::<u16>(1, 65535), Ok(3306));
        assert_eq!(Given::Integer(2).number::<usize>(1, 64), Ok(2));
        for given in [word("x"), word("70000"), Given::Integer(-1), Given::Float(1.5)] {
            assert!(given.number::<u16>(1, 65535).is_err());
        }
    }

    #[test]
    fn a_choice_names_what_it_expects() {
        assert!(word("verify-ca").choice::<TlsMode>().is_ok());
        assert!(word("VERIFY_CA").choice::<TlsMode>().is_ok());
        assert_eq!(
            word("requird").choice::<TlsMode>().unwrap_err(),
            "disabled, preferred, required, verify-ca or verify-identity is expected, did you mean required?"
        );
    }

    #[test]
    fn lists_of_a_variable_are_split_at_commas() {
        assert_eq!(word("a, b,").list(), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert!(word("a,[").patterns().is_err());
        assert!(word("").some_patterns().is_err());
    }
}
