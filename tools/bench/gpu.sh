#!/usr/bin/env bash
# What only a GPU can show, in three calls for a GPU that is lent by the minute: each asks what matters most first, and
# says every answer as soon as it has it. Needs a driver, cuDNN 9, cuBLAS, and a Python with PyTorch to compare with.
#   usage: tools/bench/gpu.sh CALL OUT [BUNDLE]
#     CALL    first   device; the step at 512 pairs launched anew and replayed, by kernel, beside PyTorch; every
#                     engine of cuDNN; tests of the backend; golden files; a short training (280 s)
#             second  the ratio again, AMCL with three heads, 128 pairs; replayed against launched anew to the bit;
#                     compute-sanitizer; a training with kNN (300 s)
#             third   ResNet-50; torch.compile; --deterministic; f32 and TF32 (300 s)
#     OUT     receives CALL.md, and CALL with -bench.jsonl, -profile.txt, -engines.jsonl and -log.txt
#     BUNDLE  the directory or the archive that tools/bench/bundle.sh made; left out: where this script lies
#   environment: AMCL_TORCH        a Python with PyTorch for CUDA (default python3)
#                AMCL_GPU_SECONDS  after which nothing goes on, instead of those above
# A step that fails is written down as failed, and the rest goes on; the exit status is 1 then. Without a GPU: 69.
set -uo pipefail

usage="usage: gpu.sh first|second|third OUT [BUNDLE]"
call=${1:?$usage}
out=${2:?$usage}
bundle=$(realpath "${3:-$(dirname "${BASH_SOURCE[0]}")}") || exit
case $call in
  first) seconds=280 ;;
  second | third) seconds=300 ;;
  *) echo "gpu.sh: no call is named $call: $usage" >&2 && exit 2 ;;
esac
deadline=$((SECONDS + ${AMCL_GPU_SECONDS:-$seconds}))
python=${AMCL_TORCH:-python3}
mkdir -p "$out" || exit
out=$(realpath "$out")/$call
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [[ -f $bundle ]]; then # an archive, on a machine that may have no xz
  tar -xJf "$bundle" -C "$scratch" 2>/dev/null || "$python" -m tarfile -e "$bundle" "$scratch" || exit
  bundle=$(dirname "$scratch"/*/gpu.sh)
fi
cd "$bundle" || exit
# shellcheck source=tools/bench/figures.sh
source ./figures.sh
amcl=bin/amcl

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

# limited SECONDS COMMAND...: no longer than that, and not beyond the deadline. Status 124: cut off, or not begun.
limited() {
  local seconds=$1 left=$((deadline - SECONDS))
  shift
  ((left >= 5)) || { echo "gpu.sh: no time left" >&2 && return 124; }
  timeout -k 3 $((seconds < left ? seconds : left)) "$@"
}

# keep NAME FILE: the end of the file into OUT/CALL-log.txt.
keep() {
  printf '\n==== %s\n' "$1" >>"$out-log.txt"
  tail -c 500000 "$2" >>"$out-log.txt"
}

# run NAME SECONDS COMMAND...: one line about it into the report; its output is in $scratch/NAME until the end.
run() {
  local name=$1 seconds=$2 begin=$SECONDS status=0
  shift 2
  limited "$seconds" "$@" >"$scratch/$name" 2>&1 || status=$?
  keep "$name: $*" "$scratch/$name"
  if grep -q '^skipped on cuda' "$scratch/$name"; then
    echo "- $name: **failed**: $(grep -m 1 '^skipped on cuda' "$scratch/$name")"
  elif ((status == 0)); then
    echo "- $name: passed in $((SECONDS - begin)) s: $(grep -v '^=*$' "$scratch/$name" | tail -n 1)"
  else
    echo "- $name: **failed** (status $status after $((SECONDS - begin)) s): $(grep -v '^ *$' "$scratch/$name" | tail -n 1)"
  fi
}

# step NAME COMMAND...: the JSON line that COMMAND prints about its steps goes to OUT/CALL-bench.jsonl and into `line`; one line
# about it into the report.
line=
step() {
  local name=$1
  shift
  line=$(limited 75 "$@" --steps 20 --warmup 5 2>"$scratch/step")
  keep "$name: $*" "$scratch/step"
  if [[ -z $line ]]; then
    echo "- $name: **failed**: $(tail -n 1 "$scratch/step")"
    return
  fi
  echo "$line" >>"$out-bench.jsonl"
  echo "- $name: **$(field pairs_per_s <<<"$line")** pairs/s, $(field step_ms <<<"$line") ms a step, $(field peak_mib <<<"$line") MiB, loss $(field loss <<<"$line")"
}
ours() { step "amcl, $1" "$amcl" bench step --device cuda "${@:2}"; }
theirs() { step "PyTorch, $1" "$python" simclr_step_torch.py --device cuda --channels-last "${@:2}"; }
# The same of a step that must be replayed from a recording.
replayed() {
  ours "$@"
  [[ -z $line || $line == *'"captured":true'* ]] || echo "- **failed**: that step was not recorded: $(grep -m 1 warning "$scratch/step")"
}

# beside NAME OPTION...: ours, PyTorch's, and the ratio of the rates.
beside() {
  local name=$1 rate
  shift
  replayed "$name" "$@"
  rate=$(field pairs_per_s <<<"$line")
  theirs "$name, channels last" "$@"
  ratio_line "$name" "$rate" "$(field pairs_per_s <<<"$line")"
}
ratio_line() { [[ -z $2 || -z $3 ]] || echo "- $1: amcl / PyTorch **$(ratio "$2" "$3")**"; }

# same_bits NAME OPTION...: the weights after 25 steps that are replayed and after 25 that are launched anew.
same_bits() {
  local name=$1 bits anew
  shift
  replayed "$name, replayed" --deterministic "$@"
  bits=$(field weights_crc32c <<<"$line")
  ours "$name, launched anew" --deterministic --no-capture "$@"
  anew=$(field weights_crc32c <<<"$line")
  [[ -n $bits && -n $anew ]] || return
  if [[ $bits == "$anew" ]]; then
    echo "- $name: the weights are the same to the bit"
  else
    echo "- $name: **failed**: the weights differ"
  fi
}

# train NAME SECONDS OPTION...: a training run in $scratch/NAME, and the end of its log.
train() {
  local name=$1 seconds=$2
  shift 2
  run "training on $name" "$seconds" "$amcl" pretrain --device cuda --precision bf16 --batch 512 --lr 0.12 --eval-every 0 "$@" --out "$scratch/$name"
  [[ ! -f $scratch/$name/metrics.jsonl ]] || tail -n 1 "$scratch/$name/metrics.jsonl" | sed 's/^/    /'
}

# engines BACKBONE: the time of the first eight engines of cuDNN for each convolution, and what the fastest would gain.
engines() {
  run "engines of $1" 60 tests/conv_engine_probe "$1"
  grep '^{' "$scratch/engines of $1" >>"$out-engines.jsonl"
}

# sanitizer TOOL: our own kernels in the tests of the backend.
sanitizer() {
  local said
  if ! command -v compute-sanitizer >/dev/null; then
    echo "- $1: compute-sanitizer is not on this machine"
    return
  fi
  said=$(run "$1" 45 compute-sanitizer --tool "$1" --kernel-regex kns=amcl --error-exitcode 9 tests/backend_tests -tc="*fast backends in f32*,bf16*")
  grep -q "Device not supported" "$scratch/$1" && said="- $1: does not run on this machine: Device not supported"
  echo "$said"
}

# profile OPTION...: where the time of a step goes.
profile() {
  echo -e "\n### By kernel, each waited for\n"
  limited 45 "$amcl" bench step --device cuda --profile "$@" >/dev/null 2>"$out-profile.txt"
  kernel_table "$out-profile.txt"
  echo
}

exact=(--backbone resnet18 --width 64 --size 32)
small=("${exact[@]}" --precision bf16)
adaptive=(--heads 3 --temperature adaptive)

first() {
  local pairs=(--batch 512) best peer
  echo -e "\n## The step: ResNet-18, 32 px, 512 pairs, bf16\n"
  ours "launched anew" "${small[@]}" "${pairs[@]}" --no-capture
  replayed "replayed" "${small[@]}" "${pairs[@]}"
  best=$(field pairs_per_s <<<"$line")
  profile "${small[@]}" "${pairs[@]}"
  theirs "channels last" "${small[@]}" "${pairs[@]}"
  peer=$(field pairs_per_s <<<"$line")
  replayed "replayed, again" "${small[@]}" "${pairs[@]}"
  best=$(printf '%s\n' "$best" "$(field pairs_per_s <<<"$line")" | sort -n | tail -n 1)
  ratio_line "512 pairs" "$best" "$peer"
  engines resnet18
  echo -e "\n## Correct\n"
  run backend_tests 60 tests/backend_tests
  run goldens 50 env AMCL_GOLDEN_DIR="$PWD/goldens" tests/goldens
  train shapes10 40 --data shapes10 --epochs 5
}

second() {
  echo -e "\n## Beside PyTorch: ResNet-18, 32 px, bf16\n"
  beside "512 pairs" "${small[@]}" --batch 512
  beside "512 pairs, AMCL, 3 heads" "${small[@]}" --batch 512 "${adaptive[@]}"
  beside "128 pairs" "${small[@]}" --batch 128
  echo -e "\n## Replayed or launched anew\n"
  same_bits "128 pairs" "${small[@]}" --batch 128
  same_bits "128 pairs, AMCL, 3 heads" "${small[@]}" --batch 128 "${adaptive[@]}"
  echo -e "\n## compute-sanitizer\n"
  sanitizer memcheck
  sanitizer racecheck
  echo -e "\n## Training\n"
  if [[ -d images ]]; then
    train cifar10 60 --data images --epochs 60 --warmup-epochs 2 --temperature 0.2
    run "kNN of raw pixels" 20 "$amcl" evaluate --data images --protocol knn --features pixels
    run "kNN of what was trained" 30 "$amcl" evaluate "$scratch/cifar10" --data images --device cuda --protocol knn
  fi
  run trainer 20 tests/train_tests -tc="*every device*"
  run losses 20 tests/models_tests -tc="pair_loss*"
  run tiles 20 tests/ops_tests -tc="total_pair_loss*"
}

third() {
  local large=(--backbone resnet50 --width 64 --size 224 --precision bf16 --batch 256) best
  echo -e "\n## ResNet-50, 224 px, 256 pairs, bf16\n"
  beside "ResNet-50" "${large[@]}"
  engines resnet50
  echo -e "\n## torch.compile: ResNet-18, 32 px, bf16\n"
  replayed "512 pairs" "${small[@]}" --batch 512
  best=$(field pairs_per_s <<<"$line")
  theirs "512 pairs, torch.compile" "${small[@]}" --batch 512 --compile
  ratio_line "512 pairs, torch.compile" "$best" "$(field pairs_per_s <<<"$line")"
  echo -e "\n## What bits and precision cost: ResNet-18, 32 px, 512 pairs\n"
  replayed "--deterministic" "${small[@]}" --batch 512 --deterministic
  replayed "tf32" "${exact[@]}" --batch 512 --precision tf32
  replayed "f32" "${exact[@]}" --batch 512 --precision f32
}

{
  echo "# On a GPU, $call call, $(date +%F)"
  echo
  gpu=$("$amcl" info 2>&1 | sed -n 's/^device cuda *//p')
  echo "- device: ${gpu:-unknown to $amcl}; driver $(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)"
  "$amcl" info 2>&1 | sed 's/^/    /'
  if [[ -n $gpu && $gpu != not* ]]; then
    echo "- $("$amcl" --version | head -n 1)"
    "$call"
    echo -e "\n- $((deadline - SECONDS)) s are left"
  else
    echo "- **no GPU to measure**"
  fi
} | tee "$out.md"
! grep -q "no GPU to measure" "$out.md" || exit 69
! grep -q failed "$out.md"
