//! Keys of every kind, cut in small ranges and changed at random.

use crate::support::{Launch, Pair, Writer};

const TABLES: [&str; 19] = [
    "CREATE TABLE two_parts (a INT, b VARCHAR(20), v INT, PRIMARY KEY (a, b))",
    "CREATE TABLE three_parts (a TINYINT, b ENUM('x','y','z'), c BINARY(3), v INT, PRIMARY KEY (a, b, c))",
    "CREATE TABLE body_order (v INT, z INT, a INT, PRIMARY KEY (a, z))",
    "CREATE TABLE swedish (k VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, v INT)",
    "CREATE TABLE german (k CHAR(30) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY, v INT)",
    "CREATE TABLE modern (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v INT)",
    "CREATE TABLE padded (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)",
    "CREATE TABLE exact_text (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v INT)",
    "CREATE TABLE fixed_bytes (k BINARY(4) PRIMARY KEY, v INT)",
    "CREATE TABLE some_bytes (k VARBINARY(8) PRIMARY KEY, v INT)",
    "CREATE TABLE falling (a INT, b VARCHAR(10), v INT, PRIMARY KEY (a DESC, b))",
    "CREATE TABLE both_falling (a SMALLINT UNSIGNED, b DATETIME(6), v INT, PRIMARY KEY (a DESC, b DESC))",
    "CREATE TABLE huge (k BIGINT UNSIGNED PRIMARY KEY, v INT)",
    "CREATE TABLE signed_key (k BIGINT PRIMARY KEY, v VARCHAR(10))",
    "CREATE TABLE money_key (k DECIMAL(12,3) PRIMARY KEY, v INT)",
    "CREATE TABLE days (d DATE, t TIME(2), v INT, PRIMARY KEY (d, t))",
    "CREATE TABLE moments (k TIMESTAMP(6) PRIMARY KEY, s SET('a','b','c') NOT NULL, v INT, UNIQUE (s, k))",
    "CREATE TABLE second_best (a INT, b INT NOT NULL, c VARCHAR(9) NOT NULL, UNIQUE (a), UNIQUE second (b, c))",
    "CREATE TABLE set_key (s SET('a','b','c','d') NOT NULL, y YEAR NOT NULL, v INT, PRIMARY KEY (s, y))",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_every_kind_are_copied_in_small_ranges() {
    let pair = Pair::new().await;
    pair.source.run_all(&TABLES).await;
    make_a_table_whose_key_is_made(&pair).await;
    let mut writer = Writer::over(&pair.source).await;
    writer.changes(5_000).await;

    let mut binleaf = Launch::of(&pair).set("snapshot", "chunk_rows", "7").run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    writer.changes(5_000).await;
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// A generated invisible key is the `_id`, and no field of the document.
async fn make_a_table_whose_key_is_made(pair: &Pair) {
    let statements = [
        "SET sql_generate_invisible_primary_key = ON",
        "CREATE TABLE made (a INT, b VARCHAR(20))",
        "INSERT INTO made VALUES (1, 'cnry'), (1, 'cnry'), (NULL, NULL)",
    ];
    pair.source.run_all(&statements).await;
}

/// Neighbours in a key that a collation holds for nearly equal, spread over ranges of one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_one_row_lose_no_neighbour() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE words (k VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci, n INT, PRIMARY KEY (k, n))",
            "INSERT INTO words VALUES ('a', 1), ('A', 2), ('ä', 3), ('Ä', 4), ('ae', 5), ('', 6), (' ', 7), ('ß', 8), ('ss', 9),
             ('z', 10), ('€', 11), ('a ', 12), ('\\0', 13), ('ÿ', 14), ('%', 15), ('_', 16), ('''', 17), ('\\\\', 18)",
            "CREATE TABLE kinds (k ENUM('z','a','m') NOT NULL, n INT NOT NULL, PRIMARY KEY (k, n))",
            "INSERT INTO kinds VALUES ('z', 1), ('z', 2), ('a', 1), ('m', 5), ('', 1), ('m', -1)",
            "CREATE TABLE ends (k BIGINT UNSIGNED PRIMARY KEY)",
            "INSERT INTO ends VALUES (0), (1), (18446744073709551614), (18446744073709551615), (9223372036854775808)",
            "CREATE TABLE nothing (k INT PRIMARY KEY)",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).set("snapshot", "chunk_rows", "1").run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
}
