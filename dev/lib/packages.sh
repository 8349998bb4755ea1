# shellcheck shell=bash
# Debian packages in a private folder: downloaded by apt with state of its own, unpacked, and run with the folder's own
# loader and libraries. Nothing of the system is touched and no right of root is needed.
# The suite is sid: it alone has current MySQL, MariaDB and DocumentDB. Its libc is newer than the system's, hence the
# private loader.

readonly DEBIAN_SUITE=sid

# The address of the Debian mirror that this machine's apt uses, from either form of its sources.
debian_mirror() {
  {
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*//p' | tr -s '[:blank:]' '\n'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p'
  } | grep -E '^https?://.*/debian/?$' | head -n 1
}

have_debian() { command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -n "$(debian_mirror)" ]; }

# apt FOLDER ARGUMENTS... : apt-get whose every file lies in the cache folder. The lists are shared by all installs,
# the archives and the (empty) list of installed packages, beside which apt puts its lock, belong to one.
private_apt() {
  local folder=$1 lists=$CACHE/apt
  shift
  mkdir -p "$folder/archives/partial"
  : >"$folder/status"
  LC_ALL=C apt-get -qq -o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$lists/lists" \
    -o Dir::State::status="$folder/status" -o Dir::Cache="$folder" -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# refresh_lists MAX_AGE_MINUTES LOG : under a lock, since several installs begin at once.
refresh_lists() {
  local lists=$CACHE/apt fresh
  mkdir -p "$lists/lists/partial"
  (
    flock 9
    fresh=$(find "$lists/stamp" -mmin "-$1" 2>/dev/null)
    [ -z "$fresh" ] || exit 0
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$(debian_mirror)" "$DEBIAN_SUITE" >"$lists/sources.list"
    private_apt "$lists/update" -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false update >>"$2" 2>&1 && touch "$lists/stamp"
  ) 9>"$lists/lock"
}

# fetch_packages FOLDER LOG PACKAGE... : into FOLDER/archives. Lists that are older than the mirror's pool name files
# that are gone, so one failure refreshes them.
fetch_packages() {
  local folder=$1 log=$2 max_age
  shift 2
  for max_age in 60 0; do
    refresh_lists "$max_age" "$log" || continue
    private_apt "$folder" -y --no-install-recommends --download-only install "$@" >>"$log" 2>&1 && return 0
  done
  say "Debian's packages could not be fetched ($*):"
  tail_of "$log"
  say "Check that the mirror of this machine's apt sources can be reached (apt-get update), or name a server of your own: dev/servers help"
  return 1
}

# unpack_packages FOLDER ROOT : all but what only the packages' own install scripts would need.
unpack_packages() {
  local archive
  mkdir -p "$2"
  for archive in "$1"/archives/*.deb; do
    case ${archive##*/} in perl* | libperl* | *-perl_* | base-files* | debconf*) continue ;; esac
    dpkg-deb -x "$archive" "$2"
  done
  rm -rf "${2:?}"/usr/share/{doc,man,locale,perl,perl5,info,lintian}
}

# package_version FOLDER PACKAGE : the upstream version of what was fetched.
package_version() {
  local version
  version=$(dpkg-deb -f "$1/archives/$2"_*.deb Version)
  version=${version#*:}
  version=${version%-*}
  printf '%s' "${version%%+*}"
}

# wrap ROOT PROGRAM WRAPPER [LIBRARY_FOLDER] : all relative to ROOT. Writes a script that runs PROGRAM with the root's
# loader; it finds the root by its own path, so the folder can be renamed.
wrap() {
  local root=$1 program=$2 wrapper=$3 loader libraries up
  loader=$(cd "$root" && echo usr/lib/*-linux-gnu/ld-linux-*.so.*)
  libraries="\$root/${loader%/*}:\$root/${loader%/*}/private:\$root/usr/lib${4:+:\$root/$4}"
  up=$(dirname "$wrapper")
  mkdir -p "$root/$up"
  cat >"$root/$wrapper" <<END
#!/bin/sh
root=\${0%/$wrapper}
exec "\$root/$loader" --argv0 "\$0" --library-path "$libraries" "\$root/$program" "\$@"
END
  chmod 755 "$root/$wrapper"
}
