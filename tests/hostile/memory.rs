//! What decoding may take: bytes in proportion to its input, and no time to speak of.

use std::time::{Duration, Instant};

use binleaf::fuzzing::most_held;

/// How long one input may take, in a build that is not optimized and on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(5);

/// Feeds a target and looks at what that took.
pub(crate) fn feed(target: &str, data: &[u8], origin: &dyn std::fmt::Display) {
    check(&format!("{target}: {origin}"), most_held(target, data.len()), || {
        assert!(binleaf::fuzzing::feed(target, data), "no target {target}");
    });
}

/// Does something and looks at what that took, in bytes held at once and in time.
pub(crate) fn check(what: &str, most: usize, work: impl FnOnce()) {
    let begin = Instant::now();
    let held = allocation_counter::measure(work).bytes_max;
    assert!(held <= u64::try_from(most).expect("a size"), "{what} holds {held} bytes");
    assert!(begin.elapsed() < LONGEST, "{what} takes {:?}", begin.elapsed());
}
