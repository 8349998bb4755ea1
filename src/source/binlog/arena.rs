//! Where small events are kept until they are mapped: side by side in large buffers.
//!
//! An allocation for each, made by one thread and freed by another, costs more than copying it. A buffer goes when the
//! last event in it does; they go in the order in which they came, so hardly more than what waits is held.

use bytes::{Bytes, BytesMut};

/// The bytes of a buffer.
const BUFFER: usize = 64 << 10;

/// What is larger has a buffer of its own, so that little of one stays empty.
const LARGE: usize = 8 << 10;

/// Buffers being filled.
#[derive(Debug, Default)]
pub(super) struct Arena {
    room: BytesMut,
}

impl Arena {
    /// Keeps a copy.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > LARGE {
            return Bytes::copy_from_slice(bytes);
        }
        if bytes.len() > self.room.capacity() {
            self.room = BytesMut::with_capacity(BUFFER);
        }
        self.room.extend_from_slice(bytes);
        self.room.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_as_it_was() {
        let mut arena = Arena::default();
        let part = |number: usize| vec![u8::try_from(number % 251).unwrap(); number * 37 % 9000];
        let kept: Vec<Bytes> = (0..500).map(|number| arena.keep(&part(number))).collect();
        assert!(kept.iter().enumerate().all(|(number, bytes)| *bytes == part(number)));
    }

    #[test]
    fn small_ones_share_a_buffer() {
        let mut arena = Arena::default();
        let (first, second) = (arena.keep(&[1; 100]), arena.keep(&[2; 100]));
        assert_eq!(first.as_ptr().wrapping_add(100), second.as_ptr());
        let large = arena.keep(&[3; LARGE + 1]);
        let third = arena.keep(&[4; 10]);
        assert_eq!(second.as_ptr().wrapping_add(100), third.as_ptr(), "{}", large.len());
    }
}
