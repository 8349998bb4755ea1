//! Decimal128 in its binary integer decimal form (IEEE 754-2008), the only one that BSON knows.

use super::{CellFault, element::tag};
use crate::model::value::Decimal;

/// The largest coefficient: 34 nines.
pub const MAX_COEFFICIENT: u128 = 10_u128.pow(34) - 1;

const EXPONENT_BIAS: i32 = 6_176;
const MAX_BIASED_EXPONENT: i32 = 12_287;

/// The 16 bytes of `coefficient × 10^exponent`, little endian; `None` when it does not fit exactly as written. Zero is
/// never negative: SQL has no such number.
#[must_use]
pub fn encode(negative: bool, coefficient: u128, exponent: i32) -> Option<[u8; 16]> {
    let biased = exponent.checked_add(EXPONENT_BIAS)?;
    if coefficient > MAX_COEFFICIENT || !(0..=MAX_BIASED_EXPONENT).contains(&biased) {
        return None;
    }
    let sign = u128::from(negative && coefficient != 0);
    // Every coefficient up to 34 nines is below 2^113, so the large form of the encoding is never needed.
    let bits = (sign << 127) | (u128::try_from(biased).ok()? << 113) | coefficient;
    Some(bits.to_le_bytes())
}

/// The decimal that these bytes hold, as [`encode`] writes it: of non-negative scale, up to 34 digits. `None` for all
/// else: infinities, NaN, positive exponents, the large form.
#[must_use]
pub fn decode(bytes: [u8; 16]) -> Option<Decimal> {
    let bits = u128::from_le_bytes(bytes);
    let biased = i32::try_from((bits >> 113) & 0x3fff).ok()?;
    let coefficient = bits & ((1 << 113) - 1);
    let scale = u8::try_from(EXPONENT_BIAS.checked_sub(biased)?).ok()?;
    let is_ours = coefficient <= MAX_COEFFICIENT && biased <= MAX_BIASED_EXPONENT;
    is_ours.then_some(Decimal { negative: bits >> 127 == 1, coefficient, scale })
}

/// Appends a decimal with its declared scale and gives its type byte.
///
/// # Errors
/// [`CellFault::OutOfRange`] for more than 34 digits.
pub fn append(out: &mut Vec<u8>, decimal: Decimal) -> Result<u8, CellFault> {
    let exponent = -i32::from(decimal.scale);
    let bytes =
        encode(decimal.negative, decimal.coefficient, exponent).ok_or(CellFault::OutOfRange)?;
    out.extend_from_slice(&bytes);
    Ok(tag::DECIMAL128)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_keeps_its_scale_and_loses_its_sign() {
        let ours = encode(true, 0, -2).unwrap();
        assert_eq!(ours, bson::Decimal128::from_str("0.00").unwrap().bytes());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(encode(false, MAX_COEFFICIENT, 6_111).is_some());
        assert!(encode(false, MAX_COEFFICIENT + 1, 0).is_none());
        assert!(encode(false, 1, 6_112).is_none());
        assert!(encode(false, 1, -6_177).is_none());
        assert!(encode(false, 1, i32::MAX).is_none());
    }

    proptest! {
        #[test]
        fn agrees_with_the_bson_crate(coefficient in 1..=MAX_COEFFICIENT, shift in 0_u32..113, scale in 0_u8..=34, negative: bool) {
            let coefficient = (coefficient >> shift).max(1);
            let text = format!("{}{coefficient}E-{scale}", if negative { "-" } else { "" });
            let theirs = bson::Decimal128::from_str(&text).unwrap().bytes();
            prop_assert_eq!(encode(negative, coefficient, -i32::from(scale)).unwrap(), theirs);
        }
    }
}
