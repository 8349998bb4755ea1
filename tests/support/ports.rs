//! Ports that no other test of this run is given.

use std::{collections::BTreeSet, net::TcpListener, sync::Mutex};

/// Below the range that the system hands out for outgoing connections, so that only listeners compete.
const USUAL: (u16, u16) = (20_000, 29_999);

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A loopback port that nothing listens on, from `TEST_PORTS` (`first-last`) where it is set.
pub fn free() -> u16 {
    let (first, last) = range();
    let mut given = GIVEN.lock().expect("no test fails in here");
    for _ in 0..10_000 {
        let port = fastrand::u16(first..=last);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
    panic!("no free port in {first}-{last}")
}

fn range() -> (u16, u16) {
    let Ok(text) = std::env::var("TEST_PORTS") else { return USUAL };
    let ends = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    ends.unwrap_or_else(|| panic!("TEST_PORTS={text} is not first-last"))
}
