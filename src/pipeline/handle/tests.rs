use super::*;

fn at(offset: u64) -> Position {
    Position { file: "binlog.000001".into(), offset, ..Position::default() }
}

fn handle() -> Handle {
    Handle::new(QueueGauge::default(), false, None)
}

#[test]
fn lag_is_zero_when_what_the_source_has_is_durable() {
    let handle = handle();
    handle.durable(Some(&at(10)), 1, true);
    handle.source_read(Instant::now(), at(10));
    assert_eq!(handle.report().lag, Duration::ZERO);
}

#[test]
fn lag_grows_from_the_last_moment_that_was_covered() {
    let handle = handle();
    handle.durable(Some(&at(10)), 1, true);
    let covered = Instant::now().checked_sub(Duration::from_secs(4)).unwrap();
    handle.shared.core.lock().unwrap().covered_at = covered;
    handle.source_read(covered, at(10));
    handle.source_read(Instant::now(), at(20));
    let lag = handle.report().lag;
    assert!(lag >= Duration::from_secs(4) && lag < Duration::from_secs(5), "{lag:?}");
    handle.durable(Some(&at(20)), 1, true);
    assert_eq!(handle.report().lag, Duration::ZERO);
}

#[test]
fn an_old_reading_is_no_proof_of_being_current() {
    let handle = handle();
    let old = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
    handle.shared.core.lock().unwrap().covered_at = old;
    handle.durable(Some(&at(10)), 1, true);
    handle.source_read(old, at(10));
    assert!(handle.report().lag >= Duration::from_secs(20));
}

#[test]
fn the_position_is_hidden_until_the_copy_is_consistent() {
    let handle = handle();
    handle.durable(Some(&at(10)), 1, false);
    assert_eq!(handle.report().position, None);
    handle.durable(Some(&at(10)), 1, true);
    assert_eq!(handle.report().position, Some(at(10)));
}
