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
