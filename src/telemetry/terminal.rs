//! The terminal, which log lines and progress bars share: bars step aside while a line is written.

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// All progress bars, drawn on standard error where that is a terminal.
#[must_use]
pub fn bars() -> &'static MultiProgress {
    &BARS
}

/// Writes log lines to standard error, above the bars.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
