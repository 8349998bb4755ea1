//! Writes the tables of `src/codec/charset/tables` from a real server: what each code of each charset is in Unicode, as the
//! server itself converts it.
//!
//! ```text
//! charsets tables MYSQL_URL FOLDER       a file a charset, in the form that src/codec/charset/table.rs reads
//! charsets collations MYSQL_URL...       the numbers of all collations, by charset, as ranges
//! ```
//! Charsets whose codes are computed (`utf8mb4`, `utf16`, `ucs2`, ...) need no table. MySQL is asked, since MariaDB has no
//! gb18030; the tests compare the tables with both.

#![expect(clippy::print_stdout, reason = "its purpose is to print")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compression, write::DeflateEncoder};
use mysql_async::{Conn, Opts, prelude::Queryable as _};

/// Charsets of one byte a character.
const SINGLE: &[&str] = &[
    "armscii8", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8",
    "geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin2", "latin5", "latin7",
    "macce", "macroman", "swe7", "tis620",
];

/// Charsets of up to two bytes a character; of three after 8F, and of four in gb18030.
const MULTI: &[&str] =
    &["big5", "cp932", "euckr", "gb2312", "gbk", "sjis", "ujis", "eucjpms", "gb18030"];

/// Codes and what they are in Unicode.
type Codes = BTreeMap<u32, u32>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tables", url, folder] => tables(&mut connect(url).await?, Path::new(folder)).await,
        ["collations", urls @ ..] if !urls.is_empty() => collations(urls).await,
        _ => bail!("usage: charsets tables|collations ... (see the head of examples/charsets.rs)"),
    }
}

async fn connect(url: &str) -> Result<Conn> {
    let mut conn = Conn::new(Opts::from_url(url)?).await.context("the server cannot be reached")?;
    conn.query_drop("SET NAMES utf8mb4").await?;
    // Ill-formed text is NULL then; otherwise it would be cut to the part that is well formed.
    conn.query_drop("SET sql_mode = 'STRICT_ALL_TABLES'").await?;
    Ok(conn)
}

async fn tables(conn: &mut Conn, folder: &Path) -> Result<()> {
    let known: Vec<String> =
        conn.query("SELECT character_set_name FROM information_schema.character_sets").await?;
    let mut packed_bytes = 0;
    for charset in SINGLE.iter().chain(MULTI).filter(|name| known.iter().any(|one| one == *name)) {
        let table = table(conn, charset).await.with_context(|| (*charset).to_owned())?;
        let packed = deflated(&table)?;
        packed_bytes += packed.len();
        println!("{charset}: {} bytes, {} packed", table.len(), packed.len());
        std::fs::write(file(folder, charset), packed)?;
    }
    println!("{packed_bytes} bytes in all");
    Ok(())
}

fn file(folder: &Path, charset: &str) -> PathBuf {
    folder.join(format!("{charset}.z"))
}

fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// All sections of a charset's file, one behind the other.
async fn table(conn: &mut Conn, charset: &str) -> Result<Vec<u8>> {
    let mut table = rectangle(&ask(conn, charset, "", &[byte("a", 0, 255)]).await?, 0)?;
    let (mut two, mut three, mut four) = (Codes::new(), Codes::new(), Codes::new());
    if MULTI.contains(&charset) {
        two = ask(conn, charset, "", &[byte("a", 0x80, 255), byte("b", 0, 255)]).await?;
    }
    if ["ujis", "eucjpms"].contains(&charset) {
        three = ask(conn, charset, "8F", &[byte("a", 0, 255), byte("b", 0, 255)]).await?;
    }
    if charset == "gb18030" {
        let (low, high) = (byte("a", 0x81, 0xFE), byte("b", 0x30, 0x39));
        let bytes = [low, high, byte("c", 0x81, 0xFE), byte("d", 0x30, 0x39)];
        four = ask(conn, charset, "", &bytes).await?;
    }
    table.extend(rectangle(&two, 0)?);
    table.extend(rectangle(&three, 0x8F_0000)?);
    table.extend(runs(&four));
    println!("{charset}: {} + {} + {} codes", two.len(), three.len(), four.len());
    Ok(table)
}

/// The numbers of one byte of a code, as a derived table.
fn byte(name: &str, first: u32, last: u32) -> (String, String) {
    let numbers = format!("(SELECT i FROM bytes WHERE i BETWEEN {first} AND {last}) AS {name}");
    (numbers, format!("CHAR({name}.i USING binary)"))
}

/// Every code that is one character and has a Unicode code point.
///
/// A code that has none becomes `?` (in tis620 U+FFFD), one that is ill-formed NULL or `?` for each byte. A lone first byte
/// of eucjpms counts as well formed and becomes nothing at all.
async fn ask(
    conn: &mut Conn,
    charset: &str,
    prefix: &str,
    bytes: &[(String, String)],
) -> Result<Codes> {
    let tables: Vec<&str> = bytes.iter().map(|(table, _)| table.as_str()).collect();
    let code: Vec<&str> = bytes.iter().map(|(_, byte)| byte.as_str()).collect();
    let sql = format!(
        "WITH RECURSIVE bytes AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM bytes WHERE i < 255)
         SELECT HEX(code), HEX(CONVERT(CONVERT(code USING {charset}) USING utf32)) FROM
           (SELECT CONCAT(X'{prefix}', {code}) AS code FROM {tables}) AS codes
         WHERE CHAR_LENGTH(CONVERT(code USING {charset})) = 1
           AND LENGTH(CONVERT(CONVERT(code USING {charset}) USING utf32)) = 4",
        code = code.join(", "),
        tables = tables.join(" CROSS JOIN ")
    );
    let rows: Vec<(String, Option<String>)> = conn.query(sql).await?;
    let mut codes = Codes::new();
    for (code, unicode) in rows {
        let Some(unicode) = unicode else { continue };
        let (code, unicode) = (u32::from_str_radix(&code, 16)?, u32::from_str_radix(&unicode, 16)?);
        let is_none = match unicode {
            0x3F => code != 0x3F,
            0xFFFD => charset == "tis620",
            _ => false,
        };
        ensure!(unicode != 0 || code == 0, "code {code:x} is U+0000");
        if !is_none {
            codes.insert(code, unicode);
        }
    }
    Ok(codes)
}

/// First and last of the two low bytes, then the code points of all codes between, high bytes first.
fn rectangle(codes: &Codes, prefix: u32) -> Result<Vec<u8>> {
    let bounds = |shift: u32| {
        let bytes = codes.keys().map(move |code| (code - prefix) >> shift & 0xFF);
        bytes.clone().min().zip(bytes.max()).unwrap_or((1, 0))
    };
    let ((low_lead, high_lead), (low_trail, high_trail)) = (bounds(8), bounds(0));
    let mut section = Vec::new();
    for bound in [low_lead, high_lead, low_trail, high_trail] {
        section.push(u8::try_from(bound)?);
    }
    let mut low_bytes = Vec::new();
    for lead in low_lead..=high_lead {
        for trail in low_trail..=high_trail {
            let unicode = codes.get(&(prefix + lead * 256 + trail)).copied().unwrap_or(0);
            let [high, low] = u16::try_from(unicode).context("past U+FFFF")?.to_be_bytes();
            section.push(high);
            low_bytes.push(low);
        }
    }
    section.extend(low_bytes);
    Ok(section)
}

/// How many runs of codes there are whose code points follow each other, then of each its first code by number, its length
/// and its first code point.
fn runs(codes: &Codes) -> Vec<u8> {
    let mut runs: Vec<[u32; 3]> = Vec::new();
    for (code, unicode) in codes {
        let [a, b, c, d] = code.to_be_bytes().map(u32::from);
        let number = ((a - 0x81) * 10 + (b - 0x30)) * 1260 + (c - 0x81) * 10 + (d - 0x30);
        match runs.last_mut() {
            Some([first, length, start])
                if *first + *length == number && *start + *length == *unicode =>
            {
                *length += 1;
            }
            _ => runs.push([number, 1, *unicode]),
        }
    }
    let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    let numbers = std::iter::once(count).chain(runs.into_iter().flatten());
    numbers.flat_map(u32::to_be_bytes).collect()
}

/// Prints the numbers of the collations of all servers by charset. MariaDB tells those of the newer ones with the charset
/// that they are applied to.
async fn collations(urls: &[&str]) -> Result<()> {
    let mut numbers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for url in urls {
        let mut conn = connect(url).await?;
        let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
        let table = match version.unwrap_or_default().contains("MariaDB") {
            true => "collation_character_set_applicability",
            false => "collations",
        };
        let sql = format!("SELECT character_set_name, id FROM information_schema.{table}");
        for (charset, number) in conn.query::<(String, u32), _>(sql).await? {
            numbers.entry(charset).or_default().push(number);
        }
    }
    for (charset, mut numbers) in numbers {
        numbers.sort_unstable();
        numbers.dedup();
        println!("{charset}: {}", ranges(&numbers));
    }
    Ok(())
}

fn ranges(numbers: &[u32]) -> String {
    let mut text = String::new();
    for run in numbers.chunk_by(|left, right| left + 1 == *right) {
        let separator = if text.is_empty() { "" } else { " | " };
        if let [first, .., last] = run {
            write!(text, "{separator}{first}..={last}").ok();
        } else if let [only] = run {
            write!(text, "{separator}{only}").ok();
        }
    }
    text
}
