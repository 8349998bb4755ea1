//! What a table looked like right behind an ALTER TABLE that adds columns.
//!
//! The source can only be asked how a table looks now, which may be several statements later than the rows that come
//! next, and with `binlog_row_metadata = MINIMAL` those rows carry no names. So which columns came, and where, is read
//! from the statement; what they are is taken from the source's answer. A column that was altered once more since then
//! shows when the next table map is compared.

use super::{
    layout::{moved, versioning_among},
    token::Token,
};
use crate::model::table::{Column, TableSchema};

/// A column that a statement adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Added {
    name: String,
    place: Place,
}

#[cfg(test)]
impl Added {
    /// A column at the end.
    pub(super) fn last(name: &str) -> Self {
        Self { name: name.to_owned(), place: Place::Last }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Last,
    First,
    After(String),
}

/// What stands behind ADD where no column follows.
const NO_COLUMN: [&str; 10] = [
    "CHECK",
    "CONSTRAINT",
    "FOREIGN",
    "FULLTEXT",
    "INDEX",
    "KEY",
    "PARTITION",
    "PRIMARY",
    "SPATIAL",
    "UNIQUE",
];

/// The columns that the words behind an ADD bring, in order; none where it adds something else.
pub(super) fn added(words: &[Token<'_>]) -> Vec<Added> {
    if words.first().is_none_or(|word| word.is_any(&NO_COLUMN)) {
        return Vec::new();
    }
    let words = without(words, &["COLUMN"]);
    let words = without(words, &["IF", "NOT", "EXISTS"]);
    match words.split_first() {
        Some((Token::Symbol('('), list)) => listed(list),
        _ => defined(words).into_iter().collect(),
    }
}

/// The words behind these, or all where it does not begin with all of these.
fn without<'a, 'w>(words: &'a [Token<'w>], keywords: &[&str]) -> &'a [Token<'w>] {
    match words.split_at_checked(keywords.len()) {
        Some((first, rest))
            if first.iter().zip(keywords).all(|(word, keyword)| word.is(keyword)) =>
        {
            rest
        }
        _ => words,
    }
}

/// The columns between the brackets of `ADD (a INT, b INT, KEY (a))`; they all go to the end.
fn listed(words: &[Token<'_>]) -> Vec<Added> {
    let mut depth = 1_i32;
    let definitions = words.split(move |word| {
        match word {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        depth == 0 || depth == 1 && *word == Token::Symbol(',')
    });
    let columns =
        definitions.filter(|words| !words.first().is_some_and(|word| word.is_any(&NO_COLUMN)));
    let names = columns.filter_map(|words| words.first()?.name());
    names.map(|name| Added { name: name.to_owned(), place: Place::Last }).collect()
}

/// `name type … [FIRST | AFTER other]`.
fn defined(words: &[Token<'_>]) -> Option<Added> {
    let (name, rest) = words.split_first()?;
    let place = match rest {
        [_, .., after, other] if after.is("AFTER") => Place::After(other.name()?.to_owned()),
        [_, .., word] if word.is("FIRST") => Place::First,
        _ => Place::Last,
    };
    Some(Added { name: name.name()?.to_owned(), place })
}

/// The known schema with the added columns at their places, each as it is `now`; `None` where the table no longer has
/// one of them, or lacks what the statement names.
///
/// The places are found as the server finds them: one column after the other, each among those before it
/// (`mysql_prepare_alter_table` in sql/sql_table.cc).
pub(super) fn grown(
    known: &TableSchema,
    now: &TableSchema,
    added: &[Added],
) -> Option<TableSchema> {
    let mut columns = known.columns.iter().map(|column| as_now(column, now)).collect::<Vec<_>>();
    for new in added {
        // IF NOT EXISTS, or a schema that was found behind the statement.
        if find(&columns, &new.name).is_some() {
            continue;
        }
        let at = match &new.place {
            Place::Last => columns.len(),
            Place::First => 0,
            Place::After(other) => find(&columns, other)? + 1,
        };
        columns.insert(at, now.columns.get(find(&now.columns, &new.name)?)?.clone());
    }
    let default_of = |column: &Column| now.defaults.get(find(&now.columns, &column.name)?)?.clone();
    Some(TableSchema {
        defaults: match now.defaults.is_empty() {
            true => Vec::new(),
            false => columns.iter().map(default_of).collect(),
        },
        key: known.key.as_ref().and_then(|key| moved(key, known, &columns)),
        unique_keys: now.unique_keys.iter().filter_map(|key| moved(key, now, &columns)).collect(),
        versioning: versioning_among(known, &columns),
        foreign_keys: now.foreign_keys.clone(),
        estimated_rows: now.estimated_rows,
        engine: now.engine.clone(),
        columns,
        ..TableSchema::named(known.name.clone())
    })
}

/// A known column with what the server says of it now, unless it is another one by now.
fn as_now(column: &Column, now: &TableSchema) -> Column {
    let found = find(&now.columns, &column.name).and_then(|at| now.columns.get(at));
    let found = found.filter(|found| found.kind == column.kind).unwrap_or(column);
    Column { name: column.name.clone(), ..found.clone() }
}

/// Columns are told apart by their names in any case (MySQL manual, "Identifier Case Sensitivity").
fn find(columns: &[Column], name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    columns.iter().position(|column| column.name.to_lowercase() == name)
}

#[cfg(test)]
mod tests {
    use super::{super::token::Tokens, *};
    use crate::model::table::{ColumnDefault, ColumnType, Key, KeyColumn};

    fn added_by(text: &str) -> Vec<Added> {
        let tokens: Vec<Token<'_>> = Tokens::of(text).collect();
        added(&tokens)
    }

    fn behind(name: &str, other: &str) -> Added {
        Added { name: name.to_owned(), place: Place::After(other.to_owned()) }
    }

    #[test]
    fn columns_and_their_places_are_read() {
        for (text, expected) in [
            ("a int", vec![Added::last("a")]),
            ("COLUMN `a b` varchar(9) default 'after x'", vec![Added::last("a b")]),
            (
                "column if not exists a int first",
                vec![Added { name: "a".into(), place: Place::First }],
            ),
            ("a decimal(5,1) not null after `b c`", vec![behind("a", "b c")]),
            ("after int after first", vec![behind("after", "first")]),
            ("column after int", vec![Added::last("after")]),
            ("first int", vec![Added::last("first")]),
            ("period int", vec![Added::last("period")]),
            (
                "(a int, b enum('x,y',')'), key (a), c decimal(5,(2)))",
                ["a", "b", "c"].map(Added::last).to_vec(),
            ),
            ("column (a int)", vec![Added::last("a")]),
        ] {
            assert_eq!(added_by(text), expected, "{text}");
        }
    }

    #[test]
    fn indexes_and_constraints_are_no_columns() {
        for text in [
            "index (a)",
            "unique key u (a)",
            "constraint c check (a > 0)",
            "fulltext (a)",
            "primary key (a)",
            "",
        ] {
            assert!(added_by(text).is_empty(), "{text}");
        }
    }

    fn table(columns: &[(&str, ColumnType)]) -> TableSchema {
        let (names, kinds): (Vec<&str>, Vec<ColumnType>) = columns.iter().cloned().unzip();
        let mut table = TableSchema::of_kinds("t", &kinds);
        for (column, name) in table.columns.iter_mut().zip(names) {
            column.name = name.to_owned();
        }
        table
    }

    fn names(table: &TableSchema) -> Vec<&str> {
        table.columns.iter().map(|column| column.name.as_str()).collect()
    }

    const INT: ColumnType = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
    const BIG: ColumnType = ColumnType::Int { bytes: 8, unsigned: false, boolean: false };

    /// A table of two columns that the source has altered three times since.
    fn later() -> TableSchema {
        let mut later = table(&[("z", INT), ("ID", INT), ("A", BIG), ("v", INT), ("b", INT)]);
        later.defaults = vec![None, None, Some(ColumnDefault::Null), None, None];
        later
    }

    #[test]
    fn only_what_the_statement_adds_comes() {
        let mut known = table(&[("id", INT), ("v", INT)]);
        known.key = Some(Key {
            index: "PRIMARY".to_owned(),
            columns: vec![KeyColumn { column: 0, descending: false }],
            hidden: false,
        });
        let first = grown(&known, &later(), &[behind("a", "Id")]).unwrap();
        assert_eq!(names(&first), ["id", "A", "v"]);
        assert_eq!(first.columns[1].kind, BIG);
        assert_eq!(first.defaults, [None, Some(ColumnDefault::Null), None]);
        let second = grown(&first, &later(), &added_by("z int first")).unwrap();
        assert_eq!(names(&second), ["z", "id", "A", "v"]);
        assert_eq!(second.key.as_ref().map(|key| key.columns[0].column), Some(1));
    }

    #[test]
    fn a_column_that_is_there_is_not_added_again() {
        let again = grown(&later(), &later(), &added_by("if not exists a int")).unwrap();
        assert_eq!(names(&again), names(&later()));
    }

    #[test]
    fn what_the_source_no_longer_has_is_not_guessed() {
        let known = table(&[("id", INT)]);
        assert_eq!(grown(&known, &later(), &added_by("gone int")), None);
        assert_eq!(grown(&known, &later(), &added_by("a int after gone")), None);
    }

    #[test]
    fn a_column_of_another_type_by_now_stays_as_it_was() {
        let known = table(&[("id", INT), ("a", INT)]);
        let same = grown(&known, &later(), &[]).unwrap();
        assert_eq!(same.columns[1].kind, INT);
    }
}
