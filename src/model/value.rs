//! A borrowed cell: what both decoders (binlog row image, binary protocol) must agree on, byte for byte (promise P2).
//!
//! A [`Value`] says what the cell *is*, not how the server wrote it; whatever the two wire forms have in common is
//! taken out here, so that the mapping cannot tell them apart. It borrows from the packet and never allocates.

use super::table::Charset;

/// One cell of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// TINYINT to BIGINT, signed.
    Int(i64),
    /// TINYINT to BIGINT, unsigned.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL declared with at most [`Decimal::MAX_PRECISION`] digits.
    Decimal(Decimal),
    /// DECIMAL declared wider than that: the server's own text, such as `-0.10`.
    WideDecimal(&'a str),
    /// CHAR, VARCHAR and TEXT in the column's own charset. CHAR comes without trailing blanks.
    Text(Text<'a>),
    /// BINARY, VARBINARY and BLOB; UUID, INET4 and INET6 in the order of their text; VECTOR as stored. Those of a fixed
    /// width possibly come without their trailing zero bytes.
    Bytes(&'a [u8]),
    /// DATE; parts may be zero.
    Date(Date),
    /// DATETIME, the wall clock; parts of the date may be zero.
    DateTime(DateTime),
    /// TIMESTAMP, a true instant.
    Timestamp(Instant),
    /// TIME, a signed span of up to 838:59:59.
    Time(Time),
    /// YEAR; 0 is the year 0000.
    Year(u16),
    /// ENUM by its 1-based index; 0 is the empty string that the server stores for an invalid label.
    Enum(u16),
    /// SET by its mask, the first member being bit 0.
    Set(u64),
    /// BIT(n) as a number.
    Bit(u64),
    /// JSON in the server's binary form (binlog).
    JsonBinary(&'a [u8]),
    /// JSON as the server's text in UTF-8 (binary protocol, and MariaDB everywhere).
    JsonText(&'a [u8]),
    /// A value that is past 16 MiB, which no document holds, and that was not made out for this reason.
    TooLarge,
    /// The GEOMETRY family: four bytes of SRID (little endian), then WKB.
    Geometry(&'a [u8]),
}

/// Text with the charset that its bytes are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// The bytes as the column stores them.
    pub bytes: &'a [u8],
    /// What they are encoded in.
    pub charset: Charset,
}

/// An exact decimal of up to 34 digits: `coefficient × 10^-scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// True below zero; never set for zero.
    pub negative: bool,
    /// The digits as one number, the declared scale included: `1.50` is 150.
    pub coefficient: u128,
    /// Digits behind the point, as declared.
    pub scale: u8,
}

impl Decimal {
    /// The most digits that Decimal128 holds exactly.
    pub const MAX_PRECISION: u8 = 34;
}

/// A date as stored; month and day may be zero, and the day may not exist in the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A wall clock reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateTime {
    /// The date part.
    pub date: Date,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Microseconds, 0 to 999,999.
    pub micros: u32,
}

/// An instant since the Unix epoch. Second 0 is the zero timestamp: the server does not store the epoch itself
/// (MySQL manual, "The DATE, DATETIME, and TIMESTAMP Types": the range starts at `1970-01-01 00:00:01`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Instant {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Microseconds, 0 to 999,999.
    pub micros: u32,
}

impl Instant {
    /// Whether this is `0000-00-00 00:00:00`.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.seconds == 0
    }
}

/// A span of time as TIME stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    /// True below zero.
    pub negative: bool,
    /// 0 to 838.
    pub hours: u16,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// Microseconds, 0 to 999,999.
    pub micros: u32,
}
