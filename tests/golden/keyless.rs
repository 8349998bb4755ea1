//! The values of the golden table in tables without a key: whether an equal row is left is asked of the source, so each
//! must be an operand that the server finds the row by.

use super::table::{Group, Server, groups};
use crate::support::{Launch, Pair, servers};

/// Dates that do not exist can be stored.
const LAX: &str = "SET sql_mode = 'ALLOW_INVALID_DATES'";

fn is_compared(group: &Group, server: Server) -> bool {
    let is_plain = group.settings.is_empty() && !group.is_key;
    let needs_id = group.kind.contains("GENERATED");
    let is_there = group.server == Server::Both || group.server == server;
    is_plain && is_there && !needs_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_equal_rows_in_mysql_takes_the_document_with_it() {
    let pair = Pair::new().await;
    takes_the_document_with_it(&pair, Server::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_equal_rows_in_mariadb_takes_the_document_with_it() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    takes_the_document_with_it(&pair, Server::Mariadb).await;
}

async fn takes_the_document_with_it(pair: &Pair, server: Server) {
    let groups: Vec<Group> =
        groups().into_iter().filter(|group| is_compared(group, server)).collect();
    let tables: Vec<(String, &Group)> =
        groups.iter().enumerate().map(|(at, group)| (format!("k_{at:03}"), group)).collect();
    let mut statements = vec![LAX.to_owned()];
    for (name, group) in &tables {
        statements.push(format!("CREATE TABLE {name} (n INT, v {})", group.kind));
        for (value, n) in group.values.iter().zip(1..) {
            let row = format!("({n}, {})", value.literal);
            statements.push(format!("INSERT INTO {name} (n, v) VALUES {row}, {row}"));
        }
    }
    run(pair, &statements).await;
    let mut binleaf = Launch::of(pair).run();
    binleaf.streams().await;
    for left in ["one of two", "none"] {
        for (name, group) in &tables {
            let found = pair.target.count(name).await;
            assert_eq!(found, group.values.len() as u64, "{} before {left} is left", group.kind);
        }
        let deletes: Vec<String> = tables
            .iter()
            .flat_map(|(name, group)| {
                (1..=group.values.len())
                    .map(move |n| format!("DELETE FROM {name} WHERE n = {n} LIMIT 1"))
            })
            .collect();
        run(pair, &deletes).await;
        binleaf.catches_up().await;
    }
    for (name, group) in &tables {
        assert_eq!(pair.target.count(name).await, 0, "{} is left in {name}", group.kind);
    }
}

async fn run(pair: &Pair, statements: &[String]) {
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    pair.source.run_all(&statements).await;
}
