//! The lanes on which batches fly: side by side, each in order.
//!
//! A row always goes by the same lane, which the hash of its key decides, and a lane has one batch on its way at a time:
//! so the changes of one key are written in commit order (promise P4) while independent keys do not wait for each other.
//! A collection that has unique indexes besides its key keeps to a single lane: there one row's value may be free only
//! once another row's change is written.
//!
//! Rows that the first copy reads have no order among themselves: every version of a row that it reads is as new as its
//! start position or newer, and all changes since then follow in the stream. They fill one batch after the other, which
//! any free lane takes, so that a batch is a run of neighbouring keys: an index takes runs at less than half the cost
//! of keys in random order. Only when all of them have landed does the first change of the stream go on its way.
//!
//! Lanes take turns: after a rest the first batch of each lane goes the sooner, the smaller its number is. Keys fill all
//! lanes alike and a target gives each a like share of its time, so lanes that begin together go on landing together, and
//! at each landing the target has nothing to do until the next commands are written.

use std::{hash::BuildHasher, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::{
    batch::{BatchBuilder, ReadyBatch, Write},
    ledger::Ledger,
    sizing::Sizing,
};
use crate::{
    config::{BatchConfig, BatchSizing},
    model::{
        change::Origin,
        letter::DeadLetter,
        table::TableSchema,
        write::{Collection, Target, WriteBatch},
    },
};

/// Which lanes the rows of a table may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Any that is free: rows of the first copy.
    Free,
    /// The one that the hash of the key says.
    ByKey,
    /// This one only.
    One(usize),
}

/// What there is to fill batches with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// Rows, or messages that may bring some.
    More,
    /// Rows that the lanes do not take now.
    Blocked,
    Nothing,
}

/// All lanes with their open batches.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    limits: BatchConfig,
    sizing: Sizing,
    hasher: RandomState,
    /// The lane that takes rows of the first copy.
    filling: usize,
    /// Whether what is under way on free lanes or by key, if anything is, is of the first copy.
    are_free: bool,
}

#[derive(Debug)]
struct Lane {
    batch: BatchBuilder,
    /// When the open batch was opened, and its number in the ledger.
    opened: Option<(Instant, u64)>,
    flying: bool,
    /// Of a full batch the next one needs so many parts, of as many as there are lanes.
    parts: usize,
}

impl Lane {
    fn idles(&self) -> bool {
        !self.flying && !self.batch.is_empty()
    }

    fn is_full(&self, limits: &BatchConfig) -> bool {
        let (parts, whole) = (as_u64(self.parts), as_u64(limits.lanes));
        let reaches = |held: usize, limit: u64| {
            as_u64(held).saturating_mul(whole) >= limit.saturating_mul(parts)
        };
        reaches(self.batch.operation_count(), as_u64(limits.operations))
            || reaches(self.batch.byte_count(), limits.bytes)
    }

    fn deadline(&self, limits: &BatchConfig) -> Option<Instant> {
        self.opened.map(|(at, _)| at + limits.delay)
    }
}

impl Lanes {
    /// Empty lanes, as many as configured, at least one.
    pub(super) fn new(mut limits: BatchConfig) -> Self {
        limits.lanes = limits.lanes.max(1);
        let lane =
            |parts| Lane { batch: BatchBuilder::default(), opened: None, flying: false, parts };
        let lanes = (1..=limits.lanes).map(lane).collect();
        let sizing = match limits.sizing {
            BatchSizing::Auto => Sizing::around(limits.operations),
            BatchSizing::Fixed => Sizing::fixed(limits.operations),
        };
        Self { lanes, limits, sizing, hasher: RandomState::default(), filling: 0, are_free: true }
    }

    /// The one lane of a collection whose rows depend on each other.
    pub(super) fn one_for(&self, collection: &Collection) -> Route {
        Route::One(self.pick(self.hasher.hash_one(collection)))
    }

    /// Adds a write to the open batch of its key's lane.
    pub(super) fn push(
        &mut self,
        route: Route,
        target: &Arc<Target>,
        table: &Arc<TableSchema>,
        write: Write<'_>,
        origin: &Origin,
    ) {
        if let Some(lane) = self.lane(route, write.filter) {
            lane.batch.push(target, table, write, origin);
        }
    }

    /// Adds a row that cannot be mapped, behind the earlier changes of its key.
    pub(super) fn push_letter(&mut self, route: Route, letter: DeadLetter, origin: &Origin) {
        if let Some(lane) = self.lane(route, &letter.key) {
            lane.batch.push_letter(letter, origin);
        }
    }

    /// Enters batches that have just got their first row into the account. To be called before the next mark is noted.
    pub(super) fn enter_opened(&mut self, ledger: &mut Ledger) {
        for lane in &mut self.lanes {
            if lane.opened.is_none() && !lane.batch.is_empty() {
                lane.opened = Some((Instant::now(), ledger.batch_opened()));
            }
        }
    }

    /// Whether a row of this route may be pushed now. Which lane a row goes by is not known before it is mapped, so none
    /// is taken while any is full.
    pub(super) fn take(&self, route: Route) -> bool {
        let is_full = |lane: &Lane| lane.is_full(&self.limits);
        match route {
            Route::Free => {
                let can_depart = |lane: &Lane| is_full(lane) && lane.idles();
                self.may_be(true)
                    && !self.lanes.iter().any(can_depart)
                    && !self.lanes.iter().all(is_full)
            }
            Route::ByKey => self.may_be(false) && !self.lanes.iter().any(is_full),
            Route::One(_) => !self.lanes.iter().any(is_full),
        }
    }

    /// Whether rows of this kind need not wait for those of the other kind.
    fn may_be(&self, free: bool) -> bool {
        self.are_free == free || (self.are_empty() && !self.are_flying())
    }

    /// Whether nothing waits to be sent.
    pub(super) fn are_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.batch.is_empty())
    }

    /// Whether any batch is on its way.
    pub(super) fn are_flying(&self) -> bool {
        self.lanes.iter().any(|lane| lane.flying)
    }

    /// The next lane whose batch should go now: it is full, or has waited long enough, or rows that are open cannot be
    /// taken, or none are at hand and no other batch flies. So a quiet system has the latency of one round trip, and under
    /// load batches grow by what comes during a flight: a target takes one of two thousand at less cost than two of one.
    pub(super) fn due(&self, supply: Supply) -> Option<usize> {
        let (flying, now) = (self.are_flying(), Instant::now());
        self.lanes.iter().position(|lane| {
            let is_late = || lane.deadline(&self.limits).is_some_and(|deadline| deadline <= now);
            let is_wanted = || match supply {
                Supply::More => false,
                Supply::Blocked => true,
                Supply::Nothing => !flying,
            };
            lane.idles() && (lane.is_full(&self.limits) || is_wanted() || is_late())
        })
    }

    /// When the next batch has waited long enough; `None` while none could go.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let idle = self.lanes.iter().filter(|lane| lane.idles());
        idle.filter_map(|lane| lane.deadline(&self.limits)).min()
    }

    /// Takes a lane's batch out to be sent, with its number.
    pub(super) fn depart(&mut self, lane: usize) -> Option<(u64, ReadyBatch)> {
        let lane = self.lanes.get_mut(lane)?;
        let (_, number) = lane.opened.take()?;
        lane.flying = true;
        lane.parts = self.limits.lanes;
        Some((number, lane.batch.take()))
    }

    /// A lane's batch has landed after this time; its buffers are used again.
    pub(super) fn landed(&mut self, lane: usize, batch: Option<WriteBatch>, took: Duration) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.flying = false;
        if let Some(batch) = batch {
            self.sizing.landed(batch.operation_count(), took);
            self.limits.operations = self.sizing.operations();
            lane.batch.recycle(batch);
        }
        if self.are_empty() && !self.are_flying() {
            (1..).zip(&mut self.lanes).for_each(|(parts, lane)| lane.parts = parts);
        }
    }

    fn lane(&mut self, route: Route, key: &[u8]) -> Option<&mut Lane> {
        let index = match route {
            Route::One(index) => index,
            Route::Free => self.free_lane(),
            Route::ByKey => {
                self.are_free = false;
                self.pick(self.hasher.hash_one(key))
            }
        };
        self.lanes.get_mut(index)
    }

    /// The lane whose batch is being filled with rows of the first copy. The next batch is begun on a lane that could
    /// send it at once, if there is one.
    fn free_lane(&mut self) -> usize {
        self.are_free = true;
        let is_full = |lane: &Lane| lane.is_full(&self.limits);
        let is_begun = |lane: &Lane| !lane.batch.is_empty() && !is_full(lane);
        if !self.lanes.get(self.filling).is_some_and(is_begun) {
            let idle = self.lanes.iter().position(|lane| !lane.flying && !is_full(lane));
            let next = idle.or_else(|| self.lanes.iter().position(|lane| !is_full(lane)));
            self.filling = next.unwrap_or(self.filling);
        }
        self.filling
    }

    fn pick(&self, hash: u64) -> usize {
        let count = as_u64(self.limits.lanes);
        usize::try_from(hash % count).unwrap_or(0)
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        state::State,
        table::TableName,
        write::{Identity, OperationKind},
    };

    fn collection() -> Collection {
        Collection { database: "shop".into(), name: "orders".into() }
    }

    fn push(lanes: &mut Lanes, route: Route, key: u8, origin: &Origin) {
        let target = Arc::new(Target { collection: collection(), identity: Identity::Id });
        let table = Arc::new(TableSchema::named(TableName::new("shop", "orders")));
        let write = Write { kind: OperationKind::Replace, filter: &[key], document: b"d" };
        lanes.push(route, &target, &table, write, origin);
    }

    fn rested(count: usize, operations: usize) -> Lanes {
        Lanes::new(BatchConfig { lanes: count, operations, ..BatchConfig::default() })
    }

    /// Lanes that have all flown since the last rest.
    fn lanes(count: usize, operations: usize) -> Lanes {
        let mut lanes = rested(count, operations);
        lanes.lanes.iter_mut().for_each(|lane| lane.parts = count);
        lanes
    }

    fn counts(lanes: &Lanes) -> Vec<usize> {
        lanes.lanes.iter().map(|lane| lane.batch.operation_count()).collect()
    }

    #[test]
    fn a_key_keeps_to_its_lane_and_keys_are_spread() {
        let mut lanes = lanes(4, 1000);
        for _ in 0..2 {
            (0..200).for_each(|key| push(&mut lanes, Route::ByKey, key, &Origin::Snapshot));
        }
        let counts = counts(&lanes);
        assert_eq!(counts.iter().sum::<usize>(), 200, "the second change folds into the first");
        assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    }

    #[test]
    fn a_collection_with_unique_indexes_keeps_to_one_lane() {
        let mut lanes = lanes(4, 1000);
        let route = lanes.one_for(&collection());
        (0..200).for_each(|key| push(&mut lanes, route, key, &Origin::Snapshot));
        assert_eq!(counts(&lanes).iter().filter(|count| **count > 0).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_waits_for_company_while_a_batch_flies_but_not_for_ever() {
        let mut lanes = lanes(2, 3);
        let mut ledger = Ledger::new(State::default());
        let route = |lane| Route::One(lane);
        push(&mut lanes, route(0), 1, &Origin::Snapshot);
        lanes.enter_opened(&mut ledger);
        assert_eq!(lanes.due(Supply::More), None);
        assert_eq!(lanes.due(Supply::Nothing), Some(0));
        assert_eq!(lanes.depart(0).map(|(number, _)| number), Some(0));
        push(&mut lanes, route(1), 2, &Origin::Snapshot);
        lanes.enter_opened(&mut ledger);
        assert_eq!(lanes.due(Supply::Nothing), None);
        tokio::time::sleep_until(lanes.deadline().unwrap()).await;
        assert_eq!(lanes.due(Supply::More), Some(1));
        push(&mut lanes, route(0), 3, &Origin::Snapshot);
        assert_eq!(lanes.depart(1).map(|(number, _)| number), Some(1));
        assert_eq!(lanes.due(Supply::Blocked), None, "both are on their way");
        lanes.landed(0, None, Duration::ZERO);
        assert!(lanes.are_flying() && !lanes.are_empty());
    }

    #[test]
    fn nobody_knows_where_the_next_change_goes_so_a_full_lane_sends_all() {
        let mut lanes = lanes(2, 2);
        let mut ledger = Ledger::new(State::default());
        push(&mut lanes, Route::One(1), 1, &Origin::Snapshot);
        push(&mut lanes, Route::One(0), 2, &Origin::Snapshot);
        lanes.enter_opened(&mut ledger);
        assert!(lanes.take(Route::One(0)));
        push(&mut lanes, Route::One(1), 3, &Origin::Snapshot);
        assert!(!lanes.take(Route::ByKey) && !lanes.take(Route::One(0)));
        assert_eq!(lanes.due(Supply::Blocked), Some(0));
        assert!(lanes.depart(0).is_some());
        assert_eq!(lanes.due(Supply::Blocked), Some(1));
    }

    /// How many rows a lane takes until its batch is full.
    fn room(lanes: &mut Lanes, ledger: &mut Ledger, lane: usize) -> usize {
        let begun = lanes.lanes[lane].batch.operation_count();
        let keys = (0..u8::MAX).take_while(|key| {
            let is_open = !lanes.lanes[lane].is_full(&lanes.limits);
            if is_open {
                push(lanes, Route::One(lane), *key, &Origin::Snapshot);
            }
            is_open
        });
        let count = keys.count();
        lanes.enter_opened(ledger);
        count - begun
    }

    #[test]
    fn after_a_rest_lanes_begin_one_after_the_other() {
        let mut lanes = rested(4, 8);
        let mut ledger = Ledger::new(State::default());
        for (lane, expected) in [(0, 2), (1, 4), (2, 6), (3, 8)] {
            assert_eq!(room(&mut lanes, &mut ledger, lane), expected);
            assert_eq!(lanes.due(Supply::Blocked), Some(lane));
            assert!(lanes.depart(lane).is_some());
        }
        assert_eq!(room(&mut lanes, &mut ledger, 0), 8);
        (1..4).for_each(|lane| lanes.landed(lane, None, Duration::ZERO));
        assert_eq!(room(&mut lanes, &mut ledger, 1), 8, "it goes on");
        for lane in [0, 1] {
            lanes.landed(lane, None, Duration::ZERO);
            assert!(lanes.depart(lane).is_some());
            lanes.landed(lane, None, Duration::ZERO);
        }
        assert_eq!(room(&mut lanes, &mut ledger, 1), 4, "it has rested");
    }

    /// Pushes rows of a copy as long as they are taken, and tells how many.
    fn copy(lanes: &mut Lanes, ledger: &mut Ledger, keys: std::ops::Range<u8>) -> usize {
        let taken = keys.take_while(|key| {
            let takes = lanes.take(Route::Free);
            if takes {
                push(lanes, Route::Free, *key, &Origin::Snapshot);
                lanes.enter_opened(ledger);
            }
            takes
        });
        taken.count()
    }

    #[test]
    fn a_copy_fills_one_batch_after_the_other() {
        let mut lanes = lanes(2, 4);
        let mut ledger = Ledger::new(State::default());
        assert_eq!(copy(&mut lanes, &mut ledger, 0..100), 4, "the full batch is to go first");
        assert_eq!(counts(&lanes), [4, 0]);
        assert_eq!(lanes.due(Supply::Blocked), Some(0));
        assert!(lanes.depart(0).is_some());
        assert_eq!(copy(&mut lanes, &mut ledger, 4..100), 4);
        assert_eq!(counts(&lanes), [0, 4], "on the lane that can send it");
        assert_eq!(lanes.due(Supply::Blocked), Some(1));
        assert!(lanes.depart(1).is_some());
        assert_eq!(copy(&mut lanes, &mut ledger, 8..100), 8);
        assert_eq!(counts(&lanes), [4, 4], "while those before fly");
        assert_eq!(lanes.due(Supply::Blocked), None);
        lanes.landed(1, None, Duration::ZERO);
        assert_eq!(lanes.due(Supply::Blocked), Some(1));
    }

    #[test]
    fn the_stream_waits_until_the_copy_has_landed() {
        let mut lanes = lanes(2, 4);
        let mut ledger = Ledger::new(State::default());
        assert_eq!(copy(&mut lanes, &mut ledger, 0..1), 1);
        assert!(!lanes.take(Route::ByKey));
        assert_eq!(lanes.due(Supply::Blocked), Some(0));
        assert!(lanes.depart(0).is_some());
        assert!(!lanes.take(Route::ByKey));
        lanes.landed(0, None, Duration::ZERO);
        assert!(lanes.take(Route::ByKey));
        push(&mut lanes, Route::ByKey, 1, &Origin::Snapshot);
        assert!(!lanes.take(Route::Free), "and a later copy for the stream");
    }
}
