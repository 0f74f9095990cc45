#!/usr/bin/env bash
# Makes a directory that holds all that tools/bench/gpu.sh needs on a bare machine with a GPU: the program and the
# tests that use a GPU, built with the CUDA backend, the shared libraries that they need beside the C library and
# NVIDIA's own, the golden files, and PyTorch's scripts.
#   usage: tools/bench/bundle.sh [DIR [CIFAR_ARCHIVE]]   DIR (default build/bundle) is made anew, and DIR.tar.xz of it;
#                                                        pieces of CIFAR_ARCHIVE of at most 45 MiB go to DIR.cifar
# The program takes cuBLASLt and cuDNN from the machine, when it opens the device.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bundle=${1:-build/bundle}
archive=${2:-}
shared=../shared
[[ -d $shared/spec/golden ]] || { echo "bundle.sh: no golden files at $shared/spec/golden" >&2; exit 66; }
[[ -z $archive || -f $archive ]] || { echo "bundle.sh: no file at $archive" >&2; exit 66; }

cmake --preset cuda >/dev/null
tests=(backend_tests goldens train_tests)
cmake --build --preset cuda --target amcl "${tests[@]}"
rm -rf "$bundle" "$bundle.cifar"
cmake --install build/cuda --prefix "$bundle" --component program --strip >/dev/null
mkdir -p "$bundle/tests" "$bundle/lib"
for test in "${tests[@]}"; do cp "build/cuda/bin/$test" "$bundle/tests/"; done
strip "$bundle"/tests/*
cp -r "$shared/spec/golden" "$bundle/goldens"
cp "$shared/peers/simclr_step_torch.py" tools/bench/gpu.sh tools/bench/figures.sh "$bundle/"

# What the C library's package brings is left out: it must fit the machine's loader.
c_library='/(ld-linux|libc|libm|libdl|libpthread|librt|libresolv)[-.]'
for program in "$bundle"/bin/* "$bundle"/tests/*; do ldd "$program"; done | awk '$3 ~ /^\// {print $3}' | sort -u |
  grep -vE "$c_library" | xargs -I {} cp -L {} "$bundle/lib/"

if [[ -n $archive ]]; then
  mkdir -p "$bundle.cifar"
  split --bytes 45M "$archive" "$bundle.cifar/part."
fi
tar -C "$(dirname "$bundle")" -cf - "$(basename "$bundle")" | xz -T0 >"$bundle.tar.xz"
du -sm "$bundle" "$bundle.tar.xz" | awk '{print "bundle.sh: " $2 ", " $1 " MiB"}'
