//! The plan of a table version: which column becomes which field by which codec, and what `_id` is.

use std::{collections::HashMap, sync::Arc};

use super::{
    codec::{self, Codec},
    issue::{PlanIssue, Problem},
    name,
    rules::{TableRules, same_name},
    stamp::Stamp,
};
use crate::{
    codec::element::tag,
    config::{IdRule, Keyless, TypesConfig, types::NullsAs},
    model::{
        finding::{Finding, Level},
        table::{Column, ColumnType, Key, TableSchema},
        write::{Identity, Target},
    },
};

/// The unique index on the key fields of a collection whose `_id` is the target's own.
const KEY_INDEX: &str = "binleaf_key";

/// How the rows of one table version become documents.
#[derive(Debug)]
pub struct Plan {
    schema: Arc<TableSchema>,
    target: Arc<Target>,
    issues: Vec<PlanIssue>,
    pub(super) columns: Vec<ColumnPlan>,
    pub(super) shape: Shape,
}

/// What the identity of a document is made of.
#[derive(Debug)]
pub(super) enum Shape {
    /// `_id` is the key's one column.
    Scalar,
    /// `_id` is a sub-document; its fields' names as C strings, in index order.
    Composite(Vec<Box<[u8]>>),
    /// The target makes `_id`; these fields of the body are the identity.
    Fields(Vec<Box<[u8]>>),
    /// `_id` is a hash of the row. `apart`: some column's body form may be alike for two values, so that the hash is
    /// of the lossless forms.
    Hash { apart: bool },
}

impl Shape {
    /// How many columns are told as parts of the key.
    pub(super) fn parts(&self) -> usize {
        match self {
            Self::Scalar => 1,
            Self::Composite(names) | Self::Fields(names) => names.len(),
            Self::Hash { .. } => 0,
        }
    }
}

/// What becomes of a column.
#[derive(Debug)]
pub(super) struct ColumnPlan {
    /// Its field; `None` for a hidden key and for the `_id` that is the key.
    pub(super) field: Option<Field>,
    /// Its part in the key.
    pub(super) part: Option<Part>,
    /// How it is told where rows are told apart by all columns.
    pub(super) lossless: Option<Codec>,
}

/// A field of the body.
#[derive(Debug)]
pub(super) struct Field {
    /// What its element begins with: the type byte's place and the name as a C string.
    pub(super) head: Stamp,
    pub(super) codec: Codec,
    /// Whether SQL NULL is no field.
    pub(super) omits_null: bool,
}

impl Field {
    /// Its name.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.head.bytes().get(1..)?.strip_suffix(b"\0")
    }
}

/// A column's part in the key.
#[derive(Debug)]
pub(super) struct Part {
    /// The place in index order.
    pub(super) place: usize,
    pub(super) codec: Codec,
}

impl Plan {
    /// Compiles the plan of a table version.
    ///
    /// # Errors
    /// All that is told of the table, when any of it has [`Level::Error`] or the settings leave the table out.
    pub fn compile(schema: Arc<TableSchema>, rules: &TableRules) -> Result<Self, Vec<PlanIssue>> {
        let mut draft = Draft { schema: &schema, rules, problems: Vec::new() };
        let parts = draft.parts();
        let issue = |problem| PlanIssue { table: schema.name.clone(), problem };
        let refused = |problem: &Problem| {
            problem.level() == Level::Error || matches!(problem, Problem::Skipped)
        };
        let Some(parts) = parts.filter(|_| !draft.problems.iter().any(refused)) else {
            draft.tell_the_rest();
            return Err(draft.problems.into_iter().map(issue).collect());
        };
        Ok(Self {
            target: Arc::new(Target {
                collection: rules.collection.clone(),
                identity: parts.identity,
            }),
            issues: draft.problems.into_iter().map(issue).collect(),
            columns: parts.columns,
            shape: parts.shape,
            schema,
        })
    }

    /// The table version.
    #[must_use]
    pub const fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// Where its rows go.
    #[must_use]
    pub const fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Whether rows are told apart by a hash of all columns, so that equal rows share a document.
    #[must_use]
    pub const fn is_keyless(&self) -> bool {
        matches!(self.shape, Shape::Hash { .. })
    }

    /// Whether a document may lack fields of columns that are NULL, so that setting some fields does not tell where they
    /// belong.
    #[must_use]
    pub fn omits_nulls(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.field.as_ref().is_some_and(|field| field.omits_null))
    }

    /// What is told of the table although it can be mapped.
    #[must_use]
    pub fn issues(&self) -> &[PlanIssue] {
        &self.issues
    }

    /// The same as `check` tells it.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.issues.iter().map(Finding::from)
    }
}

struct Draft<'a> {
    schema: &'a TableSchema,
    rules: &'a TableRules,
    problems: Vec<Problem>,
}

struct Parts {
    columns: Vec<ColumnPlan>,
    shape: Shape,
    identity: Identity,
}

impl<'a> Draft<'a> {
    /// All parts of the plan; `None` where there is none, the reason being among the problems.
    fn parts(&mut self) -> Option<Parts> {
        self.check_target();
        self.check_types();
        let key = self.key();
        self.check_digits(key);
        let names = self.field_names(key);
        let shape = self.shape(key, &names);
        let mut columns = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            columns.push(self.column(index, name.as_deref(), key, &shape));
        }
        let identity = match (&shape, key) {
            (Shape::Fields(_), Some(key)) => {
                let fields = key.columns.iter().map(|part| named(&names, part.column)).collect();
                Identity::Fields { fields, index: KEY_INDEX.to_owned() }
            }
            _ => Identity::Id,
        };
        Some(Parts { columns: columns.into_iter().collect::<Option<_>>()?, shape, identity })
    }

    /// A table left out for its missing key needs no other complaint.
    fn tell_the_rest(&mut self) {
        if self.problems.contains(&Problem::Skipped) {
            self.problems.retain(|problem| matches!(problem, Problem::Skipped));
        }
    }

    fn check_target(&mut self) {
        let collection = &self.rules.collection;
        for (name, reason) in [
            (&collection.database, name::database_problem(&collection.database)),
            (&collection.name, name::collection_problem(&collection.name)),
        ] {
            if let Some(reason) = reason {
                self.problems.push(Problem::TargetName { name: name.clone(), reason });
            }
        }
        if self.schema.name.table.contains('$') {
            let collection = collection.name.clone();
            self.problems.push(Problem::CollectionRenamed { collection });
        }
    }

    /// Tells of settings of columns that do nothing.
    fn check_types(&mut self) {
        let rules = &self.rules.types;
        for (name, patch) in rules.columns.iter().filter(|_| rules.by_name) {
            let Some(column) =
                self.schema.columns.iter().find(|column| same_name(&column.name, name))
            else {
                self.problems.push(Problem::UnknownColumn { column: name.clone() });
                continue;
            };
            for setting in patch.said().filter(|setting| !codec::applies(setting, &column.kind)) {
                let column = column.name.clone();
                self.problems.push(Problem::IdleSetting { column, setting });
            }
        }
    }

    /// Tells of moments that lose digits outside of the key, which keeps them.
    fn check_digits(&mut self, key: Option<&Key>) {
        let is_part =
            |index| key.is_some_and(|key| key.columns.iter().any(|part| part.column == index));
        let columns = self.schema.columns.iter().enumerate();
        let cut: Vec<&str> = columns
            .filter(|(index, column)| {
                !is_part(*index)
                    && codec::cuts_digits(&column.kind, &self.rules.types.of(&column.name))
            })
            .map(|(_, column)| column.name.as_str())
            .collect();
        if !cut.is_empty() {
            self.problems.push(Problem::CutDigits { columns: cut.join(", ") });
        }
    }

    /// Whether two values of the column may be told alike in the body.
    fn has_alike(&self, column: &Column) -> bool {
        let types = self.rules.types.of(&column.name);
        Codec::lossless(&column.kind, &types) != Codec::body(&column.kind, &types)
    }

    /// The key that tells rows apart.
    fn key(&mut self) -> Option<&'a Key> {
        let problem = match &self.rules.id {
            IdRule::Columns(names) => return self.chosen_key(names),
            IdRule::PrimaryKey | IdRule::ObjectId if self.schema.key.is_some() => {
                return self.schema.key.as_ref();
            }
            IdRule::ObjectId => Problem::ObjectIdWithoutKey,
            IdRule::PrimaryKey => match self.rules.keyless {
                Keyless::Hash => Problem::Hashed,
                Keyless::Skip => Problem::Skipped,
                Keyless::Stop => Problem::Stopped,
            },
        };
        self.problems.push(problem);
        None
    }

    /// The unique key on just the named columns.
    fn chosen_key(&mut self, names: &[String]) -> Option<&'a Key> {
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            match self.schema.column_index(name) {
                Some(index) => wanted.push(index),
                None => self.problems.push(Problem::UnknownKeyColumn { column: name.clone() }),
            }
        }
        wanted.sort_unstable();
        let found = self.schema.unique_keys.iter().chain(&self.schema.key).find(|key| {
            let mut columns: Vec<usize> = key.columns.iter().map(|part| part.column).collect();
            columns.sort_unstable();
            columns == wanted
        });
        if found.is_none() {
            self.problems.push(Problem::NoUniqueIndex { columns: names.join(", ") });
        }
        found
    }

    /// The field of each column; `None` for a column that is no field.
    fn field_names(&mut self, key: Option<&Key>) -> Vec<Option<String>> {
        let by_fields = self.rules.id == IdRule::ObjectId;
        let hidden = |index| {
            !by_fields
                && self.schema.key.as_ref().is_some_and(|key| {
                    key.hidden && key.columns.iter().any(|part| part.column == index)
                })
        };
        let is_the_id = |index: usize, column: &Column| {
            let only =
                key.is_some_and(|key| matches!(&key.columns[..], [part] if part.column == index));
            column.name == "_id" && only && !by_fields
        };
        let columns = self.schema.columns.iter().enumerate();
        let names: Vec<Option<String>> = columns
            .map(|(index, column)| {
                let is_field = !hidden(index) && !is_the_id(index, column);
                is_field.then(|| match column.name.as_str() {
                    "_id" => "_id_".to_owned(),
                    name => name::field(name).into_owned(),
                })
            })
            .collect();
        self.tell_names(&names);
        names
    }

    fn tell_names(&mut self, names: &[Option<String>]) {
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for (column, field) in self.schema.columns.iter().zip(names) {
            let Some(field) = field else { continue };
            if *field != column.name {
                let (column, field) = (column.name.clone(), field.clone());
                self.problems.push(Problem::FieldRenamed { column, field });
            }
            if let Some(first) = owners.insert(field, &column.name) {
                self.problems.push(Problem::SameField {
                    first: first.to_owned(),
                    second: column.name.clone(),
                    field: field.clone(),
                });
            }
        }
    }

    fn shape(&self, key: Option<&Key>, names: &[Option<String>]) -> Shape {
        let Some(key) = key else {
            let apart = self.schema.columns.iter().any(|column| self.has_alike(column));
            return Shape::Hash { apart };
        };
        let part_names = key.columns.iter().map(|part| {
            // A hidden key of several columns does not exist, so every part of a composite key has a field.
            c_string(&named(names, part.column))
        });
        match &key.columns[..] {
            _ if self.rules.id == IdRule::ObjectId => Shape::Fields(part_names.collect()),
            [_] => Shape::Scalar,
            _ => Shape::Composite(part_names.collect()),
        }
    }

    /// The plan of one column; `None` where it has none, which is told.
    fn column(
        &mut self,
        index: usize,
        field: Option<&str>,
        key: Option<&Key>,
        shape: &Shape,
    ) -> Option<ColumnPlan> {
        let schema = self.schema;
        let column = schema.columns.get(index)?;
        let types = self.rules.types.of(&column.name);
        let Some(body) = Codec::body(&column.kind, &types) else {
            self.tell_unsupported(column);
            return None;
        };
        let place = key.and_then(|key| key.columns.iter().position(|part| part.column == index));
        let part = match place {
            Some(place) => Some(Part { place, codec: self.key_codec(column, &types)? }),
            None => None,
        };
        // Where fields are the identity the body must tell rows apart as well as the filter does.
        let codec = match (&part, shape) {
            (Some(part), Shape::Fields(_)) => part.codec.clone(),
            _ => body,
        };
        let lossless = match shape {
            Shape::Hash { apart: true } => Codec::lossless(&column.kind, &types),
            _ => None,
        };
        let omits_null = types.nulls == NullsAs::Omit;
        let field = field.map(|name| Field {
            head: Stamp::new([&[tag::NULL][..], &c_string(name)].concat()),
            codec,
            omits_null,
        });
        Some(ColumnPlan { field, part, lossless })
    }

    fn key_codec(&mut self, column: &Column, types: &TypesConfig) -> Option<Codec> {
        if let Some(setting) = codec::merging(&column.kind, types) {
            let column = column.name.clone();
            self.problems.push(Problem::MergingSetting { column, setting });
        }
        if let ColumnType::Enum { labels } | ColumnType::Set { labels } = &column.kind {
            let mut sorted: Vec<&str> = labels.iter().map(String::as_str).collect();
            sorted.sort_unstable();
            // The empty text is what index 0 and the empty set are told as.
            let twice = sorted.windows(2).any(|pair| matches!(pair, [one, two] if one == two));
            if twice || sorted.contains(&"") {
                self.problems.push(Problem::AmbiguousLabels { column: column.name.clone() });
            }
        }
        let codec = Codec::key(&column.kind, types);
        if codec.is_none() {
            self.problems.push(Problem::UnusableKeyColumn { column: column.name.clone() });
        }
        codec
    }

    fn tell_unsupported(&mut self, column: &Column) {
        if let ColumnType::Unsupported { declared } = &column.kind {
            self.problems.push(Problem::Unsupported {
                column: column.name.clone(),
                declared: declared.clone(),
            });
        }
    }
}

fn named(names: &[Option<String>], column: usize) -> String {
    names.get(column).cloned().flatten().unwrap_or_default()
}

fn c_string(name: &str) -> Box<[u8]> {
    [name.as_bytes(), &[0]].concat().into_boxed_slice()
}
