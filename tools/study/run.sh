#!/usr/bin/env bash
# Makes what is missing of a question: each of its runs becomes RUNS/VARIANT-sSEED, is evaluated, and leaves a line in
# QUESTION.tsv. A run that was cut off goes on from its last checkpoint; one with a line is left alone; one that
# failed is tried again, and its last message stays in RUNS/VARIANT-sSEED.log.
#   usage: tools/study/run.sh QUESTION DATA RUNS [JOBS]    for example: tools/study/run.sh tools/study/cpu \
#                                                            cifar-10-batches-bin runs/cpu 2
# JOBS runs go at once (default 1). Settings for all runs come from the environment: AMCL_TRAIN_DEVICE=cuda,
# AMCL_TRAIN_THREADS=1, ... The exit status is 1 if a run failed.
set -uo pipefail

usage='usage: tools/study/run.sh QUESTION DATA RUNS [JOBS]'
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=question.sh
source "$here/question.sh"
find_question "${1:?$usage}"
data=${2:?$usage}
runs=${3:?$usage}
jobs=${4:-1}
amcl=${AMCL_BINARY:-$here/../../build/release/bin/amcl}
[[ -x $amcl ]] || { echo "run.sh: no $amcl; build it first (preset release), or name it in AMCL_BINARY" >&2; exit 66; }
mkdir -p "$runs"
[[ -s $results ]] || (IFS=$'\t'; echo "${columns[*]}") >"$results"

# The protocol: kNN (k = 200, T = 0.1) and a linear probe on backbone features of the test images, last epoch, against
# the images that the run was trained on.
one() {
  local name=$1-s$2 settings=$3 limit
  cut -f 1,2 "$results" | grep -qxF "$1"$'\t'"$2" && return
  limit=$(sed -nE 's/.*(^| )limit=([0-9]+).*/\2/p' <<<"$settings")
  if train "$runs/$name" "$2" "$settings" >>"$runs/$name.log" 2>&1 &&
    "$amcl" evaluate "$runs/$name" --data "$data" --limit "${limit:-0}" --protocol knn,linear --k 200 --json \
      >"$runs/$name/evaluation.json" 2>>"$runs/$name.log"; then
    line_of "$1" "$2" "$runs/$name" | flock "$results" tee -a "$results" >/dev/null
    echo "run.sh: $name done"
  else
    echo "run.sh: $name failed: $(tail -n 1 "$runs/$name.log")" >&2
    return 1
  fi
}
train() {
  local arguments=() setting
  for setting in $3; do
    if [[ $setting == preset=* ]]; then arguments+=(--preset "${setting#*=}"); else arguments+=(--set "$setting"); fi
  done
  if [[ ! -f $1/checkpoint.safetensors ]]; then
    "$amcl" pretrain "${arguments[@]}" --set seed="$2" --data "$data" --out "$1" --overwrite
  elif ! grep -q '"finished"' "$1/summary.json" 2>/dev/null; then
    "$amcl" pretrain --resume "$1"
  fi
}
# A run's line in QUESTION.tsv.
line_of() {
  local run=$3
  printf '%s\t' "$1" "$2" "$(setting device "$run")" "$(setting precision "$run")" \
    "$(number knn_top1 <"$run/evaluation.json")" "$(number linear_top1 <"$run/evaluation.json")" \
    "$(number gradient_norm <"$run/metrics.jsonl" | sort -g | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}')" \
    "$(last loss "$run")" "$(number chance_loss <"$run/metrics.jsonl")" "$(last negative_similarity_mean "$run")" \
    "$(last positive_temperature_mean "$run")" "$(last negative_temperature_mean "$run")" \
    "$(last temperature_at_bound "$run")" "$(last head_similarity_correlation "$run")"
  sed -nE 's/.*"epoch":([0-9]+),"knn_top1":([0-9.]+).*/\1:\2/p' "$run/metrics.jsonl" | paste -s -d ' '
}
setting() { sed -nE "s/^#? *$1 = \"?([^\"  ]*)\"?.*/\1/p" "$2/config.toml" | head -n 1; }
number() { sed -nE "s/.*\"$1\": *([-+0-9.e]+).*/\1/p"; }
last() {
  sed -nE "s/.*\"$1\":\[?([-+0-9.e,]+).*/\1/p" "$2/metrics.jsonl" | tail -n 1 |
    awk -F, '{s = 0; n = 0; for (i = 1; i <= NF; i++) if ($i != "") {s += $i; n++} if (n) print s / n}'
}
export -f one train line_of setting number last
export amcl data runs results
# shellcheck disable=SC2016
runs_of_question | xargs -d '\n' -n 1 -P "$jobs" bash -c 'IFS=$'"'\t'"' read -r variant seed settings <<<"$1"
  one "$variant" "$seed" "$settings"' _ || exit 1
