//! Messages of the stream to documents, under two opposite sets of settings at once.

use std::{
    io::Cursor,
    sync::{Arc, OnceLock},
};

use bson::Document;

use crate::{
    config::{Config, TypesConfig, types},
    mapping::{Mapped, Plan, RowMapper, RuleBook, Visitor},
    model::{
        change::{Absence, ChangeKind, Image, Message, RowVisitor, Rows},
        table::TableSchema,
        value::Value,
    },
};

/// How much came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Rows events.
    pub blocks: u64,
    /// Changes of rows.
    pub changes: u64,
    /// Bytes of documents and filters.
    pub bytes: u64,
    /// Marks.
    pub marks: u64,
}

/// Maps the rows of messages and checks that what comes of them is BSON.
#[derive(Debug, Default)]
pub struct Documents {
    plans: Option<Plans>,
    mappers: [RowMapper; 2],
    /// What came so far.
    pub counted: Counted,
    /// A line for each message and each change, with its documents in hexadecimal; kept where it is wanted.
    pub told: Option<Vec<String>>,
}

/// The plans of the table that rows came of last.
#[derive(Debug)]
struct Plans {
    table: Arc<TableSchema>,
    plans: [Option<Plan>; 2],
}

/// Shows a row to two mappings.
struct Both<'m>([Option<Visitor<'m>>; 2]);

impl RowVisitor for Both<'_> {
    fn cell(&mut self, image: Image, column: usize, value: Value<'_>) {
        self.0.iter_mut().flatten().for_each(|visitor| visitor.cell(image, column, value));
    }

    fn absent(&mut self, image: Image, column: usize, absence: Absence) {
        self.0.iter_mut().flatten().for_each(|visitor| visitor.absent(image, column, absence));
    }
}

impl Documents {
    /// Keeps what is told.
    #[must_use]
    pub fn telling() -> Self {
        Self { told: Some(Vec::new()), ..Self::default() }
    }

    /// Takes a message.
    pub fn take(&mut self, message: Message) {
        match message {
            Message::Rows(rows) => self.rows(rows),
            Message::SchemaChanged(changed) => {
                self.tell(|| format!("{} {:?}", changed.statement, changed.table.columns));
                Plans::compile(&changed.table);
            }
            Message::Mark(mark) => {
                self.counted.marks += 1;
                self.tell(|| format!("{mark:?}"));
            }
        }
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(line());
        }
    }

    fn rows(&mut self, mut rows: Rows) {
        self.counted.blocks += 1;
        let plans = match self.plans.take() {
            Some(plans) if Arc::ptr_eq(&plans.table, &rows.table) => plans,
            _ => Plans::compile(&rows.table),
        };
        while self.change(&plans, &mut rows) {}
        self.plans = Some(plans);
    }

    /// Maps the next change; false behind the last one.
    fn change(&mut self, plans: &Plans, rows: &mut Rows) -> bool {
        let [first, second] = &mut self.mappers;
        let [first_plan, second_plan] = &plans.plans;
        let mut both = Both([
            first_plan.as_ref().map(|plan| first.visitor(plan)),
            second_plan.as_ref().map(|plan| second.visitor(plan)),
        ]);
        let kind = match rows.block.next_change(&mut both) {
            Ok(Some(kind)) => kind,
            Ok(None) => return false,
            Err(fault) => {
                self.tell(|| format!("broken rows: {fault}"));
                return false;
            }
        };
        self.counted.changes += 1;
        for (mapper, plan) in self.mappers.iter_mut().zip(&plans.plans) {
            if let Some(plan) = plan {
                finish(mapper, plan, kind, &mut self.counted, &mut self.told);
            }
        }
        true
    }
}

fn finish(
    mapper: &mut RowMapper,
    plan: &Plan,
    kind: ChangeKind,
    counted: &mut Counted,
    told: &mut Option<Vec<String>>,
) {
    let mapped = mapper.finish(plan, kind);
    if let Some(told) = told {
        told.push(format!("{} {mapped:?}", kind.label()));
    }
    let (filter, document, replaced) = match mapped {
        Mapped::Write { filter, document, replaced, .. } => (filter, Some(document), replaced),
        Mapped::Set { filter, fields, .. } => (filter, Some(fields), None),
        Mapped::Reread { filter, replaced } => (filter, None, replaced),
        Mapped::Nothing | Mapped::Unknown { .. } => return,
        Mapped::Delete { filter } => (filter, None, None),
        Mapped::Rejected { filter, row, replaced, .. } => (filter, Some(row), replaced),
    };
    for bytes in [Some(filter), document, replaced].into_iter().flatten() {
        counted.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        check(bytes);
    }
}

/// Whether the bytes are a document, to its leaves.
///
/// # Panics
/// When they are not.
pub(super) fn check(bytes: &[u8]) {
    let mut reader = Cursor::new(bytes);
    let read = Document::from_reader(&mut reader);
    assert!(read.is_ok(), "no BSON: {:?}", read.err());
    assert_eq!(usize::try_from(reader.position()), Ok(bytes.len()), "bytes behind the document");
}

impl Plans {
    fn compile(table: &Arc<TableSchema>) -> Self {
        static RULES: OnceLock<[RuleBook; 2]> = OnceLock::new();
        let plan =
            |rules: &RuleBook| Plan::compile(Arc::clone(table), &rules.resolve(&table.name)).ok();
        let settings = || [Config::default(), opposite()].map(|config| RuleBook::new(&config));
        let [first, second] = RULES.get_or_init(settings);
        Self { table: Arc::clone(table), plans: [plan(first), plan(second)] }
    }
}

/// Settings under which every type is told the other way.
fn opposite() -> Config {
    let types = TypesConfig {
        tinyint1: types::Tinyint1As::Bool,
        decimal: types::DecimalAs::String,
        datetime: types::DatetimeAs::String,
        zero_date: types::ZeroDateAs::String,
        set: types::SetAs::String,
        binary: types::BinaryAs::Uuid,
        json: types::JsonAs::String,
        geometry: types::GeometryAs::Wkb,
        vector: types::VectorAs::Array,
        nulls: types::NullsAs::Omit,
    };
    Config { types, ..Config::default() }
}
