//! Medians, spreads, percentiles.

use serde::Serialize;

/// The middle one of several values, the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        let median = sorted[sorted.len() / 2];
        Self { median, lowest: sorted[0], highest: sorted[sorted.len() - 1] }
    }
}

pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    assert!(!values.is_empty(), "a value");
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest of the sorted values that so many of a hundred are not above.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// Counts as numbers to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub const fn float(count: u64) -> f64 {
    count as f64
}

/// 12345.6 as `12,346`; small ones, and those below zero, with two decimals.
pub fn told(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A spread as `median (lowest–highest)`, or of one value as that.
pub fn told_spread(spread: &Spread) -> String {
    let Spread { median, lowest, highest } = *spread;
    if lowest >= highest {
        return told(median);
    }
    format!("{} ({}–{})", told(median), told(lowest), told(highest))
}
