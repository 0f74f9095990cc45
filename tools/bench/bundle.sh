#!/usr/bin/env bash
# Makes an archive of all that tools/bench/gpu.sh needs on a bare machine with an H100 or H200: the program and the tests
# that use a GPU, built with the CUDA backend for sm_90 alone, the shared libraries that they need beside the C library and
# NVIDIA's own, the golden files, PyTorch's script, and some images.
#   usage: tools/bench/bundle.sh [DIR [CIFAR_ARCHIVE]]
#     DIR            is made anew (default build/bundle), and DIR.tar.xz of it
#     CIFAR_ARCHIVE  cifar-10-batches-bin.tar.xz or .tar.gz, of which the first 3,000 training and 1,000 test images are
#                    taken; left out: none
# The program takes cuBLASLt and cuDNN from the machine, when it opens the device. The archive has at most 40 MiB, and 60
# together with the source tree, which may travel with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bundle=$(realpath -m "${1:-build/bundle}")
archive=${2:-}
readonly most_packed=$((40 << 20)) most_together=$((60 << 20))
readonly image_bytes=3073 training_images=3000 test_images=1000

fail() {
  echo "bundle.sh: $2" >&2
  exit "$1"
}
[[ -z $archive || -f $archive ]] || fail 66 "no file at $archive"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build=build/cuda-sm_90
cmake --preset cuda -B "$build" -DCMAKE_CUDA_ARCHITECTURES=90-real >/dev/null
tests=(backend_tests conv_engine_probe goldens models_tests ops_tests train_tests)
cmake --build "$build" --target amcl "${tests[@]}"
rm -rf "$bundle"
cmake --install "$build" --prefix "$bundle" --component program --strip >/dev/null
mkdir -p "$bundle/tests" "$bundle/lib"
for test in "${tests[@]}"; do cp "$build/bin/$test" "$bundle/tests/"; done
strip "$bundle"/tests/*
cp -r tests/golden/cases "$bundle/goldens"
cp tools/bench/simclr_step_torch.py tools/bench/gpu.sh tools/bench/figures.sh "$bundle/"
if [[ -n $archive ]]; then
  mkdir "$bundle/images"
  tar -xaf "$archive" -C "$scratch" --wildcards '*/data_batch_1.bin' '*/test_batch.bin'
  head -c $((training_images * image_bytes)) "$scratch"/*/data_batch_1.bin >"$bundle/images/data_batch_1.bin"
  head -c $((test_images * image_bytes)) "$scratch"/*/test_batch.bin >"$bundle/images/test_batch.bin"
fi

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
mkdir "$scratch/empty"
(cd "$scratch/empty" && env -i "$bundle/bin/amcl" --version >/dev/null) || fail 1 "the program does not start by itself"

# One dictionary over all programs, which have most of their code in common.
tar -C "$(dirname "$bundle")" -cf - "$(basename "$bundle")" | xz -9 >"$bundle.tar.xz"
packed=$(stat -c %s "$bundle.tar.xz")
tree=$(git ls-files -coz --exclude-standard | xargs -0 cat 2>/dev/null | wc -c)
echo "bundle.sh: $bundle.tar.xz, $((packed >> 20)) MiB; the source tree has $((tree >> 20)) MiB"
((packed <= most_packed)) || fail 1 "the archive has more than $((most_packed >> 20)) MiB"
((packed + tree <= most_together)) || fail 1 "archive and tree have more than $((most_together >> 20)) MiB together"
