//! MariaDB's compressed columns (`VARCHAR(…) COMPRESSED`), which the binlog holds as the engine stores them.
//!
//! A first byte, then the value (MariaDB source, `sql/field.cc`, `Field_longstr::compress`): 0 and the value as it is, or
//! a method in the upper half (8 is zlib), a bit that says that the deflated bytes have no zlib wrapper, and in the
//! lowest three bits how many bytes of the value's length follow, big endian. An empty value is no bytes at all.

use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};

const PLAIN: u8 = 0;
const ZLIB: u8 = 8;
const WITHOUT_WRAPPER: u8 = 0b1000;
const LENGTH: u8 = 0b0111;

/// Why a value cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is longer than it may be.
    TooLarge,
    /// The bytes are not what the server would have written.
    Malformed,
}

/// The value, inflated into `scratch` where it is compressed. Nothing past `most_bytes` is ever inflated.
///
/// # Errors
/// [`Failure`].
pub fn inflate<'a>(
    stored: &'a [u8],
    most_bytes: usize,
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Failure> {
    let Some((&head, rest)) = stored.split_first() else { return Ok(stored) };
    match head >> 4 {
        PLAIN if head == 0 => Ok(rest),
        ZLIB => {
            let length_bytes = usize::from(head & LENGTH);
            let (length, deflated) =
                rest.split_at_checked(length_bytes).ok_or(Failure::Malformed)?;
            let length = length
                .iter()
                .try_fold(0_usize, |sum, byte| {
                    sum.checked_mul(256)?.checked_add(usize::from(*byte))
                })
                .ok_or(Failure::Malformed)?;
            if length > most_bytes {
                return Err(Failure::TooLarge);
            }
            scratch.clear();
            let is_bare = head & WITHOUT_WRAPPER != 0;
            read(deflated, is_bare, length, scratch).ok_or(Failure::Malformed)?;
            Ok(scratch)
        }
        _ => Err(Failure::Malformed),
    }
}

/// Inflates exactly as many bytes as are declared.
fn read(deflated: &[u8], is_bare: bool, length: usize, out: &mut Vec<u8>) -> Option<()> {
    // One byte more is asked for, so that a longer value is noticed.
    let most = u64::try_from(length).ok()?.checked_add(1)?;
    let inflated = if is_bare {
        DeflateDecoder::new(deflated).take(most).read_to_end(out)
    } else {
        ZlibDecoder::new(deflated).take(most).read_to_end(out)
    };
    (inflated.ok()? == length).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(stored: &[u8], expected: Result<&[u8], Failure>) {
        let mut scratch = Vec::new();
        let inflated = inflate(stored, 100_000, &mut scratch);
        assert!(inflated == expected, "{stored:x?}: {:?}", inflated.map(<[u8]>::len));
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    /// Cells of a binlog of MariaDB 11.8.9, without and with `column_compression_zlib_wrap`.
    #[test]
    fn values_of_a_real_server_are_inflated() {
        check(&unhex("89964b4c1c8c0000"), Ok(&[b'a'; 150]));
        check(&unhex("8a05dc4b4a1a05a360148c825130dc0000"), Ok(&[b'b'; 1_500]));
        let zeros = "00".repeat(90 - 21 - 2);
        let long = format!("8b011170edc13101000000c2a0b4eb5fc1129e4001{zeros}6f03");
        check(&unhex(&long), Ok(&[b'e'; 70_000]));
        check(&unhex("820190789c4b4c1c0583090000bcc29791"), Ok(&[b'a'; 400]));
        check(b"\0short", Ok(b"short"));
        check(b"", Ok(b""));
    }

    #[test]
    fn a_length_that_lies_is_never_believed() {
        check(&unhex("89954b4c1c8c0000"), Err(Failure::Malformed));
        check(&unhex("89974b4c1c8c0000"), Err(Failure::Malformed));
        check(&unhex("8bffffff4b4c1c8c0000"), Err(Failure::TooLarge));
        check(&unhex("8fffffffffffffffffff"), Err(Failure::TooLarge));
        check(&[0x90, 1, 0], Err(Failure::Malformed));
        check(&[0x89], Err(Failure::Malformed));
        check(&[0x01, b'x'], Err(Failure::Malformed));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut scratch = Vec::new();
            let _ignored = inflate(&bytes, 1_000, &mut scratch);
            prop_assert!(scratch.len() <= 1_001);
        }
    }
}
