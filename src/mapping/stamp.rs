//! Bytes that go into document after document: the names of fields, the labels of an ENUM.

/// Such bytes, made once for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: Box<[u8]>,
    /// The same where it is this short. A copy of a fixed length takes no call.
    short: [u8; Self::SHORT],
}

impl Stamp {
    const SHORT: usize = 16;

    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut short = [0; Self::SHORT];
        short.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        Self { bytes: bytes.into(), short }
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        let length = self.bytes.len();
        if length <= Self::SHORT {
            let end = out.len() + length;
            out.extend_from_slice(&self.short);
            out.truncate(end);
        } else {
            out.extend_from_slice(&self.bytes);
        }
    }
}
