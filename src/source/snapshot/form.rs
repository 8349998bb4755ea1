//! How the cells of a row lie in a packet of the binary protocol (MySQL manual, "Binary Protocol Resultset Row").

use std::sync::Arc;

use mysql_async::{
    Column,
    consts::{ColumnFlags, ColumnType as WireType},
};

use super::cell::Cell;
use crate::{
    model::value::{Date, DateTime},
    source::wire::{Malformed, Wire},
};

/// The forms of an answer's columns. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Forms(Arc<[Form]>);

/// How the cells of one column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// So many bytes.
    Int(u8),
    UInt(u8),
    Float,
    Double,
    /// The parts of a date and time, as many as are not zero.
    Moment,
    Duration,
    /// A length, then so many bytes.
    Bytes,
}

impl Form {
    fn of(column: &Column) -> Self {
        use WireType as W;
        let integer = |bytes| match column.flags().contains(ColumnFlags::UNSIGNED_FLAG) {
            true => Self::UInt(bytes),
            false => Self::Int(bytes),
        };
        match column.column_type() {
            W::MYSQL_TYPE_TINY => integer(1),
            W::MYSQL_TYPE_SHORT | W::MYSQL_TYPE_YEAR => integer(2),
            W::MYSQL_TYPE_LONG | W::MYSQL_TYPE_INT24 => integer(4),
            W::MYSQL_TYPE_LONGLONG => integer(8),
            W::MYSQL_TYPE_FLOAT => Self::Float,
            W::MYSQL_TYPE_DOUBLE => Self::Double,
            W::MYSQL_TYPE_DATE
            | W::MYSQL_TYPE_NEWDATE
            | W::MYSQL_TYPE_DATETIME
            | W::MYSQL_TYPE_TIMESTAMP => Self::Moment,
            W::MYSQL_TYPE_TIME => Self::Duration,
            _ => Self::Bytes,
        }
    }

    #[inline]
    fn take<'r>(self, wire: &mut Wire<'r>) -> Result<Cell<'r>, Malformed> {
        Ok(match self {
            Self::Int(bytes) => Cell::Int(sign_extended(wire.uint(bytes)?, bytes)),
            Self::UInt(bytes) => Cell::UInt(wire.uint(bytes)?),
            Self::Float => Cell::Float(f32::from_bits(wire.u32()?)),
            Self::Double => Cell::Double(f64::from_bits(wire.u64()?)),
            Self::Moment => Cell::Moment(moment(wire)?),
            Self::Duration => duration(wire)?,
            Self::Bytes => Cell::Bytes(wire.lenenc_bytes()?),
        })
    }
}

fn sign_extended(number: u64, bytes: u8) -> i64 {
    let unused = 64 - 8 * u32::from(bytes);
    number.wrapping_shl(unused).cast_signed().wrapping_shr(unused)
}

fn moment(wire: &mut Wire<'_>) -> Result<DateTime, Malformed> {
    let mut moment = DateTime::default();
    let length = wire.u8()?;
    if !matches!(length, 0 | 4 | 7 | 11) {
        return Err(Malformed("a date of an unknown length"));
    }
    if length >= 4 {
        moment.date = Date { year: wire.u16()?, month: wire.u8()?, day: wire.u8()? };
    }
    if length >= 7 {
        (moment.hour, moment.minute, moment.second) = (wire.u8()?, wire.u8()?, wire.u8()?);
    }
    if length == 11 {
        moment.micros = wire.u32()?;
    }
    Ok(moment)
}

fn duration(wire: &mut Wire<'_>) -> Result<Cell<'static>, Malformed> {
    let length = wire.u8()?;
    if length == 0 {
        let (days, hours, minutes, seconds) = (0, 0, 0, 0);
        return Ok(Cell::Duration { negative: false, days, hours, minutes, seconds, micros: 0 });
    }
    if !matches!(length, 8 | 12) {
        return Err(Malformed("a time of an unknown length"));
    }
    let (negative, days) = (wire.u8()? != 0, wire.u32()?);
    let (hours, minutes, seconds) = (wire.u8()?, wire.u8()?, wire.u8()?);
    let micros = if length == 12 { wire.u32()? } else { 0 };
    Ok(Cell::Duration { negative, days, hours, minutes, seconds, micros })
}

impl Forms {
    /// The forms of these columns.
    pub(in crate::source) fn of(columns: &[Column]) -> Self {
        Self(columns.iter().map(Form::of).collect())
    }

    /// The cells of a row's packet.
    pub(in crate::source) fn cells<'r>(
        &self,
        packet: &'r [u8],
    ) -> Result<Cells<'_, 'r>, Malformed> {
        // A zero, then one bit for each column that is NULL, of which the first two bits are unused.
        const UNUSED: usize = 2;
        let mut wire = Wire(packet);
        wire.u8()?;
        let nulls = wire.take((self.0.len() + UNUSED).div_ceil(8))?;
        Ok(Cells { forms: self.0.iter(), nulls, bit: UNUSED, wire })
    }
}

/// The cells of a row, one after the other.
pub(in crate::source) struct Cells<'f, 'r> {
    forms: std::slice::Iter<'f, Form>,
    nulls: &'r [u8],
    bit: usize,
    wire: Wire<'r>,
}

impl<'r> Cells<'_, 'r> {
    /// The next cell; an error behind the last one.
    #[inline]
    pub(in crate::source) fn next(&mut self) -> Result<Cell<'r>, Malformed> {
        let form = self.forms.next().ok_or(Malformed("a row has fewer cells than its table"))?;
        let is_null =
            self.nulls.get(self.bit / 8).is_some_and(|byte| byte >> (self.bit % 8) & 1 == 1);
        self.bit += 1;
        if is_null { Ok(Cell::Null) } else { form.take(&mut self.wire) }
    }

    /// All the cells that are left.
    pub(in crate::source) fn all(mut self) -> Result<Vec<Cell<'r>>, Malformed> {
        let cells = (0..self.forms.len()).map(|_| self.next()).collect::<Result<_, _>>()?;
        self.end().map(|()| cells)
    }

    /// Sees that all of the row was read.
    pub(in crate::source) fn end(&self) -> Result<(), Malformed> {
        match self.wire.is_empty() && self.forms.len() == 0 {
            true => Ok(()),
            false => Err(Malformed("a row has more than its table")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms(types: &[(WireType, bool)]) -> Forms {
        let column = |(kind, unsigned): &(WireType, bool)| {
            let flags = if *unsigned { ColumnFlags::UNSIGNED_FLAG } else { ColumnFlags::empty() };
            Column::new(*kind).with_flags(flags)
        };
        Forms::of(&types.iter().map(column).collect::<Vec<_>>())
    }

    fn all(forms: &Forms, packet: &[u8]) -> Result<usize, Malformed> {
        forms.cells(packet)?.all().map(|cells| cells.len())
    }

    const TYPES: [(WireType, bool); 10] = [
        (WireType::MYSQL_TYPE_TINY, false),
        (WireType::MYSQL_TYPE_SHORT, true),
        (WireType::MYSQL_TYPE_INT24, false),
        (WireType::MYSQL_TYPE_LONGLONG, true),
        (WireType::MYSQL_TYPE_LONGLONG, false),
        (WireType::MYSQL_TYPE_FLOAT, false),
        (WireType::MYSQL_TYPE_DATETIME, false),
        (WireType::MYSQL_TYPE_TIME, false),
        (WireType::MYSQL_TYPE_VAR_STRING, false),
        (WireType::MYSQL_TYPE_TINY, false),
    ];

    #[test]
    fn cells_are_read_where_they_lie() {
        let forms = forms(&TYPES);
        // The last one is NULL: its bit is the twelfth.
        let mut packet = vec![0, 0, 0b1000];
        packet.extend([0xFF, 0xFE, 0xFF, 0xFD, 0xFF, 0xFF, 0xFF]);
        packet.extend([0xFF; 16]);
        packet.extend(0.5_f32.to_le_bytes());
        packet.extend([7, 0xE9, 0x07, 3, 2, 23, 59, 58]);
        packet.extend([12, 1, 34, 0, 0, 0, 22, 59, 58, 1, 0, 0, 0]);
        packet.extend([2, b'a', b'b']);
        let mut cells = forms.cells(&packet).unwrap();
        let mut expect = |expected: Cell<'_>| assert!(cells.next() == Ok(expected));
        expect(Cell::Int(-1));
        expect(Cell::UInt(0xFFFE));
        expect(Cell::Int(-3));
        expect(Cell::UInt(u64::MAX));
        expect(Cell::Int(-1));
        expect(Cell::Float(0.5));
        let date = Date { year: 2025, month: 3, day: 2 };
        expect(Cell::Moment(DateTime { date, hour: 23, minute: 59, second: 58, micros: 0 }));
        let (days, hours, minutes, seconds) = (34, 22, 59, 58);
        expect(Cell::Duration { negative: true, days, hours, minutes, seconds, micros: 1 });
        expect(Cell::Bytes(b"ab"));
        expect(Cell::Null);
        assert_eq!(cells.end(), Ok(()));
        assert!(cells.next().is_err());
        for end in 0..packet.len() {
            assert!(all(&forms, &packet[..end]).is_err());
        }
        packet.push(0);
        assert!(all(&forms, &packet).is_err(), "nothing is left over");
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(packet in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _is_row = all(&forms(&TYPES), &packet).is_ok();
        }
    }
}
