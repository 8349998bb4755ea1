//! What `check` tells of tables that are polled. Pure.

use std::sync::Arc;

use super::tables::{Stamp, stamp};
use crate::{
    config::{Config, Existing},
    mapping::RuleBook,
    model::{
        finding::Finding,
        table::{TableSchema, quote_identifier},
    },
    source::polling::Leading,
};

/// Rows that it takes time to look at.
const MANY_ROWS: u64 = 20_000;

/// Everything that is told of the tables.
pub(super) fn findings(
    tables: &[Arc<TableSchema>],
    (config, rules): (&Config, &RuleBook),
    indexes: &Leading,
) -> Vec<Finding> {
    let of_table =
        |table: &Arc<TableSchema>| of_table(table, stamp(table, config, rules, indexes), rules);
    tables.iter().filter_map(of_table).chain(strangers(config)).collect()
}

fn of_table(table: &TableSchema, stamp: Option<Stamp>, rules: &RuleBook) -> Option<Finding> {
    let rules = rules.resolve(&table.name);
    if rules.skips(table) {
        return None;
    }
    let object = table.name.to_string();
    // Of rows that are told apart by a hash a changed one is another row.
    let Some(stamp) = stamp.filter(|_| table.key.is_some()) else {
        return Some(match &rules.timestamp_column {
            Some(name) => wrong_name(table, name),
            None => Finding::warning(
                "timestamp_column",
                object,
                "no column tells when a row was changed: each run reads the whole table",
            )
            .mend(new_column(table)),
        });
    };
    let column = table.columns.get(stamp.told.column)?;
    let name = &column.name;
    if !stamp.told.tells_updates {
        let meaning = format!(
            "{name} tells only when a row came to be: updates are not seen until a run reads the whole table"
        );
        return Some(
            Finding::warning("timestamp_updates", object, meaning).mend(new_column(table)),
        );
    }
    if stamp.index.is_none() {
        let meaning =
            format!("no index begins with {name}: each run looks at every row of the table");
        let remedy = format!(
            "CREATE INDEX {} ON {} ({});",
            quote_identifier(&format!("by_{name}")),
            table.name.quoted(),
            quote_identifier(name)
        );
        let finding = match table.estimated_rows {
            0..MANY_ROWS => Finding::info("timestamp_index", object, meaning),
            _ => Finding::warning("timestamp_index", object, meaning),
        };
        return Some(finding.mend(remedy));
    }
    None
}

fn wrong_name(table: &TableSchema, name: &str) -> Finding {
    let meaning = match table.column_index(name) {
        Some(_) => format!("timestamp_column {name} is no TIMESTAMP and no DATETIME"),
        None => format!("timestamp_column {name} is no column of the table"),
    };
    let setting = format!("tables.\"{}\".timestamp_column", table.name);
    Finding::error("timestamp_column", setting, meaning)
        .mend("name a TIMESTAMP or DATETIME column that every change sets, or take the setting out")
}

fn new_column(table: &TableSchema) -> String {
    format!(
        "ALTER TABLE {} ADD COLUMN updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE \
         CURRENT_TIMESTAMP(6), ADD INDEX by_updated_at (updated_at);",
        table.name.quoted()
    )
}

/// Documents of somebody else cannot be told from those of rows that are gone.
fn strangers(config: &Config) -> Option<Finding> {
    let meaning = "documents of somebody else may stay (snapshot.existing), and cannot be told from those of rows that are \
                   gone: none of either are removed";
    (config.snapshot.existing == Existing::Merge && !config.poll.detect_deletes.is_zero()).then(
        || {
            Finding::warning("detect_deletes", "snapshot.existing", meaning)
                .mend("snapshot.existing = \"replace\" -- or poll.detect_deletes = \"0s\"")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        finding::Level,
        table::{ColumnType, Key, KeyColumn},
    };

    fn told(name: &str, kind: ColumnType, setting: Option<&str>) -> Vec<(&'static str, Level)> {
        let mut table = TableSchema::of_kinds("orders", &[kind]);
        table.estimated_rows = MANY_ROWS;
        let columns = vec![KeyColumn { column: 0, descending: false }];
        table.key = Some(Key { index: "PRIMARY".to_owned(), columns, hidden: false });
        name.clone_into(&mut table.columns[0].name);
        let mut config = Config::default();
        let section = crate::config::TableConfig {
            timestamp_column: setting.map(str::to_owned),
            ..Default::default()
        };
        config.tables.insert("orders".to_owned(), section);
        let rules = RuleBook::new(&config);
        let findings = findings(&[Arc::new(table)], (&config, &rules), &Leading::default());
        assert!(findings.iter().all(|finding| finding.remedy.is_some()));
        findings.iter().map(|finding| (finding.code, finding.level)).collect()
    }

    #[test]
    fn what_polling_cannot_see_is_told_with_the_statement_that_mends_it() {
        let moment = || ColumnType::Timestamp { digits: 0 };
        let warning = |code| [(code, Level::Warning)];
        assert_eq!(told("updated_at", moment(), None), warning("timestamp_index"));
        assert_eq!(told("created_at", moment(), None), warning("timestamp_updates"));
        assert_eq!(told("day", moment(), None), warning("timestamp_column"));
        let error = [("timestamp_column", Level::Error)];
        assert_eq!(told("day", moment(), Some("days")), error);
        assert_eq!(told("day", ColumnType::Date, Some("day")), error);
    }
}
