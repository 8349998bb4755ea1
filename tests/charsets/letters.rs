//! Bytes that the server stores but that have no character: where it answers with `?`, the row becomes a dead letter.

use bson::{Document, doc};

use crate::support::{Launch, Pair};

/// Charsets with a code that is well formed and means nothing, and one that means a letter.
const CODES: [(&str, &str, &str); 13] = [
    ("sjis", "8541", "82A0"),
    ("cp932", "8540", "82A0"),
    ("gb2312", "A2A1", "B0A1"),
    ("gbk", "FE50", "B0A1"),
    ("big5", "A3E1", "A440"),
    ("euckr", "C9A1", "B0A1"),
    ("ujis", "A9A1", "A4A2"),
    ("eucjpms", "A9A1", "A4A2"),
    ("cp1251", "98", "C0"),
    ("swe7", "FF", "7D"),
    ("tis620", "FF", "A1"),
    ("hebrew", "A1", "E0"),
    ("greek", "FF", "E1"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_character_is_kept_as_a_letter_by_both_roads() {
    let pair = Pair::new().await;
    for (charset, none, some) in CODES {
        pair.source
            .run_all(&[
                &format!("CREATE TABLE {charset} (id INT PRIMARY KEY, v VARCHAR(9)) CHARACTER SET {charset}"),
                &format!("INSERT INTO {charset} VALUES (1, _{charset} X'{some}'), (2, _{charset} X'{some}{none}')"),
            ])
            .await;
        let stored =
            format!("SELECT HEX(v) FROM `{}`.{charset} WHERE id = 2", pair.source.database);
        assert_eq!(pair.source.value(stored).await, format!("{some}{none}"), "{charset}");
        let told = format!("SELECT v FROM `{}`.{charset} WHERE id = 2", pair.source.database);
        let replaced = pair.source.value(told).await;
        assert!(replaced.ends_with(['?', '\u{FFFD}']), "{charset}: {replaced}");
    }
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    assert_letters(&pair, 1).await;

    for (charset, none, some) in CODES {
        pair.source
            .run(format!(
                "INSERT INTO {charset} VALUES (3, _{charset} X'{some}'), (4, _{charset} X'{none}')"
            ))
            .await;
    }
    binleaf.catches_up().await;
    assert_letters(&pair, 2).await;

    for (charset, _, some) in CODES {
        pair.source.run(format!("UPDATE {charset} SET v = _{charset} X'{some}'")).await;
    }
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(letters(&pair).await.is_empty());
}

/// Even where the key itself has no character: paging goes on behind it, and the row is a letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_without_a_character_is_paged_over() {
    let pair = Pair::new().await;
    let keys: Vec<String> = (0x8540..0x8560_u32)
        .filter(|code| code & 0xFF != 0x7F)
        .map(|code| format!("(_sjis X'61{code:04X}', _ucs2 X'D8{:02X}')", code & 0xFF))
        .collect();
    for statement in [
        "CREATE TABLE odd (k VARCHAR(9) CHARACTER SET sjis COLLATE sjis_bin, u CHAR(3) CHARACTER SET ucs2 COLLATE ucs2_bin,
         PRIMARY KEY (k, u))",
        "INSERT INTO odd VALUES (_sjis X'61', _ucs2 X'0061'), (_sjis X'62', _ucs2 X'0062')",
        &format!("INSERT INTO odd VALUES {}", keys.join(",")),
    ] {
        pair.source.run(statement).await;
    }
    let mut binleaf = Launch::of(&pair).set("snapshot", "chunk_rows", "3").run();
    binleaf.streams().await;
    binleaf.catches_up().await;
    assert_eq!(letters(&pair).await.len(), keys.len());
    assert_eq!(pair.target.count("odd").await, 2);
    pair.source.run("INSERT INTO odd VALUES (_sjis X'8541', 'x'), (_sjis X'63', 'x')").await;
    binleaf.catches_up().await;
    assert_eq!(letters(&pair).await.len(), keys.len() + 1);
    assert_eq!(pair.target.count("odd").await, 3);
    pair.source.run("DELETE FROM odd WHERE LENGTH(k) > 1").await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

async fn letters(pair: &Pair) -> Vec<Document> {
    pair.target.find("_sync_dead_letters", Document::new()).await
}

/// Of each table this many rows are letters that name the charset, and as many are copied.
async fn assert_letters(pair: &Pair, count: usize) {
    let letters = letters(pair).await;
    assert_eq!(letters.len(), CODES.len() * count, "{letters:?}");
    for (charset, ..) in CODES {
        let ours = letters.iter().filter(|letter| {
            letter.get_str("table").is_ok_and(|table| table.ends_with(charset))
                && letter.get_str("reason").is_ok_and(|reason| reason.contains(charset))
        });
        assert_eq!(ours.count(), count, "{charset}: {letters:?}");
        let copied = pair.target.find(charset, doc! { "v": { "$regex": "." } }).await;
        assert_eq!(copied.len(), count, "{charset}: {copied:?}");
    }
}
