//! JSON numbers: which BSON type the server's text of a number means.
//!
//! An integer is the smallest of Int32, Int64 and Decimal128 that holds it. A number with a point or an exponent is a
//! Double when its text is the shortest form of that double, else a Decimal128 of up to 34 digits, else a String. So
//! the double 1.5 and the DECIMAL 1.5 are the same by every road, and the DECIMAL 1.50 keeps its scale.

use std::{fmt, io::Write};

use crate::codec::{
    CellFault, decimal128,
    element::{self, tag},
};

/// The widest power of ten that the server prints without an exponent (`MAX_DECPT_FOR_F_FORMAT`, strings/dtoa.cc;
/// seen on 9.7: 1e14 is `100000000000000.0`, 1e15 is `1e15`, yet 2122420999999999.8 is written out, and so is 1e-15,
/// while 1e-16 is not).
const MOST_PLAIN_DIGITS: i32 = 15;

/// Appends an integer.
#[inline]
pub(super) fn append_integer(out: &mut Vec<u8>, number: i64) -> u8 {
    if let Ok(small) = i32::try_from(number) {
        out.extend_from_slice(&small.to_le_bytes());
        return tag::INT32;
    }
    out.extend_from_slice(&number.to_le_bytes());
    tag::INT64
}

/// Appends an integer of any size.
pub(super) fn append_wide(out: &mut Vec<u8>, number: i128) -> Result<u8, CellFault> {
    if let Ok(number) = i64::try_from(number) {
        return Ok(append_integer(out, number));
    }
    let bytes = decimal128::encode(number < 0, number.unsigned_abs(), 0);
    out.extend_from_slice(&bytes.ok_or(CellFault::OutOfRange)?);
    Ok(tag::DECIMAL128)
}

/// Appends a double.
pub(super) fn append_double(out: &mut Vec<u8>, number: f64) -> u8 {
    out.extend_from_slice(&number.to_le_bytes());
    tag::DOUBLE
}

/// Appends the number that the text is.
pub(super) fn append_text(out: &mut Vec<u8>, text: &str) -> Result<u8, CellFault> {
    let parts = Parts::of(text).ok_or(CellFault::Json)?;
    if parts.is_integer() {
        if let Some(number) = parts.coefficient() {
            return append_wide(out, if parts.negative { -number } else { number });
        }
    } else if let Some(double) = parts.shortest_double(text) {
        return Ok(append_double(out, double));
    } else if let Some(bytes) = parts.decimal128() {
        out.extend_from_slice(&bytes);
        return Ok(tag::DECIMAL128);
    }
    element::string(out, text.as_bytes());
    Ok(tag::STRING)
}

/// A number's text cut into its parts.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: Option<&'a str>,
    exponent: Option<i32>,
}

impl<'a> Parts<'a> {
    /// Cuts a number of JSON's grammar; `None` for anything else.
    fn of(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-');
        let magnitude = unsigned.unwrap_or(text);
        let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(parse_exponent(exponent)?)),
            None => (magnitude, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let plain = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
        let valid = plain && fraction.is_none_or(is_digits);
        valid.then_some(Self { negative: unsigned.is_some(), whole, fraction, exponent })
    }

    const fn is_integer(&self) -> bool {
        self.fraction.is_none() && self.exponent.is_none()
    }

    fn digits(&self) -> impl DoubleEndedIterator<Item = u8> + Clone + 'a {
        self.whole.bytes().chain(self.fraction.unwrap_or_default().bytes())
    }

    /// All digits as one number; `None` for more than 34.
    fn coefficient(&self) -> Option<i128> {
        let mut digits = self.digits().skip_while(|&digit| digit == b'0');
        let coefficient = digits
            .by_ref()
            .take(34)
            .fold(0, |number, digit| number * 10 + i128::from(digit - b'0'));
        digits.next().is_none().then_some(coefficient)
    }

    fn decimal128(&self) -> Option<[u8; 16]> {
        let fraction_digits = i32::try_from(self.fraction.unwrap_or_default().len()).ok()?;
        let exponent = self.exponent.unwrap_or(0).checked_sub(fraction_digits)?;
        let coefficient = u128::try_from(self.coefficient()?).ok()?;
        decimal128::encode(self.negative, coefficient, exponent)
    }

    /// The double whose shortest form the text is.
    fn shortest_double(&self, text: &str) -> Option<f64> {
        if self.has_needless_zero() {
            return None;
        }
        let double: f64 = text.parse().ok()?;
        if self.is_plainly_shortest() {
            return Some(double);
        }
        let shortest = Shortest::of(double)?;
        let same = if self.exponent.is_some() {
            self.has_digits_of(&shortest)
        } else {
            let mut buffer = [0; 64];
            shortest.print(&mut buffer)? == text.as_bytes()
        };
        same.then_some(double)
    }

    /// Whether the text is the shortest form at first sight: no two decimals of up to 15 digits are one double, so
    /// that such a text, which has no needless zero, needs only be in the range that the server writes out.
    fn is_plainly_shortest(&self) -> bool {
        let digits = self.whole.len() + self.fraction.unwrap_or_default().len();
        self.exponent.is_none() && digits <= 15
    }

    /// Whether there is a zero at the end that no shortest form has. That of `1.0` is how a double that is whole is
    /// written.
    fn has_needless_zero(&self) -> bool {
        let fraction = self.fraction.unwrap_or_default();
        fraction.ends_with('0') && fraction != "0"
    }

    /// For a text with an exponent: whether its digits are those of the double and no others. The server writes such
    /// a text in one way only, but MariaDB keeps what the user wrote, where `1.5E+3` is as short as can be.
    fn has_digits_of(&self, shortest: &Shortest) -> bool {
        let significant = self.digits().skip_while(|&digit| digit == b'0');
        let length = significant.clone().count();
        let zeros = self.digits().rev().take_while(|&digit| digit == b'0').count();
        let kept = length.saturating_sub(zeros);
        significant.take(kept).eq(shortest.digits().iter().copied())
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent past what any type holds saturates, to the same end.
fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let magnitude = is_digits(digits).then(|| digits.parse().unwrap_or(1_000_000))?;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// The shortest digits that read back as one double: `0.DIGITS × 10^point`.
struct Shortest {
    negative: bool,
    buffer: [u8; 24],
    length: usize,
    point: i32,
}

impl Shortest {
    /// `None` for what is not finite.
    fn of(double: f64) -> Option<Self> {
        if !double.is_finite() {
            return None;
        }
        if double == 0.0 {
            let negative = double.is_sign_negative();
            return Some(Self { negative, buffer: [0; 24], length: 0, point: 1 });
        }
        let shortest = Self::scan(double, format_args!("{double:e}"))?;
        // Half way between two texts of one length the server takes the even digit, Rust's shortest form the upper
        // one; rounding to a given length takes the even one. Only a number of 16 digits or more can be half way
        // between two texts that are both the same double.
        if shortest.length >= 15 {
            let digits = shortest.length - 1;
            let even = Self::scan(double, format_args!("{double:.digits$e}"))?;
            if even.buffer != shortest.buffer && even.reads_as(double) {
                return Some(even);
            }
        }
        Some(shortest)
    }

    /// Takes the digits from `D.DDDe±X`.
    fn scan(double: f64, printed: fmt::Arguments<'_>) -> Option<Self> {
        let mut text = [0; 40];
        let mut rest = text.as_mut_slice();
        rest.write_fmt(printed).ok()?;
        let free = rest.len();
        let text = std::str::from_utf8(text.get(..40 - free)?).ok()?;
        let (mantissa, exponent) = text.split_once('e')?;
        let mut buffer = [0; 24];
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let length = buffer.iter_mut().zip(digits).map(|(place, digit)| *place = digit).count();
        let point = exponent.parse::<i32>().ok()? + 1;
        Some(Self { negative: double.is_sign_negative(), buffer, length, point })
    }

    fn reads_as(&self, double: f64) -> bool {
        let mut buffer = [0; 64];
        let text = self.print(&mut buffer).and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(|text| text.parse().ok()) == Some(double)
    }

    fn digits(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// The text that the server prints for the double inside JSON (`my_gcvt`, then `.0` where nothing else says that
    /// it is a double).
    fn print<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let size = buffer.len();
        let mut rest = &mut *buffer;
        if self.negative {
            rest.write_all(b"-").ok()?;
        }
        if self.is_plain() {
            self.print_plain(&mut rest)?;
        } else {
            let (first, others) = self.digits().split_at_checked(1)?;
            rest.write_all(first).ok()?;
            if !others.is_empty() {
                rest.write_all(b".").ok()?;
                rest.write_all(others).ok()?;
            }
            write!(rest, "e{}", self.point - 1).ok()?;
        }
        let used = size - rest.len();
        buffer.get(..used)
    }

    /// Whether the server prints it without an exponent.
    fn is_plain(&self) -> bool {
        let has_fraction = i32::try_from(self.length).is_ok_and(|length| length > self.point);
        self.point > -MOST_PLAIN_DIGITS && (self.point <= MOST_PLAIN_DIGITS || has_fraction)
    }

    fn print_plain(&self, rest: &mut &mut [u8]) -> Option<()> {
        let digits = self.digits();
        let whole_digits = usize::try_from(self.point).unwrap_or(0);
        let (whole, fraction) = digits.split_at(whole_digits.min(digits.len()));
        if whole_digits == 0 {
            rest.write_all(b"0").ok()?;
        }
        rest.write_all(whole).ok()?;
        for _ in whole.len()..whole_digits {
            rest.write_all(b"0").ok()?;
        }
        rest.write_all(b".").ok()?;
        for _ in self.point..0 {
            rest.write_all(b"0").ok()?;
        }
        rest.write_all(if fraction.is_empty() { b"0" } else { fraction }).ok()
    }
}

/// Appends the server's text of a double; JSON has none that is not finite.
pub(super) fn print_double_to(out: &mut Vec<u8>, double: f64) -> Result<(), CellFault> {
    let mut buffer = [0; 64];
    let shortest = Shortest::of(double).ok_or(CellFault::Json)?;
    out.extend_from_slice(shortest.print(&mut buffer).ok_or(CellFault::Json)?);
    Ok(())
}

/// The server's text of a double, for tests that know only the binary form.
#[cfg(test)]
pub(super) fn print_double(double: f64) -> String {
    let mut buffer = [0; 64];
    let text = Shortest::of(double).unwrap().print(&mut buffer).unwrap().to_vec();
    String::from_utf8(text).unwrap()
}
