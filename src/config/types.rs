//! `[types]`: how the types of columns are told, for all tables, for some, and for single columns.

/// Declares an option: its values, the default first.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident, $($(#[$other_doc:meta])* $other:ident),+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$other_doc])* $other),+
        }
    )+};
}

options! {
    /// `types.tinyint1`: signed TINYINT(1).
    Tinyint1As {
        /// Int32.
        Int,
        /// Boolean; any number but 0 is true.
        Bool
    }
    /// `types.decimal`.
    DecimalAs {
        /// Decimal128 with the declared scale; String past 34 digits.
        Decimal128,
        /// The nearest Double.
        Double,
        /// The server's text.
        String
    }
    /// `types.datetime`: DATE, DATETIME and TIMESTAMP.
    DatetimeAs {
        /// Date, cut to milliseconds.
        Date,
        /// ISO 8601 with the column's digits.
        String
    }
    /// `types.zero_date`: dates with a zero part, and those that do not exist.
    ZeroDateAs {
        /// Null, which is counted.
        Null,
        /// The text as under `datetime = "string"`.
        String,
        /// The row cannot be told.
        DeadLetter
    }
    /// `types.set`.
    SetAs {
        /// The members in the order of their definition.
        Array,
        /// The members joined by commas.
        String
    }
    /// `types.binary`: BINARY, VARBINARY and BLOB.
    BinaryAs {
        /// Binary of subtype 0.
        Binary,
        /// Values of exactly 16 bytes are Binary of subtype 4.
        Uuid
    }
    /// `types.json`.
    JsonAs {
        /// The document itself.
        Document,
        /// The server's text.
        String
    }
    /// `types.geometry`.
    GeometryAs {
        /// `GeoJSON`.
        Geojson,
        /// Well-known binary without the SRID.
        Wkb
    }
    /// `types.vector`.
    VectorAs {
        /// Binary of subtype 9.
        Binary,
        /// An array of doubles.
        Array
    }
    /// `types.nulls`: SQL NULL.
    NullsAs {
        /// The field is Null.
        Keep,
        /// There is no field.
        Omit
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $kind:ident),+ $(,)?) => {
        /// `[types]`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct TypesConfig {
            $($(#[$doc])* pub $field: $kind),+
        }

        /// What a table or a column says about types; the rest is as it is around it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct TypesPatch {
            $($(#[$doc])* pub $field: Option<$kind>),+
        }

        impl TypesPatch {
            /// The names of what is said.
            pub fn said(&self) -> impl Iterator<Item = &'static str> {
                [$(self.$field.is_some().then_some(stringify!($field))),+].into_iter().flatten()
            }
        }

        impl TypesConfig {
            /// These settings with what a more exact place says.
            #[must_use]
            pub fn with(self, patch: &TypesPatch) -> Self {
                Self { $($field: patch.$field.unwrap_or(self.$field)),+ }
            }
        }
    };
}

settings! {
    /// Signed TINYINT(1).
    tinyint1: Tinyint1As,
    /// DECIMAL.
    decimal: DecimalAs,
    /// DATE, DATETIME and TIMESTAMP.
    datetime: DatetimeAs,
    /// Dates that do not exist.
    zero_date: ZeroDateAs,
    /// SET.
    set: SetAs,
    /// BINARY, VARBINARY and BLOB.
    binary: BinaryAs,
    /// JSON.
    json: JsonAs,
    /// The GEOMETRY family.
    geometry: GeometryAs,
    /// VECTOR.
    vector: VectorAs,
    /// SQL NULL.
    nulls: NullsAs,
}

/// `[tables."…".columns.…]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnConfig {
    /// How its type is told.
    pub types: TypesPatch,
}
