# shellcheck shell=bash
# What the scripts of dev/ say: progress and errors on standard error, so that standard output stays data.

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WHAT TO DO]
die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/  /' >&2
  exit 1
}

# The time as milliseconds, without a process of its own.
now_ms() { local now=${EPOCHREALTIME/[.,]/}; printf '%s' "${now%???}"; }

# since_ms START -> "1.4 s"
since() {
  local elapsed=$(($(now_ms) - $1))
  printf '%d.%d s' $((elapsed / 1000)) $((elapsed % 1000 / 100))
}

# The end of a log, indented: what a server or a tool said before it failed.
tail_of() { [ ! -s "$1" ] || tail -n "${2:-8}" "$1" | cut -c1-300 | sed 's/^/  | /' >&2; }
