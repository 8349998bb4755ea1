# shellcheck shell=bash
# A private server that speaks MongoDB's protocol: FerretDB (built with Go from the module proxy) over PostgreSQL with
# the DocumentDB extension (Debian). The two talk over a Unix socket, so only FerretDB takes a port.

readonly PG=usr/lib/postgresql/18

postgresql_build() {
  local work=$1 log=$2 root=$1/root program
  fetch_packages "$work/apt" "$log" postgresql-18 postgresql-18-documentdb postgresql-18-postgis-3-scripts
  package_version "$work/apt" postgresql-18 >"$work/version"
  unpack_packages "$work/apt" "$root"
  rm -rf "$work/apt"
  # A link that the package's install script would have made.
  [ -e "$root/usr/share/postgresql/18/extension/postgis.control" ] || ln -s postgis-3.control "$root/usr/share/postgresql/18/extension/postgis.control"
  # initdb and postgres look for their siblings beside themselves, so the wrappers take the programs' places.
  for program in postgres initdb psql; do
    mv "$root/$PG/bin/$program" "$root/$PG/bin/$program.bin"
    wrap "$root" "$PG/bin/$program.bin" "$PG/bin/$program" "$PG/lib"
  done
  postgresql_template "$work" "$log"
}

# A cluster with the extension in it, stopped. Creating both takes seconds; copying it does not.
postgresql_template() {
  local home=$1 log=$2 folder=$1/template
  mkdir "$folder"
  give_to_postgres "$folder"
  TZ=GMT as_postgres "$home/root/$PG/bin/initdb" -D "$folder/pg" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >>"$log" 2>&1
  postgres_start "$home" "$folder" off
  postgres_query "$home" "$folder" 'create extension documentdb cascade' >>"$log" 2>&1
  stop_part "$folder" postgres
  rm -f "$folder"/postgres.log
}

ferretdb_build() {
  local work=$1 log=$2 go
  go=$(command -v go) || die "FerretDB is built with Go, and there is no go on the PATH" "$(mongodb_help)"
  # The module list and its checksums are in dev/ferretdb; the version is read from there too.
  sed -n 's|.*FerretDB/FerretDB/v2 v\([0-9.]*\).*|\1|p' "$HERE/ferretdb/go.mod" | head -n 1 >"$work/version"
  if ! (cd "$HERE/ferretdb" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off "$go" build -trimpath -buildvcs=false -o "$work/ferretdb" github.com/FerretDB/FerretDB/v2/cmd/ferretdb >>"$log" 2>&1); then
    say "FerretDB could not be built:"
    tail_of "$log"
    say "Check that Go's module proxy can be reached and that go is 1.25 or newer."
    return 1
  fi
}

mongodb_help() { printf '%s\n' "Install Go 1.25 or newer, or Docker, or set TEST_MONGODB_URL to a MongoDB of your own."; }

# PostgreSQL refuses to run as root. It runs as nobody then, with the one right it needs to reach programs and data
# below a home folder that only root may enter (the secure bit makes access(2), which initdb asks, count that right).
as_postgres() {
  local prefix
  mapfile -t prefix < <(postgres_prefix)
  "${prefix[@]}" "$@"
}
postgres_prefix() {
  if [ "$(id -u)" = 0 ]; then
    printf '%s\n' setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override --securebits=+no_setuid_fixup
  else
    printf '%s\n' env
  fi
}
give_to_postgres() { [ "$(id -u)" != 0 ] || chown 65534:65534 "$@"; }

# postgres_start HOME DIR FSYNC : the cluster is DIR/pg. Without fsync everything that was acknowledged is kept when the
# process is killed (not when the machine is); synchronous_commit=off would not keep it, so that one stays on. There is no TCP address:
# DocumentDB, which calls its own server (to make a collection on its first insert, for one), is told the socket, and the
# jobs of pg_cron (it builds indexes with them) run as workers.
postgres_start() {
  local home=$1 dir=$2 fsync=$3 sockets prefix settings=() setting
  sockets=$(socket_folder "$dir")
  mkdir -p "$sockets"
  give_to_postgres "$sockets"
  for setting in listen_addresses= unix_socket_directories="$sockets" shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb \
    documentdb.localhost_connection_string="host='$sockets'" cron.database_name=postgres cron.use_background_workers=on \
    max_worker_processes=24 max_connections=200 \
    fsync="$fsync" full_page_writes="$fsync" shared_buffers=256MB max_wal_size=2GB timezone=GMT log_timezone=GMT; do
    settings+=(-c "$setting")
  done
  mapfile -t prefix < <(postgres_prefix)
  daemon "$dir" postgres "${prefix[@]}" "$home/root/$PG/bin/postgres" -D "$dir/pg" "${settings[@]}"
  await_ready "$dir" postgres 60 postgres_query "$home" "$dir" 'select 1'
}

postgres_query() { "$1/root/$PG/bin/psql" -X -q -h "$(socket_folder "$2")" -U postgres -v ON_ERROR_STOP=1 -c "$3" postgres; }

mongodb_url() { printf 'mongodb://127.0.0.1:%s' "$1"; }

# Asks with the protocol itself: OP_MSG {ping: 1, $db: "admin"}; the answer of a healthy server ends in ok: 1.0.
mongodb_ready() {
  local answer
  # shellcheck disable=SC2016 # $db is the field's name
  answer=$(
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf '\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0' >&3
    timeout 2 head -c 38 <&3 | od -An -v -tx1 | tr -d ' \n'
  ) 2>/dev/null
  [[ $answer == *6f6b00000000000000f03f* ]]
}

# Starts whichever of the two is not running: a test kills one or both. --fsync: what is acknowledged outlives the
# machine, as it does with any real target.
mongodb_spawn() {
  local dir=$1 port=$2 fsync=off postgres ferretdb sockets
  shift 2
  [ "${1:-}" != --fsync ] || { fsync=on && shift; }
  postgres=$(home_of postgresql) ferretdb=$(home_of ferretdb)
  if [ ! -d "$dir/pg" ]; then
    cp -a --reflink=auto "$postgres/template/pg" "$dir/pg.new"
    mv "$dir/pg.new" "$dir/pg"
  fi
  running "$dir" postgres >/dev/null || postgres_start "$postgres" "$dir" "$fsync" || return 1
  running "$dir" ferretdb >/dev/null && return 0
  sockets=$(socket_folder "$dir")
  mkdir -p "$dir/state"
  daemon "$dir" ferretdb "$ferretdb/ferretdb" --listen-addr="127.0.0.1:$port" --postgresql-url="postgres:///postgres?host=${sockets// /%20}&user=postgres" \
    --no-auth --debug-addr=- --telemetry=disable --state-dir="$dir/state" "$@"
  await_ready "$dir" ferretdb 60 mongodb_ready "$port"
}
