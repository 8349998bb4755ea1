//! DECIMAL: the server's packed form (binlog) and its text (binary protocol) to one and the same value.
//!
//! Packed: nine digits to four bytes, big endian, the digits left over at both outer ends in as few bytes as hold them;
//! the first bit is flipped so that values sort as bytes, and all bytes are inverted below zero (MySQL source,
//! `strings/decimal.cc`, `decimal2bin`). Nothing here allocates.

use std::str;

use crate::model::value::Decimal;

/// How many bytes 0 to 9 digits take.
const BYTES_OF_DIGITS: [u8; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// What a number of 0 to 9 digits stays below.
const POWERS: [u32; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Digits in a full group.
const GROUP: u8 = 9;

/// Numbers of so many digits are below 2^64, where arithmetic takes a fraction of the time.
const MOST_DIGITS_OF_A_WORD: u8 = 19;

/// The most digits of a packed decimal. A column has at most 65, but inside JSON the server counts nine for every
/// group that is begun (seen on MySQL 9.7: a DECIMAL(65,0) has the precision 72 there), and nine groups at most.
const MOST_DIGITS: u8 = 81;

/// Bytes or text that are no DECIMAL of the declared form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal of the declared precision and scale")]
pub struct NotADecimal;

/// The text of a packed decimal, such as `-0.10`, without a heap allocation.
#[derive(Debug)]
pub struct DecimalText {
    buffer: [u8; 84],
    length: usize,
}

impl DecimalText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.buffer.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("")
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.buffer.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }
}

/// How many bytes the packed form takes.
#[must_use]
pub fn packed_length(precision: u8, scale: u8) -> usize {
    part_length(precision.saturating_sub(scale)) + part_length(scale)
}

fn part_length(digits: u8) -> usize {
    let rest = BYTES_OF_DIGITS.get(usize::from(digits % GROUP)).copied().unwrap_or(0);
    usize::from(digits / GROUP * 4 + rest)
}

/// Reads the packed form of at most [`Decimal::MAX_PRECISION`] digits.
///
/// # Errors
/// [`NotADecimal`] when the bytes are too few or hold more digits than declared.
pub fn unpack(bytes: &[u8], precision: u8, scale: u8) -> Result<Decimal, NotADecimal> {
    let (negative, coefficient) = match precision {
        0..=MOST_DIGITS_OF_A_WORD => {
            let mut sum = 0_u64;
            let negative = walk_groups(bytes, precision, scale, |digits, number| {
                sum = sum * u64::from(power(digits)) + u64::from(number);
            })?;
            (negative, u128::from(sum))
        }
        _ => {
            let mut sum = 0_u128;
            let negative = walk_groups(bytes, precision, scale, |digits, number| {
                sum = sum * u128::from(power(digits)) + u128::from(number);
            })?;
            (negative, sum)
        }
    };
    Ok(Decimal { negative: negative && coefficient != 0, coefficient, scale })
}

/// Reads the packed form of any precision into the text that the server itself would print.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_text(bytes: &[u8], precision: u8, scale: u8) -> Result<DecimalText, NotADecimal> {
    let mut digits = [0_u8; MOST_DIGITS as usize];
    let mut length = 0_usize;
    let negative = walk_groups(bytes, precision, scale, |count, number| {
        for place in (0..u32::from(count)).rev() {
            if let Some(slot) = digits.get_mut(length) {
                *slot = u8::try_from(number / 10_u32.pow(place) % 10).unwrap_or(0);
                length += 1;
            }
        }
    })?;
    let whole = usize::from(precision.saturating_sub(scale));
    Ok(print(negative, digits.get(..length).ok_or(NotADecimal)?, whole))
}

/// Lays the digits out with sign and point; leading zeros go, one digit before the point stays.
fn print(negative: bool, digits: &[u8], whole: usize) -> DecimalText {
    let mut text = DecimalText { buffer: [0; 84], length: 0 };
    if negative && digits.iter().any(|digit| *digit != 0) {
        text.push(b'-');
    }
    let (before, behind) = digits.split_at_checked(whole).unwrap_or((digits, &[]));
    let zeros = before.iter().take_while(|digit| **digit == 0).count();
    if zeros == before.len() {
        text.push(b'0');
    }
    before.iter().skip(zeros).for_each(|digit| text.push(b'0' + digit));
    if !behind.is_empty() {
        text.push(b'.');
        behind.iter().for_each(|digit| text.push(b'0' + digit));
    }
    text
}

/// The text that the server prints for a decimal of at most [`Decimal::MAX_PRECISION`] digits.
#[must_use]
pub fn print_narrow(decimal: Decimal) -> DecimalText {
    let mut digits = [0_u8; 39];
    let mut rest = decimal.coefficient;
    for slot in digits.iter_mut().rev() {
        *slot = u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let whole = digits.len().saturating_sub(usize::from(decimal.scale));
    print(decimal.negative, &digits, whole)
}

/// Shows the groups of digits from left to right as (how many digits, their number). Answers whether it is negative.
fn walk_groups(
    bytes: &[u8],
    precision: u8,
    scale: u8,
    mut group: impl FnMut(u8, u32),
) -> Result<bool, NotADecimal> {
    let mut rest = bytes.get(..packed_length(precision, scale)).ok_or(NotADecimal)?;
    let is_sound = precision <= MOST_DIGITS && scale <= precision;
    let first = rest.first().filter(|_| is_sound).ok_or(NotADecimal)?;
    let negative = first & 0x80 == 0;
    let inversion = if negative { 0xFF } else { 0 };
    let mut flip = 0x80;
    let whole = precision - scale;
    let mut step = |digits: u8| {
        let length = BYTES_OF_DIGITS.get(usize::from(digits)).copied().unwrap_or(0);
        let (taken, behind) = rest.split_at_checked(usize::from(length)).ok_or(NotADecimal)?;
        let mut number = 0_u32;
        for byte in taken {
            number = number << 8 | u32::from(byte ^ inversion ^ flip);
            flip = 0;
        }
        if number >= power(digits) {
            return Err(NotADecimal);
        }
        group(digits, number);
        rest = behind;
        Ok(())
    };
    // The odd groups are the outer ones.
    let (first, last) = (whole % GROUP, scale % GROUP);
    if first > 0 {
        step(first)?;
    }
    for _ in 0..whole / GROUP + scale / GROUP {
        step(GROUP)?;
    }
    if last > 0 {
        step(last)?;
    }
    Ok(negative)
}

/// Ten to the power of 0 to 9.
fn power(digits: u8) -> u32 {
    POWERS.get(usize::from(digits)).copied().unwrap_or(u32::MAX)
}

/// Reads the server's text of a DECIMAL with the declared scale; ZEROFILL's leading zeros do not matter.
///
/// # Errors
/// [`NotADecimal`] when it is anything else, or holds more than [`Decimal::MAX_PRECISION`] digits.
pub fn parse(text: &str, scale: u8) -> Result<Decimal, NotADecimal> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() != usize::from(scale) {
        return Err(NotADecimal);
    }
    let significant = whole.trim_start_matches('0');
    if significant.len() + fraction.len() > usize::from(Decimal::MAX_PRECISION) {
        return Err(NotADecimal);
    }
    let coefficient =
        significant.bytes().chain(fraction.bytes()).try_fold(0_u128, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + u128::from(byte - b'0')).ok_or(NotADecimal)
        })?;
    Ok(Decimal { negative: negative && coefficient != 0, coefficient, scale })
}

/// The server's text of a wide DECIMAL without the leading zeros of ZEROFILL, so that it equals [`unpack_text`].
#[must_use]
pub fn without_zerofill(text: &str) -> &str {
    let trimmed = text.trim_start_matches('0');
    let zeros = text.len() - trimmed.len();
    let kept = match trimmed.starts_with(|first: char| first.is_ascii_digit()) {
        true => zeros,
        false => zeros.saturating_sub(1),
    };
    text.get(kept..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packs as the server does (`decimal2bin`), written from its description.
    fn pack(digits: &str, negative: bool, precision: u8, scale: u8) -> Vec<u8> {
        let whole = usize::from(precision - scale);
        let (before, behind) = digits.as_bytes().split_at(whole);
        let mut groups = Vec::new();
        let odd = whole % 9;
        if odd > 0 {
            groups.push(&before[..odd]);
        }
        groups.extend(before[odd..].chunks(9));
        groups.extend(behind.chunks(9));
        let mut bytes = Vec::new();
        for group in groups {
            let number: u32 = str::from_utf8(group).unwrap().parse().unwrap();
            let length = usize::from(BYTES_OF_DIGITS[group.len()]);
            bytes.extend_from_slice(&number.to_be_bytes()[4 - length..]);
        }
        bytes[0] ^= 0x80;
        if negative {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
        }
        bytes
    }

    #[test]
    fn the_example_of_the_servers_source_is_read() {
        let bytes = [0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2];
        assert_eq!(packed_length(14, 4), 7);
        let value = unpack(&bytes, 14, 4).unwrap();
        assert_eq!(value, Decimal { negative: false, coefficient: 12_345_678_901_234, scale: 4 });
        assert_eq!(unpack_text(&bytes, 14, 4).unwrap().as_str(), "1234567890.1234");
        let inverted = bytes.map(|byte| !byte);
        assert!(unpack(&inverted, 14, 4).unwrap().negative);
        assert_eq!(unpack_text(&inverted, 14, 4).unwrap().as_str(), "-1234567890.1234");
    }

    #[test]
    fn zero_has_no_sign_and_keeps_its_scale() {
        let zero = pack("000", true, 3, 2);
        assert_eq!(
            unpack(&zero, 3, 2).unwrap(),
            Decimal { negative: false, coefficient: 0, scale: 2 }
        );
        assert_eq!(unpack_text(&zero, 3, 2).unwrap().as_str(), "0.00");
        assert_eq!(parse("-0.00", 2).unwrap(), unpack(&zero, 3, 2).unwrap());
    }

    #[test]
    fn text_that_is_none_is_refused() {
        for text in ["", "-", ".5", "1.5", "1.234", "1.2x", "1e5", "+1.00", "1 .00"] {
            assert_eq!(parse(text, 2), Err(NotADecimal), "{text}");
        }
        assert!(parse(&"9".repeat(34), 0).is_ok());
        assert!(parse(&"9".repeat(35), 0).is_err());
        assert_eq!(parse("000123.40", 2).unwrap().coefficient, 12340);
    }

    #[test]
    fn zerofill_is_cut_to_what_the_binlog_gives() {
        for (filled, plain) in
            [("0001.50", "1.50"), ("0000.50", "0.50"), ("000", "0"), ("12", "12")]
        {
            assert_eq!(without_zerofill(filled), plain);
        }
    }

    #[test]
    fn too_few_bytes_and_impossible_forms_are_refused() {
        assert!(unpack(&[0x80, 0, 0], 10, 2).is_err());
        assert!(unpack(&[0xFF; 40], 30, 10).is_err());
        assert!(unpack_text(&[0x80; 40], 80, 2).is_err());
        assert!(unpack(&[0x80; 40], 2, 5).is_err());
        assert!(unpack(&[], 0, 0).is_err());
    }

    fn shape() -> impl Strategy<Value = (u8, u8, String, bool)> {
        (1_u8..=65, 0_u8..=30).prop_flat_map(|(precision, scale)| {
            let scale = scale.min(precision);
            let digits = proptest::collection::vec(0_u8..10, usize::from(precision));
            (Just(precision), Just(scale), digits, any::<bool>()).prop_map(|(p, s, digits, n)| {
                (p, s, digits.iter().map(|digit| char::from(b'0' + digit)).collect(), n)
            })
        })
    }

    proptest! {
        #[test]
        fn packed_and_text_agree((precision, scale, digits, negative) in shape()) {
            let packed = pack(&digits, negative, precision, scale);
            prop_assert_eq!(packed.len(), packed_length(precision, scale));
            let text = unpack_text(&packed, precision, scale).unwrap();
            prop_assert_eq!(without_zerofill(text.as_str()), text.as_str());
            if precision <= Decimal::MAX_PRECISION {
                let value = unpack(&packed, precision, scale).unwrap();
                prop_assert_eq!(value.coefficient, digits.parse::<u128>().unwrap());
                prop_assert_eq!(parse(text.as_str(), scale).unwrap(), value);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            precision in any::<u8>(),
            scale in any::<u8>(),
        ) {
            prop_assert!(unpack_text(&bytes, precision, scale).map_or(true, |text| text.length < 72));
            if precision <= Decimal::MAX_PRECISION {
                prop_assert!(unpack(&bytes, precision, scale).map_or(true, |v| v.scale == scale));
            }
        }
    }
}
