//! What a server knows of charsets: their names, and every code with what it converts it to.

use mysql_async::{Conn, OptsBuilder, prelude::Queryable};

use crate::support::servers::Address;

/// A code and its UTF-8; nothing where the server finds the code ill-formed.
pub type Converted = (Vec<u8>, Option<Vec<u8>>);

/// A server that is asked.
pub struct Server {
    conn: Conn,
}

/// Codes that begin with these bytes and go on with one byte out of each of the spans.
pub struct Codes {
    prefix: &'static [u8],
    spans: Vec<(u8, u8)>,
}

impl Codes {
    fn of(prefix: &'static [u8], spans: &[(u8, u8)]) -> Self {
        Self { prefix, spans: spans.to_vec() }
    }

    /// All codes up to four bytes that a charset could have, in groups; of Unicode those of the first plane.
    pub fn all(charset: &str) -> Vec<Self> {
        const ANY: (u8, u8) = (0, 255);
        const HIGH: (u8, u8) = (128, 255);
        const TRAIL: (u8, u8) = (0x80, 0xBF);
        let one = Self::of(b"", &[ANY]);
        let two = Self::of(b"", &[HIGH, ANY]);
        match charset {
            "big5" | "cp932" | "euckr" | "gb2312" | "gbk" | "sjis" => vec![one, two],
            "ujis" | "eucjpms" => vec![one, two, Self::of(b"\x8f", &[ANY, ANY])],
            "gb18030" => {
                let four = [(0x81, 0xFE), (0x30, 0x39), (0x81, 0xFE), (0x30, 0x39)];
                vec![one, two, Self::of(b"", &four)]
            }
            "ucs2" | "utf16" | "utf16le" => vec![Self::of(b"", &[ANY, ANY])],
            "utf32" => vec![Self::of(b"\0\0", &[ANY, ANY])],
            "utf8mb3" | "utf8mb4" => vec![
                one,
                Self::of(b"", &[(0xC0, 0xDF), TRAIL]),
                Self::of(b"", &[(0xE0, 0xEF), TRAIL, TRAIL]),
            ],
            _ => vec![one],
        }
    }

    /// A query that gives all of them, one a row, as `code`.
    fn query(&self) -> String {
        let names = ["a", "b", "c", "d"];
        let bytes = names.iter().take(self.spans.len());
        let code: Vec<String> =
            bytes.clone().map(|name| format!("CHAR({name}.i USING binary)")).collect();
        let tables: Vec<String> = bytes
            .zip(&self.spans)
            .map(|(name, (first, last))| {
                format!("(SELECT i FROM bytes WHERE i BETWEEN {first} AND {last}) AS {name}")
            })
            .collect();
        format!(
            "SELECT CONCAT(X'{}', {}) AS code FROM {}",
            hex(self.prefix),
            code.join(", "),
            tables.join(" CROSS JOIN ")
        )
    }
}

impl Server {
    /// Strict, so that what is ill-formed is not cut to the part of it that is well formed.
    pub async fn at(address: &Address) -> Self {
        let options = OptsBuilder::default()
            .ip_or_hostname(address.host.clone())
            .tcp_port(address.port)
            .user(Some("root"))
            .pass(Some(address.password.clone()))
            .prefer_socket(false)
            .setup(vec!["SET NAMES utf8mb4", "SET sql_mode = 'STRICT_ALL_TABLES'"]);
        Self { conn: Conn::new(options).await.expect("the server answers") }
    }

    /// The charsets whose strings are text.
    pub async fn charsets(&mut self) -> Vec<String> {
        let sql = "SELECT character_set_name FROM information_schema.character_sets
                   WHERE character_set_name <> 'binary' ORDER BY 1";
        self.conn.query(sql).await.expect("the charsets")
    }

    /// The collations by number, with their charsets. MariaDB tells the newer ones with the charset that they are applied to.
    pub async fn collations(&mut self) -> Vec<(u64, String)> {
        let version: Option<String> =
            self.conn.query_first("SELECT VERSION()").await.expect("a version");
        let table = match version.expect("a version").contains("MariaDB") {
            true => "collation_character_set_applicability",
            false => "collations",
        };
        let sql = format!("SELECT id, character_set_name FROM information_schema.{table}");
        self.conn.query(sql).await.expect("the collations")
    }

    /// What each of the codes becomes.
    pub async fn convert_each(&mut self, charset: &str, codes: &Codes) -> Vec<Converted> {
        let sql = format!(
            "WITH RECURSIVE bytes AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM bytes WHERE i < 255)
             SELECT code, CAST(CONVERT(CONVERT(code USING {charset}) USING utf8mb4) AS BINARY) FROM ({}) AS codes",
            codes.query()
        );
        self.conn.query(sql).await.expect("the codes")
    }

    /// What a text becomes.
    pub async fn convert(&mut self, charset: &str, text: &[u8]) -> Option<Vec<u8>> {
        let sql = format!(
            "SELECT CAST(CONVERT(CONVERT(X'{}' USING {charset}) USING utf8mb4) AS BINARY)",
            hex(text)
        );
        self.conn.query_first::<Option<Vec<u8>>, _>(sql).await.expect("a text").flatten()
    }
}

/// Whether the server converted all of a code: it writes `?` for what has no character (U+FFFD in tis620), nothing at all
/// for a text that ends within a code, and surrogates as if they were characters.
pub fn is_whole(charset: &str, code: &[u8], converted: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(converted) else { return false };
    let mark: &[u8] = match charset {
        "ucs2" | "utf16" => b"\0?",
        "utf16le" => b"?\0",
        "utf32" => b"\0\0\0?",
        _ => b"?",
    };
    let marks = code.chunks(mark.len()).filter(|unit| *unit == mark).count();
    let replaced = charset == "tis620" && text.contains('\u{FFFD}');
    !text.is_empty() && text.matches('?').count() == marks && !replaced
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
