use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::*;

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const OTHER: &str = "0e11fa47-71ca-11e1-9e33-c80aa9429562";

type Naive = BTreeSet<(u128, String, u64)>;

fn set(text: &str) -> GtidSet {
    text.parse().unwrap()
}

#[track_caller]
fn prints(input: &str, expected: &str) {
    assert_eq!(set(input).to_string(), expected);
}

#[test]
fn the_text_form_is_the_servers() {
    prints("", "");
    prints(&format!("{UUID}:1-5:7"), &format!("{UUID}:1-5:7"));
    prints(&format!(" {UUID} : 7 : 1 - 5 ,\n {OTHER}:3 ,"), &format!("{OTHER}:3,{UUID}:1-5:7"));
    prints(&format!("{}:1-3:4:6", UUID.to_uppercase()), &format!("{UUID}:1-4:6"));
    prints(&format!("{UUID}:tag_b:2:Tag_A:1-3:5"), &format!("{UUID}:tag_a:1-3:5:tag_b:2"));
    prints(&format!("{UUID}:tag:2,{UUID}:9"), &format!("{UUID}:9:tag:2"));
    prints(&format!("{}:1", UUID.replace('-', "")), &format!("{UUID}:1"));
}

#[test]
fn what_is_no_set_is_refused() {
    let numbers =
        ["0", "5-1", "x-1", "1-", "+1", "9223372036854775807", "-1", "", "tag", "tag:", "a:b:1"];
    for text in numbers.map(|number| format!("{UUID}:{number}")) {
        assert!(text.parse::<GtidSet>().is_err(), "{text}");
    }
    for text in ["x", UUID, "3e11fa47:1", "3e11fa4771ca-11e1-9e33-c80aa942-9562:1", "é:1"] {
        assert!(text.parse::<GtidSet>().is_err(), "{text}");
    }
    let long = format!("{UUID}:{}:1", "t".repeat(33));
    assert!(long.parse::<GtidSet>().is_err());
}

#[test]
fn a_gtid_is_one_transaction() {
    let gtid: Gtid = format!("{UUID}:Tag:7").parse().unwrap();
    assert_eq!((gtid.tag.as_str(), gtid.number), ("tag", 7));
    assert_eq!(gtid.to_string(), format!("{UUID}:tag:7"));
    assert!(format!("{UUID}:1-2").parse::<Gtid>().is_err());
    assert!("".parse::<Gtid>().is_err());
    let text = serde_json::to_string(&gtid).unwrap();
    assert_eq!(serde_json::from_str::<Gtid>(&text).unwrap(), gtid);
}

#[test]
fn a_set_is_kept_as_its_text() {
    let original = set(&format!("{UUID}:1-5:7:tag:1"));
    let text = serde_json::to_string(&original).unwrap();
    assert_eq!(text, format!("\"{UUID}:1-5:7:tag:1\""));
    assert_eq!(serde_json::from_str::<GtidSet>(&text).unwrap(), original);
}

#[test]
fn the_ends_of_the_number_range_do_not_overflow() {
    let all = set(&format!("{UUID}:1-{LAST_NUMBER}"));
    assert_eq!(all.count(), LAST_NUMBER);
    assert!(all.subtract(&all).is_empty());
    let mut edge = GtidSet::default();
    edge.insert_interval(0, "", Interval { first: 5, last: u64::MAX });
    edge.insert_interval(0, "", Interval { first: 1, last: 9 });
    assert_eq!(edge.parts().map(|(_, _, intervals)| intervals.iter().count()).sum::<usize>(), 1);
    assert!(edge.subtract(&edge).is_empty());
}

#[test]
fn filling_from_the_end_stays_fast() {
    let mut filled = GtidSet::default();
    for number in (1..=200_000).rev().step_by(2) {
        filled.insert(&Gtid { uuid: 1, tag: String::new(), number });
    }
    assert_eq!(filled.count(), 100_000);
}

fn gtid() -> impl Strategy<Value = Gtid> {
    (1_u128..3, prop_oneof![Just(""), Just("a"), Just("b_1")], 1_u64..40)
        .prop_map(|(uuid, tag, number)| Gtid { uuid, tag: tag.to_owned(), number })
}

fn both(gtids: &[Gtid]) -> (GtidSet, Naive) {
    let mut real = GtidSet::default();
    gtids.iter().for_each(|gtid| real.insert(gtid));
    (real, gtids.iter().map(|gtid| (gtid.uuid, gtid.tag.clone(), gtid.number)).collect())
}

fn expand(set: &GtidSet) -> Naive {
    set.parts()
        .flat_map(|(uuid, tag, intervals)| {
            let numbers: Vec<u64> =
                intervals.iter().flat_map(|interval| interval.first..=interval.last).collect();
            numbers.into_iter().map(move |number| (uuid, tag.to_owned(), number))
        })
        .collect()
}

proptest! {
    #[test]
    fn the_algebra_is_that_of_plain_sets(
        left in vec(gtid(), 0..80),
        right in vec(gtid(), 0..80),
        probe in gtid(),
    ) {
        let (left, left_naive) = both(&left);
        let (right, right_naive) = both(&right);
        prop_assert_eq!(&expand(&left), &left_naive);
        prop_assert_eq!(left.count(), left_naive.len() as u64);
        let is_in = left_naive.contains(&(probe.uuid, probe.tag.clone(), probe.number));
        prop_assert_eq!(left.contains(&probe), is_in);
        prop_assert_eq!(left.contains_set(&right), right_naive.is_subset(&left_naive));
        let rest = left.subtract(&right);
        prop_assert_eq!(expand(&rest), &left_naive - &right_naive);
        let mut joined = left.clone();
        joined.union(&right);
        prop_assert_eq!(expand(&joined), &left_naive | &right_naive);
        prop_assert!(joined.contains_set(&left) && joined.contains_set(&right));
        prop_assert_eq!(rest.is_empty(), left_naive.is_subset(&right_naive));
    }

    #[test]
    fn what_is_printed_is_read_back(gtids in vec(gtid(), 0..80)) {
        let (original, _) = both(&gtids);
        prop_assert_eq!(original.to_string().parse::<GtidSet>().unwrap(), original);
    }

    #[test]
    fn any_order_of_insertion_gives_the_same_set(mut gtids in vec(gtid(), 0..60)) {
        let (original, _) = both(&gtids);
        gtids.reverse();
        prop_assert_eq!(both(&gtids).0, original);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        prop_assert!(text.parse::<GtidSet>().map_or(true, |set| set.to_string().len() < 4096));
    }
}
