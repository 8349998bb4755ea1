//! When an alert is raised, told again and cleared. Pure: values and a clock in, transitions out.
//!
//! A rule whose value is past its limit is *suspected*; it is raised once that has lasted for as long as `held` says, with
//! no good value in between. A raised one is cleared once the value has been good for as long as `clear_after` says, with no
//! bad one in between. So a value that swings about its limit faster than that changes nothing. A value that is not known
//! says neither: what is suspected is forgotten, what is raised stays raised, and its recovery begins anew.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::model::alert::{Metric, Rule};

/// One moment by both clocks: durations are reckoned by the one that only goes forward, people read the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// The clock that only goes forward.
    pub(super) instant: Instant,
    /// The clock on the wall.
    pub(super) wall: SystemTime,
}

impl Moment {
    /// This one.
    #[must_use]
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }
}

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It begins.
    Raised,
    /// It lasts.
    Repeated,
    /// It has ended.
    Cleared,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transition {
    /// The rule.
    pub(super) rule: Arc<Rule>,
    /// What becomes of it.
    pub(super) turn: Turn,
    /// The value of its metric now.
    pub(super) value: f64,
    /// When the value was no longer good for the first time.
    pub(super) since: SystemTime,
    /// How long ago that is.
    pub(super) lasted: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Good,
    Suspected { since: Moment },
    Raised { since: Moment, told: Instant, good_since: Option<Instant> },
}

/// The rules and what became of each.
#[derive(Debug)]
pub(super) struct Machine {
    rules: Vec<(Arc<Rule>, State)>,
    repeat: Duration,
}

impl Machine {
    /// Nothing is raised yet. A `repeat` of zero is never.
    #[must_use]
    pub(super) fn new(rules: Vec<Rule>, repeat: Duration) -> Self {
        let rules = rules.into_iter().map(|rule| (Arc::new(rule), State::Good)).collect();
        Self { rules, repeat }
    }

    /// The rules.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(rule, _)| &**rule)
    }

    /// Whether an alert over this metric is raised.
    pub(super) fn is_raised(&self, metric: Metric) -> bool {
        let is_raised = |(rule, state): &(Arc<Rule>, State)| {
            rule.metric == metric && matches!(state, State::Raised { .. })
        };
        self.rules.iter().any(is_raised)
    }

    /// Looks at every rule's value; `None` where it is not known now.
    pub(super) fn look(
        &mut self,
        value_of: impl Fn(&Rule) -> Option<f64>,
        now: Moment,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for (rule, state) in &mut self.rules {
            let value = value_of(rule);
            let (next, turn) = next(*state, rule, value, self.repeat, now);
            if let (Some(turn), Some(value), Some(since)) = (turn, value, begin(*state, next)) {
                let lasted = now.instant.saturating_duration_since(since.instant);
                let rule = Arc::clone(rule);
                transitions.push(Transition { rule, turn, value, since: since.wall, lasted });
            }
            *state = next;
        }
        transitions
    }
}

/// When it began, by the state before or behind the transition.
const fn begin(before: State, behind: State) -> Option<Moment> {
    match (before, behind) {
        (State::Raised { since, .. }, _) | (_, State::Raised { since, .. }) => Some(since),
        _ => None,
    }
}

fn next(
    state: State,
    rule: &Rule,
    value: Option<f64>,
    repeat: Duration,
    now: Moment,
) -> (State, Option<Turn>) {
    match (state, value.map(|value| rule.limit.is_passed(value))) {
        (State::Raised { since, told, .. }, None) => {
            (State::Raised { since, told, good_since: None }, None)
        }
        (State::Raised { since, told, .. }, Some(true)) => still_bad(since, told, repeat, now),
        (State::Raised { since, told, good_since }, Some(false)) => {
            recovers(since, told, good_since.unwrap_or(now.instant), rule, now)
        }
        (State::Good, Some(true)) => suspected(now, rule, now),
        (State::Suspected { since }, Some(true)) => suspected(since, rule, now),
        (State::Good | State::Suspected { .. }, _) => (State::Good, None),
    }
}

fn suspected(since: Moment, rule: &Rule, now: Moment) -> (State, Option<Turn>) {
    if now.instant.saturating_duration_since(since.instant) < rule.held {
        return (State::Suspected { since }, None);
    }
    (State::Raised { since, told: now.instant, good_since: None }, Some(Turn::Raised))
}

fn still_bad(since: Moment, told: Instant, repeat: Duration, now: Moment) -> (State, Option<Turn>) {
    let is_due = !repeat.is_zero() && now.instant.saturating_duration_since(told) >= repeat;
    let told = if is_due { now.instant } else { told };
    (State::Raised { since, told, good_since: None }, is_due.then_some(Turn::Repeated))
}

fn recovers(
    since: Moment,
    told: Instant,
    good_since: Instant,
    rule: &Rule,
    now: Moment,
) -> (State, Option<Turn>) {
    if now.instant.saturating_duration_since(good_since) >= rule.clear_after {
        return (State::Good, Some(Turn::Cleared));
    }
    (State::Raised { since, told, good_since: Some(good_since) }, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::{Limit, Severity};

    /// A machine with one rule and a clock that the test moves.
    struct Bench {
        machine: Machine,
        now: Moment,
    }

    impl Bench {
        fn new(held: u64, clear_after: u64, repeat: u64) -> Self {
            let rule = Rule {
                name: "lag".to_owned(),
                metric: Metric::LagSeconds,
                limit: Limit::Above(60.0),
                held: Duration::from_secs(held),
                clear_after: Duration::from_secs(clear_after),
                severity: Severity::Error,
                of_stream: false,
            };
            let machine = Machine::new(vec![rule], Duration::from_secs(repeat));
            Self { machine, now: Moment::now() }
        }

        /// The same value once a second for so long; what was told, and at which second.
        fn see(&mut self, value: Option<f64>, seconds: u64) -> Vec<(u64, Turn)> {
            let mut told = Vec::new();
            for second in 0..seconds {
                let transitions = self.machine.look(|_| value, self.now);
                told.extend(transitions.iter().map(|transition| (second, transition.turn)));
                self.now.instant += Duration::from_secs(1);
                self.now.wall += Duration::from_secs(1);
            }
            told
        }
    }

    const BAD: Option<f64> = Some(75.0);
    const GOOD: Option<f64> = Some(1.0);

    #[test]
    fn it_is_raised_when_it_has_lasted_and_cleared_when_it_is_over_for_as_long() {
        let mut bench = Bench::new(30, 30, 0);
        assert_eq!(bench.see(GOOD, 100), []);
        assert_eq!(bench.see(BAD, 100), [(30, Turn::Raised)]);
        assert_eq!(bench.see(GOOD, 100), [(30, Turn::Cleared)]);
        assert_eq!(bench.see(BAD, 31), [(30, Turn::Raised)], "and it may come again");
    }

    #[test]
    fn what_swings_faster_than_that_changes_nothing() {
        let mut bench = Bench::new(30, 30, 0);
        for _ in 0..20 {
            assert_eq!(bench.see(BAD, 29), []);
            assert_eq!(bench.see(GOOD, 1), []);
        }
        assert_eq!(bench.see(BAD, 31), [(30, Turn::Raised)]);
        for _ in 0..20 {
            assert_eq!(bench.see(GOOD, 29), []);
            assert_eq!(bench.see(BAD, 1), []);
        }
        assert_eq!(bench.see(GOOD, 31), [(30, Turn::Cleared)]);
    }

    #[test]
    fn without_a_time_it_is_told_at_once() {
        let mut bench = Bench::new(0, 0, 0);
        assert_eq!(bench.see(BAD, 5), [(0, Turn::Raised)]);
        assert_eq!(bench.see(GOOD, 5), [(0, Turn::Cleared)]);
    }

    #[test]
    fn what_lasts_is_told_again_only_while_it_is_bad() {
        let mut bench = Bench::new(0, 60, 100);
        let told = [(0, Turn::Raised), (100, Turn::Repeated), (200, Turn::Repeated)];
        assert_eq!(bench.see(BAD, 250), told);
        assert_eq!(bench.see(GOOD, 59), [], "it recovers");
        assert_eq!(bench.see(BAD, 10), [(0, Turn::Repeated)], "it does not");
        let mut never = Bench::new(0, 60, 0);
        assert_eq!(never.see(BAD, 10_000), [(0, Turn::Raised)]);
    }

    #[test]
    fn what_is_not_known_neither_raises_nor_clears() {
        let mut bench = Bench::new(30, 30, 0);
        assert_eq!(bench.see(BAD, 20), []);
        assert_eq!(bench.see(None, 100), []);
        assert_eq!(bench.see(BAD, 31), [(30, Turn::Raised)], "it begins anew");
        assert_eq!(bench.see(GOOD, 20), []);
        assert_eq!(bench.see(None, 100), []);
        assert_eq!(bench.see(GOOD, 31), [(30, Turn::Cleared)], "its recovery too");
    }

    #[test]
    fn a_transition_tells_when_it_began_by_the_wall_and_how_long_by_the_other_clock() {
        let mut bench = Bench::new(30, 10, 0);
        let began = bench.now.wall;
        bench.see(BAD, 30);
        // The clock on the wall is put back an hour.
        bench.now.wall -= Duration::from_secs(3600);
        let raised = bench.machine.look(|_| BAD, bench.now);
        let raised = raised.first().unwrap();
        assert_eq!((raised.since, raised.lasted), (began, Duration::from_secs(30)));
        assert_eq!(raised.value.to_string(), "75");
        bench.see(GOOD, 10);
        let cleared = bench.machine.look(|_| GOOD, bench.now);
        assert_eq!(
            cleared.first().map(|told| (told.turn, told.since)),
            Some((Turn::Cleared, began))
        );
    }
}
