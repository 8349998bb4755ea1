# shellcheck shell=bash
# The same servers in Docker, for machines that have it and not Debian's packages: docker/compose.servers.yaml.
# Further servers (`spawn`) are not offered this way.

have_docker() { command -v docker >/dev/null && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

# One project for each set, so that two clones do not share containers.
compose() {
  docker compose --project-name "binleaf-$(printf '%s' "$SET" | cksum | cut -d' ' -f1)" --file "$HERE/../docker/compose.servers.yaml" "$@"
}

docker_port() { case $1 in mongodb) printf 27017 ;; *) printf 3306 ;; esac; }

# docker_start KIND : compose picks the port; it is asked for afterwards.
docker_start() {
  local address
  compose up --detach --wait --wait-timeout 180 "$1" >&2 || return 1
  address=$(compose port "$1" "$(docker_port "$1")") || return 1
  case $1 in
    mongodb) printf 'mongodb://%s/?directConnection=true\n' "$address" >"$SET/$1.url" ;;
    *) printf 'mysql://root@%s\n' "$address" >"$SET/$1.url" ;;
  esac
  touch "$SET/docker"
}

docker_stop() { [ ! -f "$SET/docker" ] || { compose down --volumes --timeout 5 >&2; rm -f "$SET/docker"; }; }
