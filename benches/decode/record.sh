#!/bin/sh
# Records rich.bin and plain.bin beside this script from the MySQL of the tests:
#   dev/servers start mysql; eval "$(dev/servers env)"; sh benches/decode/record.sh
# Each is a whole binlog file of one transaction: a table map with all metadata, then the rows.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sql() { "$TEST_SERVERS_TOOL" sql mysql --default-character-set=utf8mb4 "$@"; }

# record NAME COLUMNS VALUES: 24 rows of a table, the first column their number, the last the only one that may be NULL.
record() {
  sql <<SQL
set global binlog_row_metadata = full, global binlog_format = row; set time_zone = '+00:00';
drop database if exists decode; create database decode character set utf8mb4;
create table decode.orders (id bigint not null primary key, $2);
reset binary logs and gtids;
insert into decode.orders with recursive n (i) as (select 1 union all select i + 1 from n where i < 24) select i, $3 from n;
SQL
  "$TEST_MYSQL_BIN/mysqlbinlog" --raw --read-from-remote-server --result-file="$here/" \
    --host=127.0.0.1 --port="${TEST_MYSQL_URL##*:}" --user=root "$(sql -N -e 'show binary log status' | cut -f1)"
  mv "$here"/binlog.* "$here/$1.bin"
  sql -e 'drop database decode'
}

name="concat(elt(1 + i % 4, 'Kaffeemühle', 'コーヒーミル', 'coffee grinder', 'moulin à café'), ' ', left(sha2(i, 256), 24 + i))"
placed="timestampadd(microsecond, i * 7654321, '2024-02-28 23:59:58.123456')"
changed="timestampadd(second, i * 86399, '2026-01-10 14:30:00')"
due="timestampadd(day, i, '2026-02-01')"

record rich \
  "stock int unsigned, price decimal(12,2), name varchar(80), placed datetime(6), changed timestamp null,
   state enum('open', 'paid', 'sent', 'returned'), marks set('new', 'sale', 'fragile', 'heavy'),
   attributes json, thumbnail blob, due date, weight double" \
  "4294967295 - i * 104729, (i - 12) * 98765.43, $name, $placed, $changed, 1 + i % 4, i % 16,
   json_object('colour', elt(1 + i % 3, 'red', 'grün', 'blue'), 'sizes', json_array(i, i * 2, i / 4e0), 'stock', i % 2 = 0, 'supplier', json_object('id', i * 1000003)),
   left(unhex(concat(sha2(i, 512), sha2(i + 1, 512))), 80 + i), $due, if(i % 12 = 0, null, i / 7)"

record plain \
  "customer int, stock int unsigned, name varchar(80), label varchar(40), price decimal(12,2), placed datetime(6),
   changed timestamp null, express tinyint, weight double, due date, note text" \
  "i * -9973, 4294967295 - i * 104729, $name, left(sha2(i, 256), 32), (i - 12) * 98765.43, $placed, $changed, i % 2, i / 7,
   $due, if(i % 12 = 0, null, concat('left at the door ', left(sha2(i, 512), 80 + i)))"
