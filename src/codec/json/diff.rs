//! JSON told as differences from an earlier value (`binlog_row_value_options = PARTIAL_JSON`).
//!
//! A difference is an operation, a path as text and, unless something is removed, a value in the binary form (MySQL
//! source, `sql/json_diff.h`). They are applied one after another, as `apply_json_diffs` (`sql/json_diff.cc`) does it:
//! what is replaced or removed must be there, what is inserted must not be a member yet, and an array takes an element
//! past its end as its last. What comes out is written in the binary form again, always with wide offsets.
//!
//! Nesting is bounded by the server's own limit, so that neither reading nor writing runs out of stack.

use std::borrow::Cow;

use super::{
    MAX_DEPTH, binary,
    path::{self, Leg},
    tree::{self, Node},
};
use crate::codec::CellFault;

const REPLACE: u8 = 0;
const INSERT: u8 = 1;
const REMOVE: u8 = 2;

pub(super) fn apply(out: &mut Vec<u8>, before: &[u8], diffs: &[u8]) -> Result<(), CellFault> {
    let mut root = read(before)?;
    let mut rest = diffs;
    while let Some((&operation, behind)) = rest.split_first() {
        rest = behind;
        let path = std::str::from_utf8(counted(&mut rest)?).map_err(|_| CellFault::Json)?;
        let legs = path::parse(path)?;
        match operation {
            REPLACE => replace(&mut root, &legs, value(&mut rest, legs.len())?)?,
            INSERT => insert(&mut root, &legs, value(&mut rest, legs.len())?)?,
            REMOVE => remove(&mut root, &legs)?,
            _ => return Err(CellFault::Json),
        }
    }
    tree::encode(out, &root)
}

fn read(bytes: &[u8]) -> Result<Node, CellFault> {
    let mut builder = tree::Builder::default();
    binary::write(&mut builder, bytes)?;
    builder.finish()
}

/// Reads the value of a difference, which goes in below so many levels.
fn value(rest: &mut &[u8], levels: usize) -> Result<Node, CellFault> {
    let node = read(counted(rest)?)?;
    if levels + node.depth() > MAX_DEPTH {
        return Err(CellFault::Nesting);
    }
    Ok(node)
}

/// Bytes behind their length in the protocol's length encoding.
fn counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], CellFault> {
    let (&first, behind) = rest.split_first().ok_or(CellFault::Json)?;
    let width = match first {
        0..=0xFA => 0,
        0xFC => 2,
        0xFD => 3,
        0xFE => 8,
        _ => return Err(CellFault::Json),
    };
    let (length, behind) = behind.split_at_checked(width).ok_or(CellFault::Json)?;
    let number = length.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let number = if width == 0 { u64::from(first) } else { number };
    let length = usize::try_from(number).map_err(|_| CellFault::Json)?;
    let (taken, behind) = behind.split_at_checked(length).ok_or(CellFault::Json)?;
    *rest = behind;
    Ok(taken)
}

/// The value at a path. A value that is no array counts as an array of itself.
fn seek<'n>(root: &'n mut Node, legs: &[Leg<'_>]) -> Result<&'n mut Node, CellFault> {
    legs.iter().try_fold(root, |node, leg| match (node, leg) {
        (Node::Object(members), Leg::Member(name)) => {
            let place = place_of(members, name).map_err(|_| CellFault::Json)?;
            members.get_mut(place).map(|(_, value)| value).ok_or(CellFault::Json)
        }
        (Node::Array(items), Leg::Cell(cell)) => {
            let place = cell.within(items.len()).ok_or(CellFault::Json)?;
            items.get_mut(place).ok_or(CellFault::Json)
        }
        (other, Leg::Cell(cell)) => cell.within(1).map(|_| other).ok_or(CellFault::Json),
        _ => Err(CellFault::Json),
    })
}

/// Where a member is, or would be: the server keeps them in order of length, then bytes.
fn place_of(members: &[(String, Node)], name: &str) -> Result<usize, usize> {
    members.binary_search_by(|(known, _)| (known.len(), known.as_str()).cmp(&(name.len(), name)))
}

fn replace(root: &mut Node, legs: &[Leg<'_>], value: Node) -> Result<(), CellFault> {
    *seek(root, legs)? = value;
    Ok(())
}

fn insert(root: &mut Node, legs: &[Leg<'_>], value: Node) -> Result<(), CellFault> {
    let (last, parents) = legs.split_last().ok_or(CellFault::Json)?;
    match (seek(root, parents)?, last) {
        (Node::Object(members), Leg::Member(name)) => match place_of(members, name) {
            Ok(_) => Err(CellFault::Json),
            Err(place) => {
                members.insert(place, (Cow::clone(name).into_owned(), value));
                Ok(())
            }
        },
        (Node::Array(items), Leg::Cell(cell)) => {
            items.insert(cell.clipped(items.len()), value);
            Ok(())
        }
        _ => Err(CellFault::Json),
    }
}

fn remove(root: &mut Node, legs: &[Leg<'_>]) -> Result<(), CellFault> {
    let (last, parents) = legs.split_last().ok_or(CellFault::Json)?;
    match (seek(root, parents)?, last) {
        (Node::Object(members), Leg::Member(name)) => {
            members.remove(place_of(members, name).map_err(|_| CellFault::Json)?);
            Ok(())
        }
        (Node::Array(items), Leg::Cell(cell)) => {
            items.remove(cell.within(items.len()).ok_or(CellFault::Json)?);
            Ok(())
        }
        _ => Err(CellFault::Json),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::json::print_binary;

    fn node_of(value: &serde_json::Value) -> Node {
        match value {
            serde_json::Value::Null => Node::Literal(None),
            serde_json::Value::Bool(truth) => Node::Literal(Some(*truth)),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Node::Integer(number.into()),
                None => Node::Double(number.as_f64().unwrap()),
            },
            serde_json::Value::String(text) => Node::String(text.clone()),
            serde_json::Value::Array(items) => Node::Array(items.iter().map(node_of).collect()),
            serde_json::Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.clone(), node_of(value)));
                let mut members: Vec<_> = members.collect();
                members.sort_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)));
                Node::Object(members)
            }
        }
    }

    fn binary_of(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        tree::encode(&mut out, &node_of(&serde_json::from_str(text).unwrap())).unwrap();
        out
    }

    /// A difference as the server writes it.
    fn diff(operation: u8, path: &str, value: Option<&str>) -> Vec<u8> {
        let mut out = vec![operation, u8::try_from(path.len()).unwrap()];
        out.extend_from_slice(path.as_bytes());
        if let Some(value) = value {
            let binary = binary_of(value);
            out.push(0xFC);
            out.extend_from_slice(&u16::try_from(binary.len()).unwrap().to_le_bytes());
            out.extend_from_slice(&binary);
        }
        out
    }

    fn changed(before: &str, diffs: &[Vec<u8>]) -> Result<String, CellFault> {
        let (mut out, mut text) = (Vec::new(), Vec::new());
        apply(&mut out, &binary_of(before), &diffs.concat())?;
        print_binary(&mut text, &out)?;
        Ok(String::from_utf8(text).unwrap())
    }

    fn check(before: &str, diffs: &[Vec<u8>], expected: &str) {
        assert_eq!(changed(before, diffs).as_deref(), Ok(expected));
    }

    #[test]
    fn values_are_replaced_where_they_are() {
        let before = r#"{"a": [1, 2.5, "x"], "key b": {"c": null}}"#;
        check(
            before,
            &[diff(REPLACE, "$.a[1]", Some("70000"))],
            r#"{"a": [1, 70000, "x"], "key b": {"c": null}}"#,
        );
        check(
            before,
            &[diff(REPLACE, "$.\"key b\".c", Some("{\"d\": true}"))],
            r#"{"a": [1, 2.5, "x"], "key b": {"c": {"d": true}}}"#,
        );
        check(before, &[diff(REPLACE, "$", Some("[]"))], "[]");
        check("5", &[diff(REPLACE, "$[0]", Some("6"))], "6");
    }

    #[test]
    fn arrays_shift_and_objects_keep_their_order() {
        let diffs = [
            diff(INSERT, "$.a[1]", Some("9")),
            diff(INSERT, "$.a[50]", Some("\"end\"")),
            diff(REMOVE, "$.a[0]", None),
            diff(INSERT, "$.b", Some("1")),
            diff(INSERT, "$.aaa", Some("2")),
            diff(REMOVE, "$.cc", None),
        ];
        let expected = r#"{"a": [9, 2, "end"], "b": 1, "aaa": 2}"#;
        check(r#"{"a": [1, 2], "cc": 3}"#, &diffs, expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let before = r#"{"a": [1], "b": 2}"#;
        for bad in [
            diff(REPLACE, "$.c", Some("1")),
            diff(REPLACE, "$.a[1]", Some("1")),
            diff(INSERT, "$.b", Some("1")),
            diff(INSERT, "$.b[0]", Some("1")),
            diff(INSERT, "$", Some("1")),
            diff(REMOVE, "$", None),
            diff(REMOVE, "$.a[1]", None),
            diff(REMOVE, "$.a.b", None),
            diff(3, "$.a", None),
            diff(REMOVE, "a", None),
        ] {
            assert!(changed(before, &[bad]).is_err());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let path = format!("${}", "[0]".repeat(60));
        let before = format!("{}1{}", "[".repeat(60), "]".repeat(60));
        assert!(changed(&before, &[diff(REPLACE, &path, Some(&deep(40)))]).is_ok());
        let outcome = changed(&before, &[diff(REPLACE, &path, Some(&deep(41)))]);
        assert_eq!(outcome, Err(CellFault::Nesting));
    }

    proptest! {
        #[test]
        fn any_differences_end_without_panic(
            diffs in proptest::collection::vec(any::<u8>(), 0..200),
            before in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut out = Vec::new();
            let outcome = apply(&mut out, &before, &diffs);
            prop_assert!(outcome.is_err() || !out.is_empty());
            let outcome = apply(&mut out, &binary_of(r#"{"a": [1, {"b": "c"}]}"#), &diffs);
            prop_assert!(outcome.is_err() || !out.is_empty());
        }

        #[test]
        fn a_value_without_differences_is_itself(text in "[a-z\u{e9}\"\\\\]{0,300}", number in any::<i64>()) {
            let value = serde_json::json!({ "a": [number, text, { "long": [1, 2.5, null, true] }], "bb": {} });
            let before = binary_of(&value.to_string());
            let (mut out, mut expected, mut actual) = (Vec::new(), Vec::new(), Vec::new());
            apply(&mut out, &before, &[]).unwrap();
            print_binary(&mut expected, &before).unwrap();
            print_binary(&mut actual, &out).unwrap();
            prop_assert_eq!(actual, expected);
        }
    }
}
