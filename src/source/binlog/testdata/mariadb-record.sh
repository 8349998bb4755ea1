#!/bin/sh
# Records mariadb-types-*.bin from a real MariaDB: sh mariadb-record.sh DATADIR CLIENT…
# CLIENT… is the client program, connected (`dev/servers sql mariadb`); the server's files are copied from DATADIR.
set -eu
here=$(cd "$(dirname "$0")" && pwd); data=$1; shift
for metadata in no_log full; do
  "$@" -e "drop database if exists fixture; create database fixture; reset master; set global binlog_row_metadata = $metadata"
  { echo "use fixture; set time_zone = '+00:00', sql_mode = ''; set names utf8mb4;"; cat "$here/mariadb-types.sql"; } | "$@"
  cp "$data/binlog.000001" "$here/mariadb-types-$metadata.bin"
done
"$@" -e "set global binlog_row_metadata = no_log; drop database fixture"
