# Sourced by bootstrap and agreement: PostgreSQL's own regression tests (SQL only), of the version that is installed.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh, sourced before this, sets them

# The newest installed server, as in scratch-postgres: its package and the version of that.
server_package() {
  dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 'postgresql-[0-9]*' 2>/dev/null |
    sed -nE 's/^installed (postgresql-[0-9]+ .*)$/\1/p' | sort -V | tail -n 1
}

# Where they are kept.
regression_tests() {
  local package version
  read -r package version < <(server_package)
  echo "$cache/$package-$version"
}

# From Debian's source package. Its index is read into a folder of its own: nothing of the machine's apt changes.
fetch_regression_tests() {
  local work package version apt
  read -r package version < <(server_package)
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/regress"
  # shellcheck disable=SC2016  # apt's variables, not the shell's
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' |
    sort -u | sed -nE "s,^($VERSION_CODENAME\S*) (.*),deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \2 \1 main,p" \
    >"$work/sources.list"
  apt=(apt-get -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  # Where the archive has replaced the installed version, the one in its place: their tests are nearly the same.
  (cd "$work" && { "${apt[@]}" source --download-only "$package=$version" || "${apt[@]}" source --download-only "$package"; })
  tar -C "$work/regress" -xf "$work"/*.orig.tar.* --strip-components=4 --wildcards '*/src/test/regress/sql' \
    '*/src/test/regress/parallel_schedule'
  # Moved in one step: what is there is complete.
  mkdir -p "$cache"
  mv "$work/regress" "$(regression_tests)"
  rm -rf "$work"
}
