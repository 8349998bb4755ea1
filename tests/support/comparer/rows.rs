//! Reads a table row by row as text and makes of each row the document that it must be.

use bson::{Bson, Document};
use mysql_async::{Value, prelude::Queryable};

use super::{expected, table::Table};
use crate::support::databases::Source;

/// Shows every row of a table as the document that it must be.
pub async fn each(source: &Source, table: &Table, mut show: impl FnMut(Document)) {
    let mut conn = source.connect().await;
    let expressions: Vec<String> = table.columns.iter().map(expected::question).collect();
    let query = format!("SELECT {} FROM {}", expressions.join(", "), table.quoted());
    let mut result = conn.query_iter(query).await.expect("the rows");
    while let Some(row) = result.next().await.expect("a row") {
        let cells: Vec<Option<String>> = row.unwrap().into_iter().map(text).collect();
        show(document(table, &cells));
    }
    drop(result);
    conn.disconnect().await.expect("a clean end");
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).expect("text")),
        other => panic!("not text: {other:?}"),
    }
}

fn document(table: &Table, cells: &[Option<String>]) -> Document {
    let mut document = Document::new();
    if let Some(id) = id(table, cells) {
        document.insert("_id", id);
    }
    for (column, field) in table.body() {
        document.insert(field, expected::value(column, cell(table, cells, &column.name)));
    }
    document
}

fn id(table: &Table, cells: &[Option<String>]) -> Option<Bson> {
    let part = |name: &str| {
        let column = table.columns.iter().find(|column| column.name == name).expect("a column");
        expected::key_part(column, cell(table, cells, name))
    };
    match table.key.as_slice() {
        [] => None,
        [only] => Some(part(&only.name)),
        parts => {
            let fields = parts.iter().map(|column| (column.field(), part(&column.name)));
            Some(Bson::Document(fields.collect()))
        }
    }
}

fn cell<'a>(table: &Table, cells: &'a [Option<String>], name: &str) -> Option<&'a str> {
    let index = table.columns.iter().position(|column| column.name == name).expect("a column");
    cells[index].as_deref()
}
