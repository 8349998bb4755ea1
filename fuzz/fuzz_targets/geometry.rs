//! See `binleaf::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| binleaf_fuzz::feed("geometry", data));
