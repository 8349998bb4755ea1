//! What is to be measured, and how much of it.

use serde::Serialize;

/// What rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// Twelve columns, some 300 bytes a row.
    Narrow,
    /// The same and three long texts, some 10 KB a row.
    Wide,
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    Snapshot,
    Inserts,
    Updates,
    Deletes,
    Mix,
}

/// One ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Job {
    pub work: Work,
    pub width: Width,
}

/// How much of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Size {
    pub rows: u64,
    /// None in a snapshot.
    pub changes: u64,
    /// Each figure is the median of this many tries, binleaf and the bare driver in turn.
    pub rounds: usize,
}

/// How the bare driver writes: connections side by side, operations in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    pub connections: usize,
    pub batch: usize,
}

impl Shape {
    pub const fn new(connections: usize, batch: usize) -> Self {
        Self { connections, batch }
    }
}

impl Width {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::Wide => "wide",
        }
    }

    /// Tried for the best. Measured beforehand for narrow rows: a single connection, batches of 500 and more connections
    /// are slower. 3000 wide rows do not fit into a command, which holds 16 MB.
    pub const fn shapes(self) -> &'static [Shape] {
        const NARROW: [Shape; 3] = [Shape::new(2, 1000), Shape::new(2, 3000), Shape::new(4, 3000)];
        const WIDE: [Shape; 4] =
            [Shape::new(2, 100), Shape::new(2, 300), Shape::new(4, 300), Shape::new(2, 1000)];
        match self {
            Self::Narrow => &NARROW,
            Self::Wide => &WIDE,
        }
    }
}

impl Work {
    const ALL: [Self; 5] = [Self::Snapshot, Self::Inserts, Self::Updates, Self::Deletes, Self::Mix];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Inserts => "inserts",
            Self::Updates => "updates",
            Self::Deletes => "deletes",
            Self::Mix => "mix",
        }
    }

    /// Of ten changes so many are inserts, and so many updates; the others are deletes.
    pub const fn of_ten(self) -> (u64, u64) {
        match self {
            Self::Snapshot | Self::Inserts => (10, 0),
            Self::Updates => (0, 10),
            Self::Deletes => (0, 0),
            Self::Mix => (5, 4),
        }
    }
}

impl Job {
    fn all() -> impl Iterator<Item = Self> {
        let both = [Width::Narrow, Width::Wide];
        both.into_iter()
            .flat_map(|width| Work::ALL.into_iter().map(move |work| Self { work, width }))
    }

    pub fn name(self) -> String {
        format!("{}/{}", self.work.name(), self.width.name())
    }

    fn is(self, word: &str) -> bool {
        let is_backlog = self.work != Work::Snapshot;
        word == self.work.name()
            || word == self.width.name()
            || word == self.name()
            || (word == "backlog" && is_backlog)
    }

    /// So many that each try takes a few seconds, in the short form a tenth.
    pub const fn size(self, short: bool) -> Size {
        let (rows, changes) = match (self.work, self.width) {
            (Work::Snapshot, Width::Narrow) => (1_000_000, 0),
            (Work::Snapshot, Width::Wide) => (40_000, 0),
            (Work::Inserts, Width::Narrow) => (10_000, 500_000),
            (Work::Inserts, Width::Wide) => (1000, 24_000),
            (Work::Updates, Width::Narrow) => (150_000, 120_000),
            (Work::Updates, Width::Wide) => (15_000, 12_000),
            (Work::Deletes, Width::Narrow) => (400_000, 320_000),
            (Work::Deletes, Width::Wide) => (30_000, 24_000),
            (Work::Mix, Width::Narrow) => (400_000, 320_000),
            (Work::Mix, Width::Wide) => (20_000, 16_000),
        };
        match short {
            true => Size { rows: rows / 10, changes: changes / 10, rounds: 1 },
            false => Size { rows, changes, rounds: 3 },
        }
    }
}

/// Parts that are no ratios.
const OTHERS: [&str; 6] = ["nothing", "latency", "watched", "many", "huge", "soak"];

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub jobs: Vec<Job>,
    pub nothing: bool,
    pub latency: bool,
    pub watched: bool,
    pub many: bool,
    pub huge: bool,
    pub soak: bool,
    pub short: bool,
    pub publish: bool,
}

impl Plan {
    /// Everything, unless parts are named.
    pub fn of(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (flags, parts): (Vec<String>, Vec<String>) =
            arguments.partition(|argument| argument.starts_with("--"));
        let known =
            |word: &String| Job::all().any(|job| job.is(word)) || OTHERS.contains(&word.as_str());
        // Cargo adds `--bench`.
        let known_flag =
            |flag: &String| matches!(flag.as_str(), "--short" | "--publish" | "--bench");
        if let Some(unknown) = parts.iter().find(|part| !known(part)) {
            let others = OTHERS.join(", ");
            return Err(format!(
                "{unknown}? A part is snapshot, backlog, inserts, updates, deletes, mix, narrow, wide, one like mix/wide, {others}"
            ));
        }
        if let Some(unknown) = flags.iter().find(|flag| !known_flag(flag)) {
            return Err(format!("{unknown}? There are --short and --publish"));
        }
        let wanted =
            |of: &dyn Fn(&str) -> bool| parts.is_empty() || parts.iter().any(|part| of(part));
        let plan = Self {
            jobs: Job::all().filter(|job| wanted(&|part| job.is(part))).collect(),
            nothing: wanted(&|part| part == "nothing"),
            latency: wanted(&|part| part == "latency"),
            watched: wanted(&|part| part == "watched"),
            many: wanted(&|part| part == "many"),
            huge: wanted(&|part| part == "huge"),
            soak: wanted(&|part| part == "soak"),
            short: flags.iter().any(|flag| flag == "--short"),
            publish: flags.iter().any(|flag| flag == "--publish"),
        };
        match plan.publish && !parts.is_empty() {
            true => {
                Err("--publish needs all parts: what was not measured could not be told".to_owned())
            }
            false => Ok(plan),
        }
    }
}
