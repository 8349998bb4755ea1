//! How many operations a batch should have, found by what the target's answers cost.
//!
//! A target has costs of its own for each batch and for each operation, and at some size it gets slower again; none of
//! this is known beforehand, and it changes. So sizes are tried: a few full batches of one size, then of the sizes next
//! to it, each twice or half of the other. The cheapest is kept, its neighbours are tried anew now and then, and a size
//! whose batches keep others waiting for long is never the cheapest. Of two that cost the same the larger one is: fewer
//! commands are less work for whatever stands between here and the target's storage, which shares a machine with it or
//! with us, and less waiting for its disk.
//!
//! Only batches that were full count: what a smaller one costs says nothing, and on a quiet system there are none.

use std::time::Duration;

/// Sizes go from the configured one so many steps down, and so many up: beyond that hardly anything is gained, and a batch
/// and what is made of it on its way are held in memory.
const STEPS_DOWN: u32 = 3;
const STEPS_UP: u32 = 2;

/// The smallest size that is tried, unless a smaller one is configured.
const SMALLEST: usize = 50;

/// Batches of one size that are watched before it is judged again.
const WATCHED: usize = 8;

/// The same before it is judged for the first time: what nothing is known of should soon be known.
const FIRST_LOOK: usize = 4;

/// After so many judgements that of another size has aged.
const FRESH: u64 = 48;

/// What a smaller size must cost of the present one to be changed for: targets and machines are noisy, and what is lost by
/// a size that is a little too large is less than what is lost by wandering to the smallest.
const SMALLER: f64 = 0.9;

/// What a larger size may cost of the present one to be changed for.
const LARGER: f64 = 1.03;

/// A batch that takes longer than this holds up the changes behind it, and comes near to the limit of a write.
const SLOW: Duration = Duration::from_secs(1);

/// Finds the size.
#[derive(Debug)]
pub(super) struct Sizing {
    sizes: Vec<Size>,
    current: usize,
    /// Nanoseconds for an operation in the batches watched so far.
    watched: Vec<f64>,
    judgements: u64,
}

#[derive(Debug)]
struct Size {
    operations: usize,
    judgement: Option<Judgement>,
}

/// What an operation costs, in nanoseconds, and when that was found.
#[derive(Debug, Clone, Copy)]
struct Judgement {
    nanos: f64,
    number: u64,
}

impl Sizing {
    /// Begins at a size and finds its way from there.
    pub(super) fn around(operations: usize) -> Self {
        let smallest = operations.min(SMALLEST);
        let down = (0..STEPS_DOWN).map(|step| operations >> (STEPS_DOWN - step));
        let down: Vec<usize> = down.filter(|size| *size >= smallest).collect();
        let current = down.len();
        let up = (0..=STEPS_UP).map(|step| operations.saturating_mul(1 << step));
        let sizes = down.into_iter().chain(up);
        let sizes = sizes.map(|operations| Size { operations, judgement: None }).collect();
        Self { sizes, current, watched: Vec::with_capacity(WATCHED), judgements: 0 }
    }

    /// Stays at a size.
    pub(super) fn fixed(operations: usize) -> Self {
        let sizes = vec![Size { operations, judgement: None }];
        Self { sizes, current: 0, watched: Vec::new(), judgements: 0 }
    }

    /// The operations of a full batch now.
    pub(super) fn operations(&self) -> usize {
        self.sizes.get(self.current).map_or(1, |size| size.operations)
    }

    /// A batch of so many operations has landed after this time.
    pub(super) fn landed(&mut self, operations: usize, took: Duration) {
        if operations != self.operations() || self.sizes.len() == 1 {
            return;
        }
        let nanos = if took > SLOW { f64::INFINITY } else { took.as_secs_f64() * 1e9 };
        self.watched.push(nanos / u32::try_from(operations).map_or(f64::MAX, f64::from));
        let enough = if self.is_known(self.current) { WATCHED } else { FIRST_LOOK };
        if self.watched.len() >= enough {
            self.judge();
            self.current = self.next();
        }
    }

    /// The median of what was watched, with a share of what was known.
    fn judge(&mut self) {
        self.watched.sort_by(f64::total_cmp);
        let median = self.watched.get(self.watched.len() / 2).copied().unwrap_or(f64::INFINITY);
        self.watched.clear();
        self.judgements += 1;
        let number = self.judgements;
        if let Some(size) = self.sizes.get_mut(self.current) {
            let known = size.judgement.map(|judgement| judgement.nanos);
            let known = known.filter(|nanos| nanos.is_finite()).unwrap_or(median);
            size.judgement = Some(Judgement { nanos: f64::midpoint(known, median), number });
        }
    }

    /// The size to go on with: a neighbour that is known to be better, or one of which nothing recent is known.
    fn next(&self) -> usize {
        let here = self.nanos(self.current).unwrap_or(f64::INFINITY);
        let (up, down) = (self.current + 1, self.current.checked_sub(1));
        let neighbours = || [Some(up), down].into_iter().flatten();
        let bar = |place: usize| here * if place == up { LARGER } else { SMALLER };
        let is_better = |place: &usize| self.nanos(*place).is_some_and(|it| it < bar(*place));
        let cost = |place: &usize| self.nanos(*place).unwrap_or(f64::INFINITY);
        let best =
            neighbours().filter(is_better).min_by(|one, other| cost(one).total_cmp(&cost(other)));
        // What is slow is not made slower.
        let is_open = |place: &usize| (*place != up || here.is_finite()) && self.is_unknown(*place);
        best.or_else(|| neighbours().find(is_open)).unwrap_or(self.current)
    }

    fn is_known(&self, place: usize) -> bool {
        self.sizes.get(place).is_some_and(|size| size.judgement.is_some())
    }

    fn nanos(&self, place: usize) -> Option<f64> {
        self.sizes.get(place)?.judgement.map(|judgement| judgement.nanos)
    }

    fn is_unknown(&self, place: usize) -> bool {
        let is_old = |judgement: Judgement| self.judgements - judgement.number > FRESH;
        self.sizes.get(place).is_some_and(|size| size.judgement.is_none_or(is_old))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lets full batches land, each costing the target so many microseconds and so many nanoseconds an operation.
    fn land(sizing: &mut Sizing, batches: usize, micros: impl Fn(usize) -> f64) -> Vec<usize> {
        let sizes = (0..batches).map(|_| {
            let operations = sizing.operations();
            sizing.landed(operations, Duration::from_secs_f64(micros(operations) / 1e6));
            operations
        });
        sizes.collect()
    }

    fn share_of(sizes: &[usize], wanted: usize) -> usize {
        sizes.iter().filter(|size| **size == wanted).count() * 100 / sizes.len()
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn the_cheapest_size_is_found_and_found_again_when_the_target_changes() {
        let mut sizing = Sizing::around(1000);
        let dear_batches = |size: usize| 20_000.0 + 10.0 * size as f64;
        land(&mut sizing, 100, dear_batches);
        let sizes = land(&mut sizing, 1000, dear_batches);
        assert!(share_of(&sizes, 4000) > 95, "{sizes:?}");
        let dear_rows = |size: usize| 100.0 + (size as f64).powf(1.3);
        land(&mut sizing, 2000, dear_rows);
        let sizes = land(&mut sizing, 2000, dear_rows);
        assert!(share_of(&sizes, 125) + share_of(&sizes, 250) > 90, "{sizes:?}");
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn of_sizes_that_cost_the_same_the_largest_is_taken() {
        let mut sizing = Sizing::around(1000);
        let noisy = |size: usize| size as f64 * if size.is_multiple_of(2000) { 10.2 } else { 10.0 };
        land(&mut sizing, 50, noisy);
        let sizes = land(&mut sizing, 1000, noisy);
        assert!(share_of(&sizes, 4000) > 90, "{sizes:?}");
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn what_takes_long_is_made_smaller_though_it_be_cheaper() {
        let mut sizing = Sizing::around(1000);
        let slow = |size: usize| 100_000.0 + 1_000.0 * size as f64;
        land(&mut sizing, 200, slow);
        let sizes = land(&mut sizing, 500, slow);
        assert!(share_of(&sizes, 500) > 80, "{sizes:?}");
        let hopeless = |_: usize| 5e6;
        land(&mut sizing, 100, hopeless);
        assert_eq!(sizing.operations(), 125);
        land(&mut sizing, 5000, |_| 1000.0);
        assert!(sizing.operations() >= 4000, "{}", sizing.operations());
    }

    #[test]
    fn a_fixed_size_and_batches_that_were_not_full_change_nothing() {
        let mut fixed = Sizing::fixed(700);
        assert_eq!(share_of(&land(&mut fixed, 100, |_| 1.0), 700), 100);
        let mut sizing = Sizing::around(1000);
        for _ in 0..100 {
            sizing.landed(999, Duration::from_millis(1));
        }
        assert_eq!(sizing.operations(), 1000);
        assert_eq!(Sizing::around(1).operations(), 1);
        assert_eq!(Sizing::around(30).operations(), 30);
    }

    proptest! {
        #[test]
        fn a_size_stays_between_an_eighth_and_four_times_the_configured_one(
            operations in 1_usize..100_000,
            millis in proptest::collection::vec(0_u64..3000, 1..400),
        ) {
            let mut sizing = Sizing::around(operations);
            for millis in millis {
                let now = sizing.operations();
                prop_assert!(now >= operations / 8 && now <= operations * 4);
                prop_assert!(now >= operations.min(SMALLEST));
                sizing.landed(now, Duration::from_millis(millis));
            }
        }
    }
}
