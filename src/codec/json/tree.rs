//! A JSON value in memory, read from the binary form and written back to it.

use super::{
    MAX_DEPTH,
    kind::{DOUBLE, INT32, INT64, LARGE_ARRAY, LARGE_OBJECT, LITERAL, OPAQUE, STRING, UINT64},
    utf8,
    writer::Form,
};
use crate::codec::{CellFault, MAX_CELL_BYTES, element::tag};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Literal(Option<bool>),
    Integer(i128),
    Double(f64),
    String(String),
    Opaque(u8, Vec<u8>),
    Array(Vec<Node>),
    /// In order of the keys' length, then bytes.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// How many levels of objects and arrays it has.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// Takes a value as it is read.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Node>,
    /// The value that has just ended.
    ended: Option<Node>,
}

impl Builder {
    pub(super) fn finish(&mut self) -> Result<Node, CellFault> {
        self.ended.take().ok_or(CellFault::Json)
    }

    fn end(&mut self, node: Node) -> u8 {
        self.ended = Some(node);
        tag::NULL
    }

    fn begin(&mut self, node: Node) -> Result<(), CellFault> {
        if self.open.len() == MAX_DEPTH {
            return Err(CellFault::Nesting);
        }
        self.open.push(node);
        Ok(())
    }
}

impl Form for &mut Builder {
    /// Of an object the key of the element that has been begun.
    type Container = ();

    fn literal(&mut self, literal: Option<bool>) -> u8 {
        self.end(Node::Literal(literal))
    }

    fn integer(&mut self, number: i64) -> Result<u8, CellFault> {
        Ok(self.end(Node::Integer(number.into())))
    }

    fn large(&mut self, number: u64) -> Result<u8, CellFault> {
        Ok(self.end(Node::Integer(number.into())))
    }

    fn double(&mut self, number: f64) -> Result<u8, CellFault> {
        Ok(self.end(Node::Double(number)))
    }

    fn string(&mut self, text: &[u8]) -> Result<u8, CellFault> {
        let text = utf8(text)?.to_owned();
        Ok(self.end(Node::String(text)))
    }

    fn opaque(&mut self, kind: u8, bytes: &[u8]) -> Result<u8, CellFault> {
        Ok(self.end(Node::Opaque(kind, bytes.to_vec())))
    }

    fn begin_array(&mut self) -> Result<(), CellFault> {
        self.begin(Node::Array(Vec::new()))
    }

    fn begin_object(&mut self) -> Result<(), CellFault> {
        self.begin(Node::Object(Vec::new()))
    }

    fn item(&mut self, (): &mut ()) -> usize {
        0
    }

    fn member(&mut self, (): &mut (), key: &[u8]) -> Result<usize, CellFault> {
        let key = utf8(key)?;
        // The value takes its place when it ends.
        if let Some(Node::Object(members)) = self.open.last_mut() {
            members.push((key.to_owned(), Node::Literal(None)));
        }
        Ok(0)
    }

    fn element_ends(&mut self, _slot: usize, _tag: u8) -> Result<(), CellFault> {
        let value = self.finish()?;
        match self.open.last_mut() {
            Some(Node::Array(items)) => items.push(value),
            Some(Node::Object(members)) => {
                let (_, place) = members.last_mut().ok_or(CellFault::Json)?;
                *place = value;
            }
            _ => return Err(CellFault::Json),
        }
        Ok(())
    }

    fn end_array(&mut self, (): &()) -> u8 {
        self.ended = self.open.pop();
        tag::NULL
    }

    fn end_object(&mut self, (): &()) -> Result<u8, CellFault> {
        self.ended = self.open.pop();
        Ok(tag::NULL)
    }
}

/// Appends a value in the binary form.
pub(super) fn encode(out: &mut Vec<u8>, node: &Node) -> Result<(), CellFault> {
    let most_bytes = out.len().saturating_add(MAX_CELL_BYTES);
    let kind = out.len();
    out.push(0);
    let encoded = append(out, node, most_bytes)?;
    if let Some(byte) = out.get_mut(kind) {
        *byte = encoded;
    }
    Ok(())
}

/// Appends a value without its type byte, which it gives. No value becomes larger than a document of the target holds.
fn append(out: &mut Vec<u8>, node: &Node, most_bytes: usize) -> Result<u8, CellFault> {
    let kind = match node {
        Node::Literal(_) | Node::Integer(_) => {
            let (kind, bytes) = scalar(node).ok_or(CellFault::OutOfRange)?;
            out.extend_from_slice(&bytes);
            kind
        }
        Node::Double(number) => {
            out.extend_from_slice(&number.to_le_bytes());
            DOUBLE
        }
        Node::String(text) => {
            append_counted(out, text.as_bytes());
            STRING
        }
        Node::Opaque(kind, bytes) => {
            out.push(*kind);
            append_counted(out, bytes);
            OPAQUE
        }
        Node::Array(items) => {
            let values: Vec<&Node> = items.iter().collect();
            append_container(out, &[], &values, most_bytes)?;
            LARGE_ARRAY
        }
        Node::Object(members) => {
            let keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
            let values: Vec<&Node> = members.iter().map(|(_, value)| value).collect();
            append_container(out, &keys, &values, most_bytes)?;
            LARGE_OBJECT
        }
    };
    if out.len() > most_bytes { Err(CellFault::TooLarge) } else { Ok(kind) }
}

/// A literal or whole number: its type and bytes.
fn scalar(node: &Node) -> Option<(u8, Vec<u8>)> {
    Some(match *node {
        Node::Literal(literal) => {
            let byte = match literal {
                None => 0,
                Some(true) => 1,
                Some(false) => 2,
            };
            (LITERAL, vec![byte])
        }
        Node::Integer(number) => match (i32::try_from(number), i64::try_from(number)) {
            (Ok(small), _) => (INT32, small.to_le_bytes().to_vec()),
            (_, Ok(number)) => (INT64, number.to_le_bytes().to_vec()),
            _ => (UINT64, u64::try_from(number).ok()?.to_le_bytes().to_vec()),
        },
        _ => return None,
    })
}

/// Seven bits a byte, the lowest first.
fn append_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length > 0x7F {
        out.push(u8::try_from(length & 0x7F).unwrap_or(0) | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or(0));
    out.extend_from_slice(bytes);
}

/// Count, size, key entries (offset, length), value entries (type, offset or small value), keys, values.
fn append_container(
    out: &mut Vec<u8>,
    keys: &[&str],
    values: &[&Node],
    most_bytes: usize,
) -> Result<(), CellFault> {
    let start = out.len();
    out.extend_from_slice(&offset(values.len())?);
    out.extend_from_slice(&[0; 4]);
    let mut key_offset = 8 + keys.len() * 6 + values.len() * 5;
    for key in keys {
        out.extend_from_slice(&offset(key_offset)?);
        let length = u16::try_from(key.len()).map_err(|_| CellFault::Json)?;
        out.extend_from_slice(&length.to_le_bytes());
        key_offset += key.len();
    }
    let entries = out.len();
    out.resize(entries + values.len() * 5, 0);
    keys.iter().for_each(|key| out.extend_from_slice(key.as_bytes()));
    for (index, value) in values.iter().enumerate() {
        let (kind, place) = match scalar(value) {
            Some((kind @ (LITERAL | INT32), bytes)) => {
                let mut place = [0; 4];
                place.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
                (kind, place)
            }
            _ => {
                let place = offset(out.len() - start)?;
                (append(out, value, most_bytes)?, place)
            }
        };
        let entry = out.iter_mut().skip(entries + index * 5).take(5);
        entry.zip([kind].into_iter().chain(place)).for_each(|(slot, byte)| *slot = byte);
    }
    let size = offset(out.len() - start)?;
    out.iter_mut().skip(start + 4).zip(size).for_each(|(slot, byte)| *slot = byte);
    Ok(())
}

fn offset(number: usize) -> Result<[u8; 4], CellFault> {
    u32::try_from(number).map(u32::to_le_bytes).map_err(|_| CellFault::TooLarge)
}
