//! What becomes of the operations of one batch, round by round: pure bookkeeping, no I/O.
//!
//! A round is a set of commands. What the target says of each decides what the next round holds: inserts that found
//! their row become replaces; a command that failed as a whole is halved until the one document that it does not take
//! is alone; what another unique index refused is tried again once all else is written, as long as that helps.

use std::collections::{BTreeMap, HashSet};

use super::{
    codes::{Consequence, DUPLICATE_KEY},
    command::{self, Chunk, Limits, Place, Verb},
    compare::Looked,
    errors::{Problem, SinkError},
    reply::{Reply, WriteError},
};
use crate::model::write::{OperationKind, Rejection, WriteBatch, WriteCounts, WriteReport};

/// What came back for one command.
#[derive(Debug)]
pub(super) enum Answer {
    Reply(Reply),
    /// It failed as a whole, perhaps for the sake of one document.
    Suspect(Problem),
}

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Rounds<'a> {
    batch: &'a WriteBatch,
    limits: Limits,
    report: WriteReport,
    /// Commands that are due at once.
    due: Vec<Chunk>,
    /// Commands of which one document is suspected.
    suspects: Vec<Chunk>,
    /// Operations that failed alone once, by what was said.
    doubted: HashSet<Place>,
    /// Inserts that found their row.
    found: Vec<Place>,
    /// Operations that a unique index refused, with what it is called.
    refused: BTreeMap<Place, String>,
    /// How many were refused when all of these were last tried.
    refused_before: usize,
    on_suspicion: bool,
}

/// What a round is made of.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) chunks: Vec<Chunk>,
    /// The target must first show that it takes an ordinary document.
    pub(super) needs_canary: bool,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(batch: &'a WriteBatch, limits: Limits, looked: &Looked) -> Self {
        let cut = command::cut(batch, &limits, looked);
        let groups = 0..batch.groups.len();
        let counts =
            |group| WriteCounts { unchanged: looked.unchanged_of(group), ..WriteCounts::default() };
        let by_group = groups.map(counts).collect();
        Self {
            batch,
            limits,
            report: WriteReport { rejected: cut.rejected, by_group },
            due: cut.chunks,
            suspects: Vec::new(),
            doubted: HashSet::new(),
            found: Vec::new(),
            refused: BTreeMap::new(),
            refused_before: usize::MAX,
            on_suspicion: false,
        }
    }

    /// The next round; `None` when every operation is durable or rejected.
    pub(super) fn next(&mut self) -> Option<Round> {
        let found = std::mem::take(&mut self.found);
        self.queue(Verb::Replace, &found);
        let needs_canary = !self.suspects.is_empty();
        for chunk in std::mem::take(&mut self.suspects) {
            let (half, other) = chunk.halve();
            self.due.push(half);
            self.due.extend(other);
        }
        if self.due.is_empty() {
            self.try_refused_again();
        }
        let chunks = std::mem::take(&mut self.due);
        (!chunks.is_empty()).then_some(Round { chunks, needs_canary })
    }

    /// What became of the batch. The flag: some document was rejected for an error that the target may have had itself.
    pub(super) fn finish(self) -> (WriteReport, bool) {
        (self.report, self.on_suspicion)
    }

    /// Takes in what came back for a command.
    pub(super) fn take(&mut self, chunk: Chunk, answer: Answer) -> Result<(), SinkError> {
        match answer {
            Answer::Suspect(problem) => self.suspect(chunk, &problem),
            Answer::Reply(reply) => {
                if let Some(problem) = reply.concern {
                    return Err(SinkError::Target { doing: "confirm a write", problem });
                }
                self.count(&chunk, &reply);
                for error in reply.errors {
                    self.take_error(&chunk, error)?;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, chunk: &Chunk, reply: &Reply) {
        let mut counts = WriteCounts::default();
        match chunk.verb {
            Verb::Delete => counts.deleted = reply.count,
            Verb::Insert => counts.created = reply.count,
            Verb::Set => counts.updated = reply.count,
            Verb::Replace => {
                counts.created = reply.upserted;
                counts.updated = reply.count.saturating_sub(reply.upserted);
            }
        }
        if let Some(group) = self.report.by_group.get_mut(chunk.group) {
            *group += counts;
        }
    }

    fn take_error(&mut self, chunk: &Chunk, error: WriteError) -> Result<(), SinkError> {
        let unreadable = SinkError::Answer { doing: "write", field: "writeErrors" };
        let place = chunk.place(error.index).ok_or(unreadable)?;
        if let Some(duplicate) = error.duplicate {
            let group = self.batch.groups.get(place.group);
            let target = group.map(|group| &group.target);
            let is_identity = target.is_some_and(|target| duplicate.is_identity(&target.identity));
            if chunk.verb == Verb::Insert && is_identity {
                self.found.push(place);
            } else {
                self.refused.insert(place, duplicate.reason());
            }
            return Ok(());
        }
        let problem = error.problem;
        match problem.consequence {
            Consequence::Record => self.reject(place, &problem),
            Consequence::Suspect => {
                let alone = command::cut_some(self.batch, &self.limits, chunk.verb, &[place]);
                for chunk in alone.chunks {
                    self.suspect(chunk, &problem);
                }
            }
            Consequence::Transient | Consequence::Uncertain | Consequence::Fatal => {
                return Err(SinkError::Target { doing: "write", problem });
            }
        }
        Ok(())
    }

    /// A document that fails alone is tried a second time, after the target has taken an ordinary one.
    fn suspect(&mut self, chunk: Chunk, problem: &Problem) {
        let alone = if chunk.operations.len() == 1 { chunk.place(0) } else { None };
        match alone {
            Some(place) if !self.doubted.insert(place) => {
                self.on_suspicion = true;
                self.reject(place, problem);
            }
            _ => self.suspects.push(chunk),
        }
    }

    fn reject(&mut self, place: Place, problem: &Problem) {
        self.report.rejected.push(place.reject(problem.code, problem.text.clone()));
    }

    /// What a unique index refused goes again as long as the last time helped some of it.
    fn try_refused_again(&mut self) {
        let refused = std::mem::take(&mut self.refused);
        if refused.len() < self.refused_before {
            self.refused_before = refused.len();
            let places: Vec<Place> = refused.into_keys().collect();
            let sets_fields = |place: &Place| {
                let found = place.find(self.batch);
                found.is_some_and(|(_, operation)| operation.kind == OperationKind::Set)
            };
            let (sets, whole): (Vec<Place>, Vec<Place>) = places.into_iter().partition(sets_fields);
            self.queue(Verb::Replace, &whole);
            self.queue(Verb::Set, &sets);
        } else {
            let rejections =
                refused.into_iter().map(|(place, reason)| place.reject(DUPLICATE_KEY, reason));
            self.report.rejected.extend(rejections);
        }
    }

    fn queue(&mut self, verb: Verb, places: &[Place]) {
        let cut = command::cut_some(self.batch, &self.limits, verb, places);
        self.due.extend(cut.chunks);
        self.report.rejected.extend::<Vec<Rejection>>(cut.rejected);
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::sink::{reply, testing};

    fn answer(reply: &bson::Document) -> Answer {
        Answer::Reply(reply::parse(reply).unwrap())
    }

    fn taken(index: &str) -> bson::Document {
        let text = format!("Duplicate key violation on the requested collection: Index '{index}'");
        doc! { "n": 0, "writeErrors": [{ "index": 0, "code": 11000, "errmsg": text }] }
    }

    /// Runs the rounds against a target that answers by the command's verb and operations.
    fn play(batch: &WriteBatch, target: impl Fn(&Chunk) -> Answer) -> (WriteReport, usize) {
        let mut rounds = Rounds::new(batch, Limits::default(), &Looked::default());
        let mut count = 0;
        while let Some(round) = rounds.next() {
            count += 1;
            assert!(count < 50, "no end");
            for chunk in round.chunks {
                let answer = target(&chunk);
                rounds.take(chunk, answer).unwrap();
            }
        }
        (rounds.finish().0, count)
    }

    #[test]
    fn an_insert_that_finds_its_row_replaces_it() {
        let batch = testing::batch(&[testing::insert(1, "a")]);
        let (report, _) = play(&batch, |chunk| match chunk.verb {
            Verb::Insert => answer(&taken("_id_")),
            _ => answer(&doc! { "n": 1 }),
        });
        assert_eq!((report.totals().created, report.totals().updated), (0, 1));
        assert!(report.rejected.is_empty());
    }

    #[test]
    fn the_one_bad_document_of_a_thousand_is_found() {
        let batch =
            testing::batch(&(0..1000).map(|id| testing::replace(id, "x")).collect::<Vec<_>>());
        let (report, _) = play(&batch, |chunk| {
            if chunk.operations.contains(&617) {
                return Answer::Suspect(Problem::of_command(22, "InvalidBSON", "bad"));
            }
            answer(&doc! { "n": i64::try_from(chunk.operations.len()).unwrap() })
        });
        assert_eq!((report.totals().updated, report.rejected.len()), (999, 1));
        assert_eq!((report.rejected[0].operation, report.rejected[0].code), (617, 22));
    }

    #[test]
    fn a_value_that_stays_taken_is_rejected_by_the_name_of_its_index() {
        let batch = testing::batch(&[testing::insert(1, "a")]);
        let (report, rounds) = play(&batch, |_| answer(&taken("email_1")));
        assert_eq!(rounds, 2);
        assert_eq!(
            report.rejected[0].reason,
            "another document has the same value in the unique index email_1"
        );
    }

    #[test]
    fn a_value_that_is_given_back_in_the_same_batch_is_written() {
        let batch = testing::batch(&[testing::insert(1, "a"), testing::replace(2, "b")]);
        let done = std::cell::Cell::new(false);
        let (report, _) = play(&batch, |chunk| match (chunk.verb, done.get()) {
            (Verb::Insert, _) => answer(&taken("email_1")),
            (_, false) => {
                done.set(true);
                answer(&taken("email_1"))
            }
            (_, true) => answer(&doc! { "n": i64::try_from(chunk.operations.len()).unwrap() }),
        });
        assert!(report.rejected.is_empty());
        assert_eq!(report.totals().updated, 2);
    }

    #[test]
    fn fields_that_a_unique_index_refused_are_set_again_and_count_where_they_found_a_row() {
        let batch = testing::batch(&[testing::set(1, "a"), testing::replace(2, "b")]);
        let done = std::cell::Cell::new(false);
        let (report, _) = play(&batch, |chunk| match (chunk.verb, done.replace(true)) {
            (Verb::Replace, _) => answer(&doc! { "n": 1 }),
            (Verb::Set, false) => answer(&taken("email_1")),
            (Verb::Set, true) => answer(&doc! { "n": 0 }),
            (verb, _) => panic!("{verb:?}"),
        });
        assert!(report.rejected.is_empty());
        assert_eq!((report.totals().created, report.totals().updated), (0, 1));
    }

    #[test]
    fn a_target_that_stops_is_an_error_of_the_whole_batch() {
        let batch = testing::batch(&[testing::replace(1, "a")]);
        let mut rounds = Rounds::new(&batch, Limits::default(), &Looked::default());
        let chunk = rounds.next().unwrap().chunks.remove(0);
        let stopped =
            doc! { "n": 0, "writeErrors": [{ "index": 0, "code": 11600, "errmsg": "shutdown" }] };
        assert!(rounds.take(chunk, answer(&stopped)).is_err());
    }
}
