#!/usr/bin/env bash
# Makes a directory that holds all that tools/bench/gpu.sh needs on a bare machine with a GPU: the program and the
# tests that use a GPU, built with the CUDA backend, the shared libraries that they need beside the C library and
# NVIDIA's own, the golden files, and PyTorch's scripts.
#   usage: tools/bench/bundle.sh [DIR [CIFAR_ARCHIVE]]   DIR (default build/bundle) is made anew, and DIR.tar.xz of it;
#                                                        pieces of CIFAR_ARCHIVE of at most 45 MiB go to DIR.cifar
# The program takes cuBLASLt and cuDNN from the machine, when it opens the device. Every file to upload has at most 64 MiB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bundle=$(realpath -m "${1:-build/bundle}")
archive=${2:-}
readonly largest_upload=$((64 << 20))

fail() {
  echo "bundle.sh: $2" >&2
  exit "$1"
}
[[ -z $archive || -f $archive ]] || fail 66 "no file at $archive"

cmake --preset cuda >/dev/null
tests=(backend_tests goldens models_tests ops_tests train_tests)
cmake --build --preset cuda --target amcl "${tests[@]}"
rm -rf "$bundle" "$bundle.cifar"
cmake --install build/cuda --prefix "$bundle" --component program --strip >/dev/null
mkdir -p "$bundle/tests" "$bundle/lib"
for test in "${tests[@]}"; do cp "build/cuda/bin/$test" "$bundle/tests/"; done
strip "$bundle"/tests/*
cp -r tests/golden/cases "$bundle/goldens"
cp tools/bench/simclr_step_torch.py tools/bench/gpu.sh tools/bench/figures.sh "$bundle/"

# What the C library's package brings is left out: it must fit the machine's loader.
c_library='/(ld-linux|libc|libm|libdl|libpthread|librt|libresolv)[-.]'
for program in "$bundle"/bin/* "$bundle"/tests/*; do ldd "$program"; done | awk '$3 ~ /^\// {print $3}' | sort -u |
  grep -vE "$c_library|^$bundle/" | xargs -I {} cp -L {} "$bundle/lib/"

# It must not lean on where it was built: each program finds every library beside it, and the program starts in an
# empty directory without an environment.
for program in "$bundle"/bin/* "$bundle"/tests/*; do
  strays=$(env -i ldd "$program" | awk '/not found/ || $3 ~ /^\// {print $1, $3}' | grep -vE " $bundle/(bin|tests)/../lib/|$c_library" || true)
  [[ -z $strays ]] || fail 1 "$program takes from elsewhere: $strays"
done
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
(cd "$empty" && env -i "$bundle/bin/amcl" --version >/dev/null) || fail 1 "the program does not start by itself"

tar -C "$(dirname "$bundle")" -cf - "$(basename "$bundle")" | xz -T0 >"$bundle.tar.xz"
uploads=("$bundle.tar.xz")
if [[ -n $archive ]]; then
  mkdir -p "$bundle.cifar"
  split --bytes 45M "$archive" "$bundle.cifar/part."
  uploads+=("$bundle.cifar"/*)
fi
for upload in "${uploads[@]}"; do
  (($(stat -c %s "$upload") <= largest_upload)) || fail 1 "$upload is too large for an upload of 64 MiB"
done
du -sm "$bundle" "${uploads[@]}" | awk '{print "bundle.sh: " $2 ", " $1 " MiB"}'
