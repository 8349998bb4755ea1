//! Which codec a column gets from its type and the settings: decided once a plan, never per row.

use super::labels::Labels;
use crate::{
    config::{
        TypesConfig,
        types::{
            BinaryAs, DatetimeAs, DecimalAs, GeometryAs, JsonAs, SetAs, Tinyint1As, VectorAs,
            ZeroDateAs,
        },
    },
    model::{table::ColumnType, value::Decimal},
};

/// How a column's values are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Codec {
    Int32,
    Int64,
    UInt64,
    /// A number as whether it is another than 0.
    Truth,
    /// FLOAT and DOUBLE; `unsigned_zero` tells -0 as 0, since the server holds them for equal.
    Double {
        unsigned_zero: bool,
    },
    Decimal {
        scale: u8,
    },
    DecimalText,
    DecimalDouble,
    Bit,
    Bits,
    Year,
    Date(Temporal),
    DateTime(Temporal),
    Timestamp(Temporal),
    Time {
        digits: u8,
    },
    Text,
    /// Padded with zero bytes up to `width`; `uuid` tells 16 bytes as a UUID.
    Binary {
        width: usize,
        uuid: bool,
    },
    Enum(Labels),
    Set(Labels),
    /// A SET as one string, its members joined by commas.
    JoinedSet(Labels),
    Json,
    JsonText,
    Geometry,
    Wkb,
    /// A geometry with its SRID, byte by byte.
    StoredGeometry,
    Vector,
    VectorArray,
    Uuid,
    Inet4,
    Inet6,
}

/// How a date or time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Temporal {
    /// Fractional digits of the column.
    pub(super) digits: u8,
    /// Whether dates that exist are told as text.
    pub(super) is_text: bool,
    /// What becomes of the others.
    pub(super) zero: ZeroDateAs,
}

/// What a codec is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The body of a document.
    Body,
    /// Telling rows apart by all their columns: no two values are told alike.
    Apart,
    /// A part of a key: no two values are told alike, and none is an array.
    Key,
}

impl Codec {
    /// For the body of a document; `None` for a type that is not mapped.
    pub(super) fn body(kind: &ColumnType, types: &TypesConfig) -> Option<Self> {
        Self::new(kind, types, Purpose::Body)
    }

    /// For telling rows apart by all their columns: no two values are told alike.
    pub(super) fn lossless(kind: &ColumnType, types: &TypesConfig) -> Option<Self> {
        Self::new(kind, types, Purpose::Apart)
    }

    /// For a part of a key: lossless, and never an array.
    pub(super) fn key(kind: &ColumnType, types: &TypesConfig) -> Option<Self> {
        Self::new(kind, types, Purpose::Key)
    }

    fn new(kind: &ColumnType, types: &TypesConfig, purpose: Purpose) -> Option<Self> {
        let apart = purpose != Purpose::Body;
        let temporal = |digits| Temporal::new(digits, types, apart);
        Some(match *kind {
            ColumnType::Int { bytes: 1, unsigned: false, boolean: true }
                if types.tinyint1 == Tinyint1As::Bool && !apart =>
            {
                Self::Truth
            }
            ColumnType::Int { bytes, unsigned, boolean: _ } => Self::integer(bytes, unsigned),
            ColumnType::Float | ColumnType::Double => Self::Double { unsigned_zero: apart },
            ColumnType::Decimal { precision, scale } => {
                Self::decimal(precision, scale, types.decimal, apart)
            }
            ColumnType::Bit { bits: 1 } => Self::Bit,
            ColumnType::Bit { .. } => Self::Bits,
            ColumnType::Year => Self::Year,
            ColumnType::Date => Self::Date(temporal(0)),
            ColumnType::DateTime { digits } => Self::DateTime(temporal(digits)),
            ColumnType::Timestamp { digits } => Self::Timestamp(temporal(digits)),
            ColumnType::Time { digits } => Self::Time { digits },
            ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Text { .. } => {
                Self::Text
            }
            ColumnType::Binary { length } => Self::binary(length, types),
            ColumnType::Varbinary { .. } | ColumnType::Blob { .. } => Self::binary(0, types),
            ColumnType::Enum { ref labels } => Self::Enum(Labels::of(labels)),
            ColumnType::Set { ref labels }
                if purpose == Purpose::Key || types.set == SetAs::String =>
            {
                Self::JoinedSet(Labels::of(labels))
            }
            ColumnType::Set { ref labels } => Self::Set(Labels::of(labels)),
            _ => return Self::rarer(kind, types, purpose),
        })
    }

    fn rarer(kind: &ColumnType, types: &TypesConfig, purpose: Purpose) -> Option<Self> {
        Some(match kind {
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Inet4 => Self::Inet4,
            ColumnType::Inet6 => Self::Inet6,
            ColumnType::Json | ColumnType::Geometry | ColumnType::Vector { .. }
                if purpose == Purpose::Key =>
            {
                return None;
            }
            // MariaDB keeps what the user wrote: texts that mean one value may belong to several rows.
            ColumnType::Json if purpose == Purpose::Apart => Self::JsonText,
            ColumnType::Json => match types.json {
                JsonAs::Document => Self::Json,
                JsonAs::String => Self::JsonText,
            },
            ColumnType::Geometry if purpose == Purpose::Apart => Self::StoredGeometry,
            ColumnType::Geometry => match types.geometry {
                GeometryAs::Geojson => Self::Geometry,
                GeometryAs::Wkb => Self::Wkb,
            },
            ColumnType::Vector { .. } => match types.vector {
                VectorAs::Binary => Self::Vector,
                VectorAs::Array => Self::VectorArray,
            },
            _ => return None,
        })
    }

    /// The same codec for the row of a dead letter: with the text of a date that it refuses.
    pub(super) const fn told_aside(&self) -> Option<Self> {
        match *self {
            Self::Date(form) => Some(Self::Date(form.told_aside())),
            Self::DateTime(form) => Some(Self::DateTime(form.told_aside())),
            Self::Timestamp(form) => Some(Self::Timestamp(form.told_aside())),
            _ => None,
        }
    }

    const fn integer(bytes: u8, unsigned: bool) -> Self {
        match (bytes, unsigned) {
            (8.., true) => Self::UInt64,
            (8.., false) | (4.., true) => Self::Int64,
            _ => Self::Int32,
        }
    }

    fn decimal(precision: u8, scale: u8, told: DecimalAs, apart: bool) -> Self {
        match told {
            DecimalAs::Double if !apart => Self::DecimalDouble,
            DecimalAs::String => Self::DecimalText,
            _ if precision > Decimal::MAX_PRECISION => Self::DecimalText,
            _ => Self::Decimal { scale },
        }
    }

    fn binary(length: u32, types: &TypesConfig) -> Self {
        let width = usize::try_from(length).unwrap_or(0);
        Self::Binary { width, uuid: types.binary == BinaryAs::Uuid }
    }
}

impl Temporal {
    fn new(digits: u8, types: &TypesConfig, apart: bool) -> Self {
        let zero = if apart { ZeroDateAs::String } else { types.zero_date };
        // Milliseconds do not hold more than three digits.
        let is_text = types.datetime == DatetimeAs::String || (apart && digits > 3);
        Self { digits, is_text, zero }
    }

    const fn told_aside(self) -> Self {
        Self { zero: ZeroDateAs::String, ..self }
    }
}

/// The setting by which two values of the column would be told alike, which a key does not allow.
pub(super) fn merging(kind: &ColumnType, types: &TypesConfig) -> Option<&'static str> {
    match kind {
        ColumnType::Int { boolean: true, unsigned: false, .. }
            if types.tinyint1 == Tinyint1As::Bool =>
        {
            Some("tinyint1 = \"bool\"")
        }
        ColumnType::Decimal { .. } if types.decimal == DecimalAs::Double => {
            Some("decimal = \"double\"")
        }
        _ => None,
    }
}

/// Whether digits of the column's values are cut in the body.
pub(super) fn cuts_digits(kind: &ColumnType, types: &TypesConfig) -> bool {
    match kind {
        ColumnType::DateTime { digits } | ColumnType::Timestamp { digits } => {
            *digits > 3 && types.datetime == DatetimeAs::Date
        }
        _ => false,
    }
}

/// Whether a key of `[types]` means anything for a column.
pub(super) fn applies(setting: &str, kind: &ColumnType) -> bool {
    match setting {
        "tinyint1" => matches!(kind, ColumnType::Int { boolean: true, unsigned: false, .. }),
        "decimal" => matches!(kind, ColumnType::Decimal { .. }),
        "datetime" | "zero_date" => matches!(
            kind,
            ColumnType::Date | ColumnType::DateTime { .. } | ColumnType::Timestamp { .. }
        ),
        "set" => matches!(kind, ColumnType::Set { .. }),
        "binary" => matches!(
            kind,
            ColumnType::Binary { .. } | ColumnType::Varbinary { .. } | ColumnType::Blob { .. }
        ),
        "json" => matches!(kind, ColumnType::Json),
        "geometry" => matches!(kind, ColumnType::Geometry),
        "vector" => matches!(kind, ColumnType::Vector { .. }),
        _ => true,
    }
}
