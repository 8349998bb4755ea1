//! The memory that the settings allow, against the bound that they set. Pure.

use crate::{config::Config, model::finding::Finding};

/// What the process takes with nothing in flight: code, connections, plans, buffers of the drivers.
const BASE_BYTES: u64 = 48 << 20;

/// One batch is written while the next is filled, and each is held once more as a command.
const BATCH_COPIES: u64 = 4;

/// Tells where the parts come to more than `limits.memory`. A single event that is larger than the queue is not reckoned:
/// it must fit whatever its size, up to `limits.event`.
pub(super) fn memory(config: &Config) -> Vec<Finding> {
    let batches = config.batch.bytes.saturating_mul(BATCH_COPIES);
    let sum = BASE_BYTES.saturating_add(config.limits.queue_bytes).saturating_add(batches);
    if sum <= config.limits.memory {
        return Vec::new();
    }
    let meaning = format!(
        "queue_bytes ({}), batches ({}) and the program itself ({}) may come to {}, more than limits.memory ({})",
        mebibytes(config.limits.queue_bytes),
        mebibytes(batches),
        mebibytes(BASE_BYTES),
        mebibytes(sum),
        mebibytes(config.limits.memory)
    );
    let remedy = format!(
        "limits.memory = \"{}\", or lower limits.queue_bytes or batch.bytes",
        mebibytes(sum)
    );
    vec![Finding::warning("memory", "limits.memory", meaning).mend(remedy)]
}

fn mebibytes(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_and_a_large_queue_does_not() {
        let mut config = Config::default();
        assert!(memory(&config).is_empty());
        config.limits.queue_bytes = 1 << 30;
        let findings = memory(&config);
        assert!(findings.first().unwrap().meaning.contains("1024MiB"), "{findings:?}");
    }
}
