//! Rates of writing in several shapes, and the best of them.

use std::collections::BTreeMap;

/// How a target was written to: connections side by side, operations in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    pub connections: usize,
    pub batch: usize,
}

impl Shape {
    pub const fn new(connections: usize, batch: usize) -> Self {
        Self { connections, batch }
    }
}

/// The rates of every shape, one a round.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<Shape, Vec<f64>>);

impl Rates {
    pub fn add(&mut self, shape: Shape, rate: f64) {
        self.0.entry(shape).or_default().push(rate);
    }

    /// The shape whose median is the highest, and that median.
    pub fn best(&self) -> (Shape, f64) {
        let medians = self.medians().into_iter();
        medians.max_by(|one, other| one.1.total_cmp(&other.1)).expect("a shape")
    }

    /// Every shape's median.
    pub fn medians(&self) -> Vec<(Shape, f64)> {
        self.0.iter().map(|(shape, rates)| (*shape, median(rates))).collect()
    }

    pub fn json(&self) -> Vec<serde_json::Value> {
        let shape = |(shape, rates): (&Shape, &Vec<f64>)| serde_json::json!({ "connections": shape.connections, "batch": shape.batch, "per_second": rates });
        self.0.iter().map(shape).collect()
    }
}

/// The middle one of the values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
