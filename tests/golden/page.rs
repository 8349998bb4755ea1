//! `docs/types.md`, made from the golden table.

use std::fmt::Write as _;

use bson::{Bson, Document};

use super::table::{Becomes, Group, Server, document, groups};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/types.md");

/// Longer values are cut.
const WIDTH: usize = 72;

const HEAD: &str = "# Types

What every MySQL and MariaDB type becomes in MongoDB. This page is made from `tests/golden/types.tsv`: a test sends each of these
values through a real server, by snapshot and by binlog, and compares what arrives byte by byte.

The settings are keys of `[types]`, which one table (`tables.\"orders\".types`) or one column
(`tables.\"orders\".columns.\"price\".types`) may say otherwise; see [settings.md](settings.md). Where no setting is named the default holds.

* SQL NULL is Null; with `nulls = \"omit\"` the field is left out.
* A row marked *dead letter* is not written; it is kept in `_sync_dead_letters` with the reason.
* *as a key* shows the value as `_id`. There no two values may ever be told alike: `tinyint1 = \"bool\"` and `decimal = \"double\"`
  are errors of `check`, a SET is one string, a moment with more than three digits and a date that does not exist are strings.
* Generated (virtual too) and invisible columns are columns like others. A generated invisible primary key is `_id` and no field.
* Text of any charset becomes UTF-8. Bytes that are no text of their charset are a dead letter, never U+FFFD.

## At a glance

| Type | Becomes | Settings (the default first) |
|---|---|---|
| TINYINT to INT, MEDIUMINT UNSIGNED | Int32 | `tinyint1 = \"int\"`, `\"bool\"`: signed TINYINT(1) only |
| INT UNSIGNED, BIGINT | Int64 | |
| BIGINT UNSIGNED | Int64, past 2^63-1 Decimal128 | |
| FLOAT, DOUBLE | Double (FLOAT widened exactly) | |
| DECIMAL(p, s) | Decimal128 with the declared scale; String where p is over 34 | `decimal = \"decimal128\"`, `\"double\"`, `\"string\"` |
| BIT(1), BIT(n) | Boolean, Int64 (past 2^63-1 Decimal128) | |
| YEAR | Int32 | |
| DATE, DATETIME | Date: the wall clock read as UTC, cut to milliseconds | `datetime = \"date\"`, `\"string\"` |
| TIMESTAMP | Date: the instant, cut to milliseconds | `datetime = \"date\"`, `\"string\"` |
| dates with a zero part, or that do not exist | Null, which is counted | `zero_date = \"null\"`, `\"string\"`, `\"dead-letter\"` |
| TIME | String `[-]HH:MM:SS[.digits]` | |
| CHAR, VARCHAR, TEXT, ENUM | String | |
| SET | Array of String | `set = \"array\"`, `\"string\"` |
| BINARY, VARBINARY, BLOB | Binary 0 | `binary = \"binary\"`, `\"uuid\"`: values of exactly 16 bytes are Binary 4 |
| JSON | the value itself | `json = \"document\"`, `\"string\"` |
| POINT to GEOMETRYCOLLECTION | GeoJSON, x before y | `geometry = \"geojson\"`, `\"wkb\"` |
| VECTOR | Binary 9 (32-bit floats) | `vector = \"binary\"`, `\"array\"` |
| UUID; INET4, INET6 (MariaDB) | Binary 4; String | |
| NULL | Null | `nulls = \"keep\"`, `\"omit\"` |

Below, each value stands as SQL, with the BSON type that it becomes and as MongoDB Extended JSON (relaxed); long ones are cut.
";

/// How to bring the page up to date.
const MEND: &str = "run: BINLEAF_UPDATE_DOCS=1 cargo test --test it golden::page";

#[test]
fn the_page_is_up_to_date() {
    let page = page(&groups());
    if std::env::var_os("BINLEAF_UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &page).expect("the page");
    }
    assert!(std::fs::read_to_string(PATH).is_ok_and(|written| written == page), "{MEND}");
}

fn page(groups: &[Group]) -> String {
    let mut page = HEAD.to_owned();
    let mut title = String::new();
    for group in groups {
        let own = name(group.kind);
        if own != title {
            write!(
                page,
                "\n## {own}\n\n| Column | Setting | SQL | Type | Value |\n|---|---|---|---|---|\n"
            )
            .expect("text");
            title = own;
        }
        rows(group, &mut page);
    }
    page
}

/// The heading of a type: its first word, and what makes another type of it.
fn name(kind: &str) -> String {
    let word: String = kind.chars().take_while(char::is_ascii_alphanumeric).collect();
    let special =
        ["GENERATED", "INVISIBLE", "COMPRESSED"].iter().find(|word| kind.contains(**word));
    match special {
        Some(&"COMPRESSED") => "Compressed columns".to_owned(),
        Some(_) => "Generated and invisible columns".to_owned(),
        None => word,
    }
}

fn rows(group: &Group, page: &mut String) {
    let server = match group.server {
        Server::Both => "",
        Server::Mysql => " (MySQL)",
        Server::Mariadb => " (MariaDB)",
    };
    let settings = match (group.is_key, group.settings) {
        (false, "") => String::new(),
        (true, "") => "*as a key*".to_owned(),
        (true, settings) => format!("*as a key*, {}", code(settings)),
        (false, settings) => code(settings),
    };
    let mut column = format!("{}{server}", code(&cut(group.kind)));
    let mut settings = settings;
    for value in &group.values {
        let (kind, shown) = match &value.becomes {
            Becomes::Absent => ("", "*no field*".to_owned()),
            Becomes::DeadLetter => ("", "*dead letter*".to_owned()),
            Becomes::Bytes(bytes) => {
                let document = Document::try_from(document(bytes).as_ref()).expect("a document");
                let value = document.get("v").expect("the value");
                (type_name(value), code(&cut(&json(value))))
            }
        };
        let literal = code(&cut(value.literal));
        writeln!(page, "| {column} | {settings} | {literal} | {kind} | {shown} |").expect("text");
        // What the rows of a group share is said once.
        column.clear();
        settings.clear();
    }
}

/// Text as code within a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{text}{fence}")
}

fn cut(text: &str) -> String {
    let count = text.chars().count();
    if count <= WIDTH {
        return text.to_owned();
    }
    let (head, tail): (String, String) =
        (text.chars().take(WIDTH - 20).collect(), text.chars().skip(count - 16).collect());
    format!("{head} … {tail}")
}

fn type_name(value: &Bson) -> &'static str {
    match value {
        Bson::Double(_) => "Double",
        Bson::String(_) => "String",
        Bson::Array(_) => "Array",
        Bson::Document(_) => "Document",
        Bson::Boolean(_) => "Boolean",
        Bson::Null => "Null",
        Bson::Int32(_) => "Int32",
        Bson::Int64(_) => "Int64",
        Bson::DateTime(_) => "Date",
        Bson::Decimal128(_) => "Decimal128",
        Bson::Binary(binary) => match u8::from(binary.subtype) {
            4 => "Binary 4 (UUID)",
            9 => "Binary 9 (vector)",
            _ => "Binary 0",
        },
        other => panic!("{other:?} is not in the table"),
    }
}

/// Relaxed Extended JSON.
fn json(value: &Bson) -> String {
    match value {
        Bson::Null => "null".to_owned(),
        Bson::Boolean(value) => value.to_string(),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => number.to_string(),
        Bson::Double(number) => format!("{number:?}"),
        Bson::String(text) => quoted(text),
        Bson::Decimal128(number) => format!("{{\"$numberDecimal\": \"{number}\"}}"),
        Bson::DateTime(moment) => match moment.timestamp_millis() {
            millis @ 0..253_402_300_800_000 => {
                let text = bson::DateTime::from_millis(millis).try_to_rfc3339_string();
                format!("{{\"$date\": {}}}", quoted(&text.expect("a date")))
            }
            millis => format!("{{\"$date\": {{\"$numberLong\": \"{millis}\"}}}}"),
        },
        Bson::Binary(binary) => {
            let kind = u8::from(binary.subtype);
            format!(
                "{{\"$binary\": {{\"base64\": {}, \"subType\": \"{kind:02x}\"}}}}",
                quoted(&base64(&binary.bytes))
            )
        }
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Bson::Document(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), json(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => panic!("{other:?} is not in the table"),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[number >> (18 - 6 * place) & 63];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
