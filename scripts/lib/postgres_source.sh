# Sourced by those who need PostgreSQL's own tests: what its source package has of them, of the version installed here.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh, sourced before this, sets them

# The newest installed server, as in scratch-postgres: its package and the version of that.
server_package() {
  dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 'postgresql-[0-9]*' 2>/dev/null |
    sed -nE 's/^installed (postgresql-[0-9]+ .*)$/\1/p' | sort -V | tail -n 1
}

# Where it is kept: the paths below are those of the source.
postgres_source() {
  local package version
  read -r package version < <(server_package)
  echo "$cache/$package-$version-source"
}

# From Debian's source package. Its index is read into a folder of its own: nothing of the machine's apt changes.
fetch_postgres_source() {
  local work package version options
  [[ ! -e $(postgres_source) ]] || return 0
  read -r package version < <(server_package)
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
  # shellcheck disable=SC2016  # apt's variables, not the shell's
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' |
    sort -u | sed -nE "s,^($VERSION_CODENAME\S*) (.*),deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \2 \1 main,p" \
    >"$work/sources.list"
  options=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  # Where the archive has not the installed version, the newest that it has: their tests are nearly the same.
  for version in "$version" $(apt-cache "${options[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -ruV); do
    (cd "$work" && apt-get "${options[@]}" source --download-only "$package=$version") && break
  done
  tar -C "$work/source" -xf "$work"/*.orig.tar.* --strip-components=1 --wildcards '*/src/test/regress' \
    '*/src/test/isolation' '*/src/test/modules/libpq_pipeline' '*/src/bin/psql/t' '*/src/bin/pgbench/t'
  # Moved in one step: what is there is complete.
  mkdir -p "$cache"
  mv "$work/source" "$(postgres_source)"
  rm -rf "$work"
}
