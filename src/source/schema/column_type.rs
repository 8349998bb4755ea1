//! COLUMN_TYPE of information_schema, such as `int(10) unsigned zerofill` or `enum('a','b')`, as a [`ColumnType`].
//!
//! Whatever is not understood to its last word is [`ColumnType::Unsupported`] with the server's own text: a type that is
//! only nearly known would be silently wrong.

use crate::model::table::{Charset, ColumnType};

/// What information_schema says of a column's type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    /// COLUMN_TYPE.
    pub(super) text: &'a str,
    /// CHARACTER_SET_NAME.
    pub(super) charset: Option<&'a str>,
    /// CHARACTER_OCTET_LENGTH.
    pub(super) octets: Option<u64>,
}

/// The type in our terms.
pub(super) fn parse(declared: Declared<'_>) -> ColumnType {
    supported(declared).unwrap_or_else(|| ColumnType::Unsupported { declared: describe(declared) })
}

/// The charset is told only where it is the reason.
fn describe(declared: Declared<'_>) -> String {
    match declared.charset {
        Some(name) if Charset::named(name).is_none() => format!("{} charset {name}", declared.text),
        _ => declared.text.to_owned(),
    }
}

fn supported(declared: Declared<'_>) -> Option<ColumnType> {
    let words = Words::split(declared.text)?;
    match words.name.as_str() {
        "enum" | "set" => labelled(&words, declared.charset),
        "char" | "varchar" => plain(&words, text(&words, declared)?),
        "tinytext" | "text" | "mediumtext" | "longtext" => {
            let length_bytes = length_bytes(&words.name)?;
            plain(
                &words,
                ColumnType::Text { charset: Charset::named(declared.charset?)?, length_bytes },
            )
        }
        "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            plain(&words, ColumnType::Blob { length_bytes: length_bytes(&words.name)? })
        }
        "binary" => plain(&words, ColumnType::Binary { length: words.number(0)? }),
        "varbinary" => plain(&words, ColumnType::Varbinary { max_bytes: words.number(0)? }),
        _ => numeric(&words).or_else(|| plain(&words, bare(&words)?)),
    }
}

/// Types that may be UNSIGNED and ZEROFILL.
fn numeric(words: &Words) -> Option<ColumnType> {
    let unsigned = match words.rest.as_str() {
        "" => false,
        "unsigned" | "unsigned zerofill" => true,
        _ => return None,
    };
    let bytes = match words.name.as_str() {
        "float" => return Some(ColumnType::Float),
        "double" => return Some(ColumnType::Double),
        "decimal" => {
            let (precision, scale) = (words.number(0)?, words.number(1)?);
            return Some(ColumnType::Decimal { precision, scale });
        }
        "tinyint" => 1,
        "smallint" => 2,
        "mediumint" => 3,
        "int" => 4,
        "bigint" => 8,
        _ => return None,
    };
    let boolean = bytes == 1 && !unsigned && words.arguments == "1";
    Some(ColumnType::Int { bytes, unsigned, boolean })
}

/// Types with at most one number behind them.
fn bare(words: &Words) -> Option<ColumnType> {
    let digits = if words.arguments.is_empty() { Some(0) } else { words.number(0) };
    Some(match words.name.as_str() {
        "bit" => ColumnType::Bit { bits: words.number(0)? },
        "year" => ColumnType::Year,
        "date" => ColumnType::Date,
        "datetime" => ColumnType::DateTime { digits: digits? },
        "timestamp" => ColumnType::Timestamp { digits: digits? },
        "time" => ColumnType::Time { digits: digits? },
        "json" => ColumnType::Json,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => ColumnType::Geometry,
        _ => return None,
    })
}

fn text(words: &Words, declared: Declared<'_>) -> Option<ColumnType> {
    let charset = Charset::named(declared.charset?)?;
    let max_bytes = u32::try_from(declared.octets?).ok()?;
    Some(match words.name.as_str() {
        "char" => ColumnType::Char { charset, max_bytes },
        _ => ColumnType::Varchar { charset, max_bytes },
    })
}

/// The labels come in UTF-8 whatever the column's charset is. Those of `binary` that are no UTF-8 come as `x'ff'` from MySQL
/// and with `?` in them from MariaDB, which alone names that charset.
fn labelled(words: &Words, charset: Option<&str>) -> Option<ColumnType> {
    let labels = labels(&words.arguments)?;
    if charset == Some("binary") && labels.iter().any(|label| label.contains('?')) {
        return None;
    }
    let kind = match words.name.as_str() {
        "enum" => ColumnType::Enum { labels },
        _ => ColumnType::Set { labels },
    };
    plain(words, kind)
}

/// The type, if nothing stands behind it.
fn plain(words: &Words, kind: ColumnType) -> Option<ColumnType> {
    words.rest.is_empty().then_some(kind)
}

fn length_bytes(name: &str) -> Option<u8> {
    Some(match name {
        "tinytext" | "tinyblob" => 1,
        "text" | "blob" => 2,
        "mediumtext" | "mediumblob" => 3,
        "longtext" | "longblob" => 4,
        _ => return None,
    })
}

/// `name(arguments) rest`.
struct Words {
    name: String,
    arguments: String,
    rest: String,
}

impl Words {
    fn split(text: &str) -> Option<Self> {
        let (name, behind) = match text.find([' ', '(']) {
            Some(end) => text.split_at_checked(end)?,
            None => (text, ""),
        };
        let (arguments, rest) = match behind.strip_prefix('(') {
            Some(inside) => inside.split_at_checked(closing(inside)?)?,
            None => ("", behind),
        };
        Some(Self {
            name: name.to_ascii_lowercase(),
            arguments: arguments.to_owned(),
            rest: rest.trim_start_matches(')').trim().to_ascii_lowercase(),
        })
    }

    fn number<T: std::str::FromStr>(&self, index: usize) -> Option<T> {
        self.arguments.split(',').nth(index)?.trim().parse().ok()
    }
}

/// Where the bracket closes: not inside quotes.
fn closing(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            ')' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// `'a','it''s','b\\c'` as labels; the server doubles quotes and writes a backslash before a few letters.
fn labels(text: &str) -> Option<Vec<String>> {
    let mut letters = text.chars().peekable();
    let mut labels = Vec::new();
    loop {
        labels.push(label(&mut letters)?);
        match letters.next() {
            None => return Some(labels),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

fn label(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    letters.next_if_eq(&'\'')?;
    let mut label = String::new();
    loop {
        match letters.next()? {
            '\'' if letters.next_if_eq(&'\'').is_some() => label.push('\''),
            '\'' => return Some(label),
            '\\' => label.push(unescaped(letters.next()?)),
            letter => label.push(letter),
        }
    }
}

fn unescaped(letter: char) -> char {
    match letter {
        '0' => '\0',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'Z' => '\u{1a}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ColumnType {
        parse(Declared { text, charset: None, octets: None })
    }

    fn of_text(text: &str, charset: &str, octets: u64) -> ColumnType {
        parse(Declared { text, charset: Some(charset), octets: Some(octets) })
    }

    fn int(bytes: u8, unsigned: bool, boolean: bool) -> ColumnType {
        ColumnType::Int { bytes, unsigned, boolean }
    }

    #[test]
    fn integers() {
        assert_eq!(of("tinyint(1)"), int(1, false, true));
        assert_eq!(of("tinyint(1) unsigned"), int(1, true, false));
        assert_eq!(of("tinyint"), int(1, false, false));
        assert_eq!(of("smallint(5) unsigned zerofill"), int(2, true, false));
        assert_eq!(of("mediumint unsigned"), int(3, true, false));
        assert_eq!(of("int(11)"), int(4, false, false));
        assert_eq!(of("bigint(20) unsigned"), int(8, true, false));
    }

    #[test]
    fn other_numbers() {
        assert_eq!(of("float(7,4) unsigned"), ColumnType::Float);
        assert_eq!(of("double"), ColumnType::Double);
        assert_eq!(
            of("decimal(10,2) unsigned zerofill"),
            ColumnType::Decimal { precision: 10, scale: 2 }
        );
        assert_eq!(of("decimal(65,30)"), ColumnType::Decimal { precision: 65, scale: 30 });
        assert_eq!(of("bit(64)"), ColumnType::Bit { bits: 64 });
    }

    #[test]
    fn dates() {
        assert_eq!(of("year(4)"), ColumnType::Year);
        assert_eq!(of("date"), ColumnType::Date);
        assert_eq!(of("datetime"), ColumnType::DateTime { digits: 0 });
        assert_eq!(of("timestamp(3)"), ColumnType::Timestamp { digits: 3 });
        assert_eq!(of("time(6)"), ColumnType::Time { digits: 6 });
    }

    #[test]
    fn text_and_bytes() {
        let charset = Charset::Utf8;
        assert_eq!(of_text("char(10)", "utf8mb4", 40), ColumnType::Char { charset, max_bytes: 40 });
        assert_eq!(
            of_text("varchar(9)", "utf8mb3", 27),
            ColumnType::Varchar { charset, max_bytes: 27 }
        );
        let charset = Charset::Gb18030;
        assert_eq!(of_text("char(10)", "gb18030", 40), ColumnType::Char { charset, max_bytes: 40 });
        let latin = ColumnType::Text { charset: Charset::Latin1, length_bytes: 3 };
        assert_eq!(of_text("mediumtext", "latin1", 16_777_215), latin);
        assert_eq!(of("binary(16)"), ColumnType::Binary { length: 16 });
        assert_eq!(of("varbinary(255)"), ColumnType::Varbinary { max_bytes: 255 });
        assert_eq!(of("longblob"), ColumnType::Blob { length_bytes: 4 });
    }

    #[test]
    fn labels_keep_quotes_commas_brackets_and_backslashes() {
        let kind = of_text(r"enum('a','it''s','x,y','p)q','b\\c','n\nl','')", "latin1", 3);
        let expected = ["a", "it's", "x,y", "p)q", r"b\c", "n\nl", ""].map(str::to_owned);
        assert_eq!(kind, ColumnType::Enum { labels: expected.to_vec() });
        let kind = of_text("enum('a','é')", "binary", 2);
        assert_eq!(kind, ColumnType::Enum { labels: vec!["a".to_owned(), "é".to_owned()] });
        let kind = of_text("set('é','b')", "utf8mb4", 9);
        assert_eq!(kind, ColumnType::Set { labels: vec!["é".to_owned(), "b".to_owned()] });
    }

    #[test]
    fn what_is_unknown_is_told_in_the_servers_words() {
        let declared = |text: &str| ColumnType::Unsupported { declared: text.to_owned() };
        assert_eq!(of("vector(3)"), declared("vector(3)"));
        assert_eq!(
            of("timestamp /* 5.5 binary format */"),
            declared("timestamp /* 5.5 binary format */")
        );
        assert_eq!(of_text("varchar(10)", "ebcdic", 20), declared("varchar(10) charset ebcdic"));
        assert_eq!(of("uuid"), declared("uuid"));
        assert_eq!(of("enum('a"), declared("enum('a"));
        assert_eq!(of("enum('a',x'ff41')"), declared("enum('a',x'ff41')"));
        let lost = "enum('a','?A') charset binary";
        assert_eq!(of_text("enum('a','?A')", "binary", 2), declared(lost));
        assert_eq!(of(""), declared(""));
    }
}
