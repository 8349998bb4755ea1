//! The Sakila sample database under a name of a test's own.

use mysql_async::{Conn, prelude::Queryable};

use super::{databases::Source, flavour::Flavour};

const SCHEMA: &str = "schema.sql";
const DATA: &str = "data.sql";

/// How many rows its 16 tables have.
pub const ROWS: u64 = 47_273;
pub const TABLES: usize = 16;

/// Creates tables, views, triggers and routines, and fills the tables.
pub async fn load(source: &Source) {
    let mut conn = source.connect().await;
    run_script(&mut conn, source, SCHEMA).await;
    run_script(&mut conn, source, DATA).await;
    if source.flavour == Flavour::Mariadb {
        // Under the random writer MariaDB 11.8.9 aborts now and then on an assertion (`result != FTS_INVALID`, seen twice)
        // where the trigger of `film` updates an indexed text.
        conn.query_drop("DROP INDEX idx_title_description ON film_text").await.expect("no index");
    }
    conn.disconnect().await.expect("a clean end");
}

async fn run_script(conn: &mut Conn, source: &Source, name: &str) {
    let path = format!("{}/tests/fixtures/sakila/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    // Older copies of the data are not quite UTF-8; what the letters were does not matter here.
    let script =
        String::from_utf8_lossy(&bytes).replace("sakila.", &format!("{}.", source.database));
    for statement in statements(&script) {
        if !chooses_the_database(&statement) {
            let shown: String = statement.chars().take(120).collect();
            conn.query_drop(statement).await.unwrap_or_else(|error| panic!("{shown}: {error}"));
        }
    }
}

fn chooses_the_database(statement: &str) -> bool {
    ["DROP SCHEMA", "CREATE SCHEMA", "USE ", "LOCK TABLES", "UNLOCK TABLES"]
        .iter()
        .any(|start| statement.starts_with(start))
}

/// Cuts a script where the command line client would, `DELIMITER` included.
fn statements(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut delimiter, mut statement) = (";".to_owned(), String::new());
    for line in script.lines() {
        let trimmed = line.trim();
        if let Some(new) = trimmed.strip_prefix("DELIMITER ") {
            new.trim().clone_into(&mut delimiter);
        } else if !(statement.is_empty() && (trimmed.is_empty() || trimmed.starts_with("--"))) {
            let end = trimmed.strip_suffix(delimiter.as_str());
            statement.push_str(end.unwrap_or(line));
            statement.push('\n');
            if end.is_some() {
                found.push(std::mem::take(&mut statement));
            }
        }
    }
    found
}

#[test]
fn a_script_is_cut_at_its_own_delimiters() {
    let script =
        "-- head\nSELECT 1;\nDELIMITER //\nCREATE x BEGIN\n a;\nEND //\nDELIMITER ;\nSELECT\n2;\n";
    let cut = statements(script);
    let cut: Vec<&str> = cut.iter().map(|statement| statement.trim()).collect();
    assert_eq!(cut, ["SELECT 1", "CREATE x BEGIN\n a;\nEND", "SELECT\n2"]);
}
