//! Random types, and literals of their values: edges as often as the middle.

use fastrand::Rng;

use crate::support::flavour::Flavour;

/// What a column's values are drawn from.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Whole numbers of so many bits, unsigned when positive, signed when negative.
    Number(i32),
    Float,
    Double,
    Decimal(usize, usize),
    Bit(u32),
    Year,
    Date,
    /// DATETIME and TIMESTAMP with so many digits; a TIMESTAMP has fewer years.
    Moment(usize, bool),
    Time(usize),
    /// Text of at most so many characters from this repertoire.
    Text(usize, &'static str),
    /// At most so many bytes.
    Bytes(usize),
    /// So many labels `l1`, `l2`, …
    Enum(u64),
    Set(u32),
    Json,
    Geometry,
    Vector(usize),
    Uuid,
    Inet4,
    Inet6,
}

/// A charset with some of what it can hold.
const CHARSETS: &[(&str, &str)] = &[
    ("utf8mb4", "aZ é€😀漢 "),
    ("utf8mb3", "aZ é€漢 "),
    ("latin1", "aZ é€ÿ "),
    ("latin2", "aZ éĄ "),
    ("cp1251", "aZ Жя "),
    ("greek", "aZ Ωα "),
    ("sjis", "aZ 漢字 "),
    ("gbk", "aZ 汉字 "),
    ("utf16", "aZ é😀 "),
    ("ucs2", "aZ é漢 "),
    ("ascii", "aZ~ "),
    ("euckr", "aZ 한 "),
];

/// A random type: its declaration, and its values.
pub fn declaration(random: &mut Rng, flavour: Flavour) -> (String, Kind) {
    match random.u8(..30) {
        0..=4 => integer(random),
        5 => ("FLOAT".to_owned(), Kind::Float),
        6 => ("DOUBLE".to_owned(), Kind::Double),
        7 | 8 => {
            let scale = random.usize(..=30);
            let precision = random.usize(scale.max(1)..=65);
            (format!("DECIMAL({precision},{scale})"), Kind::Decimal(precision, scale))
        }
        9 => {
            let bits = random.u32(1..=64);
            (format!("BIT({bits})"), Kind::Bit(bits))
        }
        10 => ("YEAR".to_owned(), Kind::Year),
        11 => ("DATE".to_owned(), Kind::Date),
        12 | 13 => {
            let digits = random.usize(..=6);
            (format!("DATETIME({digits})"), Kind::Moment(digits, false))
        }
        14 => {
            let digits = random.usize(..=6);
            (
                format!("TIMESTAMP({digits}) DEFAULT '2020-01-01 00:00:00'"),
                Kind::Moment(digits, true),
            )
        }
        15 => {
            let digits = random.usize(..=6);
            (format!("TIME({digits})"), Kind::Time(digits))
        }
        16..=19 => text(random),
        20 | 21 => bytes(random),
        22 => {
            let count = random.u64(1..=300);
            (format!("ENUM({})", labels(count)), Kind::Enum(count))
        }
        23 => {
            let count = random.u32(1..=64);
            (format!("SET({})", labels(count.into())), Kind::Set(count))
        }
        24 | 25 => ("JSON".to_owned(), Kind::Json),
        26 => ("GEOMETRY".to_owned(), Kind::Geometry),
        _ => rarer(random, flavour),
    }
}

fn integer(random: &mut Rng) -> (String, Kind) {
    let (name, bits) =
        [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)]
            [random.usize(..5)];
    match random.u8(..3) {
        0 => (format!("{name} UNSIGNED"), Kind::Number(bits)),
        1 if bits == 8 => ("TINYINT(1)".to_owned(), Kind::Number(-bits)),
        _ => (name.to_owned(), Kind::Number(-bits)),
    }
}

fn text(random: &mut Rng) -> (String, Kind) {
    let (charset, repertoire) = CHARSETS[random.usize(..CHARSETS.len())];
    let length = [1, 10, 63, 64, 255, 300][random.usize(..6)];
    let kind = Kind::Text(length, repertoire);
    let name = match random.u8(..4) {
        0 if length <= 255 => format!("CHAR({length})"),
        1 => "TEXT".to_owned(),
        2 => "MEDIUMTEXT".to_owned(),
        _ => format!("VARCHAR({length})"),
    };
    (format!("{name} CHARACTER SET {charset}"), kind)
}

fn bytes(random: &mut Rng) -> (String, Kind) {
    let length = [1, 16, 255, 300][random.usize(..4)];
    let name = match random.u8(..4) {
        0 if length <= 255 => format!("BINARY({length})"),
        1 => "TINYBLOB".to_owned(),
        2 => "LONGBLOB".to_owned(),
        _ => format!("VARBINARY({length})"),
    };
    (name, Kind::Bytes(length.min(255)))
}

fn rarer(random: &mut Rng, flavour: Flavour) -> (String, Kind) {
    if flavour == Flavour::Mysql || random.u8(..4) == 0 {
        let dimensions = random.usize(1..=8);
        return (format!("VECTOR({dimensions})"), Kind::Vector(dimensions));
    }
    match random.u8(..4) {
        0 => ("UUID".to_owned(), Kind::Uuid),
        1 => ("INET4".to_owned(), Kind::Inet4),
        2 => ("INET6".to_owned(), Kind::Inet6),
        _ => ("VARCHAR(300) COMPRESSED".to_owned(), Kind::Text(300, "aZ é€😀 ")),
    }
}

fn labels(count: u64) -> String {
    let labels: Vec<String> = (1..=count).map(|label| format!("'l{label}'")).collect();
    labels.join(",")
}

impl Kind {
    /// A random value as the operand of an INSERT or UPDATE.
    pub fn literal(&self, random: &mut Rng, flavour: Flavour) -> String {
        match *self {
            Self::Number(bits) => number(random, bits),
            Self::Float => format!("{:e}", f32_of(random)),
            Self::Double => format!("{:e}", f64_of(random)),
            Self::Decimal(precision, scale) => decimal(random, precision, scale),
            Self::Bit(bits) => (edge(random) >> (64 - bits)).to_string(),
            Self::Year => ["0", "1901", "2155", "2026"][random.usize(..4)].to_owned(),
            Self::Date => format!("'{}'", day(random, false)),
            Self::Moment(digits, is_instant) => moment(random, digits, is_instant),
            Self::Time(digits) => time(random, digits),
            Self::Text(length, repertoire) => text_literal(random, length, repertoire),
            Self::Bytes(length) => hex(&random_bytes(random, length)),
            Self::Enum(count) => random.u64(1..=count).to_string(),
            Self::Set(count) => (edge(random) >> (64 - count)).to_string(),
            Self::Json => format!("'{}'", json(random, 3)),
            Self::Geometry => geometry(random),
            Self::Vector(dimensions) => vector(random, dimensions, flavour),
            Self::Uuid => format!(
                "'{:08x}-{:04x}-1{:03x}-8abc-{:012x}'",
                random.u32(..),
                random.u16(..),
                random.u16(..4096),
                random.u64(..1 << 48)
            ),
            Self::Inet4 => format!("'{}'", std::net::Ipv4Addr::from(random.u32(..))),
            Self::Inet6 => format!("'{}'", std::net::Ipv6Addr::from(random.u128(..))),
        }
    }
}

/// All bits set, none, or any.
fn edge(random: &mut Rng) -> u64 {
    match random.u8(..6) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << 63,
        3 => u64::MAX >> 1,
        _ => random.u64(..),
    }
}

fn number(random: &mut Rng, bits: i32) -> String {
    let any = edge(random) >> (64 - bits.unsigned_abs());
    if bits > 0 {
        return any.to_string();
    }
    let half = 1_i128 << (bits.unsigned_abs() - 1);
    (i128::from(any) - half).to_string()
}

fn f32_of(random: &mut Rng) -> f32 {
    match random.u8(..4) {
        0 => 0.0,
        1 => f32::MAX,
        2 => f32::MIN_POSITIVE,
        _ => (random.f32() - 0.5) * 1e6,
    }
}

fn f64_of(random: &mut Rng) -> f64 {
    match random.u8(..4) {
        0 => 0.0,
        1 => -1.797_693_134_862_315_7e308,
        2 => f64::MIN_POSITIVE,
        _ => (random.f64() - 0.5) * 1e12,
    }
}

fn decimal(random: &mut Rng, precision: usize, scale: usize) -> String {
    let sign = if random.bool() { "-" } else { "" };
    let digit = |random: &mut Rng, all_nine: bool| {
        if all_nine { '9' } else { char::from(b'0' + random.u8(..10)) }
    };
    let all_nine = random.u8(..5) == 0;
    let whole: String = (0..precision - scale).map(|_| digit(random, all_nine)).collect();
    let fraction: String = (0..scale).map(|_| digit(random, all_nine)).collect();
    format!("{sign}0{whole}.{fraction}0")
}

fn day(random: &mut Rng, is_instant: bool) -> String {
    match random.u8(..8) {
        0 => "0000-00-00".to_owned(),
        1 if !is_instant => "2020-00-15".to_owned(),
        2 if !is_instant => "9999-12-31".to_owned(),
        3 if !is_instant => "0001-01-01".to_owned(),
        _ => {
            format!("{}-{:02}-{:02}", random.u16(1971..2037), random.u8(1..=12), random.u8(1..=28))
        }
    }
}

fn fraction(random: &mut Rng, digits: usize) -> String {
    if digits == 0 {
        return String::new();
    }
    let all: String = (0..digits).map(|_| char::from(b'0' + random.u8(..10))).collect();
    format!(".{all}")
}

fn moment(random: &mut Rng, digits: usize, is_instant: bool) -> String {
    let day = day(random, is_instant);
    if day.starts_with("0000") {
        return format!("'{day} 00:00:00'");
    }
    let fraction = fraction(random, digits);
    format!(
        "'{day} {:02}:{:02}:{:02}{fraction}'",
        random.u8(..24),
        random.u8(..60),
        random.u8(..60)
    )
}

fn time(random: &mut Rng, digits: usize) -> String {
    let sign = if random.bool() { "-" } else { "" };
    let fraction = fraction(random, digits);
    format!(
        "'{sign}{:02}:{:02}:{:02}{fraction}'",
        random.u16(..838),
        random.u8(..60),
        random.u8(..60)
    )
}

fn text_literal(random: &mut Rng, length: usize, repertoire: &str) -> String {
    let letters: Vec<char> = repertoire.chars().collect();
    let count = random.usize(..=length);
    let text: String = (0..count).map(|_| letters[random.usize(..letters.len())]).collect();
    format!("_utf8mb4 {}", hex(text.as_bytes()))
}

fn random_bytes(random: &mut Rng, length: usize) -> Vec<u8> {
    let count = random.usize(..=length);
    (0..count).map(|_| if random.bool() { 0 } else { random.u8(..) }).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X'{digits}'")
}

/// JSON text without quotes of SQL in it.
pub fn json(random: &mut Rng, depth: u8) -> String {
    let kinds = if depth == 0 { 6 } else { 8 };
    match random.u8(..kinds) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => (edge(random).cast_signed()).to_string(),
        3 => edge(random).to_string(),
        4 => format!("{}.{}", random.i16(..), random.u16(1..)),
        5 => format!("\"{}\"", "é漢x\\\\n".repeat(random.usize(..30))),
        6 => {
            let items: Vec<String> =
                (0..random.usize(..6)).map(|_| json(random, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let field = |index: usize| {
                format!(
                    "\"{}\": {}",
                    ["a", "b", "é", "long key"][index % 4],
                    json(random, depth - 1)
                )
            };
            let fields: Vec<String> = (0..4).map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn geometry(random: &mut Rng) -> String {
    let point = |random: &mut Rng| format!("{} {}", random.i8(..), f64::from(random.i16(..)) / 8.0);
    let text = match random.u8(..4) {
        0 => format!("POINT({})", point(random)),
        1 => format!("LINESTRING({}, {})", point(random), point(random)),
        2 => "POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))".to_owned(),
        _ => format!("GEOMETRYCOLLECTION(POINT({}), MULTIPOINT({}))", point(random), point(random)),
    };
    format!("ST_GeomFromText('{text}')")
}

fn vector(random: &mut Rng, dimensions: usize, flavour: Flavour) -> String {
    let numbers: Vec<String> = (0..dimensions).map(|_| random.i16(..).to_string()).collect();
    let function = match flavour {
        Flavour::Mysql => "STRING_TO_VECTOR",
        Flavour::Mariadb => "VEC_FromText",
    };
    format!("{function}('[{}]')", numbers.join(","))
}
