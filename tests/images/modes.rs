//! Every image mode, chosen by a session in mid-stream, over every kind of change and table.

use crate::support::{Comparison, Launch, Pair, Spawned, servers};

/// Defaults of every kind that the server may leave out of an image.
const DEFAULTS: &str = "CREATE TABLE defaults (id INT PRIMARY KEY, a INT DEFAULT 5, b VARCHAR(20) DEFAULT 'x',
    c INT DEFAULT (1 + 1), ts TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3),
    up TIMESTAMP(6) NULL ON UPDATE CURRENT_TIMESTAMP(6), v INT AS (a + 1) VIRTUAL, s INT AS (a + 2) STORED,
    t TEXT, nn INT NOT NULL, nt VARCHAR(9) NOT NULL, nd DATETIME NOT NULL, ne ENUM('q', 'w') NOT NULL,
    nj JSON NOT NULL, nb BINARY(3) NOT NULL, nx DECIMAL(40, 2) NOT NULL, j JSON DEFAULT (JSON_ARRAY(1)),
    e ENUM('q', 'w') DEFAULT 'w', st SET('q', 'w') DEFAULT 'q,w', d DATE DEFAULT '2020-01-02',
    dt DATETIME(2) DEFAULT '2020-01-02 03:04:05.67', f FLOAT DEFAULT 0.1234567, db DOUBLE DEFAULT 0.1,
    bn BINARY(3) DEFAULT 'ab', tm TIME(3) DEFAULT '10:11:12.5', bt BIT(4) DEFAULT b'101', y YEAR DEFAULT 1999,
    dc DECIMAL(6, 2) DEFAULT 1.5, z TIMESTAMP DEFAULT '2020-01-01 00:00:00', u BIGINT UNSIGNED DEFAULT 7,
    l VARCHAR(9) CHARACTER SET latin1 DEFAULT 'é', k CHAR(5) DEFAULT 'pad  ', bo TINYINT(1) DEFAULT TRUE)";

/// Few enough columns without literals that no row has to be read again.
const PLAIN: &str = "CREATE TABLE plain (id INT PRIMARY KEY, a INT DEFAULT 5, b VARCHAR(20) DEFAULT 'x', t TEXT, n INT)";

const PAIRS: &str =
    "CREATE TABLE pairs (a INT, b VARCHAR(9), c INT, t TEXT, j JSON, PRIMARY KEY (b, a))";
const UNIQUE: &str = "CREATE TABLE uniques (a INT NOT NULL, b INT, c TEXT, UNIQUE KEY (a))";
const KEYLESS: &str =
    "CREATE TABLE keyless (a INT DEFAULT 3, b VARCHAR(9), c TEXT, v INT AS (a + 1) VIRTUAL)";
const MADE: &str = "CREATE TABLE made (id INT PRIMARY KEY, a INT DEFAULT 1, b TEXT)";

/// One round of changes; `{0}` to `{9}` become keys of its own.
const CHANGES: &str = "INSERT INTO defaults (id) VALUES ({0}), ({1});
    INSERT INTO defaults (id, a, t) VALUES ({2}, NULL, 'text');
    INSERT INTO defaults (id, nj) VALUES ({3}, '{}') ON DUPLICATE KEY UPDATE a = 9;
    UPDATE defaults SET a = 7 WHERE id = {0};
    UPDATE defaults SET b = NULL, t = 'more' WHERE id IN ({1}, {2});
    UPDATE defaults SET j = '{\"a\": 1}' WHERE id = {2};
    UPDATE defaults SET id = {4}, f = 2.5 WHERE id = {3};
    REPLACE INTO defaults (id, a) VALUES ({1}, 3);
    INSERT INTO defaults (id) VALUES ({4}) ON DUPLICATE KEY UPDATE a = 11;
    DELETE FROM defaults WHERE id = {2};
    INSERT INTO plain (id) VALUES ({0}), ({1}), ({2}), ({3});
    BEGIN;
    UPDATE plain SET a = 1 WHERE id = {0};
    UPDATE plain SET b = 'two' WHERE id = {0};
    UPDATE plain SET a = NULL, n = 4 WHERE id = {0};
    INSERT INTO plain (id, n) VALUES ({5}, 1);
    UPDATE plain SET n = 2, t = 'b' WHERE id = {5};
    DELETE FROM plain WHERE id = {1};
    INSERT INTO plain (id, a) VALUES ({1}, 8);
    UPDATE plain SET a = a + 1 WHERE id = {1};
    UPDATE plain SET n = 1 WHERE id = {2};
    DELETE FROM plain WHERE id = {2};
    UPDATE plain SET id = {6} WHERE id = {3};
    UPDATE plain SET b = 'moved' WHERE id = {6};
    COMMIT;
    INSERT INTO pairs VALUES ({0}, 'x', 1, 'long', '[1, 2]'), ({1}, 'y', 1, NULL, NULL);
    UPDATE pairs SET c = 5 WHERE a = {0};
    UPDATE pairs SET t = 'longer', j = JSON_SET(j, '$[0]', 5) WHERE a = {0};
    UPDATE pairs SET b = 'z' WHERE a = {1};
    UPDATE pairs SET b = 'X', c = 6 WHERE a = {0};
    INSERT INTO uniques (a, b) VALUES ({0}, 2), ({1}, 3);
    UPDATE uniques SET b = 4 WHERE a = {0};
    UPDATE uniques SET a = {2}, c = 'c' WHERE a = {1};
    DELETE FROM uniques WHERE a = {0};
    INSERT INTO keyless (b) VALUES ('{0}'), ('{0}'), ('{1}');
    INSERT INTO keyless (b, c) VALUES ('{2}', 'text');
    UPDATE keyless SET a = {1} WHERE b = '{0}' LIMIT 1;
    UPDATE keyless SET b = 'u' WHERE b = '{2}';
    DELETE FROM keyless WHERE b = '{1}';
    INSERT INTO made (id) VALUES ({0}), ({1}), ({2});
    UPDATE made SET a = 5 WHERE id = {0};
    UPDATE made SET id = {3}, b = 'm' WHERE id = {1};
    DELETE FROM made WHERE id = {2}";

fn round(number: usize) -> Vec<String> {
    let mut text = CHANGES.to_owned();
    for key in 0..10 {
        text = text.replace(&format!("{{{key}}}"), &format!("{}", number * 10 + key));
    }
    text.split(";\n").map(|statement| statement.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_gives_the_same_documents_and_sessions_may_change_it() {
    let pair = Pair::new().await;
    let tables = [DEFAULTS, PLAIN, PAIRS, UNIQUE, KEYLESS, MADE];
    pair.source.run_all(&tables).await;
    let first = round(1);
    pair.source.run_all(&first.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let launch = Launch::of(&pair).set("tables.made", "id", "\"object_id\"");
    let mut binleaf = launch.run();
    binleaf.streams().await;
    let comparison = Comparison::of(&pair).object_id("made");
    for (index, mode) in ["MINIMAL", "NOBLOB", "FULL", "MINIMAL"].into_iter().enumerate() {
        let mut statements = vec![format!("SET SESSION binlog_row_image = {mode}")];
        statements.extend(round(index + 2));
        pair.source.run_all(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
        binleaf.catches_up().await;
        let differences = comparison.differences().await;
        assert!(differences.is_empty(), "{mode}:\n{}", differences.join("\n"));
    }
    binleaf.stops().await;
}

/// A changed default is told by nothing in the stream: what was inserted before the change keeps the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_that_changes_while_nobody_follows_is_not_taken_for_the_old_one() {
    // Without names in the binlog a table that was altered meanwhile would have to be copied again.
    let server = Spawned::mysql(&["--binlog-row-metadata=FULL"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source.run(PLAIN).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.pull_the_plug().await;
    let statements = [
        "SET SESSION binlog_row_image = MINIMAL",
        "INSERT INTO plain (id) VALUES (1)",
        "ALTER TABLE plain ALTER a SET DEFAULT 6",
        "INSERT INTO plain (id) VALUES (2)",
        "ALTER TABLE plain ALTER a SET DEFAULT 7, ADD COLUMN more INT DEFAULT 9",
        "INSERT INTO plain (id) VALUES (3)",
        "ALTER TABLE plain ALTER more SET DEFAULT 10",
        "CREATE TABLE late (id INT PRIMARY KEY, a INT DEFAULT 1)",
        "INSERT INTO late (id) VALUES (1)",
        "ALTER TABLE late ALTER a SET DEFAULT 2",
    ];
    pair.source.run_all(&statements).await;
    binleaf.start_again();
    binleaf.catches_up().await;
    let value = |id: i32| {
        let target = &pair.target;
        async move { target.find("plain", bson::doc! { "_id": id }).await.remove(0).get_i32("a").ok() }
    };
    assert_eq!((value(1).await, value(2).await, value(3).await), (Some(5), Some(6), Some(7)));
    let late = pair.target.find("late", bson::doc! {}).await;
    assert_eq!(late.first().and_then(|row| row.get_i32("a").ok()), Some(1));
    binleaf.stops().await;
}
