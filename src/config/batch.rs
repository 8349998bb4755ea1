//! How changes are gathered before they are written.

use std::time::Duration;

/// `[batch]`.
#[derive(Debug, Clone)]
pub struct BatchConfig {
    /// The operations of a batch, or where its size begins.
    pub operations: usize,
    /// Whether it finds its size itself.
    pub sizing: BatchSizing,
    /// The most bytes of a batch.
    pub bytes: u64,
    /// The longest that a change waits for company.
    pub delay: Duration,
    /// How many batches are written side by side.
    pub lanes: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            operations: 1000,
            sizing: BatchSizing::Auto,
            bytes: 4 << 20,
            delay: Duration::from_millis(20),
            lanes: 2,
        }
    }
}

/// `batch.sizing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSizing {
    /// Found by what the target's answers cost.
    Auto,
    /// As configured.
    Fixed,
}
