//! A reader of the server's JSON text that keeps how numbers are written.

use std::{iter::Peekable, str::Chars};

use bson::{Bson, Decimal128, Document};

/// What numbers become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// The smallest type that holds the number exactly as it is written.
    AsWritten,
    /// Always Double: coordinates.
    Doubles,
}

/// The BSON of a JSON text.
pub fn parse(text: &str, numbers: Numbers) -> Bson {
    let mut reader = Reader { rest: text.chars().peekable(), numbers };
    reader.value()
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    numbers: Numbers,
}

impl Reader<'_> {
    fn value(&mut self) -> Bson {
        match self.peek() {
            '{' => self.object(),
            '[' => self.array(),
            '"' => Bson::String(self.string()),
            't' => self.word("true", Bson::Boolean(true)),
            'f' => self.word("false", Bson::Boolean(false)),
            'n' => self.word("null", Bson::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self) -> Bson {
        let mut document = Document::new();
        self.take('{');
        while self.peek() != '}' {
            let key = self.string();
            self.take(':');
            let value = self.value();
            document.insert(key, value);
            self.skip(',');
        }
        self.take('}');
        Bson::Document(document)
    }

    fn array(&mut self) -> Bson {
        let mut array = Vec::new();
        self.take('[');
        while self.peek() != ']' {
            array.push(self.value());
            self.skip(',');
        }
        self.take(']');
        Bson::Array(array)
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        self.take('"');
        loop {
            match self.rest.next().expect("an end of the string") {
                '"' => return text,
                '\\' => text.push(self.escape()),
                plain => text.push(plain),
            }
        }
    }

    fn escape(&mut self) -> char {
        match self.rest.next().expect("an escaped sign") {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let digits: String = self.rest.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).expect("four digits");
                char::from_u32(code).expect("the server writes surrogates as UTF-8")
            }
            plain => plain,
        }
    }

    fn number(&mut self) -> Bson {
        let mut text = String::new();
        while let Some(sign) =
            self.rest.next_if(|sign| "+-.eE".contains(*sign) || sign.is_ascii_digit())
        {
            text.push(sign);
        }
        match self.numbers {
            Numbers::Doubles => Bson::Double(text.parse().expect("a number")),
            Numbers::AsWritten => written(&text),
        }
    }

    fn word(&mut self, word: &str, value: Bson) -> Bson {
        word.chars().for_each(|sign| assert_eq!(self.rest.next(), Some(sign)));
        value
    }

    fn peek(&mut self) -> char {
        while self.rest.next_if(|sign| sign.is_whitespace()).is_some() {}
        *self.rest.peek().expect("more JSON")
    }

    fn take(&mut self, wanted: char) {
        assert_eq!(self.peek(), wanted);
        self.rest.next();
    }

    fn skip(&mut self, separator: char) {
        if self.peek() == separator {
            self.rest.next();
        }
    }
}

fn written(text: &str) -> Bson {
    if !text.contains(['.', 'e', 'E']) {
        return integer(text);
    }
    let double: f64 = text.parse().expect("a number");
    if significant(&format!("{double:e}")) == significant(text) {
        return Bson::Double(double);
    }
    text.parse::<Decimal128>().map_or_else(|_| Bson::String(text.to_owned()), Bson::Decimal128)
}

fn integer(text: &str) -> Bson {
    let small = text.parse().map(Bson::Int32);
    let large = small.or_else(|_| text.parse().map(Bson::Int64));
    large.unwrap_or_else(|_| Bson::Decimal128(text.parse().expect("a number")))
}

/// The digits that count: `1.50` has three, `1.5` two; the zero of `1.0` is how a double that is whole is written.
fn significant(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    let is_whole = !mantissa.contains('.');
    if is_whole { digits.trim_end_matches('0').to_owned() } else { digits.to_owned() }
}

#[test]
fn numbers_are_what_the_text_says() {
    let parse = |text| parse(text, Numbers::AsWritten);
    assert_eq!(parse("1"), Bson::Int32(1));
    assert_eq!(parse("3000000000"), Bson::Int64(3_000_000_000));
    assert_eq!(parse("1.5"), Bson::Double(1.5));
    assert_eq!(parse("2.0"), Bson::Double(2.0));
    assert_eq!(parse("1e20"), Bson::Double(1e20));
    assert_eq!(parse("1.50"), Bson::Decimal128("1.50".parse().unwrap()));
    let nested = bson::bson!({ "a": [1, null, { "b": "x\n" }] });
    assert_eq!(parse("{\"a\": [1, null, {\"b\": \"x\\n\"}]}"), nested);
}
