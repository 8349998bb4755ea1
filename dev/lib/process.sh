# shellcheck shell=bash
# Processes of the private servers: started in a session of their own, known by a pid file, ended by that pid only.
# A pid file can outlive its process, and the number can be given to another one: a process counts as ours only while
# its command line names the server's folder.

# daemon DIR NAME COMMAND... : the log is DIR/NAME.log. Nothing of the caller's is inherited: neither its standard
# output (a test that reads it would wait for ever) nor the lock on descriptor 9.
daemon() {
  local dir=$1 name=$2
  shift 2
  setsid "$@" </dev/null >>"$dir/$name.log" 2>&1 9>&- &
  disown
  printf '%s\n' "$!" >"$dir/$name.pid"
  # Until the program has taken the place of this shell, its command line is still the shell's.
  until running "$dir" "$name" >/dev/null || gone "$!"; do sleep 0.01; done
}

# running DIR NAME : prints the pid when the process lives. A command line reads empty for the moment of an exec.
running() {
  local pid line
  [ -f "$1/$2.pid" ] || return 1
  pid=$(<"$1/$2.pid")
  [ -n "$pid" ] || return 1
  until line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") && [ -n "$line" ]; do
    gone "$pid" && return 1
    sleep 0.01
  done
  [[ $line == *"$1"* ]] && printf '%s' "$pid"
}

# parts DIR : the processes that have a pid file here, those that use others first.
parts() {
  local part
  for part in ferretdb postgres mysqld mariadbd; do [ ! -f "$1/$part.pid" ] || printf '%s\n' "$part"; done
}

# gone PID : ended, last thread included. In a container nobody may collect the exit status; the entry then stays as a
# zombie, which holds nothing any more.
gone() {
  local tasks
  grep -qsE '^State:[[:space:]]+[^[:space:]ZX]' "/proc/$1/status" && return 1
  tasks=("/proc/$1/task"/*)
  [ "${#tasks[@]}" -le 1 ]
}

# await_exit PID SECONDS
await_exit() {
  local end=$(($(now_ms) + $2 * 1000))
  until gone "$1"; do
    [ "$(now_ms)" -lt "$end" ] || return 1
    sleep 0.02
  done
}

# end_session PID : a job that was started with setsid, and all that it runs. Servers have sessions of their own.
end_session() {
  local attempt
  for ((attempt = 0; attempt < 100; attempt++)); do
    kill -TERM -- "-$1" 2>/dev/null || return 0
    sleep 0.02
  done
  kill -KILL -- "-$1" 2>/dev/null
}

# stop_part DIR NAME : asks politely (PostgreSQL's "fast" shutdown is SIGINT), then insists.
stop_part() {
  local pid signal=TERM
  if pid=$(running "$1" "$2"); then
    [ "$2" != postgres ] || signal=INT
    kill -s "$signal" "$pid" 2>/dev/null
    await_exit "$pid" 30 || kill_part "$1" "$2"
  fi
  rm -f "$1/$2.pid"
}

# kill_part DIR NAME : SIGKILL, the power cut. PostgreSQL's children sit in sessions of their own and hold its shared
# memory until they notice; they are killed with it, so that the server can be started again at once.
kill_part() {
  local pid child children=""
  if pid=$(running "$1" "$2"); then
    kill -STOP "$pid" 2>/dev/null
    # shellcheck disable=SC2013 # paths of /proc hold no blanks
    for child in $(grep -lsE "^PPid:[[:space:]]+$pid\$" /proc/[0-9]*/status); do
      child=${child#/proc/}
      children="$children ${child%/status}"
    done
    # shellcheck disable=SC2086 # a list of numbers
    kill -KILL "$pid" $children 2>/dev/null
    for child in $pid $children; do await_exit "$child" 10 || die "process $child does not die"; done
    forget_locks "$1" "$2"
  fi
  rm -f "$1/$2.pid"
}

# forget_locks DIR NAME : a killed server's lock files; servers take a pid that still has an entry for a live owner.
forget_locks() {
  local sockets
  sockets=$(socket_folder "$1")
  case $2 in
    postgres) rm -f "$1/pg/postmaster.pid" "$sockets"/.s.PGSQL.5432{,.lock} ;;
    mysqld | mariadbd) rm -f "$sockets/$2".sock{,.lock} ;;
  esac
}

# await_ready DIR NAME SECONDS COMMAND... : asks until the command succeeds; fails at once when the process is gone.
await_ready() {
  local dir=$1 name=$2 end=$(($(now_ms) + $3 * 1000))
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! running "$dir" "$name" >/dev/null; then
      say "$name ended while it was starting:"
      tail_of "$dir/$name.log"
      return 1
    fi
    if [ "$(now_ms)" -ge "$end" ]; then
      say "$name is not ready yet; the end of $dir/$name.log:"
      tail_of "$dir/$name.log"
      return 1
    fi
    sleep 0.05
  done
}

port_taken() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A loopback port that nobody listens on, from TEST_PORTS (first-last). The default lies below the range that the
# kernel hands out for outgoing connections.
free_port() {
  local range=${TEST_PORTS:-20000-29999} first last port attempt
  first=${range%-*} last=${range#*-}
  for ((attempt = 0; attempt < 200; attempt++)); do
    port=$((first + RANDOM % (last - first + 1)))
    port_taken "$port" || { printf '%s' "$port"; return 0; }
  done
  die "no free port in $range" "Set TEST_PORTS=first-last to another range."
}

# socket_folder DIR : where DIR's Unix socket goes. The kernel takes paths up to 107 bytes only.
socket_folder() {
  if [ "${#1}" -le 80 ]; then
    printf '%s' "$1"
  else
    printf '/tmp/binleaf-%s' "$(printf '%s' "$1" | cksum | tr -d ' ')"
  fi
}
