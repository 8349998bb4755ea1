//! The server's binary form of JSON (sql-common/json_binary.h): a type byte, then the value; containers hold tables
//! of offsets into themselves.
//!
//! Offsets may point anywhere, and a malicious container could point to one child many times over; so every byte that
//! is read is charged to a budget of the input's own length, which an honest value never exceeds.

use super::{
    kind::{
        DOUBLE, INT16, INT32, INT64, LARGE_ARRAY, LARGE_OBJECT, LITERAL, OPAQUE, SMALL_ARRAY,
        SMALL_OBJECT, STRING, UINT16, UINT32, UINT64,
    },
    writer::{Form, Writer},
};
use crate::codec::{CellFault, element::tag};

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
            SMALL_OBJECT => self.object::<Small>(data),
            LARGE_OBJECT => self.object::<Large>(data),
            SMALL_ARRAY => self.array::<Small>(data),
            LARGE_ARRAY => self.array::<Large>(data),
            STRING => {
                let text = self.counted(data)?;
                self.writer.string(text)
            }
            OPAQUE => {
                self.charge(1)?;
                let [kind] = fixed(data)?;
                let bytes = self.counted(data.get(1..).unwrap_or_default())?;
                self.writer.opaque(kind, bytes)
            }
            _ => {
                self.charge(scalar_bytes(kind))?;
                self.scalar(kind, data)
            }
        }
    }

    /// Appends a value of a fixed length, whose bytes are charged for.
    #[inline(always)]
    fn scalar(&mut self, kind: u8, data: &[u8]) -> Result<u8, CellFault> {
        let integer: i64 = match kind {
            LITERAL => {
                let [literal] = fixed(data)?;
                return self.literal(literal);
            }
            DOUBLE => return self.writer.double(f64::from_le_bytes(fixed(data)?)),
            INT16 => i16::from_le_bytes(fixed(data)?).into(),
            UINT16 => u16::from_le_bytes(fixed(data)?).into(),
            INT32 => i32::from_le_bytes(fixed(data)?).into(),
            UINT32 => u32::from_le_bytes(fixed(data)?).into(),
            INT64 => i64::from_le_bytes(fixed(data)?),
            UINT64 => {
                let number = u64::from_le_bytes(fixed(data)?);
                match i64::try_from(number) {
                    Ok(number) => number,
                    Err(_) => return self.writer.large(number),
                }
            }
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

    fn array<W: Width>(&mut self, data: &[u8]) -> Result<u8, CellFault> {
        let table = self.table::<W>(data, 0)?;
        let mut container = self.writer.begin_array()?;
        let mut values = table.values;
        while let Some((kind, entry)) = W::value(&mut values) {
            let slot = self.writer.item(&mut container);
            let tag = self.entry::<W>(&table, kind, entry)?;
            self.writer.element_ends(slot, tag)?;
        }
        Ok(self.writer.end_array(&container))
    }

    fn object<W: Width>(&mut self, data: &[u8]) -> Result<u8, CellFault> {
        let table = self.table::<W>(data, W::BYTES + 2)?;
        let mut container = self.writer.begin_object()?;
        let (mut keys, mut values) = (table.keys, table.values);
        while let (Some((offset, length)), Some((kind, entry))) =
            (W::key(&mut keys), W::value(&mut values))
        {
            self.charge(length)?;
            let key = table.behind_head(offset)?.get(..length).ok_or(CellFault::Json)?;
            let slot = self.writer.member(&mut container, key)?;
            let tag = self.entry::<W>(&table, kind, entry)?;
            self.writer.element_ends(slot, tag)?;
        }
        self.writer.end_object(&container)
    }

    /// Reads the head of a container and checks that its tables are within it.
    fn table<'d, W: Width>(
        &mut self,
        data: &'d [u8],
        key_entry_bytes: usize,
    ) -> Result<Table<'d>, CellFault> {
        let (count, rest) = W::read(data)?;
        let (size, _) = W::read(rest)?;
        let data = data.get(..size).ok_or(CellFault::Json)?;
        let rest = data.get(2 * W::BYTES..).ok_or(CellFault::Json)?;
        let cut = |rest: &'d [u8], entry_bytes: usize| {
            rest.split_at_checked(count.checked_mul(entry_bytes)?)
        };
        let (keys, rest) = cut(rest, key_entry_bytes).ok_or(CellFault::Json)?;
        let (values, rest) = cut(rest, 1 + W::BYTES).ok_or(CellFault::Json)?;
        let head = data.len() - rest.len();
        self.charge(head)?;
        Ok(Table { data, keys, values, head })
    }

    /// Appends the value of an entry, which lies in the entry itself where it is small enough: charged for with the head.
    #[inline]
    fn entry<W: Width>(
        &mut self,
        table: &Table<'_>,
        kind: u8,
        entry: &[u8],
    ) -> Result<u8, CellFault> {
        if W::holds(kind) {
            return self.scalar(kind, entry);
        }
        let (offset, _) = W::read(entry)?;
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

    #[inline]
    fn charge(&mut self, bytes: usize) -> Result<(), CellFault> {
        self.budget = self.budget.checked_sub(bytes).ok_or(CellFault::Json)?;
        Ok(())
    }
}

#[inline]
fn fixed<const N: usize>(data: &[u8]) -> Result<[u8; N], CellFault> {
    data.first_chunk().copied().ok_or(CellFault::Json)
}

/// The head of an object or array.
struct Table<'d> {
    /// The container; offsets count from its start.
    data: &'d [u8],
    /// An offset and a length for each key; nothing in an array.
    keys: &'d [u8],
    /// A type and an offset, or the value itself, for each value.
    values: &'d [u8],
    /// Where the head ends and keys and values begin.
    head: usize,
}

impl<'d> Table<'d> {
    #[inline]
    fn behind_head(&self, offset: usize) -> Result<&'d [u8], CellFault> {
        let inside = (offset >= self.head).then(|| self.data.get(offset..)).flatten();
        inside.ok_or(CellFault::Json)
    }
}

/// How counts and offsets are stored.
trait Width {
    /// The bytes that one takes.
    const BYTES: usize;

    /// Reads one; gives what stands behind it too.
    fn read(data: &[u8]) -> Result<(usize, &[u8]), CellFault>;

    /// Takes the next entry of a table of keys: a key's offset and length.
    fn key(entries: &mut &[u8]) -> Option<(usize, usize)>;

    /// Takes the next entry of a table of values: a type, and the offset or the value itself.
    fn value<'d>(entries: &mut &'d [u8]) -> Option<(u8, &'d [u8])>;

    /// Whether values of this type lie in their entry.
    fn holds(kind: u8) -> bool;
}

/// In two bytes.
struct Small;

/// In four bytes.
struct Large;

impl Width for Small {
    const BYTES: usize = 2;

    #[inline]
    fn read(data: &[u8]) -> Result<(usize, &[u8]), CellFault> {
        let (bytes, rest) = data.split_first_chunk().ok_or(CellFault::Json)?;
        Ok((u16::from_le_bytes(*bytes).into(), rest))
    }

    #[inline]
    fn key(entries: &mut &[u8]) -> Option<(usize, usize)> {
        let ([a, b, c, d], rest) = entries.split_first_chunk()?;
        *entries = rest;
        Some((u16::from_le_bytes([*a, *b]).into(), u16::from_le_bytes([*c, *d]).into()))
    }

    #[inline]
    fn value<'d>(entries: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
        let ([kind, entry @ ..], rest) = entries.split_first_chunk::<3>()?;
        *entries = rest;
        Some((*kind, entry))
    }

    #[inline]
    fn holds(kind: u8) -> bool {
        matches!(kind, LITERAL | INT16 | UINT16)
    }
}

impl Width for Large {
    const BYTES: usize = 4;

    #[inline]
    fn read(data: &[u8]) -> Result<(usize, &[u8]), CellFault> {
        let (bytes, rest) = data.split_first_chunk().ok_or(CellFault::Json)?;
        let number = u32::from_le_bytes(*bytes).try_into().map_err(|_| CellFault::Json)?;
        Ok((number, rest))
    }

    #[inline]
    fn key(entries: &mut &[u8]) -> Option<(usize, usize)> {
        let ([a, b, c, d, e, f], rest) = entries.split_first_chunk()?;
        *entries = rest;
        let offset = u32::from_le_bytes([*a, *b, *c, *d]).try_into().unwrap_or(usize::MAX);
        Some((offset, u16::from_le_bytes([*e, *f]).into()))
    }

    #[inline]
    fn value<'d>(entries: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
        let ([kind, entry @ ..], rest) = entries.split_first_chunk::<5>()?;
        *entries = rest;
        Some((*kind, entry))
    }

    #[inline]
    fn holds(kind: u8) -> bool {
        matches!(kind, LITERAL | INT16 | UINT16 | INT32 | UINT32)
    }
}

/// How many bytes a value takes of the types that have a fixed length.
const fn scalar_bytes(kind: u8) -> usize {
    match kind {
        LITERAL => 1,
        INT16 | UINT16 => 2,
        INT32 | UINT32 => 4,
        _ => 8,
    }
}
