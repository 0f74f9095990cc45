#!/usr/bin/env bash
# Set-up, format check, build and all tests. Asks nothing; ends with ctest's summary.
#   usage: tools/test.sh [--slow] [--asan]
#     --slow  the tests labelled slow too (minutes)
#     --asan  with the address and undefined-behaviour sanitizers (preset asan)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
selection=(--label-exclude slow)
for argument in "$@"; do
  case "$argument" in
    --slow) selection=() ;;
    --asan) preset=asan ;;
    *)
      echo "test: unknown argument '$argument': usage: tools/test.sh [--slow] [--asan]" >&2
      exit 2
      ;;
  esac
done

tools/setup.sh
tools/format.sh --check
shellcheck tools/*.sh tools/*/*.sh .ci/run
cmake --preset "$preset"
cmake --build --preset "$preset"

status=0
ctest --preset "$preset" "${selection[@]}" || status=$?
grep -h '^goldens:' "build/$preset/Testing/Temporary/LastTest.log" || true
exit "$status"
