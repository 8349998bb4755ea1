//! What all fuzzers do with an input: feed it, and count what that holds.

/// Feeds a target of `binleaf::fuzzing`.
///
/// # Panics
/// When a promise is broken: by the decoder, or because more is held than the input gives reason for.
pub fn feed(target: &str, data: &[u8]) {
    let held = allocation_counter::measure(|| {
        assert!(binleaf::fuzzing::feed(target, data), "no target {target}");
    });
    let most = binleaf::fuzzing::most_held(target, data.len());
    assert!(held.bytes_max <= most as u64, "{} bytes hold {}", data.len(), held.bytes_max);
}
