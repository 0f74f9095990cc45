#!/usr/bin/env bash
# Formats every C++ file of the project, or tells which ones are not formatted.
#   usage: tools/format.sh [--check]
# The result depends on clang-format's version; 14 (Debian 12) is the project's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly version=14

fail() {
  printf 'format: %s\n' "$*" >&2
  exit 1
}

check=false
case "${1-}" in
  "") ;;
  --check) check=true ;;
  *) fail "unknown argument '$1': usage: tools/format.sh [--check]" ;;
esac

formatter=clang-format-$version
command -v "$formatter" >/dev/null || formatter=clang-format
command -v "$formatter" >/dev/null || fail "clang-format not found: run tools/setup.sh"
found=$("$formatter" --version | sed -E 's/.*version ([0-9]+).*/\1/')
if [[ $found != "$version" ]]; then
  message="clang-format $version is what the project uses, this is $found"
  $check || fail "$message: its result would differ"
  echo "format: not checked: $message"
  exit 0
fi

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  list=(git ls-files -z --cached --others --exclude-standard)
else
  list=(find . -path ./build -prune -o -type f -print0)
fi
files=()
while IFS= read -r -d '' file; do
  if [[ $file =~ \.(cpp|h|cu|cuh)$ && -e $file ]]; then files+=("$file"); fi
done < <("${list[@]}")

if ! $check; then
  printf '%s\0' "${files[@]}" | xargs -0 "$formatter" -i
  echo "format: ${#files[@]} files"
  exit 0
fi

unformatted=()
for file in "${files[@]}"; do
  "$formatter" --dry-run -Werror "$file" 2>/dev/null || unformatted+=("$file")
done
if [[ ${#unformatted[@]} -gt 0 ]]; then
  printf 'format: not formatted: %s\n' "${unformatted[@]}" >&2
  fail "${#unformatted[@]} of ${#files[@]} files are not formatted: run tools/format.sh"
fi
echo "format: ${#files[@]} files are formatted"
