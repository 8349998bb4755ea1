//! ALTER TABLE: whether every one of its actions keeps the rows, the columns that are there, and the key's columns.

use super::{
    grown::{self, Added},
    token::Token,
};

/// Options and actions that change neither rows nor columns.
const HARMLESS: [&str; 38] = [
    "ALGORITHM",
    "ANALYZE",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECK",
    "CHECKSUM",
    "COALESCE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DEFAULT",
    "CHARACTER",
    "CHARSET",
    "COLLATE",
    "DELAY_KEY_WRITE",
    "DISABLE",
    "ENABLE",
    "ENCRYPTION",
    "ENGINE",
    "FORCE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "OPTIMIZE",
    "ORDER",
    "PACK_KEYS",
    "PARTITION",
    "REBUILD",
    "REORGANIZE",
    "REPAIR",
    "ROW_FORMAT",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "WITHOUT",
];

/// Whether all actions of the statement, whose words behind the table's name these are, only add columns, touch indexes
/// and constraints other than the primary key, or set options.
pub(super) fn keeps_rows(words: &[Token<'_>]) -> bool {
    actions(words).all(keeps)
}

/// The columns that the statement adds, in its order.
pub(super) fn added(words: &[Token<'_>]) -> Vec<Added> {
    let behind_add = |action: &'_ [Token<'_>]| match action.split_first() {
        Some((verb, rest)) if verb.is("ADD") => grown::added(rest),
        _ => Vec::new(),
    };
    actions(words).flat_map(behind_add).collect()
}

/// The actions: what stands between commas outside of brackets.
fn actions<'a>(words: &'a [Token<'a>]) -> impl Iterator<Item = &'a [Token<'a>]> {
    let mut depth = 0_i32;
    words.split(move |word| {
        match word {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && *word == Token::Symbol(',')
    })
}

fn keeps(action: &[Token<'_>]) -> bool {
    let Some((verb, rest)) = action.split_first() else { return true };
    let first_is = |keywords: &[&str]| rest.first().is_some_and(|word| word.is_any(keywords));
    if verb.is("ADD") {
        return adds_harmlessly(rest);
    }
    if verb.is("DROP") {
        return first_is(&["INDEX", "KEY", "FOREIGN", "CHECK", "CONSTRAINT"]);
    }
    if verb.is("ALTER") {
        return first_is(&["INDEX", "CHECK", "CONSTRAINT"]) || sets_default(rest);
    }
    if verb.is("RENAME") {
        return first_is(&["INDEX", "KEY"]);
    }
    if verb.is("REMOVE") {
        return first_is(&["PARTITIONING"]);
    }
    if verb.is("WITH") {
        return first_is(&["VALIDATION"]);
    }
    verb.is_any(&HARMLESS)
}

/// ADD of anything but a primary key. A column that brings one is seen by the key, which is compared afterwards.
fn adds_harmlessly(words: &[Token<'_>]) -> bool {
    let mut words = words;
    if let [constraint, rest @ ..] = words
        && constraint.is("CONSTRAINT")
    {
        // Its name may be left out.
        let is_named =
            rest.first().is_some_and(|w| !w.is_any(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]));
        words = rest.get(usize::from(is_named)..).unwrap_or_default();
    }
    match words {
        [key, ..] if key.is("PRIMARY") => false,
        // A period, or MariaDB's history of rows, changes what a row is; both are names of columns too.
        [period, word, ..] if period.is("PERIOD") => !word.is("FOR"),
        [system, word, ..] if system.is("SYSTEM") => !word.is("VERSIONING"),
        _ => true,
    }
}

/// `ALTER [COLUMN] name SET DEFAULT … | DROP DEFAULT | SET VISIBLE | SET INVISIBLE`.
fn sets_default(words: &[Token<'_>]) -> bool {
    let words = match words {
        [column, rest @ ..] if column.is("COLUMN") => rest,
        all => all,
    };
    words.get(1).is_some_and(|word| word.is_any(&["SET", "DROP"]))
}

#[cfg(test)]
mod tests {
    use super::{super::token::Tokens, *};

    fn keeps_rows_of(actions: &str) -> bool {
        let tokens: Vec<Token<'_>> = Tokens::of(actions).collect();
        keeps_rows(&tokens)
    }

    #[test]
    fn added_columns_indexes_and_options_keep_rows() {
        for actions in [
            "add column a int",
            "ADD a decimal(10,2) not null default 1 after b",
            "add column (a int, b enum('x,y',')'))",
            "add a int first, add index (a), add unique key u (a, b)",
            "ADD FULLTEXT INDEX f (a), ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES t (a)",
            "add constraint check (a > 0)",
            "drop index i, drop foreign key f, drop constraint c",
            "alter index i invisible, rename index a to b",
            "alter column a set default 5, alter b drop default, alter column c set invisible",
            "engine=InnoDB, comment='drop column x', auto_increment = 5",
            "ALGORITHM=INPLACE, LOCK=NONE, add key (a)",
            "default character set utf8mb4",
            "add period int, add system varchar(9)",
            "disable keys",
            "",
        ] {
            assert!(keeps_rows_of(actions), "{actions}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for actions in [
            "drop column a",
            "drop a",
            "add column b int, drop a",
            "modify a bigint",
            "change column a b int",
            "rename column a to b",
            "rename to x.y",
            "rename b",
            "drop primary key, add primary key (b)",
            "add primary key (b)",
            "add constraint primary key (b)",
            "add constraint p primary key (b)",
            "convert to character set utf8mb4",
            "drop partition p0",
            "truncate partition p0",
            "exchange partition p0 with table t",
            "discard tablespace",
            "import tablespace",
            "add period for app_time (a, b)",
            "add system versioning",
            "`add` column",
        ] {
            assert!(!keeps_rows_of(actions), "{actions}");
        }
    }
}
