//! What is known of both sides, and the lag that follows from it.
//!
//! The source's own position is read once a second. Lag is 0 when the newest such reading is recent and covered
//! by what is durable in the target; else it is the time since the later of two moments: the last reading that was
//! covered, and the commit of the newest change applied. So it is 0 on an idle system, grows while either side is away,
//! and never depends on changes arriving.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{LastError, Phase, Side, SnapshotProgress, TableStatus};
use crate::model::position::Position;

/// A reading of the source's position older than this says nothing about now.
const READING_IS_RECENT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: Instant,
    pub(super) position: Position,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) phase: Phase,
    pub(super) position: Option<Position>,
    pub(super) consistent: bool,
    pub(super) applied_at: Option<SystemTime>,
    pub(super) last_commit_micros: u64,
    pub(super) reading: Option<Reading>,
    pub(super) covered_at: Instant,
    pub(super) source_away: bool,
    pub(super) stream_away: bool,
    pub(super) target_away: bool,
    pub(super) snapshot: SnapshotProgress,
    pub(super) tables: BTreeMap<String, TableStatus>,
    pub(super) last_error: Option<LastError>,
    pub(super) errors: u64,
    pub(super) changes: u64,
    pub(super) rate: f64,
    pub(super) rated: (Instant, u64),
}

impl Core {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Starting,
            position: None,
            consistent: false,
            applied_at: None,
            last_commit_micros: 0,
            reading: None,
            covered_at: now,
            source_away: false,
            stream_away: false,
            target_away: false,
            snapshot: SnapshotProgress::default(),
            tables: BTreeMap::new(),
            last_error: None,
            errors: 0,
            changes: 0,
            rate: 0.0,
            rated: (now, 0),
        }
    }

    pub(super) const fn away(&self) -> Option<Side> {
        match (self.source_away || self.stream_away, self.target_away) {
            (_, true) => Some(Side::Target),
            (true, false) => Some(Side::Source),
            (false, false) => None,
        }
    }

    /// Whether the last reading of the source is covered by what is durable.
    pub(super) fn is_covered(&self) -> bool {
        match (&self.position, &self.reading) {
            (Some(position), Some(reading)) => position.covers(&reading.position),
            _ => false,
        }
    }

    pub(super) fn note_covered(&mut self) {
        if self.consistent && self.is_covered() {
            let at = self.reading.as_ref().map_or(self.covered_at, |reading| reading.at);
            self.covered_at = self.covered_at.max(at);
        }
    }

    pub(super) fn lag(&mut self) -> Duration {
        self.note_covered();
        let since_covered = self.covered_at.elapsed();
        if self.consistent && self.is_covered() && since_covered < READING_IS_RECENT {
            return Duration::ZERO;
        }
        let applied = UNIX_EPOCH + Duration::from_micros(self.last_commit_micros);
        match applied.elapsed() {
            Ok(since_applied) if self.last_commit_micros > 0 => since_covered.min(since_applied),
            _ => since_covered,
        }
    }

    pub(super) fn lag_transactions(&self) -> Option<u64> {
        let ours = self.position.as_ref().filter(|position| position.gtid_set.is_some())?;
        let theirs = self.reading.as_ref()?.position.gtid_set.as_ref()?;
        ours.lacks(theirs)
    }
}
