//! Keys of `[target]`.

use super::{Key, Shown, put, show_choice, show_path, show_plain, show_text, source};
use crate::config::{
    address,
    given::Given,
    sections::{Secret, WriteConcern},
};

/// Where the copy goes.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "target.uri",
        meaning: "The connection string of MongoDB or Atlas. With a password in it, `uri_file` keeps it out of the file.",
        example: "",
        read: |to, given| put(&mut to.target.uri, address::target_uri(given).map(Secret::Inline)),
        show: |of| match &of.target.uri {
            Secret::Inline(uri) => address::show_target_uri(uri),
            Secret::File(_) | Secret::Command(_) => source::show_secret(&of.target.uri),
        },
    },
    Key {
        path: "target.uri_file",
        meaning: "A file that holds the connection string; read again on every reconnect.",
        example: r#""/run/secrets/mongodb""#,
        read: |to, given| {
            let path = given.path()?;
            let secret = path.map(Secret::File).ok_or_else(|| "it must not be empty".to_owned());
            put(&mut to.target.uri, secret)
        },
        show: |of| match &of.target.uri {
            Secret::File(path) => show_path(Some(path)),
            Secret::Inline(_) | Secret::Command(_) => Shown::Unset,
        },
    },
    Key {
        path: "target.database",
        meaning: "The database that is written. `{database}` in it is the source's: several databases go to the like-named ones. Where only `source.database` is given, its name is taken.",
        example: "",
        read: |to, given| put(&mut to.target.database, given.name()),
        show: |of| show_text(&of.target.database),
    },
    Key {
        path: "target.collection",
        meaning: "The collection of a table; `{table}` and `{database}` are replaced. Two tables with one target are an error.",
        example: "",
        read: |to, given| put(&mut to.target.collection, given.name()),
        show: |of| show_text(&of.target.collection),
    },
    Key {
        path: "target.write_concern",
        meaning: "Whose acknowledgement a write waits for: \"majority\", or a number of members. With fewer than the majority a failover of the target can lose changes.",
        example: "",
        read: |to, given| put(&mut to.target.write_concern, write_concern(given)),
        show: |of| match of.target.write_concern {
            WriteConcern::Majority => show_text("majority"),
            WriteConcern::Nodes(count) => show_plain(count),
        },
    },
    Key {
        path: "target.journal",
        meaning: "Whether a write waits until it is in the target's journal.",
        example: "",
        read: |to, given| put(&mut to.target.journal, given.switch()),
        show: |of| show_plain(of.target.journal),
    },
    Key {
        path: "target.keyless",
        meaning: "Tables without a primary or usable unique key: `hash` (`_id` is a hash of the row; equal rows are one document), `skip` (left out) or `stop` (the start is refused).",
        example: "",
        read: |to, given| put(&mut to.target.keyless, given.choice()),
        show: |of| show_choice(of.target.keyless),
    },
];

fn write_concern(given: &Given) -> Result<WriteConcern, String> {
    if matches!(given, Given::Text(text) | Given::Word(text) if text == "majority") {
        return Ok(WriteConcern::Majority);
    }
    if given.number(0, 0).is_ok() {
        return Err("0 would save positions before anything is known to be written; \"majority\" or a number of members is expected".to_owned());
    }
    given
        .number(1, 50)
        .map(WriteConcern::Nodes)
        .map_err(|_| "\"majority\" or a number of members is expected".to_owned())
}
