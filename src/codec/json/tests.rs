//! Both roads to the same bytes: what a server wrote in both forms, random documents, and hostile input.

use bson::{Bson, Document};
use proptest::prelude::*;

use super::{append_binary, append_text, number::print_double, print_binary};
use crate::codec::{CellFault, element};

type Append = fn(&mut Vec<u8>, &[u8]) -> Result<u8, CellFault>;

/// The value as the one field `v` of a document.
fn document(append: Append, input: &[u8]) -> Result<Vec<u8>, CellFault> {
    let mut out = Vec::new();
    let at = element::begin(&mut out);
    out.extend_from_slice(b"\0v\0");
    let tag = append(&mut out, input)?;
    element::set_tag(&mut out, 4, tag);
    element::end(&mut out, at);
    Ok(out)
}

fn value(append: Append, input: &[u8]) -> Result<Bson, CellFault> {
    let bytes = document(append, input)?;
    let mut parsed = Document::from_reader(bytes.as_slice()).expect("valid BSON");
    Ok(parsed.remove("v").expect("the field"))
}

fn text(input: &str) -> Bson {
    value(append_text, input.as_bytes()).unwrap()
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().unwrap())
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Values written by MySQL 9.7.4 in both forms (row events of a JSON column, and `SELECT`).
fn server_values() -> impl Iterator<Item = (Vec<u8>, &'static str)> {
    include_str!("testdata/server.txt").lines().map(|line| {
        let (binary, text) = line.split_once('\t').unwrap();
        (unhex(binary), text)
    })
}

#[test]
fn the_binary_form_prints_as_the_server_prints_it() {
    for (binary, text) in server_values() {
        let mut printed = Vec::new();
        print_binary(&mut printed, &binary).unwrap();
        assert_eq!(String::from_utf8(printed).unwrap(), text);
    }
    let mut printed = Vec::new();
    print_binary(&mut printed, b"").unwrap();
    assert_eq!(printed, b"null");
}

#[test]
fn the_servers_two_forms_give_the_same_bytes() {
    assert!(server_values().count() > 400);
    for (binary, text) in server_values() {
        let (by_stream, by_snapshot) =
            (document(append_binary, &binary), document(append_text, text.as_bytes()));
        assert_eq!(by_stream, by_snapshot, "{text}");
        // One of the server's keys holds U+0000.
        assert_eq!(by_stream.is_err(), text == r#"{"a\u0000b": 1}"#, "{text}");
    }
}

#[test]
fn cut_or_changed_server_values_never_panic() {
    for (binary, _) in server_values().filter(|(binary, _)| binary.len() < 300) {
        for length in 0..binary.len() {
            let _ignored = document(append_binary, &binary[..length]);
        }
        for at in 0..binary.len() {
            for changed in [0, 1, 0x7F, 0x80, 0xFF, binary[at] ^ 1] {
                let mut bytes = binary.clone();
                bytes[at] = changed;
                if let Ok(document) = document(append_binary, &bytes) {
                    assert!(Document::from_reader(document.as_slice()).is_ok());
                }
            }
        }
    }
}

#[test]
fn integers_are_the_smallest_type_that_holds_them() {
    assert_eq!(text("-2147483648"), Bson::Int32(i32::MIN));
    assert_eq!(text("2147483648"), Bson::Int64(2_147_483_648));
    assert_eq!(text("-9223372036854775808"), Bson::Int64(i64::MIN));
    assert_eq!(text("18446744073709551615"), decimal("18446744073709551615"));
    assert_eq!(text("-0"), Bson::Int32(0));
    let most = "9".repeat(34);
    assert_eq!(text(&most), decimal(&most));
    let more = "9".repeat(35);
    assert_eq!(text(&more), Bson::String(more));
}

#[test]
fn a_number_is_a_double_only_in_its_shortest_form() {
    for (input, expected) in [
        ("1.5", 1.5),
        ("1.0", 1.0),
        ("-0.0", -0.0),
        ("0.1", 0.1),
        ("1e20", 1e20),
        ("100000000000000.0", 1e14),
        ("0.000000000000001", 1e-15),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("1.5E+3", 1500.0),
        ("1e5", 1e5),
        ("0e0", 0.0),
    ] {
        assert_eq!(text(input), Bson::Double(expected), "{input}");
    }
    for input in ["1.50", "0.10000000000000000001", "100000000000000000000.0", "0.0000000000000001"]
    {
        assert_eq!(text(input), decimal(input), "{input}");
    }
    assert_eq!(text("1.50e3"), decimal("1.50e3"));
    assert_eq!(text("0.00"), decimal("0.00"));
    assert_eq!(text("-0.00"), decimal("0.00"));
    assert_eq!(text("1e400"), decimal("1e400"));
    for input in ["1e9999999999", &format!("0.{}", "1".repeat(40))] {
        assert_eq!(text(input), Bson::String(input.to_owned()));
    }
}

#[test]
fn doubles_print_as_the_server_prints_them() {
    for (double, expected) in [
        (1e15, "1e15"),
        (123_456_789_012_345.0, "123456789012345.0"),
        (9_007_199_254_740_993.0, "9.007199254740992e15"),
        (2_122_420_999_999_999.8, "2122420999999999.8"),
        (148_906_574_030_391.13, "148906574030391.12"),
        (1e-15, "0.000000000000001"),
        (9e-16, "9e-16"),
        (-1.234_567_890_123_456_7e-14, "-0.000000000000012345678901234567"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        assert_eq!(print_double(double), expected);
    }
}

#[test]
fn of_equal_keys_the_last_wins_at_the_first_ones_place() {
    let parsed = text(r#"{"b":1,"a":{"x":1,"x":[2]},"b":"two","c":null,"b":3.5}"#);
    let expected = bson::doc! {"b": 3.5, "a": {"x": [2]}, "c": null};
    assert_eq!(parsed, Bson::Document(expected));
    // Out of the server's order, yet each key once.
    assert_eq!(text(r#"{"bb":1,"a":2}"#), Bson::Document(bson::doc! {"bb": 1, "a": 2}));
}

#[test]
fn strings_are_unescaped() {
    let parsed = text(r#" [ "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000é" , "" ] "#);
    let expected = "a\"\\/\u{8}\u{c}\n\r\té😀\0é";
    assert_eq!(parsed, Bson::Array(vec![expected.into(), "".into()]));
}

#[test]
fn malformed_text_is_an_error() {
    for input in [
        "",
        " ",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1,}",
        "{a:1}",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "01",
        "1.",
        ".5",
        "-",
        "1e",
        "1e+",
        "+1",
        "1 2",
        "nul",
        "tru",
        "[1}",
        "1-2",
        "\"\\u+123\"",
    ] {
        assert_eq!(value(append_text, input.as_bytes()), Err(CellFault::Json), "{input}");
    }
    let invalid = CellFault::Charset(crate::model::table::Charset::Utf8);
    assert_eq!(value(append_text, b"\"\xff\""), Err(invalid));
}

#[test]
fn a_key_with_a_zero_character_is_told_as_such() {
    assert_eq!(value(append_text, br#"{"a\u0000b":1}"#), Err(CellFault::JsonKey));
    let hostile = encode(&Json::Object(vec![("a\0b".to_owned(), Json::Null)]), false);
    assert_eq!(value(append_binary, &hostile), Err(CellFault::JsonKey));
}

#[test]
fn as_many_levels_as_the_server_takes() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(value(append_text, nested(100).as_bytes()).is_ok());
    assert_eq!(value(append_text, nested(101).as_bytes()), Err(CellFault::Nesting));
    let deep = (0..101).fold(Json::Integer(1), |inner, _| Json::Array(vec![inner]));
    assert_eq!(value(append_binary, &encode(&deep, false)), Err(CellFault::Nesting));
}

#[test]
fn no_bytes_are_the_json_null() {
    assert_eq!(value(append_binary, b""), Ok(Bson::Null));
}

#[test]
fn a_child_that_many_entries_point_to_is_refused() {
    // Ten levels of arrays whose hundred entries all point to the next level would be 10^20 values.
    let mut bytes = vec![0x02];
    for _ in 0..10 {
        let entries = 100_u16;
        let head = 4 + entries * 3;
        bytes.extend_from_slice(&entries.to_le_bytes());
        bytes.extend_from_slice(&u16::MAX.to_le_bytes());
        for _ in 0..entries {
            bytes.push(0x02);
            bytes.extend_from_slice(&head.to_le_bytes());
        }
    }
    bytes.resize(70_000, 0);
    assert_eq!(value(append_binary, &bytes), Err(CellFault::Json));
}

/// A JSON value as the test makes them up.
#[derive(Debug, Clone)]
enum Json {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Double(f64),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Boolean),
        any::<i64>().prop_map(Json::Integer),
        (-40_000_i64..80_000).prop_map(Json::Integer),
        any::<u64>().prop_map(Json::Unsigned),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Json::Double),
        "\\PC{0,12}".prop_map(Json::String),
        "[\\x00-\\x7f]{0,200}".prop_map(Json::String),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            prop::collection::btree_map("[^\\x00]{0,5}", inner, 0..8).prop_map(|entries| {
                let mut entries: Vec<_> = entries.into_iter().collect();
                entries
                    .sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
                Json::Object(entries)
            }),
        ]
    })
}

fn encode(json: &Json, large: bool) -> Vec<u8> {
    let (kind, payload) = payload(json, large);
    [&[kind][..], &payload].concat()
}

/// Type and payload as json_binary.cc lays them out.
fn payload(json: &Json, large: bool) -> (u8, Vec<u8>) {
    match json {
        Json::Null => (4, vec![0]),
        Json::Boolean(yes) => (4, vec![if *yes { 1 } else { 2 }]),
        Json::Integer(number) => match (i16::try_from(*number), i32::try_from(*number)) {
            (Ok(small), _) => (5, small.to_le_bytes().to_vec()),
            (_, Ok(middle)) => (7, middle.to_le_bytes().to_vec()),
            _ => (9, number.to_le_bytes().to_vec()),
        },
        Json::Unsigned(number) => match (u16::try_from(*number), u32::try_from(*number)) {
            (Ok(small), _) => (6, small.to_le_bytes().to_vec()),
            (_, Ok(middle)) => (8, middle.to_le_bytes().to_vec()),
            _ => (10, number.to_le_bytes().to_vec()),
        },
        Json::Double(number) => (11, number.to_le_bytes().to_vec()),
        Json::String(text) => {
            let length = text.len();
            let mut bytes = Vec::new();
            let mut rest = length;
            while rest >= 0x80 {
                bytes.push(u8::try_from(rest & 0x7F).unwrap() | 0x80);
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).unwrap());
            bytes.extend_from_slice(text.as_bytes());
            (12, bytes)
        }
        Json::Array(items) => {
            let entries: Vec<_> = items.iter().map(|item| (None, item)).collect();
            (if large { 3 } else { 2 }, container(&entries, large))
        }
        Json::Object(items) => {
            let entries: Vec<_> =
                items.iter().map(|(key, item)| (Some(key.as_str()), item)).collect();
            (u8::from(large), container(&entries, large))
        }
    }
}

fn container(entries: &[(Option<&str>, &Json)], large: bool) -> Vec<u8> {
    let number = |number: usize| {
        let bytes = u32::try_from(number).unwrap().to_le_bytes();
        bytes[..if large { 4 } else { 2 }].to_vec()
    };
    let width = if large { 4 } else { 2 };
    let keyed = entries.iter().filter(|(key, _)| key.is_some()).count();
    let head = 2 * width + keyed * (width + 2) + entries.len() * (1 + width);
    let (mut keys, mut values, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for key in entries.iter().filter_map(|(key, _)| *key) {
        keys.extend(number(head + data.len()));
        keys.extend(u16::try_from(key.len()).unwrap().to_le_bytes());
        data.extend_from_slice(key.as_bytes());
    }
    for (_, json) in entries {
        let (kind, payload) = payload(json, large);
        values.push(kind);
        if matches!(kind, 4..=6) || (large && matches!(kind, 7 | 8)) {
            let mut inline = payload;
            inline.resize(width, 0);
            values.extend(inline);
        } else {
            values.extend(number(head + data.len()));
            data.extend(payload);
        }
    }
    [number(entries.len()), number(head + data.len()), keys, values, data].concat()
}

/// The text as the server prints it.
fn print(json: &Json) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match json {
        Json::Null => "null".to_owned(),
        Json::Boolean(yes) => yes.to_string(),
        Json::Integer(number) => number.to_string(),
        Json::Unsigned(number) => number.to_string(),
        Json::Double(number) => print_double(*number),
        Json::String(text) => serde_json::to_string(text).unwrap(),
        Json::Array(items) => format!("[{}]", list(items.iter().map(print).collect())),
        Json::Object(items) => {
            let pair = |(key, item): &(String, Json)| {
                format!("{}: {}", serde_json::to_string(key).unwrap(), print(item))
            };
            format!("{{{}}}", list(items.iter().map(pair).collect()))
        }
    }
}

proptest! {
    #[test]
    fn random_documents_are_the_same_by_both_roads(json in any_json(), large: bool) {
        let by_stream = document(append_binary, &encode(&json, large)).unwrap();
        prop_assert!(Document::from_reader(by_stream.as_slice()).is_ok());
        let by_snapshot = document(append_text, print(&json).as_bytes()).unwrap();
        prop_assert_eq!(by_stream, by_snapshot);
    }

    #[test]
    fn any_printed_double_is_that_double(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let parsed = text(&print_double(number));
        prop_assert_eq!(parsed.as_f64().map(f64::to_bits), Some(number.to_bits()));
    }

    #[test]
    fn a_decimal_is_a_double_only_if_the_double_prints_so(digits in "-?(0|[1-9][0-9]{0,17})\\.[0-9]{1,18}") {
        let double: f64 = digits.parse().unwrap();
        let is_double = matches!(text(&digits), Bson::Double(_));
        prop_assert_eq!(is_double, print_double(double) == digits);
    }

    #[test]
    fn random_bytes_never_panic(kind in 0_u8..16, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let binary = [&[kind][..], &bytes].concat();
        for (append, input) in [(append_binary as Append, binary.as_slice()), (append_text, &bytes)] {
            if let Ok(document) = document(append, input) {
                prop_assert!(Document::from_reader(document.as_slice()).is_ok());
            }
        }
    }

    #[test]
    fn random_json_like_text_never_panics(input in "[\\[\\]{}:,\"\\\\ue0-9.+ \\-truefalsn]{0,60}") {
        if let Ok(document) = document(append_text, input.as_bytes()) {
            prop_assert!(Document::from_reader(document.as_slice()).is_ok());
        }
    }
}
