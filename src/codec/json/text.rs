//! JSON text: a pull parser that appends BSON as it reads.

use super::{number, writer::Writer};
use crate::codec::{
    CellFault,
    element::{self, tag},
};
use crate::model::table::Charset;

pub(super) fn append(out: &mut Vec<u8>, text: &[u8]) -> Result<u8, CellFault> {
    let text = std::str::from_utf8(text).map_err(|_| CellFault::Charset(Charset::Utf8))?;
    let mut parser = Parser { text, writer: Writer::new(out) };
    parser.skip_blanks();
    let tag = parser.value()?;
    parser.skip_blanks();
    if parser.text.is_empty() { Ok(tag) } else { Err(CellFault::Json) }
}

struct Parser<'t, 'o> {
    /// What has not been read yet.
    text: &'t str,
    writer: Writer<'o>,
}

impl Parser<'_, '_> {
    fn value(&mut self) -> Result<u8, CellFault> {
        match self.text.as_bytes().first() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => {
                let at = element::begin_string(self.writer.out);
                self.string()?;
                element::end_string(self.writer.out, at);
                Ok(tag::STRING)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    fn object(&mut self) -> Result<u8, CellFault> {
        self.expect('{')?;
        let mut container = self.writer.begin()?;
        if !self.take_behind_blanks('}') {
            loop {
                let slot = self.writer.slot();
                self.string()?;
                self.writer.key_ends(&mut container, slot)?;
                self.skip_blanks();
                self.expect(':')?;
                self.skip_blanks();
                let tag = self.value()?;
                self.writer.element_ends(slot, tag)?;
                if !self.another('}')? {
                    break;
                }
            }
        }
        self.writer.end_object(&container)
    }

    fn array(&mut self) -> Result<u8, CellFault> {
        self.expect('[')?;
        let mut container = self.writer.begin()?;
        if !self.take_behind_blanks(']') {
            loop {
                let slot = self.writer.item(&mut container);
                let tag = self.value()?;
                self.writer.element_ends(slot, tag)?;
                if !self.another(']')? {
                    break;
                }
            }
        }
        Ok(self.writer.end_array(&container))
    }

    /// Behind an element: whether a comma or the end follows.
    fn another(&mut self, end: char) -> Result<bool, CellFault> {
        if self.take_behind_blanks(end) {
            return Ok(false);
        }
        self.expect(',')?;
        self.skip_blanks();
        Ok(true)
    }

    /// Appends the text of a string without its quotes.
    fn string(&mut self) -> Result<(), CellFault> {
        self.expect('"')?;
        loop {
            let length = self.text.find(['"', '\\']).ok_or(CellFault::Json)?;
            let (run, rest) = self.text.split_at_checked(length).ok_or(CellFault::Json)?;
            self.writer.out.extend_from_slice(run.as_bytes());
            self.text = rest;
            if self.take('"') {
                return Ok(());
            }
            self.expect('\\')?;
            let character = self.escape()?;
            self.writer.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn escape(&mut self) -> Result<char, CellFault> {
        let mut characters = self.text.chars();
        let escaped = characters.next().ok_or(CellFault::Json)?;
        self.text = characters.as_str();
        Ok(match escaped {
            '"' | '\\' | '/' => escaped,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            _ => return Err(CellFault::Json),
        })
    }

    /// The character of a `\u` escape, of two where the first is the high half of a pair. Half a pair is an error:
    /// UTF-8 has no form for it.
    fn unicode(&mut self) -> Result<char, CellFault> {
        let first = self.hexadecimal()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or(CellFault::Json);
        }
        self.expect('\\')?;
        self.expect('u')?;
        let second = self.hexadecimal()?;
        let low = second.checked_sub(0xDC00).filter(|&low| low < 0x400).ok_or(CellFault::Json)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low).ok_or(CellFault::Json)
    }

    fn hexadecimal(&mut self) -> Result<u32, CellFault> {
        let (digits, rest) = self.text.split_at_checked(4).ok_or(CellFault::Json)?;
        self.text = rest;
        let digit = |number: u32, character: char| Some(number << 4 | character.to_digit(16)?);
        digits.chars().try_fold(0, digit).ok_or(CellFault::Json)
    }

    fn number(&mut self) -> Result<u8, CellFault> {
        let outside = |byte: u8| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.text.bytes().position(outside).unwrap_or(self.text.len());
        let (number, rest) = self.text.split_at_checked(length).ok_or(CellFault::Json)?;
        self.text = rest;
        number::append_text(self.writer.out, number)
    }

    fn literal(&mut self) -> Result<u8, CellFault> {
        for (word, tag, payload) in [
            ("true", tag::BOOLEAN, &[1][..]),
            ("false", tag::BOOLEAN, &[0][..]),
            ("null", tag::NULL, &[][..]),
        ] {
            if let Some(rest) = self.text.strip_prefix(word) {
                self.text = rest;
                self.writer.out.extend_from_slice(payload);
                return Ok(tag);
            }
        }
        Err(CellFault::Json)
    }

    fn skip_blanks(&mut self) {
        self.text = self.text.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take_behind_blanks(&mut self, character: char) -> bool {
        self.skip_blanks();
        self.take(character)
    }

    fn take(&mut self, character: char) -> bool {
        let rest = self.text.strip_prefix(character);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn expect(&mut self, character: char) -> Result<(), CellFault> {
        if self.take(character) { Ok(()) } else { Err(CellFault::Json) }
    }
}
