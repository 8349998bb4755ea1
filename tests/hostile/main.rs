//! Hostile bytes: what real servers recorded, cut off and changed in every place, and the fuzzers' corpora.
//!
//! A program of its own, because its allocator counts. It needs no server.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on panics"
)]

mod corpora;
mod damage;
mod memory;

use binleaf::{
    fuzzing::{Documents, recorded},
    source::binlog::{BinlogError, offline::Offline},
};

/// A binlog file that a real server wrote: its name, whether it was MariaDB, and its bytes.
pub(crate) type File = (&'static str, bool, &'static [u8]);

macro_rules! file {
    ($name:literal, $is_mariadb:literal) => {
        ($name, $is_mariadb, include_bytes!(concat!("../../src/source/binlog/testdata/", $name)))
    };
}

/// Every type, with and without the tables' names; transactions of all shapes, compressed ones among them; row images
/// without some columns and JSON told as differences; XA; MariaDB's groups, compressed and not (see `record.sh` there).
pub(crate) const RECORDED: [File; 8] = [
    file!("types-full.bin", false),
    file!("types-minimal.bin", false),
    file!("shapes.bin", false),
    file!("images.bin", false),
    file!("xa.bin", false),
    file!("mariadb.bin", true),
    file!("mariadb-types-full.bin", true),
    file!("mariadb-types-no_log.bin", true),
];

/// A stream and what came of it.
pub(crate) struct Played {
    pub(crate) stream: Offline,
    pub(crate) documents: Documents,
}

impl Played {
    pub(crate) fn new(is_mariadb: bool) -> Self {
        Self { stream: recorded(is_mariadb), documents: Documents::default() }
    }

    /// One that keeps what it tells.
    pub(crate) fn telling(is_mariadb: bool) -> Self {
        Self { documents: Documents::telling(), ..Self::new(is_mariadb) }
    }

    pub(crate) fn feed(&mut self, raw: &[u8]) -> Result<(), BinlogError> {
        let Self { stream, documents } = self;
        stream.feed(raw, &mut |message| documents.take(message))
    }

    /// Feeds events to the first error.
    pub(crate) fn feed_all<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Vec<u8>>,
    ) -> Result<(), BinlogError> {
        events.into_iter().try_for_each(|raw| self.feed(raw))
    }

    pub(crate) fn told(&self) -> &[String] {
        self.documents.told.as_deref().expect("kept")
    }
}
