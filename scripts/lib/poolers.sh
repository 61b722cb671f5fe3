# Sourced by bootstrap: PgBouncer and HAProxy, for tests. Unpacked and not installed: their packages would leave
# services on the machine, started now and at every boot.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh, sourced before this, sets them

fetch_poolers() {
  local work package
  work=$(mktemp -d)
  (cd "$work" && apt-get download -q pgbouncer haproxy)
  for package in "$work"/*.deb; do
    dpkg-deb -x "$package" "$work/unpacked"
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get satisfy -qy --no-install-recommends "$(dpkg-deb -f "$package" Depends)"
  done
  # Moved in one step: what is there is complete.
  mkdir -p "${poolers%/*}"
  mv "$work/unpacked" "$poolers"
  rm -rf "$work"
}
