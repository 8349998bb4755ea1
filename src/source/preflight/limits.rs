//! The memory that the settings allow, against the bound that they set; and room for what memory does not hold.

use crate::{config::Config, model::finding::Finding, source::binlog::HELD_IN_MEMORY};

/// What the process takes with nothing in flight: code, connections, plans, buffers of the drivers.
const BASE_BYTES: u64 = 48 << 20;

/// One batch is written while the next is filled, and each is held once more as a command.
const BATCH_COPIES: u64 = 4;

/// Tells where the parts come to more than `limits.memory`. A single event that is larger than the queue is not reckoned:
/// it must fit whatever its size, up to `limits.event`.
pub(super) fn memory(config: &Config) -> Vec<Finding> {
    let batches = config.batch.bytes.saturating_mul(BATCH_COPIES);
    let held = u64::try_from(HELD_IN_MEMORY).unwrap_or(u64::MAX);
    let parts = [config.limits.queue_bytes, batches, held];
    let sum = parts.into_iter().fold(BASE_BYTES, u64::saturating_add);
    if sum <= config.limits.memory {
        return Vec::new();
    }
    let meaning = format!(
        "queue_bytes ({}), batches ({}), rows of open XA transactions ({}) and the program itself ({}) may come to {}, more \
         than limits.memory ({})",
        mebibytes(config.limits.queue_bytes),
        mebibytes(batches),
        mebibytes(held),
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

/// Tells where no temporary file can be made. Only a large XA transaction ever needs one.
pub(super) fn temporary_files() -> Option<Finding> {
    let error = tempfile::tempfile().err()?;
    let meaning = format!(
        "no temporary file can be made ({error}): an XA transaction of more than {} would hold the stream up",
        mebibytes(u64::try_from(HELD_IN_MEMORY).unwrap_or(u64::MAX))
    );
    let remedy =
        "set TMPDIR to a folder that binleaf may write to; in a container mount a volume at /tmp";
    Some(Finding::warning("temporary_files", "TMPDIR", meaning).mend(remedy))
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
