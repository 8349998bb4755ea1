//! TABLE_MAP: how the rows behind it are laid out, and as much of the table as `binlog_row_metadata` tells.

use super::wire::{Malformed, Wire};
use crate::{
    codec::charset::{self, Encoding, encoding},
    model::{table::Charset, value::Text},
};

/// Column type codes (MySQL source, `include/field_types.h`).
pub(super) mod column_type {
    pub(crate) const TINY: u8 = 1;
    pub(crate) const SHORT: u8 = 2;
    pub(crate) const LONG: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const OLD_TIMESTAMP: u8 = 7;
    pub(crate) const LONGLONG: u8 = 8;
    pub(crate) const INT24: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const OLD_TIME: u8 = 11;
    pub(crate) const OLD_DATETIME: u8 = 12;
    pub(crate) const YEAR: u8 = 13;
    pub(crate) const NEWDATE: u8 = 14;
    pub(crate) const VARCHAR: u8 = 15;
    pub(crate) const BIT: u8 = 16;
    pub(crate) const TIMESTAMP2: u8 = 17;
    pub(crate) const DATETIME2: u8 = 18;
    pub(crate) const TIME2: u8 = 19;
    /// BLOB and TEXT that MariaDB stores compressed; as 141 for VARCHAR and VARBINARY.
    pub(crate) const BLOB_COMPRESSED: u8 = 140;
    pub(crate) const VARCHAR_COMPRESSED: u8 = 141;
    pub(crate) const VECTOR: u8 = 242;
    pub(crate) const JSON: u8 = 245;
    pub(crate) const NEWDECIMAL: u8 = 246;
    pub(crate) const ENUM: u8 = 247;
    pub(crate) const SET: u8 = 248;
    pub(crate) const BLOB: u8 = 252;
    pub(crate) const VAR_STRING: u8 = 253;
    pub(crate) const STRING: u8 = 254;
    pub(crate) const GEOMETRY: u8 = 255;
}

use column_type as ty;

/// The most columns of a table (MySQL manual, "Limits on Table Column Count").
const MOST_COLUMNS: usize = 4096;

/// Whose table maps are read. They differ in which columns the charset lists count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dialect {
    #[default]
    Mysql,
    Mariadb,
}

/// The head of a table map: enough to know whether the table is ours.
#[derive(Debug)]
pub(super) struct TableMapHead<'a> {
    pub(super) table_id: u64,
    pub(super) database: &'a [u8],
    pub(super) table: &'a [u8],
    rest: Wire<'a>,
}

/// A whole table map.
#[derive(Debug)]
pub(super) struct TableMap<'a> {
    pub(super) columns: Vec<MapColumn<'a>>,
    /// The primary key's columns in index order, where told and without prefixes.
    pub(super) primary_key: Option<Vec<usize>>,
    /// Whether names are told (`binlog_row_metadata=FULL`).
    pub(super) is_full: bool,
    /// Who wrote it.
    pub(super) dialect: Dialect,
    /// Whether a primary key with prefixes is told, of which nothing is known here.
    pub(super) has_prefix_key: bool,
}

/// One column as the table map tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct MapColumn<'a> {
    /// The type code, ENUM and SET resolved.
    pub(super) code: u8,
    /// The type's own metadata: for STRING the length in bytes.
    pub(super) meta: u16,
    pub(super) nullable: bool,
    pub(super) unsigned: Option<bool>,
    pub(super) encoding: Option<Encoding>,
    pub(super) name: Option<&'a [u8]>,
    pub(super) labels: Option<Vec<&'a [u8]>>,
    /// Told by MySQL only.
    pub(super) invisible: Option<bool>,
    /// Of a VECTOR of MySQL's.
    pub(super) dimensions: Option<u32>,
}

impl<'a> TableMapHead<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut wire = Wire(body);
        let table_id = wire.u48()?;
        let _flags = wire.u16()?;
        let database = wire.lenenc_bytes()?;
        wire.u8()?;
        let table = wire.lenenc_bytes()?;
        wire.u8()?;
        Ok(Self { table_id, database, table, rest: wire })
    }

    pub(super) fn columns(&self, dialect: Dialect) -> Result<TableMap<'a>, Malformed> {
        let mut wire = self.rest;
        let count = wire.length()?;
        if count == 0 || count > MOST_COLUMNS {
            return Err(Malformed("the table map has an impossible number of columns"));
        }
        let types = wire.take(count)?;
        let mut metadata = Wire(wire.lenenc_bytes()?);
        let nullable = wire.take(count.div_ceil(8))?;
        let columns = types
            .iter()
            .enumerate()
            .map(|(index, code)| column(*code, &mut metadata, bit_low_first(nullable, index)))
            .collect::<Result<_, _>>()?;
        let mut map =
            TableMap { columns, primary_key: None, is_full: false, dialect, has_prefix_key: false };
        map.read_optional(wire, dialect)?;
        Ok(map)
    }
}

/// Reads one column's type and the metadata that belongs to the type.
fn column<'a>(
    code: u8,
    metadata: &mut Wire<'_>,
    nullable: bool,
) -> Result<MapColumn<'a>, Malformed> {
    let (code, meta) = match code {
        ty::FLOAT
        | ty::DOUBLE
        | ty::BLOB
        | ty::BLOB_COMPRESSED
        | ty::GEOMETRY
        | ty::JSON
        | ty::VECTOR => (code, u16::from(metadata.u8()?)),
        ty::TIMESTAMP2 | ty::DATETIME2 | ty::TIME2 => (code, u16::from(metadata.u8()?)),
        ty::VARCHAR | ty::VARCHAR_COMPRESSED | ty::VAR_STRING | ty::BIT | ty::NEWDECIMAL => {
            (code, metadata.u16()?)
        }
        ty::STRING | ty::ENUM | ty::SET => string(metadata.u8()?, metadata.u8()?),
        ty::TINY | ty::SHORT | ty::LONG | ty::LONGLONG | ty::INT24 | ty::YEAR => (code, 0),
        ty::DATE | ty::NEWDATE | ty::OLD_TIME | ty::OLD_DATETIME | ty::OLD_TIMESTAMP => (code, 0),
        _ => {
            return Err(Malformed(
                "the table map has a column type that this version does not know",
            ));
        }
    };
    Ok(MapColumn { code, meta, nullable, ..MapColumn::default() })
}

/// STRING hides ENUM and SET, and for CHAR of more than 255 bytes two bits of the length in the type, inverted.
fn string(first: u8, second: u8) -> (u8, u16) {
    if first & 0x30 == 0x30 {
        return (first, u16::from(second));
    }
    let high = (u16::from(first) << 4 & 0x300) ^ 0x300;
    (first | 0x30, high | u16::from(second))
}

fn bit_low_first(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

fn bit_high_first(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte << (index % 8) & 0x80 != 0)
}

impl MapColumn<'_> {
    /// Whether the signedness bits count this column. YEAR is among them.
    const fn is_numeric(&self) -> bool {
        matches!(
            self.code,
            ty::TINY
                | ty::SHORT
                | ty::INT24
                | ty::LONG
                | ty::LONGLONG
                | ty::YEAR
                | ty::FLOAT
                | ty::DOUBLE
                | ty::NEWDECIMAL
        )
    }

    /// Whether the charset lists count this column; binary strings are among them, and VECTOR (seen on 9.7).
    const fn is_character(&self) -> bool {
        matches!(
            self.code,
            ty::STRING
                | ty::VAR_STRING
                | ty::VARCHAR
                | ty::VARCHAR_COMPRESSED
                | ty::BLOB
                | ty::BLOB_COMPRESSED
                | ty::VECTOR
        )
    }

    /// The same in MariaDB, which counts geometry too (seen on 11.8).
    const fn is_character_or_geometry(&self) -> bool {
        self.is_character() || self.code == ty::GEOMETRY
    }

    const fn has_labels(&self) -> bool {
        matches!(self.code, ty::ENUM | ty::SET)
    }
}

impl<'a> TableMap<'a> {
    /// Reads the fields behind the fixed part: type, length, value (MySQL source, `rows_event.h`,
    /// `Optional_metadata_field_type`). A type unknown here tells nothing that decoding needs.
    fn read_optional(&mut self, mut wire: Wire<'a>, dialect: Dialect) -> Result<(), Malformed> {
        let is_character = match dialect {
            Dialect::Mysql => MapColumn::is_character,
            Dialect::Mariadb => MapColumn::is_character_or_geometry,
        };
        while !wire.is_empty() {
            let field = wire.u8()?;
            let value = Wire(wire.lenenc_bytes()?);
            match field {
                1 => self.read_signedness(value),
                2 => self.read_default_charset(value, is_character)?,
                3 => self.read_charsets(value, is_character)?,
                4 => self.read_names(value)?,
                5 => self.read_labels(value, ty::SET)?,
                6 => self.read_labels(value, ty::ENUM)?,
                8 => self.primary_key = Some(indexes(value)?),
                9 => self.has_prefix_key = true,
                10 => self.read_default_charset(value, MapColumn::has_labels)?,
                11 => self.read_charsets(value, MapColumn::has_labels)?,
                12 => self.read_visibility(value),
                13 => self.read_dimensions(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_signedness(&mut self, value: Wire<'_>) {
        for (index, column) in self.columns.iter_mut().filter(|c| c.is_numeric()).enumerate() {
            column.unsigned = Some(bit_high_first(value.0, index));
        }
    }

    /// One collation for all columns of a kind, then pairs of (index among them, its own collation).
    fn read_default_charset(
        &mut self,
        mut value: Wire<'_>,
        counts: fn(&MapColumn<'a>) -> bool,
    ) -> Result<(), Malformed> {
        let default = encoding(value.lenenc()?);
        let mut columns: Vec<_> = self.columns.iter_mut().filter(|column| counts(column)).collect();
        columns.iter_mut().for_each(|column| column.encoding = Some(default));
        while !value.is_empty() {
            let index = value.length()?;
            let own = encoding(value.lenenc()?);
            let column =
                columns.get_mut(index).ok_or(Malformed("a charset belongs to no column"))?;
            column.encoding = Some(own);
        }
        Ok(())
    }

    fn read_charsets(
        &mut self,
        mut value: Wire<'_>,
        counts: fn(&MapColumn<'a>) -> bool,
    ) -> Result<(), Malformed> {
        for column in self.columns.iter_mut().filter(|column| counts(column)) {
            column.encoding = Some(encoding(value.lenenc()?));
        }
        Ok(())
    }

    fn read_names(&mut self, mut value: Wire<'a>) -> Result<(), Malformed> {
        for column in &mut self.columns {
            let name = value.lenenc_bytes()?;
            // No server has such a name, and as a field's it would end the field.
            if name.contains(&0) {
                return Err(Malformed("a column's name contains U+0000"));
            }
            column.name = Some(name);
        }
        self.is_full = true;
        Ok(())
    }

    fn read_labels(&mut self, mut value: Wire<'a>, code: u8) -> Result<(), Malformed> {
        for column in self.columns.iter_mut().filter(|column| column.code == code) {
            let count = value.length()?;
            // A label takes a byte at least, so a count past the bytes is caught before anything is reserved.
            if count > value.0.len() {
                return Err(Malformed("the table map ends before its labels"));
            }
            let labels = (0..count).map(|_| value.lenenc_bytes()).collect::<Result<_, _>>()?;
            column.labels = Some(labels);
        }
        Ok(())
    }

    fn read_dimensions(&mut self, mut value: Wire<'_>) -> Result<(), Malformed> {
        for column in self.columns.iter_mut().filter(|column| column.code == ty::VECTOR) {
            column.dimensions = u32::try_from(value.lenenc()?).ok();
        }
        Ok(())
    }

    fn read_visibility(&mut self, value: Wire<'_>) {
        for (index, column) in self.columns.iter_mut().enumerate() {
            column.invisible = Some(!bit_high_first(value.0, index));
        }
    }
}

fn indexes(mut value: Wire<'_>) -> Result<Vec<usize>, Malformed> {
    let mut found = Vec::new();
    while !value.is_empty() {
        found.push(value.length()?);
    }
    Ok(found)
}

/// Turns a label or name into text; `None` where it is not text of its charset.
pub(super) fn decode_label(bytes: &[u8], encoding: Encoding) -> Option<String> {
    let charset = match encoding {
        Encoding::Text(charset) => charset,
        // information_schema too tells binary labels as UTF-8 where they are that.
        Encoding::Binary => Charset::Utf8,
        Encoding::Other => return None,
    };
    charset::to_utf8(Text { bytes, charset }).ok()
}
