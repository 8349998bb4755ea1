//! The server's binary form of JSON (sql-common/json_binary.h): a type byte, then the value; containers hold tables
//! of offsets into themselves.
//!
//! Offsets may point anywhere, and a malicious container could point to one child many times over; so every byte that
//! is read is charged to a budget of the input's own length, which an honest value never exceeds.

use super::writer::{Form, Writer};
use crate::{
    codec::{CellFault, element::tag},
    model::table::Charset,
};

const SMALL_OBJECT: u8 = 0x00;
const LARGE_OBJECT: u8 = 0x01;
const SMALL_ARRAY: u8 = 0x02;
const LARGE_ARRAY: u8 = 0x03;
const LITERAL: u8 = 0x04;
const INT16: u8 = 0x05;
const UINT16: u8 = 0x06;
const INT32: u8 = 0x07;
const UINT32: u8 = 0x08;
const INT64: u8 = 0x09;
const UINT64: u8 = 0x0A;
const DOUBLE: u8 = 0x0B;
const STRING: u8 = 0x0C;
const OPAQUE: u8 = 0x0F;

pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
    let Some((&kind, data)) = bytes.split_first() else {
        return Ok(tag::NULL);
    };
    Reader { writer: Writer::new(out), budget: data.len() }.value(kind, data)
}

/// Writes a value in any form.
pub(super) fn write<F: Form>(writer: F, bytes: &[u8]) -> Result<u8, CellFault> {
    let (kind, data) = bytes.split_first().unwrap_or((&LITERAL, &[0]));
    Reader { writer, budget: data.len() }.value(*kind, data)
}

struct Reader<F> {
    writer: F,
    /// How many bytes may still be read.
    budget: usize,
}

impl<F: Form> Reader<F> {
    /// Appends the value that `data` begins with.
    fn value(&mut self, kind: u8, data: &[u8]) -> Result<u8, CellFault> {
        match kind {
            SMALL_OBJECT => self.object(data, Width::Small),
            LARGE_OBJECT => self.object(data, Width::Large),
            SMALL_ARRAY => self.array(data, Width::Small),
            LARGE_ARRAY => self.array(data, Width::Large),
            STRING => {
                let text = self.counted(data)?;
                Ok(self.writer.string(utf8(text)?))
            }
            OPAQUE => {
                let [kind] = self.take(data)?;
                let bytes = self.counted(data.get(1..).unwrap_or_default())?;
                self.writer.opaque(kind, bytes)
            }
            _ => self.scalar(kind, data),
        }
    }

    fn scalar(&mut self, kind: u8, data: &[u8]) -> Result<u8, CellFault> {
        let integer: i128 = match kind {
            LITERAL => {
                let [literal] = self.take(data)?;
                return self.literal(literal);
            }
            DOUBLE => {
                let double = f64::from_le_bytes(self.take(data)?);
                return self.writer.double(double);
            }
            INT16 => i16::from_le_bytes(self.take(data)?).into(),
            UINT16 => u16::from_le_bytes(self.take(data)?).into(),
            INT32 => i32::from_le_bytes(self.take(data)?).into(),
            UINT32 => u32::from_le_bytes(self.take(data)?).into(),
            INT64 => i64::from_le_bytes(self.take(data)?).into(),
            UINT64 => u64::from_le_bytes(self.take(data)?).into(),
            _ => return Err(CellFault::Json),
        };
        self.writer.integer(integer)
    }

    fn literal(&mut self, literal: u8) -> Result<u8, CellFault> {
        Ok(match literal {
            0 => self.writer.literal(None),
            1 => self.writer.literal(Some(true)),
            2 => self.writer.literal(Some(false)),
            _ => return Err(CellFault::Json),
        })
    }

    fn array(&mut self, data: &[u8], width: Width) -> Result<u8, CellFault> {
        let table = self.table(data, width, 0)?;
        let mut container = self.writer.begin_array()?;
        for index in 0..table.count {
            let slot = self.writer.item(&mut container);
            let tag = self.entry(&table, index)?;
            self.writer.element_ends(slot, tag)?;
        }
        Ok(self.writer.end_array(&container))
    }

    fn object(&mut self, data: &[u8], width: Width) -> Result<u8, CellFault> {
        let table = self.table(data, width, width.bytes() + 2)?;
        let mut container = self.writer.begin_object()?;
        for index in 0..table.count {
            let key = self.key(&table, index)?;
            let slot = self.writer.member(&mut container, key)?;
            let tag = self.entry(&table, index)?;
            self.writer.element_ends(slot, tag)?;
        }
        self.writer.end_object(&container)
    }

    /// Reads the head of a container and checks that its tables are within it.
    fn table<'d>(
        &mut self,
        data: &'d [u8],
        width: Width,
        key_entry_bytes: usize,
    ) -> Result<Table<'d>, CellFault> {
        let count = width.read(data, 0)?;
        let size = width.read(data, width.bytes())?;
        let data = data.get(..size).ok_or(CellFault::Json)?;
        let keys = 2 * width.bytes();
        let entries = count.checked_mul(key_entry_bytes).and_then(|bytes| bytes.checked_add(keys));
        let values = entries.ok_or(CellFault::Json)?;
        let table_bytes = count.checked_mul(1 + width.bytes());
        let head = table_bytes.and_then(|bytes| bytes.checked_add(values));
        let head = head.filter(|&head| head <= data.len()).ok_or(CellFault::Json)?;
        self.charge(head)?;
        Ok(Table { data, width, count, keys, values, head })
    }

    fn key<'d>(&mut self, table: &Table<'d>, index: usize) -> Result<&'d str, CellFault> {
        let width = table.width.bytes();
        let entry = table.keys + index * (width + 2);
        let offset = table.width.read(table.data, entry)?;
        let length = Width::Small.read(table.data, entry + width)?;
        let key = table.behind_head(offset)?.get(..length).ok_or(CellFault::Json)?;
        self.charge(length)?;
        utf8(key)
    }

    /// Appends the value of an entry, which lies in the entry itself where it is small enough.
    fn entry(&mut self, table: &Table<'_>, index: usize) -> Result<u8, CellFault> {
        let entry = table.values + index * (1 + table.width.bytes());
        let (&kind, inline) =
            table.data.get(entry..).and_then(<[u8]>::split_first).ok_or(CellFault::Json)?;
        if table.width.holds(kind) {
            // The head's bytes are charged for already; a value in it must not be charged twice.
            self.budget += inline_bytes(kind);
            return self.scalar(kind, inline);
        }
        let offset = table.width.read(inline, 0)?;
        self.value(kind, table.behind_head(offset)?)
    }

    /// The bytes behind a length of seven bits a byte.
    fn counted<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8], CellFault> {
        let mut length = 0_usize;
        for (position, &byte) in data.iter().take(5).enumerate() {
            length |= usize::from(byte & 0x7F) << (7 * position);
            if byte & 0x80 == 0 {
                let start = position + 1;
                let end = start.checked_add(length).ok_or(CellFault::Json)?;
                let bytes = data.get(start..end).ok_or(CellFault::Json)?;
                self.charge(end)?;
                return Ok(bytes);
            }
        }
        Err(CellFault::Json)
    }

    fn take<const N: usize>(&mut self, data: &[u8]) -> Result<[u8; N], CellFault> {
        self.charge(N)?;
        data.first_chunk().copied().ok_or(CellFault::Json)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), CellFault> {
        self.budget = self.budget.checked_sub(bytes).ok_or(CellFault::Json)?;
        Ok(())
    }
}

/// The head of an object or array.
struct Table<'d> {
    /// The container; offsets count from its start.
    data: &'d [u8],
    width: Width,
    count: usize,
    /// Where the key entries begin.
    keys: usize,
    /// Where the value entries begin.
    values: usize,
    /// Where the head ends and keys and values begin.
    head: usize,
}

impl<'d> Table<'d> {
    fn behind_head(&self, offset: usize) -> Result<&'d [u8], CellFault> {
        let inside = (offset >= self.head).then(|| self.data.get(offset..)).flatten();
        inside.ok_or(CellFault::Json)
    }
}

/// Whether counts and offsets take two bytes or four.
#[derive(Clone, Copy)]
enum Width {
    Small,
    Large,
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Self::Small => 2,
            Self::Large => 4,
        }
    }

    fn read(self, data: &[u8], at: usize) -> Result<usize, CellFault> {
        let rest = data.get(at..).ok_or(CellFault::Json)?;
        let number = match self {
            Self::Small => rest.first_chunk().map(|bytes| u16::from_le_bytes(*bytes).into()),
            Self::Large => {
                rest.first_chunk().and_then(|bytes| u32::from_le_bytes(*bytes).try_into().ok())
            }
        };
        number.ok_or(CellFault::Json)
    }

    /// Whether values of this type lie in their entry.
    const fn holds(self, kind: u8) -> bool {
        match self {
            Self::Small => matches!(kind, LITERAL | INT16 | UINT16),
            Self::Large => matches!(kind, LITERAL | INT16 | UINT16 | INT32 | UINT32),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, CellFault> {
    std::str::from_utf8(bytes).map_err(|_| CellFault::Charset(Charset::Utf8))
}

const fn inline_bytes(kind: u8) -> usize {
    match kind {
        LITERAL => 1,
        INT16 | UINT16 => 2,
        _ => 4,
    }
}
