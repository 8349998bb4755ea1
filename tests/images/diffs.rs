//! `binlog_row_value_options = PARTIAL_JSON`: random changes by every function that the server logs as differences.

use fastrand::Rng;

use crate::support::{Launch, Pair, Spawned, servers};

const TABLE: &str = "CREATE TABLE docs (id INT PRIMARY KEY, j JSON, n INT, k JSON, t TEXT)";

const BEGINNING: &str = r#"{"a": [1, 2, {"b": "0123456789012345678901234567890123456789"}], "b": {"c": {"d": null}},
    "key with \"quotes\" and .dots": [[], [[1.5]]], "é": "text", "n": 5}"#;

fn path(random: &mut Rng) -> &'static str {
    let paths = [
        "$.a",
        "$.a[0]",
        "$.a[1]",
        "$.a[2].b",
        "$.a[9]",
        "$.a[last]",
        "$.b",
        "$.b.c",
        "$.b.c.d",
        "$.b.new",
        "$.new",
        "$.\"key with \\\\\"quotes\\\\\" and .dots\"[1][0]",
        "$.é",
        "$.n",
        "$.n[0]",
        "$.\"key with \\\\\"quotes\\\\\" and .dots\"[0]",
        "$.\"\"",
        "$.\"new\\\\nline\"",
    ];
    random.choice(paths).expect("a path")
}

fn value(random: &mut Rng) -> String {
    let values = [
        "1",
        "-70000",
        "3000000000",
        "18446744073709551615",
        "1.5",
        "1.5e300",
        "NULL",
        "TRUE",
        "'text'",
        "''",
        "CAST(1.50 AS DECIMAL(5, 2))",
        "CAST('2020-01-02 03:04:05.678901' AS DATETIME(6))",
        "CAST('[]' AS JSON)",
        "CAST('{\"x\": [1, {\"yy\": 2, \"z\": 3}]}' AS JSON)",
        "REPEAT('é', 90)",
        "X'00ff'",
        "CAST('null' AS JSON)",
    ];
    random.choice(values).expect("a value").to_owned()
}

fn changed(column: &str, random: &mut Rng) -> String {
    let mut inner = column.to_owned();
    for _ in 0..random.usize(1..=3) {
        let (path, value) = (path(random), value(random));
        inner = match random.u8(..6) {
            0 | 1 => format!("JSON_SET({inner}, '{path}', {value})"),
            2 => format!("JSON_REPLACE({inner}, '{path}', {value})"),
            3 => format!("JSON_REMOVE({inner}, '{path}')"),
            4 => format!("JSON_ARRAY_INSERT({inner}, '$.a[{}]', {value})", random.u8(..4)),
            _ => format!("JSON_ARRAY_APPEND({inner}, '$.a', {value})"),
        };
    }
    format!("{column} = {inner}")
}

fn statement(random: &mut Rng) -> String {
    let id = random.u8(1..=6);
    let beginning = BEGINNING.replace('\\', "\\\\");
    match random.u8(..12) {
        0 => format!("REPLACE INTO docs (id, j, k) VALUES ({id}, '{beginning}', '{beginning}')"),
        1 => format!("UPDATE docs SET n = {} WHERE id = {id}", random.i16(..)),
        2 => {
            format!("UPDATE docs SET {}, t = 'x', n = n + 1 WHERE id = {id}", changed("k", random))
        }
        3 => format!("UPDATE docs SET {}, {}", changed("j", random), changed("k", random)),
        _ => format!("UPDATE docs SET {} WHERE id = {id}", changed("j", random)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_give_what_the_server_made_of_them() {
    follow(Pair::new().await, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_are_followed_without_gtids() {
    let server = Spawned::mysql(&["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    follow(pair, true).await;
}

async fn follow(pair: Pair, by_file: bool) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    pair.source.run(TABLE).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    for mode in ["FULL", "MINIMAL", "NOBLOB"] {
        for _ in 0..6 {
            let mut statements = vec![format!(
                "SET SESSION binlog_row_image = {mode}, binlog_row_value_options = PARTIAL_JSON"
            )];
            statements.extend((1..=6).map(|id| {
                let beginning = BEGINNING.replace('\\', "\\\\");
                format!("REPLACE INTO docs (id, j, k) VALUES ({id}, '{beginning}', '[1]')")
            }));
            statements.extend((0..40).map(|_| statement(&mut random)));
            pair.source.run_all(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
            match by_file {
                true => binleaf.catches_up_by_file().await,
                false => binleaf.catches_up().await,
            }
            pair.assert_equal().await;
        }
    }
    binleaf.stops().await;
}
