//! The settings as text for people: the commented file of `init` and the settings page, both from the table of keys.

use super::{
    environment::PLAIN_NAMES,
    keys::{self, Key, NESTED_KEYS, Shown, TABLE_KEYS, show_types},
    layer::KeyPath,
    sections::{Config, TableConfig},
};

/// Columns of a comment.
const WIDTH: usize = 110;

const HEAD: &str = "Settings of binleaf. A key that is commented out has the value that is shown. Durations are written 200ms, 30s, 1h; \
sizes 4MiB. Each key is also a variable, BINLEAF__SECTION__KEY, which goes before this file; the plain names given with some \
keys come after it. Paths are relative to the working directory.";

/// A file with every key and its default, all commented out.
#[must_use]
pub fn default_file() -> String {
    render(&Config::default())
}

/// A file with the settings given; what is as by default is commented out, and secrets are left out.
#[must_use]
pub fn file_of(config: &Config) -> String {
    render(config)
}

fn render(config: &Config) -> String {
    let defaults = Config::default();
    let mut text = comment(HEAD);
    if config.start_paused {
        text.push_str(&comment(
            "SYNC_ENABLED=false has no key here: it starts paused as long as it is set.",
        ));
    }
    let mut section = "";
    for key in keys::all() {
        let (name, own) = key.path.split_once('.').unwrap_or(("", key.path));
        let line = line(key, own, config, &defaults);
        if line.is_empty() {
            continue;
        }
        text.push('\n');
        if name != section {
            section = name;
            text.push_str(&format!("[{section}]\n"));
        }
        text.push_str(&comment(&meaning(key)));
        text.push_str(&line);
    }
    text.push_str(&tables(config));
    text
}

fn line(key: &Key, own: &str, config: &Config, defaults: &Config) -> String {
    match (key.show)(config) {
        Shown::Value(value) if (key.show)(defaults) == Shown::Value(value.clone()) => {
            format!("#{own} = {value}\n")
        }
        Shown::Value(value) => format!("{own} = {value}\n"),
        Shown::Unset if key.example.is_empty() => String::new(),
        Shown::Unset => comment(&format!("{own} = {}", key.example)),
        Shown::Hidden => comment(&format!(
            "{own} is a secret and is not written here. Leave it in the environment, or put it into a file and name that in {own}_file."
        )),
    }
}

fn meaning(key: &Key) -> String {
    match plain_name(key) {
        Some(name) => format!("{} ({name})", key.meaning.trim_end_matches('.')),
        None => key.meaning.to_owned(),
    }
}

fn plain_name(key: &Key) -> Option<&'static str> {
    PLAIN_NAMES.iter().find(|plain| plain.key == key.path).map(|plain| plain.name)
}

fn tables(config: &Config) -> String {
    let mut text = format!(
        "\n{}# [tables.\"orders\"]\n",
        comment(
            "Settings of single tables, by \"table\" or \"database.table\"; globs are allowed, the most exact one wins."
        )
    );
    for key in TABLE_KEYS {
        text.push_str(&comment(&format!("{} = {}", key.name, key.example)));
        text.push_str(&wrapped(key.meaning, "#     "));
    }
    for (name, example, meaning) in NESTED_KEYS {
        text.push_str(&comment(&format!("{name} = {example}")));
        text.push_str(&wrapped(meaning, "#     "));
    }
    for (pattern, table) in &config.tables {
        text.push_str(&format!("\n[tables.{}]\n", keys::quoted(pattern)));
        text.push_str(&table_lines(table));
    }
    text
}

fn table_lines(table: &TableConfig) -> String {
    let plain = TABLE_KEYS.iter().filter_map(|key| match (key.show)(table) {
        Shown::Value(value) => Some(format!("{} = {value}\n", key.name)),
        Shown::Unset | Shown::Hidden => None,
    });
    let types = show_types(&table.types).map(|types| format!("types = {types}\n"));
    let columns = table.columns.iter().filter_map(|(name, column)| {
        let types = show_types(&column.types)?;
        Some(format!("columns.{}.types = {types}\n", keys::quoted(name)))
    });
    plain.chain(types).chain(columns).collect()
}

fn comment(text: &str) -> String {
    wrapped(text, "# ")
}

fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = indent.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > WIDTH {
            lines.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(&format!("{indent}{line}\n"));
    lines
}

const PAGE_HEAD: &str = "# Settings

This page is made by `binleaf init --markdown` from the table that the program itself reads settings by; a test compares the two.

## Where settings come from

The file is the one that `--config` names, else `BINLEAF_CONFIG`, else `./binleaf.toml`, else `/etc/binleaf/binleaf.toml`. None is
fine when the environment says enough. TOML and YAML (`.yaml`, `.yml`) are read. Of several origins the first one wins:

1. flags of the command line,
2. variables `BINLEAF__SECTION__KEY` (lists between commas),
3. the file,
4. plain names, which people's `.env` files already have (`MYSQL_HOST`, `MONGODB_URL`, …): a stray one never redirects what
   the file says, and `binleaf check` tells of it,
5. the defaults.

A `.env` beside the file (without a file: in the working directory) is read like the environment; a variable of the process goes
before a line of it. In a `.env` a value with blanks, quotes, `#` or `$` belongs between single quotes.

Ways to say one thing replace each other: a `source.password_file` of the environment replaces a `source.password` of the file. Given twice in
one place they are an error. Unknown keys are errors that name the nearest known one. All errors are told at once, with exit code 2;
no error repeats a value that may be a secret.

Durations are written `200ms`, `30s`, `1h`; sizes `512KiB`, `4MiB`, `1GiB`, or as a number of bytes. Paths are relative to the working
directory. `binleaf init > binleaf.toml` prints all of this as a commented file; `binleaf init --from-env` prints the file that the
environment amounts to, without its secrets: those stay where they are, or move to a file that `password_file` or `uri_file` names.

Other pages: [types.md](types.md) for `[types]`, [polling.md](polling.md) for `[poll]`, [http.md](http.md) for `[http]`,
[alerts.md](alerts.md) for `[alerts]`.

";

const PAGE_TAIL: &str = "
## Other variables

| Variable | Meaning |
|---|---|
| `BINLEAF_CONFIG` | The file to read. |
| `SYNC_ENABLED` | `false` starts paused: the source is read as far as the queue goes, nothing is written until it is resumed. |
| `SYNC_TABLES` | `all` or names between commas, for `source.tables`. |
| `SYNC_<TABLE>_COLLECTION` | `collection` of that table. |
| `MYSQL_POOL_TIMEOUT`, `MYSQL_POOL_RECYCLE`, `SYNC_RETRY_DELAY` | Seconds. |
| `SYNC_INTERVAL`, `SYNC_INTERVAL_MINUTES` | Seconds and minutes, for `poll.interval`; the former goes first. |
";

/// The settings page of the documentation.
#[must_use]
pub fn settings_page() -> String {
    let mut page = PAGE_HEAD.to_owned();
    let mut section = None;
    for key in keys::all() {
        let name = key.path.split_once('.').map_or("", |(name, _)| name);
        if section != Some(name) {
            section = Some(name);
            page.push_str(&page_section(name));
        }
        page.push_str(&row(key));
    }
    page.push_str("\n## `[tables.\"…\"]`\n\nSettings of single tables, by `table` or `database.table`; globs are allowed, the most exact one wins. ");
    page.push_str("As a variable: `BINLEAF__TABLES__ORDERS__COLLECTION`; a name all in upper case means the one in lower case.\n\n");
    page.push_str("| Key | Example | Meaning |\n|---|---|---|\n");
    for key in TABLE_KEYS {
        page.push_str(&format!("| `{}` | `{}` | {} |\n", key.name, key.example, key.meaning));
    }
    for (name, example, meaning) in NESTED_KEYS {
        page.push_str(&format!("| `{name}` | `{example}` | {meaning} |\n"));
    }
    page.push_str(PAGE_TAIL);
    page
}

fn page_section(name: &str) -> String {
    let title = if name.is_empty() { "General".to_owned() } else { format!("`[{name}]`") };
    format!("\n## {title}\n\n| Key | Default | Environment | Meaning |\n|---|---|---|---|\n")
        .trim_start_matches(if name.is_empty() { "\n" } else { "" })
        .to_owned()
}

fn row(key: &Key) -> String {
    let own = key.path.split_once('.').map_or(key.path, |(_, own)| own);
    let default = match (key.show)(&Config::default()) {
        Shown::Value(value) => format!("`{value}`"),
        Shown::Unset | Shown::Hidden => format!("none, as `{}`", key.example),
    };
    let mut names = format!("`{}`", KeyPath::of(key.path).variable());
    if let Some(plain) = plain_name(key) {
        names.push_str(&format!(", `{plain}`"));
    }
    format!("| `{own}` | {default} | {names} | {} |\n", key.meaning)
}
