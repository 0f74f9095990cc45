#!/usr/bin/env bash
# Runs what is missing of a study: each file STUDY/NAME.toml becomes the run RUNS/NAME and its evaluation
# RUNS/NAME/evaluation.json. A run that was cut off goes on from its last checkpoint; a finished one is left alone; one
# that failed is tried again, and its last message stays in RUNS/NAME.log.
#   usage: tools/study/run.sh STUDY DATA RUNS [JOBS]    for example: tools/study/run.sh tools/study/cpu \
#                                                         cifar-10-batches-bin runs/cpu 2
# JOBS runs go at once (default 1). Settings for all runs come from the environment: AMCL_TRAIN_DEVICE=cuda,
# AMCL_TRAIN_THREADS=1, ... The exit status is 1 if a run failed.
set -uo pipefail

study=${1:?usage: tools/study/run.sh STUDY DATA RUNS [JOBS]}
data=${2:?usage: tools/study/run.sh STUDY DATA RUNS [JOBS]}
runs=${3:?usage: tools/study/run.sh STUDY DATA RUNS [JOBS]}
jobs=${4:-1}
amcl=${AMCL_BINARY:-$(dirname "${BASH_SOURCE[0]}")/../../build/release/bin/amcl}
[[ -x $amcl ]] || { echo "run.sh: no $amcl; build it first (preset release), or name it in AMCL_BINARY" >&2; exit 66; }
compgen -G "$study/*.toml" >/dev/null || { echo "run.sh: no .toml files in $study" >&2; exit 66; }
mkdir -p "$runs"

# The protocol: kNN (k = 200, T = 0.1) and a linear probe on backbone features of the test images, last epoch, against
# the images that the run was trained on.
one() {
  local file=$1 name run limit
  name=$(basename "$file" .toml)
  run=$runs/$name
  [[ -f $run/evaluation.json ]] && return
  limit=$(sed -n 's/^limit *= *//p' "$file")
  if train "$file" "$run" >>"$runs/$name.log" 2>&1 &&
    "$amcl" evaluate "$run" --data "$data" --limit "${limit:-0}" --protocol knn,linear --k 200 --json \
      >"$run/evaluation.part" 2>>"$runs/$name.log"; then
    mv "$run/evaluation.part" "$run/evaluation.json"
    echo "run.sh: $name done"
  else
    echo "run.sh: $name failed: $(tail -n 1 "$runs/$name.log")" >&2
    return 1
  fi
}
train() {
  if [[ ! -f $2/checkpoint.safetensors ]]; then
    "$amcl" pretrain --config "$1" --data "$data" --out "$2" --overwrite
  elif ! grep -q '"finished"' "$2/summary.json" 2>/dev/null; then
    "$amcl" pretrain --resume "$2"
  fi
}
export -f one train
export amcl data runs
# First seeds first: a study that is cut off has something of every row.
# shellcheck disable=SC2016
for file in "$study"/*.toml; do printf '%s\t%s\n' "${file##*-s}" "$file"; done | sort -n | cut -f 2- |
  xargs -d '\n' -n 1 -P "$jobs" bash -c 'one "$1"' _ || exit 1
