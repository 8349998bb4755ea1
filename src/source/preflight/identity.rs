//! Whether the binlog tells which document a change is of. Pure.
//!
//! A before image always has the server's own key. Columns that the settings make the identity of instead may be missing
//! from it, and then a change of such a row stops the stream: better told before.

use std::collections::BTreeMap;

use super::Variables;
use crate::{
    model::{
        finding::Finding,
        table::{ColumnType, TableName, TableSchema},
    },
    source::flavour::Flavour,
};

/// The columns that tell the documents of each table apart, as positions in the table; none where a hash of the whole
/// row does.
pub type Identities = BTreeMap<TableName, Vec<usize>>;

pub(super) fn findings(
    tables: &[TableSchema],
    variables: &Variables,
    identities: &Identities,
) -> Vec<Finding> {
    let of_table = tables.iter().filter_map(|table| Some((table, identities.get(&table.name)?)));
    let findings = of_table.filter_map(|(table, identity)| {
        generated(table, variables, identity).or_else(|| not_logged(table, variables, identity))
    });
    findings.collect()
}

/// MariaDB's full row image of an update or a delete lacks generated columns, stored ones too (seen on 11.8). With a key
/// of other columns such a row is found, and read again.
fn generated(table: &TableSchema, variables: &Variables, identity: &[usize]) -> Option<Finding> {
    if variables.flavour() != Flavour::Mariadb {
        return None;
    }
    let name = &table.name;
    let column = table.columns.iter().find(|column| column.generated)?;
    let of_identity = |place: &usize| table.columns.get(*place).is_some_and(|part| part.generated);
    if !identity.is_empty() && !identity.iter().any(of_identity) {
        let meaning = format!(
            "column {} is generated: MariaDB leaves such columns out of the rows of updates, so these are read again from \
             the source, which is slower",
            column.name
        );
        return Some(Finding::info("generated", name.to_string(), meaning));
    }
    let meaning = format!(
        "column {} is generated: MariaDB leaves such columns out of the rows of updates and deletes, and without a key of \
         other columns it is not known which document such a change is of",
        column.name
    );
    let remedy = format!(
        "ALTER TABLE {} ADD PRIMARY KEY (...); -- or leave it out: source.exclude_tables = [\"{name}\"]",
        name.quoted()
    );
    Some(Finding::error("generated", name.to_string(), meaning).mend(remedy))
}

/// An identity of the settings' choice that shortened row images leave out.
fn not_logged(table: &TableSchema, variables: &Variables, identity: &[usize]) -> Option<Finding> {
    let image = variables.get("binlog_row_image")?;
    let is_left_out = |place: &usize| match image.to_ascii_uppercase().as_str() {
        "MINIMAL" => true,
        "NOBLOB" => table.columns.get(*place).is_some_and(|column| is_blob(&column.kind)),
        _ => false,
    };
    let of_key = |place: &usize| {
        let key = table.key.as_ref();
        key.is_some_and(|key| key.columns.iter().any(|part| part.column == *place))
    };
    let has_key = table.key.is_some();
    let place = identity.iter().find(|place| has_key && !of_key(place) && is_left_out(place))?;
    let column = table.columns.get(*place)?;
    let meaning = format!(
        "binlog_row_image is {image} and the documents are told apart by {}, which is not in the table's key: rows of updates \
         and deletes arrive without it, and the first one stops the stream",
        column.name
    );
    let finding = Finding::warning("id_not_logged", table.name.to_string(), meaning);
    Some(finding.mend(variables.set("binlog_row_image", "FULL")))
}

/// What NOBLOB leaves out of images (MySQL manual, `binlog_row_image`).
const fn is_blob(kind: &ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::Blob { .. }
            | ColumnType::Text { .. }
            | ColumnType::Json
            | ColumnType::Geometry
            | ColumnType::Vector { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{Column, Key, KeyColumn};

    fn column(name: &str, generated: bool, kind: ColumnType) -> Column {
        Column {
            name: name.to_owned(),
            kind,
            nullable: true,
            generated,
            invisible: false,
            on_update_timestamp: false,
        }
    }

    /// `id` is the key; the others are a text and a generated column.
    fn table(has_key: bool) -> TableSchema {
        let mut table = TableSchema::named(TableName::new("shop", "orders"));
        table.columns = vec![
            column("id", false, ColumnType::Double),
            column("note", false, ColumnType::Json),
            column("total", true, ColumnType::Double),
        ];
        table.key = has_key.then(|| Key {
            index: "PRIMARY".to_owned(),
            columns: vec![KeyColumn { column: 0, descending: false }],
            hidden: false,
        });
        table
    }

    fn told(
        server: &[(&str, &str)],
        has_key: bool,
        identity: &[usize],
    ) -> Vec<(&'static str, crate::model::finding::Level)> {
        let known = server.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let table = table(has_key);
        let identities = BTreeMap::from([(table.name.clone(), identity.to_vec())]);
        let findings = findings(&[table], &Variables::new(known.collect()), &identities);
        findings.iter().map(|finding| (finding.code, finding.level)).collect()
    }

    #[test]
    fn generated_columns_of_mariadb_need_a_key_of_others() {
        use crate::model::finding::Level;
        let mariadb = [("version", "11.8.9-MariaDB"), ("gtid_domain_id", "0")];
        assert_eq!(told(&mariadb, true, &[0]), [("generated", Level::Info)]);
        assert_eq!(told(&mariadb, false, &[]), [("generated", Level::Error)]);
        assert_eq!(told(&mariadb, true, &[0, 2]), [("generated", Level::Error)]);
        assert_eq!(told(&[("version", "9.7.4")], true, &[2]), []);
    }

    #[test]
    fn an_identity_that_images_leave_out_is_told() {
        use crate::model::finding::Level;
        let image = |image| [("version", "9.7.4"), ("binlog_row_image", image)];
        let told_of = [("id_not_logged", Level::Warning)];
        assert_eq!(told(&image("MINIMAL"), true, &[0]), []);
        assert_eq!(told(&image("MINIMAL"), true, &[1]), told_of);
        assert_eq!(told(&image("MINIMAL"), false, &[1]), []);
        assert_eq!(told(&image("NOBLOB"), true, &[1]), told_of);
        assert_eq!(told(&image("NOBLOB"), true, &[2]), []);
        assert_eq!(told(&image("FULL"), true, &[1]), []);
    }
}
