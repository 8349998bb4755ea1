//! Who may import whom, and how long a file may be.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What one folder of `src` may use.
struct Rule {
    module: &'static str,
    /// Our own modules.
    may: &'static [&'static str],
    /// Crates that it must not name; the rest is free.
    never: &'static [&'static str],
}

const DRIVERS: &[&str] = &["mysql_async", "mysql_common", "mongodb"];

/// `app`, `cli` and `main` see everything; `fuzzing`, which is not shipped, drives source and mapping together.
const RULES: &[Rule] = &[
    Rule {
        module: "model",
        may: &[],
        never: &["mysql_async", "mysql_common", "mongodb", "bson", "tokio", "axum", "tracing"],
    },
    Rule {
        module: "codec",
        may: &["model"],
        never: &["mysql_async", "mysql_common", "mongodb", "bson", "tokio", "axum"],
    },
    Rule {
        module: "config",
        may: &["model"],
        never: &["mysql_async", "mysql_common", "mongodb", "bson", "tokio", "axum"],
    },
    Rule { module: "runtime", may: &["config", "model", "telemetry"], never: DRIVERS },
    Rule { module: "telemetry", may: &["config", "model"], never: DRIVERS },
    Rule {
        module: "mapping",
        may: &["model", "codec", "config"],
        never: &["mysql_async", "mysql_common", "mongodb", "tokio", "axum"],
    },
    Rule {
        module: "source",
        may: &["model", "codec", "config", "runtime", "telemetry"],
        never: &["mongodb", "bson", "axum"],
    },
    Rule {
        module: "pipeline",
        may: &["model", "mapping", "config", "runtime", "telemetry"],
        never: &["mysql_async", "mysql_common", "mongodb", "axum"],
    },
    Rule {
        module: "sink",
        may: &["model", "config", "runtime", "telemetry"],
        never: &["mysql_async", "mysql_common", "axum"],
    },
    Rule {
        module: "checkpoint",
        may: &["model", "config", "runtime", "telemetry", "sink"],
        never: &["mysql_async", "mysql_common", "axum"],
    },
    Rule {
        module: "alert",
        may: &["model", "config", "runtime", "telemetry", "pipeline"],
        never: DRIVERS,
    },
    Rule {
        module: "admin",
        may: &["model", "config", "runtime", "telemetry", "pipeline"],
        never: DRIVERS,
    },
];

const MOST_LINES: usize = 500;

#[test]
fn every_folder_imports_only_what_it_may() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        let Some(rule) = RULES.iter().find(|rule| rule.module == module) else {
            assert!(
                ["app", "cli", "main", "lib", "fuzzing"].contains(&module.as_str()),
                "{} is of no known folder: add a rule",
                file.display()
            );
            continue;
        };
        for used in own_modules(&text) {
            if used != module && !rule.may.contains(&used.as_str()) {
                broken.push(format!("{} uses {used}", file.display()));
            }
        }
        for never in rule.never.iter().filter(|never| names_crate(&text, never)) {
            broken.push(format!("{} uses {never}", file.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(file, _)| (file, fs::read_to_string(file).expect("a file").lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// All files of `src`, without their comments and without what follows the first test attribute.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 20, "the sources are somewhere else");
    files
        .into_iter()
        .filter(|file| !is_test(file))
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a file");
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            (file, code)
        })
        .collect()
}

/// A file, or one of a folder of files, that a module declares behind `#[cfg(test)]`.
fn is_test(file: &Path) -> bool {
    below_src(file).iter().any(|part| part == "tests" || part == "tests.rs")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The folder, or the file without its ending, right below `src`.
fn module_of(file: &Path) -> String {
    let first = below_src(file).iter().next().expect("a name");
    Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned()
}

fn below_src(file: &Path) -> &Path {
    file.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("a source")
}

/// The modules of ours that a text names behind `crate::`, in braces too.
fn own_modules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, part)| (at, &text[at + part.len()..]))
    {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first words of the parts of a group in braces.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut found, mut at_start) = (0, Vec::new(), true);
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            sign if sign.is_whitespace() => {}
            _ if at_start => {
                found.extend(word(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let word: String =
        text.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
    word.starts_with(char::is_lowercase).then_some(word)
}

fn names_crate(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|sign| sign.is_alphanumeric() || sign == '_' || sign == ':')
    })
}

#[test]
fn imports_are_found_in_every_form() {
    let text =
        "use crate::{config::{A, b::C}, model::D};\nlet x = crate::runtime::y(); use crate::Top;";
    let found: Vec<String> = own_modules(text).into_iter().collect();
    assert_eq!(found, ["config", "model", "runtime"]);
    assert!(names_crate("use bson::doc;", "bson") && !names_crate("x::bson::y", "bson"));
    assert!(!names_crate("my_bson::doc", "bson"));
}
