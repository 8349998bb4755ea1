# shellcheck shell=bash
# MySQL and MariaDB as private servers: programs from Debian, a data folder copied from a template.
# Both accept root without a password, from loopback only: these are servers for tests.

# common_flags HOME FLAVOUR DIR : what initialisation and service share. Everything that the packages would take from
# absolute paths is named.
common_flags() {
  local root=$1/root
  printf '%s\n' --no-defaults --basedir="$root/usr" --datadir="$3" --lc-messages-dir="$root/usr/share/$2" --character-sets-dir="$root/usr/share/$2/charsets"
  [ "$(id -u)" != 0 ] || printf '%s\n' --user=root
}

mysql_build() {
  local work=$1 log=$2 root=$1/root program flags
  fetch_packages "$work/apt" "$log" mysql-server-core mysql-client-core
  package_version "$work/apt" mysql-server-core >"$work/version"
  unpack_packages "$work/apt" "$root"
  rm -rf "$work/apt"
  wrap "$root" usr/sbin/mysqld bin/mysqld
  for program in mysql mysqladmin mysqlbinlog mysqldump; do wrap "$root" "usr/bin/$program" "bin/$program"; done
  mkdir "$work/template"
  mapfile -t flags < <(common_flags "$work" mysql "$work/template")
  "$root/bin/mysqld" "${flags[@]}" --initialize-insecure --innodb-redo-log-capacity=8M >>"$log" 2>&1
  # The identity of the server: each copy makes its own.
  rm "$work/template/auto.cnf"
}

mariadb_build() {
  local work=$1 log=$2 root=$1/root flags
  fetch_packages "$work/apt" "$log" mariadb-server-core mariadb-client-core
  package_version "$work/apt" mariadb-server-core >"$work/version"
  unpack_packages "$work/apt" "$root"
  rm -rf "$work/apt"
  wrap "$root" usr/sbin/mariadbd bin/mariadbd
  wrap "$root" usr/bin/mariadb bin/mariadb
  mkdir "$work/template"
  mapfile -t flags < <(common_flags "$work" mariadb "$work/template")
  {
    printf 'create database mysql;\nuse mysql;\n'
    cat "$root"/usr/share/mariadb/mariadb_system_tables.sql "$root"/usr/share/mariadb/mariadb_system_tables_data.sql
  } | "$root/bin/mariadbd" "${flags[@]}" --innodb-log-file-size=8M --bootstrap >>"$log" 2>&1
}

# A library of Debian's that shows a program another time than the machine has.
faketime_build() {
  local work=$1 log=$2
  fetch_packages "$work/apt" "$log" libfaketime
  package_version "$work/apt" libfaketime >"$work/version"
  dpkg-deb -x "$work/apt/archives"/libfaketime_*.deb "$work/root"
  rm -rf "$work/apt"
}

# with_clock WRAPPER DIR : a wrapper like this one whose program takes the time from faketime; prints where it is. The
# library is of the program's own C library, which the system's shell does not have: only the program may load it.
with_clock() {
  local library
  ensure_installed faketime || return 1
  library=$(find "$(home_of faketime)/root" -name libfaketimeMT.so.1)
  sed -e "s#^root=.*#root=${1%/bin/*}#" -e "s#ld-linux[^ ]*#& --preload $library#" "$1" >"$2/with-clock"
  chmod +x "$2/with-clock"
  printf '%s' "$2/with-clock"
}

mysql_url() { printf 'mysql://root@127.0.0.1:%s' "$1"; }
mariadb_url() { mysql_url "$1"; }

# An answer of any kind is an answer: a test may have given root a password.
mysql_ready() { "$1/root/bin/mysqladmin" --no-defaults --host=127.0.0.1 --port="$2" --user=root --connect-timeout=2 ping; }
mariadb_ready() {
  local said
  said=$("$1/root/bin/mariadb" --no-defaults --host=127.0.0.1 --port="$2" --user=root --skip-ssl --connect-timeout=2 -e 'select 1' 2>&1) || [[ $said == *"Access denied"* ]]
}

# Each has a folder for temporary files of its own: MariaDB removes at its start whatever looks like its own in it, the
# temporary tables of another server that is running among it.
# Durability against a killed process, not against a power cut: what was committed sits in the kernel's page cache, and
# a SIGKILL does not take it away (flush-log-at-trx-commit=2 writes the log at every commit; sync-binlog=0 likewise).
mysql_spawn() {
  local dir=$1 port=$2 home sockets flags program
  shift 2
  home=$(home_of mysql)
  if [ ! -d "$dir/data" ]; then
    cp -a --reflink=auto "$home/template" "$dir/data.new"
    mv "$dir/data.new" "$dir/data"
  fi
  sockets=$(socket_folder "$dir")
  mkdir -p "$sockets" "$dir/tmp"
  mapfile -t flags < <(common_flags "$home" mysql "$dir/data")
  program=$home/root/bin/mysqld
  if [ -n "${SERVER_FAKETIME:-}" ]; then
    program=$(with_clock "$program" "$dir") || return 1
    export FAKETIME_TIMESTAMP_FILE=$SERVER_FAKETIME FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
  fi
  TZ=UTC daemon "$dir" mysqld "$program" "${flags[@]}" --plugin-dir="$home/root/usr/lib/mysql/plugin" --secure-file-priv=NULL \
    --bind-address=127.0.0.1 --port="$port" --socket="$sockets/mysqld.sock" --pid-file="$dir/data/mysqld.pid" --tmpdir="$dir/tmp" --mysqlx=OFF \
    --server-id="$port" --gtid-mode=ON --enforce-gtid-consistency=ON \
    --innodb-buffer-pool-size=128M --innodb-redo-log-capacity=128M --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 \
    "$@"
  await_ready "$dir" mysqld 90 mysql_ready "$home" "$port"
}

mariadb_spawn() {
  local dir=$1 port=$2 home sockets flags
  shift 2
  home=$(home_of mariadb)
  if [ ! -d "$dir/data" ]; then
    cp -a --reflink=auto "$home/template" "$dir/data.new"
    mv "$dir/data.new" "$dir/data"
  fi
  sockets=$(socket_folder "$dir")
  mkdir -p "$sockets" "$dir/tmp"
  mapfile -t flags < <(common_flags "$home" mariadb "$dir/data")
  TZ=UTC daemon "$dir" mariadbd "$home/root/bin/mariadbd" "${flags[@]}" --bind-address=127.0.0.1 --port="$port" --socket="$sockets/mariadbd.sock" \
    --pid-file="$dir/data/mariadbd.pid" --tmpdir="$dir/tmp" --server-id="$port" --log-bin="$dir/data/binlog" --binlog-format=ROW \
    --innodb-buffer-pool-size=128M --innodb-log-file-size=96M --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 \
    "$@"
  await_ready "$dir" mariadbd 90 mariadb_ready "$home" "$port"
}
