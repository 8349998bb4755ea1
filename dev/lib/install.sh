# shellcheck shell=bash
# Programs of the private servers, in the user's cache folder: <kind>-<version>-r<recipe>. A folder is built under
# another name and renamed when it is whole, so a folder that is there is usable; a lock keeps two clones from building
# the same one. The recipe number grows when the steps below change what a folder holds.

readonly CACHE=${XDG_CACHE_HOME:-${HOME:?}/.cache}/binleaf/servers
readonly RECIPE=1

# home_of KIND : the newest installed folder.
home_of() {
  local found
  found=$(printf '%s\n' "$CACHE/$1"-*-r"$RECIPE" | sort -V | tail -n 1)
  [ -d "$found" ] && printf '%s' "$found"
}

# ensure_installed KIND : KIND_build FOLDER LOG makes everything in FOLDER and writes its version to FOLDER/version.
ensure_installed() {
  local kind=$1 work log
  home_of "$kind" >/dev/null && return 0
  mkdir -p "$CACHE"
  (
    flock 9
    # Another clone may have finished while this one waited.
    home_of "$kind" >/dev/null && exit 0
    work=$CACHE/.building-$kind log=$CACHE/$kind.log
    rm -rf "$work"
    mkdir -p "$work"
    : >"$log"
    trap 'rm -rf "$work"' EXIT
    bash "$HERE/servers" _build "$kind" "$work" "$log" 9>&- || { say "$kind could not be installed; the whole story is in $log"; exit 1; }
    mv "$work" "$CACHE/$kind-$(<"$work/version")-r$RECIPE"
  ) 9>"$CACHE/$kind.lock"
}
