# shellcheck shell=bash
# Prometheus and promtool from Debian's package, without its web pages: the monitoring tests ask it by HTTP.

prometheus_build() {
  local work=$1 log=$2 root=$1/root program
  fetch_packages "$work/apt" "$log" prometheus promtool
  package_version "$work/apt" prometheus >"$work/version"
  mkdir -p "$root"
  # Of what it depends on only the C library is needed.
  for program in prometheus promtool libc6; do dpkg-deb -x "$work/apt/archives/${program}"_*.deb "$root"; done
  rm -rf "$work/apt" "${root:?}"/usr/share/{doc,man,locale}
  for program in prometheus promtool; do wrap "$root" "usr/bin/$program" "bin/$program"; done
}

# prometheus_bin : the folder that holds prometheus and promtool; the system's own are taken first.
prometheus_bin() {
  local found
  if command -v promtool >/dev/null && found=$(command -v prometheus); then
    printf '%s\n' "${found%/*}"
  else
    have_debian || die "no Prometheus is to be had" "Put prometheus and promtool on the PATH, or work on a Debian system."
    ensure_installed prometheus || return 1
    printf '%s/root/bin\n' "$(home_of prometheus)"
  fi
}
