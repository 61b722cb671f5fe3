# Sourced by bootstrap: what Debian 12 lacks and Debian 13 has. libpg_query 17 installs from there as it is; Catch2 3
# does not link with g++ 12 and is built from Debian 13's source package.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh, sourced before this, sets them

debian13_source=/etc/apt/sources.list.d/pgwarden-trixie.sources
debian13_pin=/etc/apt/preferences.d/pgwarden-trixie

# The address of Debian 13 is the one that this machine already takes Debian 12 from.
add_debian13_source() {
  [[ ! -e $debian13_source ]] || return 0
  local mirrors
  # shellcheck disable=SC2016  # apt's variable, not the shell's
  mapfile -t mirrors < <(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Codename: bookworm' 'Component: main')
  ((${#mirrors[@]})) || die "apt has no source for Debian 12 (bookworm main) to derive Debian 13's address from"

  # Older images of Debian 12 hold a keyring without Debian 13's keys.
  as_root apt-get install -qy --no-install-recommends debian-archive-keyring

  # The pin first: at no time may anything else be taken from Debian 13.
  as_root tee "$debian13_pin" >/dev/null <<PIN
Package: *
Pin: release n=trixie
Pin-Priority: -1

Package: libpg-query-dev libpg-query1706.0
Pin: release n=trixie
Pin-Priority: 990
PIN
  as_root tee "$debian13_source" >/dev/null <<SOURCE
Types: deb deb-src
URIs: ${mirrors[0]}
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
  as_root apt-get update -q
}

build_catch2() {
  local work
  work=$(mktemp -d)
  (cd "$work" && apt-get source -q catch2/trixie)
  cmake -S "$work"/catch2-3* -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCATCH_INSTALL_DOCS=OFF
  cmake --build "$work/build" --parallel "$jobs"
  cmake --install "$work/build" --prefix "$work/installed" >/dev/null
  # Moved in one step: what is at the prefix is complete.
  mkdir -p "${catch2_prefix%/*}"
  mv "$work/installed" "$catch2_prefix"
  rm -rf "$work"
}
