//! Names of tables and columns that are no ASCII, and statements of sessions in other charsets that name them.

use crate::support::{Launch, Pair};

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
