//! Reading from bytes that came over the network: every length is checked, nothing panics, nothing is copied.

/// Bytes that are not what the protocol says. The text names the part, never its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

const SHORT: Malformed = Malformed("the event ends too early");

/// A cursor over an event's bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Wire<'a>(pub(in crate::source) &'a [u8]);

impl<'a> Wire<'a> {
    pub(in crate::source) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(in crate::source) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(in crate::source) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(in crate::source) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(in crate::source) fn u24(&mut self) -> Result<u32, Malformed> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    pub(in crate::source) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(in crate::source) fn u48(&mut self) -> Result<u64, Malformed> {
        self.array().map(|[a, b, c, d, e, f]| u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    pub(in crate::source) fn u56(&mut self) -> Result<u64, Malformed> {
        self.array().map(|[a, b, c, d, e, f, g]| u64::from_le_bytes([a, b, c, d, e, f, g, 0]))
    }

    pub(in crate::source) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(in crate::source) fn u128_be(&mut self) -> Result<u128, Malformed> {
        self.array().map(u128::from_be_bytes)
    }

    /// A little-endian number of 1 to 8 bytes.
    pub(in crate::source) fn uint(&mut self, bytes: u8) -> Result<u64, Malformed> {
        let taken = self.take(usize::from(bytes))?;
        Ok(taken.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// A big-endian number of 0 to 8 bytes.
    #[inline]
    pub(in crate::source) fn uint_be(&mut self, bytes: u8) -> Result<u64, Malformed> {
        // One load, of which what belongs to other cells is shifted out; only at the event's end are there not eight.
        if let Some(eight) = self.0.first_chunk()
            && bytes <= 8
        {
            self.take(usize::from(bytes))?;
            let shift = 64 - 8 * u32::from(bytes);
            return Ok(u64::from_be_bytes(*eight).checked_shr(shift).unwrap_or(0));
        }
        Ok(self.take(usize::from(bytes))?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// The protocol's length-encoded number.
    pub(in crate::source) fn lenenc(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            small @ 0..=0xFA => Ok(u64::from(small)),
            0xFC => self.u16().map(u64::from),
            0xFD => self.u24().map(u64::from),
            0xFE => self.u64(),
            _ => Err(Malformed("a length is not one")),
        }
    }

    /// The protocol's length-encoded number, as a count of things that follow.
    pub(in crate::source) fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.lenenc()?).map_err(|_| SHORT)
    }

    /// Bytes behind their length-encoded length.
    pub(in crate::source) fn lenenc_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        self.take(length)
    }

    /// The serialization library's number: as many trailing one bits in the first byte as bytes follow.
    pub(in crate::source) fn varlen(&mut self) -> Result<u64, Malformed> {
        let first = *self.0.first().ok_or(SHORT)?;
        let more = u8::try_from(first.trailing_ones()).unwrap_or(8);
        if more == 8 {
            self.u8()?;
            return self.u64();
        }
        // Seven bytes more still fit: of eight bytes in all, eight bits say the length.
        Ok(self.uint(more + 1)? >> (more + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_short_input_is_an_error() {
        assert_eq!(Wire(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).uint_be(5), Ok(0x01_02_03_04_05));
        assert_eq!(Wire(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).uint_be(8), Ok(0x01_02_03_04_05_06_07_08));
        assert_eq!(Wire(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).uint_be(0), Ok(0));
        let mut wire = Wire(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(wire.u24(), Ok(0x03_02_01));
        assert_eq!(wire.uint(2), Ok(0x0504));
        assert_eq!(wire.uint_be(2), Ok(0x0607));
        assert_eq!(wire.u32(), Err(SHORT));
        assert_eq!(wire.u16(), Ok(0x0908));
        assert!(wire.is_empty());
    }

    #[test]
    fn length_encoded_numbers_have_four_forms() {
        assert_eq!(Wire(&[250]).lenenc(), Ok(250));
        assert_eq!(Wire(&[0xFC, 1, 2]).lenenc(), Ok(0x0201));
        assert_eq!(Wire(&[0xFD, 1, 2, 3]).lenenc(), Ok(0x03_02_01));
        assert_eq!(Wire(&[0xFE, 1, 0, 0, 0, 0, 0, 0, 1]).lenenc(), Ok(1 << 56 | 1));
        assert!(Wire(&[0xFB]).lenenc().is_err());
        assert!(Wire(&[0xFF]).lenenc().is_err());
        assert!(Wire(&[5, 1]).lenenc_bytes().is_err());
    }

    #[test]
    fn variable_length_numbers_carry_their_length_in_the_low_bits() {
        assert_eq!(Wire(&[0b1111_1110]).varlen(), Ok(0x7F));
        assert_eq!(Wire(&[0b0000_0101, 1]).varlen(), Ok(1 << 6 | 1));
        assert_eq!(Wire(&[0xFF, 1, 0, 0, 0, 0, 0, 0, 2]).varlen(), Ok(2 << 56 | 1));
        assert_eq!(Wire(&[0x7F, 0, 0, 0, 0, 0, 0, 1]).varlen(), Ok(1 << 48));
        assert!(Wire(&[0b11, 1]).varlen().is_err());
    }
}
