//! Text of every charset through both roads into the target.

use super::server::{Codes, Server, hex, is_whole};
use crate::support::{
    Launch, Pair, Spawned,
    databases::Source,
    servers::{self, Address},
};

/// How many codes of each group of a charset with more than 256 are taken.
const SPREAD: usize = 100;

/// Labels are told in the column's charset here, not only by information_schema.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_charset_is_alike_by_snapshot_and_by_binlog() {
    let spawned = Spawned::mysql(&["--binlog-row-metadata=FULL"]).await;
    let pair = Pair::on(spawned.address.clone(), servers::mongodb()).await;
    let tables = fill(&pair.source).await;
    assert_eq!(tables.len(), 40);

    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    for table in &tables {
        let again = format!(
            "INSERT INTO {table} SELECT id + 10000, c, v, t, e, s, long_c, short_v FROM {table}"
        );
        pair.source.run(again).await;
    }
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(!binleaf.log().text().contains("ALTER TABLE"), "labels differ by the two roads");
}

/// Ranges of a few rows, so that cursors in every charset are written into statements and found again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_odd_charsets_are_paged() {
    let pair = Pair::new().await;
    let charsets =
        ["sjis", "gbk", "utf16", "ucs2", "swe7", "latin2", "gb18030", "utf16le", "utf32", "ujis"];
    for charset in charsets {
        let codes = letters(&pair.source.address, charset).await;
        for kind in ["CHAR", "VARCHAR"] {
            let table = format!("{kind}_{charset}");
            pair.source
                .run(format!(
                    "CREATE TABLE {table} (k {kind}(8) PRIMARY KEY, n INT) CHARACTER SET {charset}"
                ))
                .await;
            let pairs = codes.iter().zip(codes.iter().rev());
            let both = pairs.map(|(code, other)| [code.as_slice(), other].concat());
            let rows: Vec<String> = codes
                .iter()
                .cloned()
                .chain(both)
                .map(|key| format!("(_{charset} X'{}', 1)", hex(&key)))
                .collect();
            // What the collation holds for equal is one row.
            pair.source.run(format!("INSERT IGNORE INTO {table} VALUES {}", rows.join(","))).await;
        }
    }
    let rows =
        pair.source.number(format!("SELECT COUNT(*) FROM `{}`.CHAR_utf16", pair.source.database));
    assert!(rows.await > 150, "hardly any rows");

    let mut binleaf = Launch::of(&pair).set("snapshot", "chunk_rows", "37").run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    for charset in charsets {
        let table = format!("VARCHAR_{charset}");
        pair.source.run(format!("UPDATE {table} SET n = n + 1")).await;
        pair.source.run(format!("DELETE FROM {table} WHERE CRC32(k) % 2")).await;
    }
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// Whether an equal row is left is asked of the source, with operands in each column's own charset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_a_key_are_told_by_their_bytes() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE log (a CHAR(9) CHARACTER SET utf16, b VARCHAR(9) CHARACTER SET sjis, c TEXT CHARACTER SET swe7)",
            "INSERT INTO log VALUES ('Ġ ', 'ソ能', 'åäö'), ('Ġ', 'ソ能', 'åäö'), ('ġ', 'ソ能', 'åäö')",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    for left in [2, 1, 0] {
        pair.source.run("DELETE FROM log ORDER BY HEX(a) LIMIT 1").await;
        binleaf.catches_up_and_is_equal(&pair).await;
        assert_eq!(pair.target.count("log").await, left.min(2));
    }
}

/// information_schema tells these labels with `?`; only what is stored says what they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_past_the_first_plane_are_told_by_both_roads() {
    let spawned = Spawned::mysql(&["--binlog-row-metadata=FULL"]).await;
    for address in [spawned.address.clone(), servers::mysql()] {
        let pair = Pair::on(address, servers::mongodb()).await;
        let numbers: Vec<String> = (1..64).map(|number| format!("'{number}'")).collect();
        for charset in ["utf8mb4", "utf16", "utf16le", "utf32", "gb18030"] {
            pair.source
                .run(format!(
                    "CREATE TABLE {charset} (id INT PRIMARY KEY, e ENUM('a', '😀', 'b👍?', '?') NOT NULL, s SET({}, '🐟'))
                     CHARACTER SET {charset}",
                    numbers.join(",")
                ))
                .await;
            pair.source
                .run(format!(
                    "INSERT INTO {charset} VALUES (1, 1, 1), (2, 2, 1 << 63), (3, 3, 3), (4, 4, 0)"
                ))
                .await;
        }
        let mut binleaf = Launch::of(&pair).run();
        binleaf.streams().await;
        binleaf.catches_up_and_is_equal(&pair).await;
        for charset in ["utf8mb4", "utf16", "utf16le", "utf32", "gb18030"] {
            pair.source
                .run(format!("INSERT INTO {charset} SELECT id + 10, e, s FROM {charset}"))
                .await;
        }
        binleaf.catches_up_and_is_equal(&pair).await;
        assert!(!binleaf.log().text().contains("ALTER TABLE"), "labels differ by the two roads");
        let fish = pair.target.find("utf16", bson::doc! { "e": "😀", "s": ["🐟"] }).await;
        assert_eq!(fish.len(), 2);
        binleaf.stops().await;
    }
}

/// A table a charset, with a row a code. Answers with their names.
async fn fill(source: &Source) -> Vec<String> {
    let mut tables = Vec::new();
    for charset in Server::at(&source.address).await.charsets().await {
        let codes = spread(&source.address, &charset).await;
        let table = format!("text_{charset}");
        let labels = labels(&codes);
        source
            .run(format!(
                "CREATE TABLE {table} (id INT PRIMARY KEY, c CHAR(6), v VARCHAR(300), t TEXT,
                 e ENUM({labels}), s SET({labels}), long_c CHAR(255), short_v VARCHAR(60))
                 CHARACTER SET {charset} COLLATE {charset}_bin"
            ))
            .await;
        source.run(rows(&table, &charset, &codes)).await;
        tables.push(table);
    }
    tables
}

/// The code alone, with a blank behind it that CHAR loses and VARCHAR keeps, and with all others.
fn rows(table: &str, charset: &str, codes: &[(Vec<u8>, String)]) -> String {
    let all: Vec<u8> = codes.iter().flat_map(|(code, _)| code.clone()).collect();
    let blank = match charset {
        "ucs2" | "utf16" => "0020",
        "utf16le" => "2000",
        "utf32" => "00000020",
        _ => "20",
    };
    let rows: Vec<String> = codes
        .iter()
        .enumerate()
        .map(|(id, (code, _))| {
            let code = hex(code);
            let text = if id % 100 == 0 { hex(&all) } else { format!("{code}{code}") };
            format!(
                "({id}, _{charset} X'{code}{blank}', _{charset} X'{code}{blank}', _{charset} X'{text}', {}, {},
                 REPEAT(_{charset} X'{code}', 120), _{charset} X'{code}{code}')",
                id % 3 + 1,
                id % 8
            )
        })
        .collect();
    format!("INSERT INTO {table} VALUES {}", rows.join(","))
}

/// Three letters as labels, of those that ASCII does not have if there are any.
fn labels(codes: &[(Vec<u8>, String)]) -> String {
    let letters = codes.iter().map(|(_, text)| text.as_str());
    let letters = letters.filter(|text| text.chars().all(char::is_alphabetic));
    let (mut own, mut plain): (Vec<&str>, Vec<&str>) =
        letters.filter(|text| text.len() < 4).partition(|text| !text.is_ascii());
    own.append(&mut plain);
    let labels: Vec<String> = own.iter().take(3).map(|text| format!("'{text}x'")).collect();
    assert_eq!(labels.len(), 3);
    labels.join(",")
}

/// Codes with their characters: all of one byte, some of the longer ones.
async fn spread(address: &Address, charset: &str) -> Vec<(Vec<u8>, String)> {
    let mut server = Server::at(address).await;
    let mut spread = Vec::new();
    for codes in Codes::all(charset) {
        let mut whole = server.convert_each(charset, &codes).await;
        whole
            .retain(|(code, utf8)| utf8.as_ref().is_some_and(|utf8| is_whole(charset, code, utf8)));
        let step = if whole.len() > 256 { whole.len() / SPREAD } else { 1 };
        let text = |utf8: Vec<u8>| String::from_utf8(utf8).expect("UTF-8");
        let taken = whole.into_iter().step_by(step);
        spread.extend(taken.map(|(code, utf8)| (code, text(utf8.expect("whole")))));
    }
    spread.extend(ending_in_a_blanks_byte(charset));
    spread
}

/// Characters whose last byte looks like a blank, and one of two surrogates.
fn ending_in_a_blanks_byte(charset: &str) -> Vec<(Vec<u8>, String)> {
    let characters = ["\u{120}", "\u{2020}", "\u{2000}", "\u{20}\u{2001}", "\u{1f420}"];
    let code = |text: &str| -> Option<Vec<u8>> {
        let units = text.encode_utf16();
        match charset {
            "utf16" => Some(units.flat_map(u16::to_be_bytes).collect()),
            "utf16le" => Some(units.flat_map(u16::to_le_bytes).collect()),
            "utf32" => Some(text.chars().flat_map(|one| u32::from(one).to_be_bytes()).collect()),
            "utf8mb4" => Some(text.as_bytes().to_vec()),
            _ => None,
        }
    };
    characters.iter().filter_map(|text| Some((code(text)?, (*text).to_owned()))).collect()
}

/// The codes of the spread that are letters or digits.
async fn letters(address: &Address, charset: &str) -> Vec<Vec<u8>> {
    let mut spread = spread(address, charset).await;
    spread.retain(|(_, text)| text.chars().all(char::is_alphanumeric));
    spread.into_iter().map(|(code, _)| code).collect()
}
