//! Names of tables and columns that are no ASCII, and statements of sessions in other charsets that name them.

use mysql_async::prelude::Queryable;

use crate::support::{Launch, Pair, databases::Source};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_any_script_are_copied() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE `日本語` (`ключ` INT PRIMARY KEY, `naïve` VARCHAR(20) CHARACTER SET sjis, `ένα` ENUM('α', 'β') CHARACTER SET greek)",
            "CREATE TABLE `größe` (`ß` VARCHAR(20) CHARACTER SET latin2 PRIMARY KEY, `表` INT)",
            "INSERT INTO `日本語` VALUES (1, '表示', 'α')",
            "INSERT INTO `größe` VALUES ('łóź', 1)",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    pair.source
        .run_all(&[
            "INSERT INTO `日本語` VALUES (2, 'ソ能', 'β')",
            "UPDATE `größe` SET `ß` = 'ß', `表` = 2",
            "INSERT INTO `größe` VALUES ('łóź', 3)",
        ])
        .await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// The binlog has a statement in the bytes that the session sent. Read as UTF-8, the name would be another table's, and the
/// rows would stay in the copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_name_tables_in_the_sessions_charset() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE `模` (id INT PRIMARY KEY) CHARACTER SET utf8mb4").await;
    pair.source.run("INSERT INTO `模` VALUES (1)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    run_in_gbk(
        &pair.source,
        b"ALTER TABLE `\xc4\xa3` ADD COLUMN `\x87\xf8` VARCHAR(9) COMMENT '\x81\x5c'",
    )
    .await;
    pair.source.run("INSERT INTO `模` VALUES (2, '國')").await;
    binleaf.catches_up().await;
    let copied = pair.target.find("模", bson::doc! { "國": "國" }).await;
    assert_eq!(copied.len(), 1, "the column is followed");
    run_in_gbk(&pair.source, b"TRUNCATE TABLE `\xc4\xa3`").await;
    binleaf.ends().await.assert_said(1, &["模"]);
}

async fn run_in_gbk(source: &Source, statement: &[u8]) {
    let mut conn = source.connect().await;
    conn.query_drop("SET NAMES gbk").await.expect("a charset");
    conn.query_drop(statement).await.expect("a statement");
    conn.disconnect().await.expect("a clean end");
}
