//! Every type that this version copies, by snapshot and by binlog, and the odd values of each.

use crate::support::{Launch, Pair, Writer, databases::Source};

const TABLE: &str = "CREATE TABLE everything (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tiny TINYINT, tiny_u TINYINT UNSIGNED, flag TINYINT(1), small SMALLINT, small_u SMALLINT UNSIGNED,
    medium MEDIUMINT, medium_u MEDIUMINT UNSIGNED, plain INT, plain_u INT UNSIGNED,
    big BIGINT, big_u BIGINT UNSIGNED, single FLOAT, twice DOUBLE,
    money DECIMAL(10,4), exact DECIMAL(34,10), wide DECIMAL(50,20), whole DECIMAL(9,0) UNSIGNED,
    bit_1 BIT(1), bit_20 BIT(20), bit_64 BIT(64), year_of YEAR,
    day DATE, at DATETIME, at_3 DATETIME(3), at_6 DATETIME(6),
    stamp TIMESTAMP NULL, stamp_2 TIMESTAMP(2) NULL, stamp_6 TIMESTAMP(6) NULL,
    clock TIME, clock_3 TIME(3), clock_6 TIME(6),
    fixed CHAR(20), word VARCHAR(100) CHARACTER SET utf8mb4, latin VARCHAR(100) CHARACTER SET latin1,
    plain_ascii VARCHAR(60) CHARACTER SET ascii, three VARCHAR(60) CHARACTER SET utf8mb3,
    short_text TINYTEXT, body TEXT, long_body LONGTEXT, latin_body MEDIUMTEXT CHARACTER SET latin1,
    colour ENUM('red', 'Grün', 'it''s'), latin_colour ENUM('é', 'ß') CHARACTER SET latin1,
    tags SET('a', 'b', 'ü', 'd'), fixed_bytes BINARY(16), some_bytes VARBINARY(50), picture BLOB, film MEDIUMBLOB,
    doc JSON, place POINT, shape GEOMETRY, way LINESTRING, area POLYGON,
    next_plain BIGINT GENERATED ALWAYS AS (plain + 1) VIRTUAL,
    half DOUBLE GENERATED ALWAYS AS (plain / 2) STORED,
    hidden INT INVISIBLE, `dotted.name` INT, `$dollar` VARCHAR(20), _id INT) CHARACTER SET utf8mb4";

/// A table with a column of each type.
pub async fn create(source: &Source) {
    source.run(TABLE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_alike_by_snapshot_and_by_binlog() {
    let pair = Pair::new().await;
    create(&pair.source).await;
    odd_values(&pair.source).await;
    let mut writer = Writer::over(&pair.source).await;
    writer.changes(800).await;

    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.catches_up_and_is_equal(&pair).await;
    pair.source.run("DELETE FROM everything WHERE id < 40").await;
    odd_values(&pair.source).await;
    writer.changes(3_000).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert!(binleaf.metric("binleaf_values_coerced_total").await > 0.0, "zero dates are counted");
}

/// A row a list of settings; everything else is NULL.
async fn odd_values(source: &Source) {
    let rows = [
        "tiny = -128, tiny_u = 255, flag = 2, small = -32768, medium = -8388608, plain = -2147483648",
        "medium = -1, medium_u = 16777215, plain_u = 4294967295, big = -9223372036854775808",
        "big_u = 18446744073709551615, bit_64 = 18446744073709551615, bit_1 = 0, bit_20 = 1",
        "big_u = 9223372036854775807, bit_64 = 9223372036854775808, big = 9223372036854775807",
        "single = 0.1, twice = 0.1, money = -0.0001, exact = 123456789012345678901234.0123456789",
        "single = -3.4e38, twice = 1.7976931348623157e308, money = 0, wide = -1.00000000000000000001",
        "single = 1e-40, twice = 5e-324, whole = 999999999",
        "year_of = 0, day = '0000-00-00', at = '2023-02-00 10:00:00', stamp = '0000-00-00 00:00:00'",
        "year_of = 2155, at_6 = '9999-12-31 23:59:59.999999', day = '1000-01-01'",
        "at_6 = '1969-12-31 23:59:59.999999', at_3 = '1000-01-01 00:00:00.001', at = '0001-01-01 00:00:01'",
        "stamp = '1970-01-01 00:00:01', stamp_6 = '2038-01-19 03:14:07.999999', stamp_2 = '2001-02-03 04:05:06.78'",
        "clock = '-838:59:59', clock_3 = '-00:00:00.001', clock_6 = '-01:02:03.000004'",
        "clock = '838:59:59', clock_3 = '00:00:00', clock_6 = '-00:00:01.999999'",
        "fixed = 'trailing   ', word = 'trailing   ', latin = 'ÀÿŸ€', plain_ascii = '', three = '日本'",
        "word = '😀 and \\0 and \\n', body = '', long_body = REPEAT('ß', 40000), latin_body = REPEAT('ß', 70000)",
        "colour = 'it''s', latin_colour = 'é', tags = 'd,a,ü'",
        "colour = 'no member', tags = '', latin_colour = 'ß'",
        "fixed_bytes = X'00', some_bytes = X'0000', picture = '', film = REPEAT(X'00FF', 40000)",
        "fixed_bytes = X'AA00', fixed = '', tags = 15",
        "doc = 'null'",
        "doc = '[]'",
        "doc = '{\"b\": {\"\": 1, \"a.b\": 2, \"$c\": [1.5, -0.25, 1e100]}, \"aa\": null}'",
        "doc = '[2147483647, 2147483648, 9223372036854775807, 9223372036854775808, -1]'",
        "doc = CAST(1.50 AS JSON)",
        "doc = JSON_OBJECT('d', CAST('2026-01-10' AS DATE), 't', CAST('10:11:12.5' AS TIME(1)), 'n', 12.340)",
        "doc = JSON_ARRAY(CAST('2026-01-10 11:12:13.14' AS DATETIME(2)), X'0102', TRUE, 'ü \\\"')",
        "place = ST_GeomFromText('POINT(-0.5 89.25)'), shape = ST_GeomFromText('LINESTRING(0 0, 1.125 2)')",
        "shape = ST_GeomFromText('MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1)), ((9 9, 10 9, 10 10, 9 9)))')",
        "shape = ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), MULTIPOINT(3 4, 5 6))')",
        "place = ST_GeomFromText('POINT(12 34)', 4326), area = ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))')",
        "hidden = 7, `dotted.name` = 8, `$dollar` = 'nine', _id = 10",
        "hidden = NULL",
    ];
    // Numbers of their own: the writer may have used the last one that the server would give.
    for (id, settings) in (5_000_000_000_u64..).zip(rows) {
        source.run(format!("REPLACE INTO everything SET id = {id}, {settings}")).await;
    }
}
