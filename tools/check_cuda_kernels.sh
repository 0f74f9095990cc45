#!/usr/bin/env bash
# Compiles the CUDA backend's own kernels for real GPUs (sm_80, sm_90, and PTX for later ones), warnings
# as errors. No GPU is needed, nor a driver. What the kernels compute is tested on an emulated GPU
# (ctest -L cuda-emulated); this shows that nvcc takes them too.
#   usage: tools/check_cuda_kernels.sh [FILE.cu ...]     all of engine/backend/cuda without a file
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nvcc=${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [[ ! -x $nvcc ]]; then
  echo "check_cuda_kernels: skipped: no nvcc (set CUDACXX)"
  exit 0
fi
files=("$@")
[[ ${#files[@]} -gt 0 ]] || files=(engine/backend/cuda/*.cu)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for file in "${files[@]}"; do
  "$nvcc" -std=c++20 --expt-relaxed-constexpr -O3 -I. -c "$file" -o "$scratch/object.o" \
    '-DAMCL_CUDA_DEVICE_CODE="engine/backend/cuda/nvcc_device_code.cuh"' \
    -Werror all-warnings -Xcompiler=-Wall,-Wextra,-Werror \
    -gencode arch=compute_80,code=sm_80 -gencode 'arch=compute_90,code=[sm_90,compute_90]'
  echo "check_cuda_kernels: $file compiles"
done
