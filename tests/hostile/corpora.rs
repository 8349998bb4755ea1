//! The fuzzers' corpora once more, and a few thousand random changes of them: a short run without a fuzzer.

use std::{fs, path::PathBuf};

use binleaf::fuzzing::TARGETS;

use super::memory;

/// How many changed inputs each target is fed.
const CHANGED: usize = 3_000;

/// Bytes that lengths, counts and types are made of.
const TELLING: [u8; 10] = [0, 1, 2, 4, 0x7F, 0x80, 0xFA, 0xFC, 0xFE, 0xFF];

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is there", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |file: PathBuf| (file.display().to_string(), fs::read(&file).expect("a file"));
    files.into_iter().map(read).collect()
}

/// Changes a few bytes, or takes some out, or puts some in, or joins another input on.
fn change(random: &mut fastrand::Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(0..=changed.len());
        match random.u8(0..8) {
            0 => changed.truncate(at),
            1 => changed.extend_from_slice(&other[random.usize(0..=other.len())..]),
            2 => changed.insert(at, random.choice(TELLING).expect("a byte")),
            3 => drop(changed.drain(at..(at + random.usize(1..9)).min(changed.len()))),
            4 if at < changed.len() => changed[at] = random.choice(TELLING).expect("a byte"),
            _ if at < changed.len() => changed[at] ^= 1 << random.u8(0..8),
            _ => {}
        }
    }
    changed
}

#[test]
fn every_target_has_a_corpus_and_holds_out() {
    for (index, (target, _)) in TARGETS.into_iter().enumerate() {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{target} has a corpus");
        for (origin, input) in &inputs {
            memory::feed(target, input, origin);
        }
        let mut random = fastrand::Rng::with_seed(u64::try_from(index).expect("a seed"));
        for round in 0..CHANGED {
            let (origin, input) = &inputs[random.usize(0..inputs.len())];
            let (_, other) = &inputs[random.usize(0..inputs.len())];
            let changed = change(&mut random, input, other);
            memory::feed(target, &changed, &format_args!("{origin}, change {round}"));
        }
    }
}
