//! Values out of reports, with a clock that the tests move.

use super::*;
use crate::{
    model::{alert::Limit, state::SyncType, write::WriteCounts},
    pipeline::{
        Handle,
        handle::{
            SnapshotProgress, TableStatus, Way, pending_record,
            runs::{RunKind, TableRun},
        },
    },
    runtime::channel::QueueGauge,
};

const MINUTE: Duration = Duration::from_secs(60);

fn report(polls: bool) -> Report {
    let handle = Handle::new(QueueGauge::default(), false, None);
    handle.set_way(Way { polls, reason: None }, MINUTE);
    let mut report = handle.report();
    report.phase = if polls { Phase::Idle } else { Phase::Streaming };
    report
}

fn with_letters(mut report: Report, diverged: u64) -> Report {
    let mut record = pending_record("orders".to_owned());
    record.sync_type = SyncType::Stream;
    report
        .tables
        .insert("orders".to_owned(), TableStatus { record, counts: Default::default(), diverged });
    report
}

fn rule(metric: Metric) -> Rule {
    Rule {
        name: "rule".to_owned(),
        metric,
        limit: Limit::Above(0.0),
        held: Duration::ZERO,
        clear_after: Duration::ZERO,
        severity: crate::model::alert::Severity::Error,
        of_stream: false,
    }
}

/// What a metric is at a moment, after that was noted.
fn look(memory: &mut Memory, metric: Metric, report: &Report, now: Instant) -> Option<String> {
    let seen = Seen { report, health: Health::default(), page: "", now };
    memory.note(&seen);
    memory.value(&rule(metric), &seen).map(|value| value.to_string())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn run(whole: bool, tables: &[(&str, bool)]) -> Run {
    let run = Run::begins("r".to_owned(), RunKind::Incremental);
    let mut run = if whole { run } else { run.of_some() };
    run.end = Some((run.start, MINUTE));
    for (name, is_well) in tables {
        let failed = Outcome::Failed { error: "no right".to_owned(), hint: None };
        let outcome = Some(if *is_well { Outcome::Success } else { failed });
        let (counts, took) = (WriteCounts::default(), MINUTE);
        let table = TableRun { kind: RunKind::Incremental, outcome, counts, took };
        run.tables.insert((*name).to_owned(), table);
    }
    run
}

#[test]
fn old_dead_letters_are_no_news_and_new_ones_are() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let mut grown = |diverged, phase| {
        let report = Report { phase, ..with_letters(report(false), diverged) };
        look(&mut memory, Metric::DeadLettersGrown, &report, now)
    };
    assert_eq!(grown(0, Phase::Starting), None, "nothing is loaded yet");
    assert_eq!(grown(7, Phase::CatchingUp), some("0"));
    assert_eq!(grown(9, Phase::Streaming), some("2"));
    assert_eq!(grown(4, Phase::Streaming), some("0"), "some were settled");
    assert_eq!(grown(5, Phase::Streaming), some("1"));
}

#[test]
fn lag_says_something_once_the_copy_is_whole_and_the_rule_of_streams_only_there() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    for phase in [Phase::Starting, Phase::Snapshot, Phase::CatchingUp, Phase::Failed] {
        let report = Report { phase, lag: MINUTE, ..report(false) };
        assert_eq!(look(&mut memory, Metric::LagSeconds, &report, now), None, "{phase:?}");
    }
    let streaming = Report { lag: MINUTE, ..report(false) };
    assert_eq!(look(&mut memory, Metric::LagSeconds, &streaming, now), some("60"));
    let polling = Report { lag: MINUTE, ..report(true) };
    assert_eq!(look(&mut memory, Metric::LagSeconds, &polling, now), some("60"));
    let seen = Seen { report: &polling, health: Health::default(), page: "", now };
    let of_stream = Rule { of_stream: true, ..rule(Metric::LagSeconds) };
    assert_eq!(memory.value(&of_stream, &seen), None);
}

#[test]
fn a_copy_that_does_not_move_is_idle_unless_it_is_paused() {
    let (mut memory, begin) = (Memory::default(), Instant::now());
    let mut idle = |seconds, rows_done, paused| {
        let snapshot = SnapshotProgress { rows_done, ..SnapshotProgress::default() };
        let report = Report { phase: Phase::Snapshot, snapshot, paused, ..report(false) };
        let now = begin + Duration::from_secs(seconds);
        look(&mut memory, Metric::SnapshotIdleSeconds, &report, now)
    };
    assert_eq!(idle(0, 10, false), some("0"));
    assert_eq!(idle(50, 10, false), some("50"));
    assert_eq!(idle(60, 11, false), some("0"));
    assert_eq!(idle(70, 11, true), None);
    assert_eq!(idle(90, 11, false), some("0"), "a pause is none of the copy's fault");
}

#[test]
fn a_table_is_overdue_after_three_intervals_of_a_schedule() {
    let (mut memory, begin) = (Memory::default(), Instant::now());
    let polling = report(true);
    memory.run_ended(&run(true, &[("a", true), ("b", true)]), begin);
    let overdue = |memory: &mut Memory, minutes: u32, report: &Report| {
        look(memory, Metric::TablesOverdue, report, begin + MINUTE * minutes)
    };
    assert_eq!(overdue(&mut memory, 0, &polling), some("0"));
    assert_eq!(overdue(&mut memory, 3, &polling), some("0"));
    assert_eq!(overdue(&mut memory, 4, &polling), some("2"));
    memory.run_ended(&run(true, &[("a", true), ("b", false)]), begin + MINUTE * 4);
    assert_eq!(overdue(&mut memory, 4, &polling), some("1"));
    memory.run_ended(&run(true, &[("a", true)]), begin + MINUTE * 5);
    assert_eq!(overdue(&mut memory, 5, &polling), some("0"), "b is gone");
    let paused = Report { paused: true, ..polling.clone() };
    assert_eq!(overdue(&mut memory, 60, &paused), None);
    assert_eq!(overdue(&mut memory, 61, &polling), some("0"), "it had no turn yet");
    assert_eq!(overdue(&mut memory, 65, &polling), some("1"));
}

#[test]
fn what_failed_fails_until_it_has_succeeded_itself() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let polling = report(true);
    let mut after = |run: &Run| {
        memory.run_ended(run, now);
        look(&mut memory, Metric::TablesFailing, &polling, now)
    };
    assert_eq!(after(&run(true, &[("a", true), ("b", false), ("c", false)])), some("2"));
    assert_eq!(
        after(&run(false, &[("a", true)])),
        some("2"),
        "a run of others says nothing of them"
    );
    assert_eq!(after(&run(false, &[("b", true)])), some("1"));
    assert_eq!(after(&run(true, &[("a", true), ("b", true)])), some("0"), "c is gone");
    let with_error = |error: &str| {
        let mut run = run(true, &[]);
        run.error = Some(error.to_owned());
        run
    };
    assert_eq!(after(&with_error("stopped")), some("0"));
    assert_eq!(after(&with_error("the source is away")), some("1"));
    assert_eq!(memory.run_error(), Some("the source is away"));
}

#[test]
fn retention_is_used_up_as_the_lag_grows() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let kept = Some(MINUTE * 60);
    let behind = Report { lag: MINUTE * 45, retention: kept, ..report(false) };
    assert_eq!(look(&mut memory, Metric::BinlogRetentionUsed, &behind, now), some("0.75"));
    let for_ever = Report { retention: None, ..behind };
    assert_eq!(look(&mut memory, Metric::BinlogRetentionUsed, &for_ever, now), None);
}

#[test]
fn counters_are_summed_over_their_labels() {
    let page = "# HELP binleaf_events_total x\nbinleaf_events_total{table=\"a b\",op=\"insert\"} 3\n\
                binleaf_events_total{table=\"c\",op=\"update\"} 4\nbinleaf_events_total_other 9\n\
                binleaf_retries_total 2\n";
    let report = report(false);
    let seen = Seen { report: &report, health: Health::default(), page, now: Instant::now() };
    let of = |metric| Memory::default().value(&rule(metric), &seen).map(|sum| sum.to_string());
    assert_eq!(of(Metric::EventsTotal), some("7"));
    assert_eq!(of(Metric::RetriesTotal), some("2"));
    assert_eq!(of(Metric::ErrorsTotal), some("0"));
}
