//! MariaDB's GTIDs and the position that they make (MariaDB manual, "Global Transaction ID").
//!
//! A domain is a stream of transactions in one order, whichever servers wrote them; so a position is the last
//! transaction of each domain, as `gtid_binlog_pos` has it, and not a set. Numbers grow within a domain: the server
//! gives each new transaction a higher one than any it has seen there, whatever its server id is.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{GtidError, cut};

/// The identifier of one transaction of MariaDB: `domain-server-sequence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainGtid {
    /// The replication domain (`gtid_domain_id`).
    pub domain: u32,
    /// The server that committed it first (`server_id`).
    pub server: u32,
    /// The number within the domain, from 1.
    pub sequence: u64,
}

/// The last transaction of each domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DomainPosition(BTreeMap<u32, DomainGtid>);

impl DomainPosition {
    /// Whether no transaction is covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the transaction is covered.
    #[must_use]
    pub fn contains(&self, gtid: &DomainGtid) -> bool {
        self.0.get(&gtid.domain).is_some_and(|last| last.sequence >= gtid.sequence)
    }

    /// Whether everything that the other position covers is covered here too.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|gtid| self.contains(gtid))
    }

    /// Moves over a transaction: it is its domain's last from here on, as the server itself has it.
    pub fn advance(&mut self, gtid: DomainGtid) {
        self.0.insert(gtid.domain, gtid);
    }

    /// The last transaction of a domain.
    #[must_use]
    pub fn last(&self, domain: u32) -> Option<DomainGtid> {
        self.0.get(&domain).copied()
    }

    /// Goes to a place in a domain, or to before its first transaction.
    pub fn go_to(&mut self, domain: u32, last: Option<DomainGtid>) {
        match last {
            Some(last) => self.advance(last),
            None => {
                self.0.remove(&domain);
            }
        }
    }

    /// The last transactions, by domain.
    pub fn iter(&self) -> impl Iterator<Item = &DomainGtid> {
        self.0.values()
    }

    /// How many transactions are covered that the other position does not cover, as far as the numbers tell: a domain
    /// may leave some out.
    #[must_use]
    pub fn ahead_of(&self, other: &Self) -> u64 {
        let ahead = |gtid: &DomainGtid| {
            let theirs = other.0.get(&gtid.domain).map_or(0, |last| last.sequence);
            gtid.sequence.saturating_sub(theirs)
        };
        self.iter().map(ahead).fold(0, u64::saturating_add)
    }
}

impl FromIterator<DomainGtid> for DomainPosition {
    /// Of several transactions of a domain the highest counts.
    fn from_iter<I: IntoIterator<Item = DomainGtid>>(gtids: I) -> Self {
        let mut position = Self::default();
        for gtid in gtids {
            if gtid.sequence > 0 && !position.contains(&gtid) {
                position.advance(gtid);
            }
        }
        position
    }
}

impl FromStr for DomainGtid {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || GtidError::Domain(cut(text));
        let mut parts = text.trim().split('-');
        let mut next = || parts.next().filter(|part| is_number(part)).ok_or_else(error);
        let domain = next()?.parse().map_err(|_| error())?;
        let server = next()?.parse().map_err(|_| error())?;
        let sequence = next()?.parse().map_err(|_| error())?;
        match parts.next() {
            None => Ok(Self { domain, server, sequence }),
            Some(_) => Err(error()),
        }
    }
}

/// The standard parser takes a plus sign, the server does not.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for DomainPosition {
    type Err = GtidError;

    /// Reads `0-1-42,1-7-3`. The number 0 stands for a domain that has no transaction yet.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let gtids: Vec<DomainGtid> = parts.map(str::parse).collect::<Result<_, _>>()?;
        let mut position = Self::default();
        for gtid in gtids {
            if position.0.insert(gtid.domain, gtid).is_some() {
                return Err(GtidError::DomainTwice(gtid.domain));
            }
        }
        position.0.retain(|_, gtid| gtid.sequence > 0);
        Ok(position)
    }
}

impl fmt::Display for DomainGtid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl fmt::Display for DomainPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, gtid) in self.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{gtid}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn position(text: &str) -> DomainPosition {
        text.parse().unwrap()
    }

    #[test]
    fn the_text_form_is_the_servers() {
        for (text, printed) in [
            ("", ""),
            ("0-1-42,1-7-3", "0-1-42,1-7-3"),
            (" 1-7-3 ,\n 0-1-42,", "0-1-42,1-7-3"),
            ("0-0-0", ""),
            (
                "4294967295-4294967295-18446744073709551615",
                "4294967295-4294967295-18446744073709551615",
            ),
        ] {
            assert_eq!(position(text).to_string(), printed, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "0-1",
            "0-1-2-3",
            "0-1-x",
            "-1-2",
            "+0-1-2",
            "0--1",
            "4294967296-1-1",
            "0-1-18446744073709551616",
            "0-1-2,0-1-3",
            "0 -1-2",
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:1",
            "é-1-2",
        ] {
            assert!(text.parse::<DomainPosition>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_domain_is_one_stream_whichever_server_wrote_it() {
        let mut reached = position("0-1-42,1-7-3");
        assert!(reached.contains(&"0-1-42".parse().unwrap()));
        assert!(reached.contains(&"0-9-41".parse().unwrap()));
        assert!(!reached.contains(&"0-1-43".parse().unwrap()));
        assert!(!reached.contains(&"2-1-1".parse().unwrap()));
        reached.advance("0-9-43".parse().unwrap());
        reached.advance("2-1-1".parse().unwrap());
        assert_eq!(reached.to_string(), "0-9-43,1-7-3,2-1-1");
        assert!(reached.contains_all(&position("0-1-43,2-1-1")));
        assert!(reached.contains_all(&position("")));
        assert!(!position("").contains_all(&reached));
    }

    #[test]
    fn the_distance_is_the_sum_over_the_domains() {
        let reached = position("0-1-42,1-7-3");
        assert_eq!(position("0-1-50,1-7-3,4-1-2").ahead_of(&reached), 10);
        assert_eq!(reached.ahead_of(&position("0-1-50,1-7-3")), 0);
    }

    #[test]
    fn of_a_binlog_state_the_highest_of_each_domain_counts() {
        let state = ["0-99-13", "0-27720-18", "7-27720-1", "7-99-2"];
        let of: DomainPosition = state.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(of, position("0-27720-18,7-99-2"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(gtids in vec((0_u32..9, 1_u32.., 1_u64..), 0..20)) {
            let original: DomainPosition = gtids
                .iter()
                .map(|(domain, server, sequence)| DomainGtid {
                    domain: *domain,
                    server: *server,
                    sequence: *sequence,
                })
                .collect();
            prop_assert_eq!(position(&original.to_string()), original);
        }

        #[test]
        fn moving_on_in_order_covers_everything_passed(numbers in vec((0_u32..4, 1_u32..4), 1..60)) {
            let (mut reached, mut passed, mut next) = (DomainPosition::default(), Vec::new(), [0_u64; 4]);
            for (domain, server) in numbers {
                let last = &mut next[domain as usize];
                *last += 1;
                let gtid = DomainGtid { domain, server, sequence: *last };
                prop_assert!(!reached.contains(&gtid));
                reached.advance(gtid);
                passed.push(gtid);
            }
            prop_assert!(passed.iter().all(|gtid| reached.contains(gtid)));
            prop_assert_eq!(reached.ahead_of(&DomainPosition::default()), passed.len() as u64);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            prop_assert!(text.parse::<DomainPosition>().map_or(true, |position| position.to_string().len() < 4096));
        }
    }
}
