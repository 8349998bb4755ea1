//! JSON as text: what the server prints for its binary form (`Json_wrapper::to_string`, sql-common/json_dom.cc).

use std::io::Write;

use super::{MAX_DEPTH, binary, number, opaque, utf8, writer::Form};
use crate::codec::{CellFault, MAX_CELL_BYTES, element::tag};

pub(super) fn print(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CellFault> {
    let most_bytes = out.len().saturating_add(MAX_CELL_BYTES);
    binary::write(Printer { out, most_bytes, depth: 0 }, bytes)?;
    Ok(())
}

struct Printer<'o> {
    out: &'o mut Vec<u8>,
    most_bytes: usize,
    depth: usize,
}

/// An object or array: whether it has an element already.
struct Container {
    has_element: bool,
}

impl Printer<'_> {
    fn begin(&mut self, bracket: u8) -> Result<Container, CellFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CellFault::Nesting);
        }
        self.out.push(bracket);
        Ok(Container { has_element: false })
    }

    fn separate(&mut self, container: &mut Container) {
        if container.has_element {
            self.out.extend_from_slice(b", ");
        }
        container.has_element = true;
    }

    fn end(&mut self, bracket: u8) {
        self.depth -= 1;
        self.out.push(bracket);
    }

    /// Text between quotes (`double_quote`, sql-common/json_syntax_check.cc and json_dom.cc).
    fn quote(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
        self.out.push(b'"');
        for byte in text.bytes() {
            let letter = match byte {
                b'"' | b'\\' => byte,
                8 => b'b',
                9 => b't',
                10 => b'n',
                12 => b'f',
                13 => b'r',
                0..=31 => {
                    self.out.extend_from_slice(b"\\u00");
                    self.out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                    continue;
                }
                _ => {
                    self.out.push(byte);
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', letter]);
        }
        self.out.push(b'"');
    }
}

impl Form for Printer<'_> {
    type Container = Container;

    fn literal(&mut self, literal: Option<bool>) -> u8 {
        self.out.extend_from_slice(match literal {
            None => b"null",
            Some(true) => b"true",
            Some(false) => b"false",
        });
        tag::STRING
    }

    fn integer(&mut self, number: i64) -> Result<u8, CellFault> {
        write!(self.out, "{number}").map_err(|_| CellFault::Json)?;
        Ok(tag::STRING)
    }

    fn large(&mut self, number: u64) -> Result<u8, CellFault> {
        write!(self.out, "{number}").map_err(|_| CellFault::Json)?;
        Ok(tag::STRING)
    }

    fn double(&mut self, number: f64) -> Result<u8, CellFault> {
        number::print_double_to(self.out, number)?;
        Ok(tag::STRING)
    }

    fn string(&mut self, text: &[u8]) -> Result<u8, CellFault> {
        self.quote(utf8(text)?);
        Ok(tag::STRING)
    }

    fn opaque(&mut self, kind: u8, bytes: &[u8]) -> Result<u8, CellFault> {
        if let Some(number) = opaque::decimal(kind, bytes)? {
            self.out.extend_from_slice(number.as_str().as_bytes());
            return Ok(tag::STRING);
        }
        let start = self.out.len();
        opaque::append_characters(self.out, kind, bytes)?;
        let characters = self.out.split_off(start);
        self.quote(std::str::from_utf8(&characters).map_err(|_| CellFault::Json)?);
        Ok(tag::STRING)
    }

    fn begin_array(&mut self) -> Result<Container, CellFault> {
        self.begin(b'[')
    }

    fn begin_object(&mut self) -> Result<Container, CellFault> {
        self.begin(b'{')
    }

    fn item(&mut self, container: &mut Container) -> usize {
        self.separate(container);
        0
    }

    fn member(&mut self, container: &mut Container, key: &[u8]) -> Result<usize, CellFault> {
        let key = utf8(key)?;
        self.separate(container);
        self.quote(key);
        self.out.extend_from_slice(b": ");
        Ok(0)
    }

    fn element_ends(&mut self, _slot: usize, _tag: u8) -> Result<(), CellFault> {
        if self.out.len() > self.most_bytes { Err(CellFault::TooLarge) } else { Ok(()) }
    }

    fn end_array(&mut self, _container: &Container) -> u8 {
        self.end(b']');
        tag::STRING
    }

    fn end_object(&mut self, _container: &Container) -> Result<u8, CellFault> {
        self.end(b'}');
        Ok(tag::STRING)
    }
}
