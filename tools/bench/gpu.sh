#!/usr/bin/env bash
# Everything that only a GPU can show, by itself and within ten minutes, on a machine that has a driver, cuDNN 9,
# cuBLAS and a Python with PyTorch: the tests and golden files on the GPU, a run on CIFAR-10, the training step beside
# PyTorch, where its time goes, and compute-sanitizer. Run it inside a directory that tools/bench/bundle.sh made.
#   usage: ./gpu.sh OUT [CIFAR_DIR [SECTION...]]
#     OUT        receives DATE-gpu.md and the logs
#     CIFAR_DIR  is cifar-10-batches-bin; left out or empty: no run
#     SECTION    correct, run, fast, replay, profile, sanitize; left out: all, in this order, as far as time goes
#   environment: AMCL_TORCH        a Python with PyTorch for CUDA (default python3)
#                AMCL_GPU_SECONDS  after which nothing goes on (default 570)
# A step that fails is written down as failed, and the rest goes on; the exit status is 1 then. Without a GPU: 69.
set -uo pipefail
out=${1:?usage: ./gpu.sh OUT [CIFAR_DIR [SECTION...]]}
cifar=${2:-}
shift $(($# < 2 ? $# : 2))
sections=${*:-correct run fast replay profile sanitize}
mkdir -p "$out" || exit
out=$(realpath "$out")
[[ -z $cifar ]] || cifar=$(realpath "$cifar")
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=tools/bench/figures.sh
source ./figures.sh

python=${AMCL_TORCH:-python3}
amcl=bin/amcl
report=$out/$(date +%F)-gpu.md
deadline=$((SECONDS + ${AMCL_GPU_SECONDS:-570}))

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

gpu=$("$amcl" info | sed -n 's/^device cuda *//p')
if [[ -z $gpu || $gpu == not* ]]; then
  echo "gpu.sh: no GPU to measure: cuda is ${gpu:-unknown to $amcl}" >&2
  exit 69
fi

# limited SECONDS COMMAND...: no longer than that, and not beyond the deadline. Status 124: cut off, or not begun.
limited() {
  local seconds=$1 left=$((deadline - SECONDS))
  shift
  if ((left < 5)); then
    echo "gpu.sh: no time left"
    return 124
  fi
  timeout -k 3 $((seconds < left ? seconds : left)) "$@"
}

# run NAME SECONDS COMMAND...: its output goes to OUT/NAME.log, one line about it into the report.
run() {
  local name=$1 seconds=$2 begin=$SECONDS status=0
  shift 2
  limited "$seconds" "$@" >"$out/$name.log" 2>&1 || status=$?
  if grep -q '^skipped on cuda' "$out/$name.log"; then
    echo "- $name: **failed**: $(grep -m 1 '^skipped on cuda' "$out/$name.log")"
  elif ((status == 0)); then
    echo "- $name: passed in $((SECONDS - begin)) s: \`$*\`: $(grep -v '^=*$' "$out/$name.log" | tail -n 1)"
  else
    echo "- $name: **failed** (status $status after $((SECONDS - begin)) s): \`$*\`: $(tail -n 1 "$out/$name.log")"
  fi
}

# ours OPTION... and theirs OPTION...: the JSON line of a step, also into OUT/bench.jsonl.
ours() { limited 90 "$amcl" bench step --device cuda "$@" --steps 20 --warmup 5 2>>"$out/bench.log" | tee -a "$out/bench.jsonl"; }
theirs() {
  limited 90 "$python" simclr_step_torch.py --device cuda "$@" --steps 20 --warmup 5 2>>"$out/bench.log" |
    tee -a "$out/bench.jsonl"
}
# ratio_of A B: A / B, or nothing where one is missing.
ratio_of() { [[ -z $1 || -z $2 ]] || ratio "$1" "$2"; }

# bench_case NAME COMPILE OPTION...: a table row of the step, ours and PyTorch's; ours first and last, so that a drift
# shows. COMPILE: compile, or eager where torch.compile is left out to save its minute.
bench_case() {
  local name=$1 compile=$2 first last eager fast compiled="" rate channels_last row line
  shift 2
  first=$(ours "$@")
  eager=$(theirs "$@")
  fast=$(theirs "$@" --channels-last)
  [[ $compile == eager ]] || compiled=$(theirs "$@" --channels-last --compile)
  last=$(ours "$@")
  rate=$(printf '%s\n' "$first" "$last" | field pairs_per_s | sort -n | tail -n 1)
  channels_last=$(field pairs_per_s <<<"$fast")
  row="| $name | ${rate:-**failed**} ($(field peak_mib <<<"$first") MiB) |"
  for line in "$eager" "$fast" "$compiled"; do
    row+=" $(field pairs_per_s <<<"$line") ($(field peak_mib <<<"$line") MiB) |"
  done
  row+=" $(ratio_of "$rate" "$channels_last") | $(ratio_of "$rate" "$(field pairs_per_s <<<"$compiled")") |"
  echo "${row//( MiB)/}"
}

# capture_case NAME OPTION...: a table row of the step replayed from a recording and launched anew, in turn, with both
# losses after 25 steps, which must be the same to the bit.
capture_case() {
  local name=$1 replayed anew same="the same"
  shift
  replayed=$(ours "$@" --deterministic)
  anew=$(ours "$@" --deterministic --no-capture)
  local losses=("$(field loss <<<"$replayed")" "$(field loss <<<"$anew")")
  [[ -n ${losses[0]} && ${losses[0]} == "${losses[1]}" ]] || same="**failed**: ${losses[*]}"
  echo "| $name | $(field pairs_per_s <<<"$replayed") | $(field pairs_per_s <<<"$anew") | $same |"
}

correct() {
  echo -e "\n## Correct\n"
  run backend_tests 60 tests/backend_tests
  run goldens 60 env AMCL_GOLDEN_DIR="$PWD/goldens" tests/goldens
  run trainer 30 tests/train_tests -tc="*every device*"
  run total_pair_loss 30 tests/ops_tests -tc="total_pair_loss*"
  run pair_loss 30 tests/models_tests -tc="pair_loss*"
}

# Whole epochs with augmentation on the GPU; how busy the GPU is in them by the driver's own account; kNN at the end.
run_on_cifar() {
  [[ -n $cifar ]] || return 0
  local watch epochs alone step busy
  echo -e "\n## A run: CIFAR-10, 20 epochs, 512 pairs, bf16\n"
  nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -lms 200 >"$out/busy.txt" 2>/dev/null &
  watch=$!
  run pretrain 150 "$amcl" pretrain --data "$cifar" --device cuda --precision bf16 --epochs 20 --batch 512 --lr 0.24 \
    --warmup-epochs 1 --temperature 0.2 --eval-every 0 --checkpoint-every 20 --workers "$(nproc)" --overwrite --out "$out/run"
  kill "$watch" 2>/dev/null
  wait "$watch" 2>/dev/null
  run evaluate 60 "$amcl" evaluate "$out/run" --data "$cifar" --device cuda --protocol knn --k 200
  step=$(ours --width 64 --size 32 --batch 512 --temperature 0.2 --precision bf16)
  alone=$(field pairs_per_s <<<"$step")
  read -r _ epochs _ < <(field pairs_per_second <"$out/run/metrics.jsonl" | spread)
  # Of the samples the middle half: neither reading the data nor the end.
  busy=$(awk '{v[NR] = $1} END {for (i = int(NR / 4) + 1; i <= int(3 * NR / 4); ++i) {s += v[i]; ++n}
    if (n && s) printf "%.1f", s / n}' "$out/busy.txt")
  echo "- whole epochs: ${epochs:-?} pairs/s (median of the log), the step alone ${alone:-?}: $(ratio_of "$epochs" "$alone") of it"
  echo "- the GPU has a kernel under way for ${busy:-an unknown number of} % of the time (nvidia-smi)"
}

fast() {
  echo -e "\n## Fast: pairs per second, and the most memory that tensors took\n"
  echo "| case | amcl | PyTorch | channels last | torch.compile | amcl / channels last | amcl / torch.compile |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
  local small=(--backbone resnet18 --width 64 --size 32 --precision bf16)
  local adaptive=(--heads 3 --temperature adaptive)
  bench_case "ResNet-18, 32 px, 512 pairs" compile "${small[@]}" --batch 512
  bench_case "the same, AMCL, 3 heads" compile "${small[@]}" --batch 512 "${adaptive[@]}"
  bench_case "ResNet-18, 32 px, 128 pairs" compile "${small[@]}" --batch 128
  bench_case "ResNet-50, 224 px, 256 pairs" eager --backbone resnet50 --width 64 --size 224 --precision bf16 --batch 256
}

replay() {
  echo -e "\n## Replayed or launched anew: pairs per second, --deterministic\n"
  echo "| case | replayed | --no-capture | loss |"
  echo "| --- | --- | --- | --- |"
  local batch
  for batch in 32 128 512; do
    capture_case "ResNet-18, 32 px, $batch pairs" --width 64 --size 32 --batch "$batch" --precision bf16
  done
  capture_case "AMCL, 3 heads, 128 pairs" --width 64 --size 32 --batch 128 --heads 3 --temperature adaptive --precision bf16
}

profile() {
  echo -e "\n## Where a step goes: ResNet-18, 32 px, 512 pairs, bf16 (each kernel waited for)\n"
  limited 40 "$amcl" bench step --device cuda --width 64 --size 32 --batch 512 --precision bf16 --profile \
    >/dev/null 2>"$out/profile.log"
  kernel_table "$out/profile.log"
}

sanitize() {
  echo -e "\n## compute-sanitizer\n"
  if ! command -v compute-sanitizer >/dev/null; then
    echo "- not on this machine"
    return
  fi
  local tool line
  for tool in memcheck racecheck; do
    line=$(run "$tool" 120 compute-sanitizer --tool "$tool" --error-exitcode 9 tests/backend_tests -tc="*fast backends in f32*,bf16*")
    grep -q "Device not supported" "$out/$tool.log" && line="- $tool: does not run on this machine: Device not supported"
    echo "$line"
  done
}

{
  echo "# On a GPU, $(date +%F)"
  echo
  echo "- device: $gpu; driver $(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)"
  echo "- $("$amcl" --version | head -n 1)"
  echo "- PyTorch $("$python" -c 'import torch; print(torch.__version__, "cuDNN", torch.backends.cudnn.version())' 2>/dev/null || echo missing)"
  for section in $sections; do
    case $section in
      correct | fast | replay | profile | sanitize) "$section" ;;
      run) run_on_cifar ;;
      *) echo "- **failed**: no section is called $section" ;;
    esac
  done
} | tee "$report"
! grep -q failed "$report"
