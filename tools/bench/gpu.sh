#!/usr/bin/env bash
# Everything that only a GPU can show, by itself and within ten minutes, on a machine that has a driver, cuDNN 9,
# cuBLAS and a Python with PyTorch: the tests and golden files on the GPU, compute-sanitizer on the kernel tests, the
# training step beside PyTorch, and a run on CIFAR-10. Run it inside a directory that tools/bench/bundle.sh made.
#   usage: ./gpu.sh OUT [CIFAR_DIR]     OUT receives DATE-gpu.md and the logs; CIFAR_DIR is cifar-10-batches-bin
#   environment: AMCL_TORCH  a Python with PyTorch for CUDA (default python3)
# A step that fails is written down as failed, and the rest goes on; the exit status is 1 then.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=tools/bench/figures.sh
source ./figures.sh

out=${1:?usage: ./gpu.sh OUT [CIFAR_DIR]}
cifar=${2:-}
python=${AMCL_TORCH:-python3}
amcl=bin/amcl
mkdir -p "$out"
report=$out/$(date +%F)-gpu.md

# PyTorch's wheels bring cuDNN and cuBLAS where the system has none.
libraries=$("$python" - <<'PYTHON' 2>/dev/null
import importlib.util, os
for package in ("nvidia.cudnn", "nvidia.cublas", "nvidia.cu13"):
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        continue
    for place in (found.submodule_search_locations if found else []):
        print(os.path.join(place, "lib"))
PYTHON
)
LD_LIBRARY_PATH=$(paste -sd: <<<"$libraries")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# run NAME SECONDS COMMAND...: its output goes to OUT/NAME.log, one line about it into the report.
run() {
  local name=$1 seconds=$2 begin=$SECONDS status=0
  shift 2
  timeout "$seconds" "$@" >"$out/$name.log" 2>&1 || status=$?
  if grep -q '^skipped on cuda' "$out/$name.log"; then
    echo "- $name: **failed**: $(grep -m 1 '^skipped on cuda' "$out/$name.log")"
  elif ((status == 0)); then
    echo "- $name: passed in $((SECONDS - begin)) s: \`$*\`: $(grep -v '^=*$' "$out/$name.log" | tail -n 1)"
  else
    echo "- $name: **failed** (status $status after $((SECONDS - begin)) s): \`$*\`: $(tail -n 1 "$out/$name.log")"
  fi
}

# bench_case NAME OPTION...: a table row of the step, ours and PyTorch's; ours first and last, so that a drift shows.
bench_case() {
  local name=$1 way best=0 row rate
  shift
  local ours=() peak
  for _ in 1 2; do
    ours+=("$(timeout 60 "$amcl" bench step --device cuda "$@" --steps 20 --warmup 5 2>>"$out/bench.log")")
  done
  printf '%s\n' "${ours[@]}" >>"$out/bench.jsonl"
  rate=$(printf '%s\n' "${ours[@]}" | field pairs_per_s | sort -n | tail -n 1)
  peak=$(field peak_mib <<<"${ours[0]}")
  row="| $name | ${rate:-failed} (${peak:-?} MiB) |"
  for way in "" "--channels-last" "--channels-last --compile"; do
    local line theirs
    # shellcheck disable=SC2086
    line=$(timeout 90 "$python" simclr_step_torch.py --device cuda "$@" $way --steps 20 --warmup 5 2>>"$out/bench.log")
    echo "$line" >>"$out/bench.jsonl"
    theirs=$(field pairs_per_s <<<"$line")
    row+=" ${theirs:-failed} ($(field peak_mib <<<"$line") MiB) |"
    best=$(awk -v a="$best" -v b="${theirs:-0}" 'BEGIN {print (a > b ? a : b)}')
  done
  echo "$row $([[ $best == 0 || -z $rate ]] || ratio "$rate" "$best") |"
}

# capture_case NAME OPTION...: a table row of the step replayed from a recording and launched anew, in turn, with both
# losses after 25 steps, which must be the same to the bit.
capture_case() {
  local name=$1 way
  shift
  local rates=() losses=()
  for way in "" --no-capture; do
    local line
    # shellcheck disable=SC2086
    line=$(timeout 60 "$amcl" bench step --device cuda "$@" $way --steps 20 --warmup 5 2>>"$out/bench.log")
    echo "$line" >>"$out/bench.jsonl"
    rates+=("$(field pairs_per_s <<<"$line")")
    losses+=("$(field loss <<<"$line")")
  done
  local same="the same"
  [[ -n ${losses[0]} && ${losses[0]} == "${losses[1]}" ]] || same="**failed**: ${losses[*]}"
  echo "| $name | ${rates[0]:-failed} | ${rates[1]:-failed} | $same |"
}

{
  echo "# On a GPU, $(date +%F)"
  echo
  echo "- device: $(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo unknown)"
  echo "- $("$amcl" --version | head -n 1); $("$amcl" info | grep -i cuda | head -n 1)"
  echo "- PyTorch $("$python" -c 'import torch; print(torch.__version__, "cuDNN", torch.backends.cudnn.version())' 2>/dev/null)"
  echo
  echo "## Correct"
  echo
  run backend_tests 120 tests/backend_tests
  run goldens 90 env AMCL_GOLDEN_DIR="$PWD/goldens" tests/goldens
  run train_tests 120 tests/train_tests
  if command -v compute-sanitizer >/dev/null; then
    run memcheck 90 compute-sanitizer --tool memcheck --error-exitcode 9 tests/backend_tests -tc="*same bits*"
    run racecheck 90 compute-sanitizer --tool racecheck --error-exitcode 9 tests/backend_tests -tc="*same bits*"
  else
    echo "- compute-sanitizer: not on this machine"
  fi
  echo
  echo "## Fast: pairs per second, and the most memory that tensors took"
  echo
  echo "| case | amcl | PyTorch | channels last | torch.compile | amcl / best |"
  echo "| --- | --- | --- | --- | --- | --- |"
  for precision in bf16 f32; do
    bench_case "ResNet-18, 32 px, 512 pairs, $precision" --backbone resnet18 --width 64 --size 32 --batch 512 --precision $precision
  done
  bench_case "the same, AMCL, 3 heads, bf16" --backbone resnet18 --width 64 --size 32 --batch 512 --heads 3 \
    --temperature adaptive --precision bf16
  bench_case "ResNet-18, 32 px, 128 pairs, bf16" --backbone resnet18 --width 64 --size 32 --batch 128 --precision bf16
  bench_case "ResNet-50, 224 px, 256 pairs, bf16" --backbone resnet50 --width 64 --size 224 --batch 256 --precision bf16
  echo
  echo "## Replayed or launched anew: pairs per second, --deterministic"
  echo
  echo "| case | replayed | --no-capture | loss |"
  echo "| --- | --- | --- | --- |"
  for batch in 32 128 512; do
    capture_case "ResNet-18, 32 px, $batch pairs, bf16" --width 64 --size 32 --batch $batch --precision bf16 --deterministic
  done
  capture_case "AMCL, 3 heads, 128 pairs, bf16" --width 64 --size 32 --batch 128 --heads 3 --temperature adaptive \
    --precision bf16 --deterministic
  echo
  echo "## Where a step goes: ResNet-18, 32 px, 512 pairs, bf16 (each kernel waited for)"
  echo
  timeout 60 "$amcl" bench step --device cuda --width 64 --size 32 --batch 512 --precision bf16 --profile \
    >/dev/null 2>"$out/profile.log"
  kernel_table "$out/profile.log"
  if [[ -n $cifar ]]; then
    echo
    echo "## A run"
    echo
    run pretrain 240 "$amcl" pretrain --data "$cifar" --device cuda --precision bf16 --epochs 20 --batch 512 --lr 0.24 \
      --warmup-epochs 1 --temperature 0.2 --eval-every 5 --workers "$(nproc)" --out "$out/run"
    run evaluate 120 "$amcl" evaluate "$out/run" --data "$cifar" --device cuda --protocol knn --k 200
  fi
} | tee "$report"
! grep -q failed "$report"
