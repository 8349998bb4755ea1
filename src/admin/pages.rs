//! Pages that are asked for again and again, kept for a moment: however often they are asked for, what making them takes
//! is bounded, and what is applied does not get slower for being watched.
//!
//! A page is made at most a hundred times a second, and takes at most a tenth of one core: the longer it took, the longer
//! it is kept. Whoever changes something sees it in the next page.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use tokio::{sync::Mutex, time::Instant};

/// How long a page is kept at least.
const SHORTEST: Duration = Duration::from_millis(10);

/// How much longer a page is kept than it took to be made.
const FACTOR: u32 = 10;

/// The pages. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How often something was changed by whoever looks.
    version: AtomicU64,
    metrics: Page,
    status: Page,
    short_status: Page,
}

/// One page.
#[derive(Debug, Default)]
struct Page {
    /// Whoever asks while it is being made waits for it.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    body: Bytes,
    version: u64,
    until: Instant,
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Metrics,
    Status,
    /// Without the tables.
    ShortStatus,
}

impl Pages {
    /// The page as it was made a moment ago, else made now.
    pub(super) async fn get(&self, which: Which, make: impl FnOnce() -> Bytes) -> Bytes {
        let page = match which {
            Which::Metrics => &self.shared.metrics,
            Which::Status => &self.shared.status,
            Which::ShortStatus => &self.shared.short_status,
        };
        let mut kept = page.kept.lock().await;
        let (version, begun) = (self.shared.version.load(Ordering::Acquire), Instant::now());
        let fresh = kept.as_ref().filter(|kept| kept.version == version && kept.until > begun);
        if let Some(fresh) = fresh {
            return fresh.body.clone();
        }
        let body = make();
        let until = Instant::now() + (begun.elapsed() * FACTOR).max(SHORTEST);
        *kept = Some(Kept { body: body.clone(), version, until });
        body
    }

    /// Something was changed: what was made before is not shown any more.
    pub(super) fn forget(&self) {
        self.shared.version.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_page_is_kept_for_a_moment_and_longer_if_it_took_long() {
        let pages = Pages::default();
        let page = |text: &'static str| pages.get(Which::Status, move || Bytes::from(text));
        assert_eq!((page("a").await, page("b").await), ("a".into(), "a".into()));
        let other = pages.get(Which::Metrics, || Bytes::from("m")).await;
        assert_eq!(other, "m", "each page is its own");
        tokio::time::advance(SHORTEST).await;
        assert_eq!(page("c").await, "c");
        pages.forget();
        assert_eq!(page("d").await, "d");
        assert_eq!(page("e").await, "d");
    }

    #[tokio::test]
    async fn who_asks_while_it_is_made_waits_for_it() {
        let pages = Pages::default();
        let made = AtomicU64::new(0);
        let ask = || {
            pages.get(Which::Metrics, || {
                made.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(30));
                Bytes::from("page")
            })
        };
        let asked = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert!(asked.iter().all(|page| page == "page"));
        assert_eq!(made.into_inner(), 1);
    }
}
