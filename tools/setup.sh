#!/usr/bin/env bash
# Installs every Debian package that the build, the tests and the demo need. Asks nothing, and does
# nothing where all of them are there.
#   usage: tools/setup.sh
set -euo pipefail

packages=(
  cmake ninja-build g++ git                  # the build; git names the commit in --version
  libdnnl-dev libhwy-dev                     # the engine: oneDNN, Highway
  libcli11-dev libtomlplusplus-dev           # the command line and its configuration files
  nlohmann-json3-dev libstb-dev doctest-dev  # records; pictures; tests
  zlib1g-dev libjpeg62-turbo-dev libpng-dev  # images and archives that are read
  curl ca-certificates                       # amcl data fetch
  clang-format shellcheck                    # the format check
)

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  fail "apt-get not found: this script knows Debian and Ubuntu; elsewhere install what these packages hold: ${packages[*]}"
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "setup: all ${#packages[@]} packages are there"
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    fail "no permission to install ${missing[*]}: run once as root: apt-get install ${missing[*]}"
  fi
  as_root=(sudo -n)
fi

echo "setup: installing ${missing[*]}"
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null
}
apt_get update || fail "apt-get update failed: see the lines above (network, sources.list)"
apt_get install --yes --no-install-recommends "${missing[@]}" ||
  fail "apt-get could not install ${missing[*]}: see the lines above"
echo "setup: done"
