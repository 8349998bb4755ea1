//! The names of the settings' enums, in one place for reading, writing and describing them.

use super::{
    alerts::MailTls,
    batch::BatchSizing,
    operation::LogFormat,
    sections::{Existing, Keyless, Mode, OnPurged, RecordPolicy, SnapshotWhen, TlsMode},
    types::{
        BinaryAs, DatetimeAs, DecimalAs, GeometryAs, JsonAs, NullsAs, SetAs, Tinyint1As, VectorAs,
        ZeroDateAs,
    },
};

use crate::model::alert::Severity;

/// An enum whose values have names.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// All names with their values.
    const ALL: &'static [(&'static str, Self)];

    /// The value of a name; upper case and underscores are forgiven.
    fn find(text: &str) -> Option<Self> {
        let name = text.to_ascii_lowercase().replace('_', "-");
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The name of the value.
    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

macro_rules! choices {
    ($($kind:ident { $($name:literal => $variant:ident),+ })+) => {$(
        impl Choice for $kind {
            const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];
        }
    )+};
}

choices! {
    Mode { "auto" => Auto, "stream" => Stream, "poll" => Poll }
    TlsMode {
        "disabled" => Disabled, "preferred" => Preferred, "required" => Required,
        "verify-ca" => VerifyCa, "verify-identity" => VerifyIdentity
    }
    Keyless { "hash" => Hash, "skip" => Skip, "stop" => Stop }
    SnapshotWhen { "initial" => Initial, "never" => Never, "always" => Always }
    Existing { "stop" => Stop, "merge" => Merge, "replace" => Replace }
    OnPurged { "stop" => Stop, "snapshot" => Snapshot }
    BatchSizing { "auto" => Auto, "fixed" => Fixed }
    RecordPolicy { "dead-letter" => DeadLetter, "stop" => Stop, "skip" => Skip }
    MailTls { "starttls" => Starttls, "implicit" => Implicit, "none" => None }
    Severity { "info" => Info, "warning" => Warning, "error" => Error }
    LogFormat { "auto" => Auto, "json" => Json, "pretty" => Pretty }
    Tinyint1As { "int" => Int, "bool" => Bool }
    DecimalAs { "decimal128" => Decimal128, "double" => Double, "string" => String }
    DatetimeAs { "date" => Date, "string" => String }
    ZeroDateAs { "null" => Null, "string" => String, "dead-letter" => DeadLetter }
    SetAs { "array" => Array, "string" => String }
    BinaryAs { "binary" => Binary, "uuid" => Uuid }
    JsonAs { "document" => Document, "string" => String }
    GeometryAs { "geojson" => Geojson, "wkb" => Wkb }
    VectorAs { "binary" => Binary, "array" => Array }
    NullsAs { "keep" => Keep, "omit" => Omit }
}
