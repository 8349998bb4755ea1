//! What a statement in the binlog does, told from its verb and the tables that it names.
//!
//! Statements are never parsed in full: whatever is neither known to keep rows and columns as they are, nor about
//! another kind of object, counts as a change of the tables that it names.

use super::{
    alter,
    grown::Added,
    token::{Token, Tokens},
};
use crate::model::table::TableName;

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// A transaction begins.
    Begin,
    /// It ends well.
    Commit,
    /// It ends without its effect on transactional tables.
    Rollback,
    /// A part of it is undone.
    RollbackTo,
    /// Part of a transaction without an effect of its own.
    Inside,
    /// A distributed transaction begins.
    XaBegin,
    /// A prepared one is committed.
    XaCommit,
    /// A prepared one is rolled back.
    XaRollback,
    /// Rows are changed by the statement's text.
    Change { verb: &'static str, table: Option<TableName> },
    /// A table is made.
    Create(TableName),
    /// A table is made in the place of one that may be there (MariaDB's CREATE OR REPLACE).
    Recreate(TableName),
    /// A table is altered in a way that keeps its rows; these columns come.
    Keep { verb: &'static str, table: TableName, added: Vec<Added> },
    /// Tables lose rows, columns or names, or change in a way that is not known to keep them.
    Lose { verb: &'static str, tables: Vec<TableName> },
    /// A database goes with all its tables.
    DropDatabase(String),
    /// A statement about tables whose names could not be read.
    Unreadable(&'static str),
    /// Nothing that concerns rows.
    Other,
}

/// Reads a statement that ran with this current database.
pub(super) fn read(text: &str, database: &str, folds_case: bool) -> Statement {
    let tokens: Vec<Token<'_>> = Tokens::of(text).collect();
    let mut reader = Reader { tokens: &tokens, database, folds_case };
    reader.statement()
}

/// A cursor over a statement's words.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a [Token<'a>],
    database: &'a str,
    folds_case: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.first()
    }

    pub(super) fn next(&mut self) -> Option<&'a Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, keyword: &str) -> bool {
        self.take_any(&[keyword])
    }

    pub(super) fn take_any(&mut self, keywords: &[&str]) -> bool {
        let found = self.peek().is_some_and(|token| token.is_any(keywords));
        if found {
            self.next();
        }
        found
    }

    fn take_all(&mut self, keywords: &[&str]) {
        for keyword in keywords {
            self.take(keyword);
        }
    }

    fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(symbol));
        if found {
            self.next();
        }
        found
    }

    fn identifier(&mut self) -> Option<String> {
        self.next()?.name().map(str::to_owned)
    }

    fn fold(&self, name: String) -> String {
        if self.folds_case { name.to_lowercase() } else { name }
    }

    /// Reads `table` or `database.table`.
    fn table(&mut self) -> Option<TableName> {
        let first = self.identifier()?;
        let (database, table) = match self.take_symbol('.') {
            true => (first, self.identifier()?),
            false => (self.database.to_owned(), first),
        };
        Some(TableName::new(self.fold(database), self.fold(table)))
    }

    /// Reads names between commas.
    fn tables(&mut self) -> Option<Vec<TableName>> {
        let mut tables = vec![self.table()?];
        while self.take_symbol(',') {
            tables.push(self.table()?);
        }
        Some(tables)
    }

    fn statement(&mut self) -> Statement {
        while self.take_symbol('(') {}
        let Some(Token::Word(verb)) = self.next() else { return Statement::Other };
        match verb.to_ascii_uppercase().as_str() {
            "BEGIN" => Statement::Begin,
            "START" if self.take("TRANSACTION") => Statement::Begin,
            "COMMIT" => Statement::Commit,
            "ROLLBACK" => self.rollback(),
            "SAVEPOINT" | "RELEASE" => Statement::Inside,
            "XA" => self.distributed(),
            "INSERT" => self.insert("INSERT"),
            "REPLACE" => self.insert("REPLACE"),
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "LOAD" => self.load(),
            "WITH" => Statement::Change { verb: "WITH", table: None },
            "SELECT" => Statement::Change { verb: "SELECT", table: None },
            "CALL" => Statement::Change { verb: "CALL", table: None },
            "DO" => Statement::Change { verb: "DO", table: None },
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_object(),
            "RENAME" => self.rename(),
            "TRUNCATE" => self.truncate(),
            _ => Statement::Other,
        }
    }

    fn rollback(&mut self) -> Statement {
        self.take("WORK");
        if self.take("TO") { Statement::RollbackTo } else { Statement::Rollback }
    }

    fn distributed(&mut self) -> Statement {
        match self.next() {
            Some(token) if token.is_any(&["START", "BEGIN"]) => Statement::XaBegin,
            Some(token) if token.is("COMMIT") => Statement::XaCommit,
            Some(token) if token.is("ROLLBACK") => Statement::XaRollback,
            _ => Statement::Inside,
        }
    }

    fn insert(&mut self, verb: &'static str) -> Statement {
        self.take_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"]);
        self.take_all(&["IGNORE", "INTO"]);
        Statement::Change { verb, table: self.table() }
    }

    /// Names the table only where it is the only one.
    fn update(&mut self) -> Statement {
        self.take_all(&["LOW_PRIORITY", "IGNORE"]);
        let table = self.table();
        let is_alone = self.is_alone(&["SET"]);
        Statement::Change { verb: "UPDATE", table: table.filter(|_| is_alone) }
    }

    fn delete(&mut self) -> Statement {
        self.take_all(&["LOW_PRIORITY", "QUICK", "IGNORE"]);
        let table = if self.take("FROM") { self.table() } else { None };
        let is_alone = self.is_alone(&["WHERE", "ORDER", "LIMIT"]);
        Statement::Change { verb: "DELETE", table: table.filter(|_| is_alone) }
    }

    /// Whether nothing but an alias stands before one of the clauses or the end.
    fn is_alone(&mut self, clauses: &[&str]) -> bool {
        let ends = |token: Option<&Token<'_>>| token.is_none_or(|token| token.is_any(clauses));
        if ends(self.peek()) {
            return true;
        }
        self.take("AS");
        !self.peek().is_some_and(|token| token.is_any(&["USING", "PARTITION", "JOIN"]))
            && self.identifier().is_some()
            && ends(self.peek())
    }

    fn load(&mut self) -> Statement {
        while let Some(token) = self.next() {
            if token.is("INTO") && self.take("TABLE") {
                return Statement::Change { verb: "LOAD DATA", table: self.table() };
            }
        }
        Statement::Change { verb: "LOAD DATA", table: None }
    }

    fn create(&mut self) -> Statement {
        let replaces = self.take("OR") && self.take("REPLACE");
        if self.take("TEMPORARY") {
            return Statement::Other;
        }
        if replaces && self.take_any(&["DATABASE", "SCHEMA"]) {
            return self.database("CREATE OR REPLACE DATABASE");
        }
        if self.take_any(&["UNIQUE", "FULLTEXT", "SPATIAL", "INDEX"]) {
            return self.index("CREATE INDEX");
        }
        if !self.take("TABLE") {
            return Statement::Other;
        }
        self.take_all(&["IF", "NOT", "EXISTS"]);
        match self.table() {
            None => Statement::Unreadable("CREATE TABLE"),
            Some(table) if replaces => Statement::Recreate(table),
            Some(table) => Statement::Create(table),
        }
    }

    /// Reads on to the table of an index.
    fn index(&mut self, verb: &'static str) -> Statement {
        while let Some(token) = self.next() {
            if token.is("ON") {
                let table = self.table();
                let keep = |table| Statement::Keep { verb, table, added: Vec::new() };
                return table.map_or(Statement::Unreadable(verb), keep);
            }
        }
        Statement::Unreadable(verb)
    }

    fn alter(&mut self) -> Statement {
        const VERB: &str = "ALTER TABLE";
        self.take_any(&["ONLINE", "OFFLINE"]);
        self.take("IGNORE");
        if !self.take("TABLE") {
            return Statement::Other;
        }
        self.take_all(&["IF", "EXISTS"]);
        let Some(table) = self.table() else { return Statement::Unreadable(VERB) };
        self.lock_wait();
        match alter::keeps_rows(self.tokens) {
            true => Statement::Keep { verb: VERB, table, added: alter::added(self.tokens) },
            false => Statement::Lose { verb: VERB, tables: vec![table] },
        }
    }

    fn drop_object(&mut self) -> Statement {
        if self.take("TEMPORARY") {
            return Statement::Other;
        }
        if self.take("INDEX") {
            return self.index("DROP INDEX");
        }
        if self.take_any(&["DATABASE", "SCHEMA"]) {
            self.take_all(&["IF", "EXISTS"]);
            return self.database("DROP DATABASE");
        }
        if !self.take_any(&["TABLE", "TABLES"]) {
            return Statement::Other;
        }
        self.take_all(&["IF", "EXISTS"]);
        self.lose("DROP TABLE")
    }

    /// A database whose tables go.
    fn database(&mut self, verb: &'static str) -> Statement {
        let name = self.identifier();
        name.map_or(Statement::Unreadable(verb), |name| Statement::DropDatabase(self.fold(name)))
    }

    fn lose(&mut self, verb: &'static str) -> Statement {
        self.tables().map_or(Statement::Unreadable(verb), |tables| Statement::Lose { verb, tables })
    }

    fn truncate(&mut self) -> Statement {
        self.take("TABLE");
        self.lose("TRUNCATE TABLE")
    }

    /// MariaDB's `WAIT 5` or `NOWAIT` behind a table's name.
    fn lock_wait(&mut self) {
        if self.take("WAIT") {
            self.next();
        } else {
            self.take("NOWAIT");
        }
    }

    /// Both names count: a table that gets a copied table's name brings rows that were never copied.
    fn rename(&mut self) -> Statement {
        const VERB: &str = "RENAME TABLE";
        if !self.take_any(&["TABLE", "TABLES"]) {
            return Statement::Other;
        }
        self.take_all(&["IF", "EXISTS"]);
        let mut tables = Vec::new();
        loop {
            let from = self.table();
            self.lock_wait();
            let (is_pair, to) = (self.take("TO"), self.table());
            let (Some(from), true, Some(to)) = (from, is_pair, to) else {
                return Statement::Unreadable(VERB);
            };
            tables.extend([from, to]);
            if !self.take_symbol(',') {
                return Statement::Lose { verb: VERB, tables };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> TableName {
        let (database, table) = text.split_once('.').unwrap();
        TableName::new(database, table)
    }

    #[track_caller]
    fn check(statement: &str, expected: &Statement) {
        assert_eq!(read(statement, "shop", false), *expected, "{statement}");
    }

    #[test]
    fn transactions() {
        for (statement, expected) in [
            ("BEGIN", Statement::Begin),
            ("START TRANSACTION", Statement::Begin),
            ("COMMIT", Statement::Commit),
            ("ROLLBACK", Statement::Rollback),
            ("ROLLBACK TO `s`", Statement::RollbackTo),
            ("rollback work to savepoint s", Statement::RollbackTo),
            ("SAVEPOINT `s`", Statement::Inside),
            ("XA START X'31',X'',1", Statement::XaBegin),
            ("XA END X'31',X'',1", Statement::Inside),
            ("XA COMMIT X'31',X'',1", Statement::XaCommit),
            ("XA ROLLBACK X'31',X'',1", Statement::XaRollback),
        ] {
            check(statement, &expected);
        }
    }

    #[test]
    fn changes_by_text_name_their_table_only_where_it_is_sure() {
        for (statement, verb, table) in [
            ("insert into orders values (1)", "INSERT", Some("shop.orders")),
            ("/* app */ INSERT IGNORE `a b`.`c` SET x = 1", "INSERT", Some("a b.c")),
            ("replace low_priority into t (a) select 1", "REPLACE", Some("shop.t")),
            ("update orders set a = 1", "UPDATE", Some("shop.orders")),
            ("update ignore x.orders as o set a = 1", "UPDATE", Some("x.orders")),
            ("update orders, lines set a = 1", "UPDATE", None),
            ("update orders join lines using (id) set a = 1", "UPDATE", None),
            ("delete from orders where id = 1", "DELETE", Some("shop.orders")),
            ("delete quick from orders", "DELETE", Some("shop.orders")),
            ("delete o from orders o", "DELETE", None),
            ("delete from orders using orders join x", "DELETE", None),
            ("with a as (select 1) delete from t", "WITH", None),
            ("SELECT `shop`.`f`(1)", "SELECT", None),
            (
                "load data infile 'x' into table orders fields terminated by ','",
                "LOAD DATA",
                Some("shop.orders"),
            ),
        ] {
            check(statement, &Statement::Change { verb, table: table.map(name) });
        }
    }

    #[test]
    fn tables_that_come_and_go() {
        check("create table if not exists x.new (id int)", &Statement::Create(name("x.new")));
        check("CREATE TABLE `new` LIKE old", &Statement::Create(name("shop.new")));
        for (statement, verb, tables) in [
            (
                "DROP TABLE IF EXISTS `a`,x.b /* generated by server */",
                "DROP TABLE",
                vec!["shop.a", "x.b"],
            ),
            ("truncate orders", "TRUNCATE TABLE", vec!["shop.orders"]),
            ("TRUNCATE TABLE x.`y`", "TRUNCATE TABLE", vec!["x.y"]),
            (
                "rename table a to _a_del, _a_gho to a",
                "RENAME TABLE",
                vec!["shop.a", "shop._a_del", "shop._a_gho", "shop.a"],
            ),
            ("alter table a rename to b", "ALTER TABLE", vec!["shop.a"]),
        ] {
            let tables = tables.into_iter().map(name).collect();
            check(statement, &Statement::Lose { verb, tables });
        }
        check("drop database if exists `Shop`", &Statement::DropDatabase("Shop".to_owned()));
        assert_eq!(read("DROP SCHEMA Shop", "", true), Statement::DropDatabase("shop".to_owned()));
        let folded = Statement::Create(name("shop.orders"));
        assert_eq!(read("CREATE TABLE Shop.ORDERS (a int)", "", true), folded);
    }

    #[test]
    fn mariadbs_own_words_are_understood() {
        check("create or replace table orders (id int)", &Statement::Recreate(name("shop.orders")));
        check("create or replace temporary table orders (id int)", &Statement::Other);
        check("create or replace database x", &Statement::DropDatabase("x".to_owned()));
        check("create or replace view v as select 1", &Statement::Other);
        check("create sequence s", &Statement::Other);
        let keep = |verb, added| Statement::Keep { verb, table: name("shop.orders"), added };
        check(
            "alter table if exists orders wait 5 add column if not exists a int",
            &keep("ALTER TABLE", vec![Added::last("a")]),
        );
        check("alter online table orders nowait add index (a)", &keep("ALTER TABLE", vec![]));
        check("create or replace index i on orders (a)", &keep("CREATE INDEX", vec![]));
        check("drop index if exists i on orders wait 3", &keep("DROP INDEX", vec![]));
        for text in ["rename table if exists a wait 5 to b", "rename table a nowait to b"] {
            let tables = ["shop.a", "shop.b"].map(name).to_vec();
            check(text, &Statement::Lose { verb: "RENAME TABLE", tables });
        }
        let versioned = "alter table orders add system versioning";
        check(
            versioned,
            &Statement::Lose { verb: "ALTER TABLE", tables: vec![name("shop.orders")] },
        );
    }

    #[test]
    fn indexes_keep_rows() {
        for (statement, verb) in [
            ("create unique index i on orders (a)", "CREATE INDEX"),
            ("CREATE INDEX `on` USING BTREE ON orders (a)", "CREATE INDEX"),
            ("drop index i on `shop`.orders", "DROP INDEX"),
            ("alter table orders add index (a)", "ALTER TABLE"),
        ] {
            let added = Vec::new();
            check(statement, &Statement::Keep { verb, table: name("shop.orders"), added });
        }
    }

    #[test]
    fn what_is_not_about_rows_passes() {
        for statement in [
            "create user u identified by 'x'",
            "CREATE DEFINER=`root`@`localhost` TRIGGER t BEFORE INSERT ON orders FOR EACH ROW BEGIN END",
            "create or replace view v as select 1",
            "create database x",
            "create temporary table t (a int)",
            "drop temporary table if exists `t`",
            "DROP VIEW v",
            "alter database shop character set utf8mb4",
            "grant all on *.* to u",
            "analyze table orders",
            "optimize local table orders",
            "rename user a to b",
            "SET PASSWORD FOR u='x'",
            "flush tables",
            "",
            "-- nothing",
        ] {
            check(statement, &Statement::Other);
        }
    }

    #[test]
    fn names_that_cannot_be_read_are_told() {
        check("drop table 'x'", &Statement::Unreadable("DROP TABLE"));
        check("create table", &Statement::Unreadable("CREATE TABLE"));
        check("rename table a b", &Statement::Unreadable("RENAME TABLE"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(ALTER TABLE |DROP |CREATE |UPDATE )?\\PC{0,60}") {
            read(&text, "shop", true);
        }
    }
}
