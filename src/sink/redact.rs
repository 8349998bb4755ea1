//! Cuts the target's error texts down to what cannot be a row's value (promise P7).
//!
//! Servers quote documents and keys in their texts (`dup key: { email: "a@b.c" }`). What is left here is the text up
//! to the first thing that could begin a quotation.

/// The longest text that is kept, in characters.
const LONGEST: usize = 160;

/// A text about one document: everything from the first quote, bracket, digit, dollar sign or colon on is cut off.
pub(super) fn document_text(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars().take(LONGEST) {
        if may_begin_a_value(character, &kept) {
            break;
        }
        kept.push(character);
    }
    kept.trim_end_matches(|last: char| !last.is_alphanumeric()).to_owned()
}

/// A text about a whole command or the connection: everything from the first document on is cut off.
pub(super) fn command_text(text: &str) -> String {
    // FerretDB puts the Go files that an error passed through in front: `pool.go:90 (documentdb.Acquire): `.
    let text = if text.contains(".go:") { text.rsplit("): ").next().unwrap_or(text) } else { text };
    let end = text.find(['{', '\n']).unwrap_or(text.len());
    let kept: String = text.get(..end).unwrap_or_default().chars().take(LONGEST).collect();
    kept.trim_end_matches(|last: char| last.is_whitespace() || last == ':').to_owned()
}

/// An apostrophe within a word (`can't`) begins nothing.
fn may_begin_a_value(character: char, before: &str) -> bool {
    match character {
        '\'' => !before.ends_with(char::is_alphabetic),
        '{' | '[' | '(' | '"' | '`' | '$' | ':' | '=' | '<' => true,
        other => other.is_ascii_digit() || other.is_control(),
    }
}

/// The index that a duplicate key error names, in the words of MongoDB (`… index: NAME dup key: …`) or of FerretDB
/// (`… Index 'NAME'`).
pub(super) fn index_name(text: &str) -> Option<&str> {
    mongodb_index(text).or_else(|| ferretdb_index(text)).filter(|name| !name.is_empty())
}

fn mongodb_index(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("index: ")?;
    let end = rest.find(" dup key").or_else(|| rest.find(" collation:"))?;
    let name = rest.get(..end)?;
    Some(name.split_once(" collation:").map_or(name, |(name, _)| name))
}

fn ferretdb_index(text: &str) -> Option<&str> {
    text.split_once("Index '")?.1.rsplit_once('\'').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_left_of_a_text_about_a_document() {
        let cut = |text| document_text(text);
        assert_eq!(cut("can't extract geo keys: { _id: 5, loc: [ 1 ] }"), "can't extract geo keys");
        assert_eq!(cut("Field '$ssn' in path '$ssn' is not allowed"), "Field");
        assert_eq!(
            cut("Unrecognized operator specified: $secret"),
            "Unrecognized operator specified"
        );
        assert_eq!(cut("{ a: 1 } is wrong"), "");
    }

    #[test]
    fn a_command_is_not_quoted() {
        let text = "not authorized on shop to execute command { insert: \"a\", documents: [ 1 ] }";
        assert_eq!(command_text(text), "not authorized on shop to execute command");
    }

    #[test]
    fn the_index_is_found_in_both_dialects() {
        let mongodb = "E11000 duplicate key error collection: shop.users index: email_1 dup key: { email: \"x\" }";
        assert_eq!(index_name(mongodb), Some("email_1"));
        let collated = "E11000 duplicate key error collection: d.c index: a b collation: { locale: \"de\" } dup key: { a: 1 }";
        assert_eq!(index_name(collated), Some("a b"));
        let ferretdb = "Duplicate key violation on the requested collection: Index '_id_'";
        assert_eq!(index_name(ferretdb), Some("_id_"));
        assert_eq!(index_name("duplicate key"), None);
    }
}
