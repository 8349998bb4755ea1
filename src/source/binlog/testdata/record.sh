#!/bin/sh
# Records the binlog files beside this script from a real server: sh record.sh SERVER-SCRIPT PORT DATADIR
# SERVER-SCRIPT answers `sql PORT ARGS…`. The server runs with GTIDs on; its files are copied from DATADIR.
set -eu
here=$(cd "$(dirname "$0")" && pwd); script=$1; port=$2; data=$3
record() { # NAME: what standard input does becomes NAME.bin
  sh "$script" sql "$port" -e 'drop database if exists fixture; reset binary logs and gtids; create database fixture character set utf8mb4'
  sh "$script" sql "$port" --default-character-set=utf8mb4 fixture
  cp "$data/binlog.000001" "$here/$1.bin"
}
for metadata in full minimal; do
  record "types-$metadata" <<SQL
set binlog_format=row; set global binlog_row_metadata=$metadata; set time_zone='+00:00'; set sql_mode='';
$(cat "$here/types.sql")
SQL
done
record shapes < "$here/shapes.sql"
record images < "$here/images.sql"
# It leaves one transaction prepared, which would keep its tables locked.
record xa < "$here/xa.sql"
sh "$script" sql "$port" -e "xa rollback 'packed'"
# mariadb.bin likewise from a MariaDB with binlog_format=ROW, after `reset master; create database fixture` (no -e line
# above knows its words): SERVER-SCRIPT sql PORT fixture < mariadb.sql; then `xa rollback 'two'`, which is left prepared.
