#!/usr/bin/env bash
# Whether every method learns as it comes: each --method, plain and adaptive (byol and lejepa are plain only), with no
# setting but the size of the task, beside an untrained network of the same seed. kNN (k = 20) on the 10,000 test images
# of CIFAR-10 after 15 epochs (SimSiam 30) on the first 4,000 training images, ResNet-18 of width 16, one thread. Prints a
# Markdown table and writes it to tools/bench/results/DATE-defaults.md. A run or evaluation that is there already is not
# made again.
#   usage: tools/bench/methods.sh CIFAR10 RUNS    for example: tools/bench/methods.sh cifar-10-batches-bin runs/methods
# Two hours on one core. The exit status is 1 if a form is not 3 points above the untrained network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

data=${1:?usage: tools/bench/methods.sh CIFAR10 RUNS}
runs=${2:?usage: tools/bench/methods.sh CIFAR10 RUNS}
find_amcl
mkdir -p "$runs"
seeds=(1 2)

# kNN of the run $1 of seed $2, made with the further arguments where it is not there yet.
score() {
  local run=$runs/$1-s$2 seed=$2
  if [[ ! -f $run/knn.json ]]; then
    "$amcl" pretrain --data "$data" --out "$run" --overwrite --limit 4000 --width 16 --seed "$seed" --threads 1 \
      --eval-every 0 "${@:3}" >"$run.log" 2>&1
    local -a model=("$run")
    [[ $1 == untrained ]] && model+=(--random-init)
    "$amcl" evaluate "${model[@]}" --data "$data" --limit 4000 --protocol knn --k 20 --threads 1 --json \
      >"$run/knn.part" 2>>"$run.log"
    mv "$run/knn.part" "$run/knn.json"
  fi
  field knn_top1 <"$run/knn.json"
}

# One row: the name and its scores, and what they are above the untrained ones.
failed=0
row() {
  local name=$1 cells='' gains='' gain i
  local -a scores=()
  for i in "${!seeds[@]}"; do
    scores[i]=$(score "$name" "${seeds[i]}" "${@:2}")
    cells+=" ${scores[i]} |"
    gain=$(awk -v a="${scores[i]}" -v b="${untrained[i]}" 'BEGIN { printf "%.1f", a - b }')
    gains+=" $gain |"
    if [[ $name != untrained ]] && awk -v gain="$gain" 'BEGIN { exit gain >= 3 }'; then failed=1; fi
  done
  echo "| $name |$cells$gains" >>"$results"
}

results=tools/bench/results/$(date +%F)-defaults.md
{
  echo "# Every method as it comes, CIFAR-10, first 4,000 images, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- command: \`tools/bench/methods.sh\`: \`--method M --temperature fixed|adaptive --limit 4000 --width 16 --epochs 15\`"
  echo "  (SimSiam 30) and nothing else but seed and one thread; kNN of 20 neighbours, 10,000 test images"
  echo
  echo "| form | kNN, seed ${seeds[0]} | seed ${seeds[1]} | above untrained, seed ${seeds[0]} | seed ${seeds[1]} |"
  echo "| --- | --- | --- | --- | --- |"
} >"$results"

untrained=()
for i in "${!seeds[@]}"; do untrained[i]=$(score untrained "${seeds[i]}" --epochs 0); done
row untrained
for method in simclr moco barlow simsiam byol lejepa; do
  epochs=15
  [[ $method == simsiam ]] && epochs=30
  temperatures=(fixed adaptive)
  [[ $method == byol || $method == lejepa ]] && temperatures=(fixed)
  for temperature in "${temperatures[@]}"; do
    row "$method-$temperature" --method "$method" --temperature "$temperature" --epochs "$epochs"
  done
done
cat "$results"
echo "written to $results" >&2
exit "$failed"
