# Sourced by the scripts: what they share.
# shellcheck shell=bash
# shellcheck disable=SC2034  # used by those who source this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
jobs=${JOBS:-$(nproc)}

# What bootstrap fetches or builds is kept outside the checkout, so that a second clone finds it.
cache=${XDG_CACHE_HOME:-~/.cache}/pgwarden
catch2_prefix=$cache/catch2-3 # on Debian 12
poolers=$cache/poolers
export CMAKE_PREFIX_PATH=$catch2_prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails when it does not in time.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# listening PORT: whether somebody accepts connections there on 127.0.0.1.
listening() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port of 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && listening "$port"; do :; done
  echo "$port"
}
