#!/usr/bin/env bash
# How time per step and peak memory of one training step grow on this machine: from one base case, each row changes one
# setting. Prints a Markdown table and writes it to tools/bench/results/DATE-growth.md.
#   usage: tools/bench/growth.sh [STEPS [AXIS...]]     timed steps of a case (default 5); axes (default all):
#                                                      batch heads width size threads
# The base is ResNet-18 of width 16, 32 px, 128 pairs, one head, adaptive temperature, all threads. A cell of
# `time growth` compares with the row before it: what the setting grew by is beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

steps=${1:-5}
shift || true
axes=("${@:-batch heads width size threads}")
read -ra axes <<<"${axes[*]}"
find_amcl

declare -A values=([batch]="16 32 64 128 256 512" [heads]="1 3 5 10" [width]="16 32 64" [size]="32 64" [threads]="1 2")
for axis in "${axes[@]}"; do
  [[ -n ${values[$axis]:-} ]] || { echo "growth.sh: '$axis' is not one of batch heads width size threads" >&2; exit 2; }
done

# The rows of one axis.
rows() {
  local axis=$1 value line step peak before_value='' before_step='' before_peak=''
  for value in ${values[$axis]}; do
    local -a case=(--backbone resnet18 --width 16 --size 32 --batch 128 --heads 1 --temperature adaptive)
    line=$("$amcl" bench step "${case[@]}" "--$axis" "$value" --steps "$steps" --warmup 1)
    step=$(field step_ms <<<"$line")
    peak=$(field peak_mib <<<"$line")
    if [[ -z $before_value ]]; then
      echo "| $axis $value | $step | $peak | | | |"
    else
      echo "| $axis $value | $step | $peak | $(ratio "$value" "$before_value") | $(ratio "$step" "$before_step")" \
        "| $(ratio "$peak" "$before_peak") |"
    fi
    before_value=$value before_step=$step before_peak=$peak
  done
}

results=tools/bench/results/$(date +%F)-growth.md
mkdir -p tools/bench/results
{
  echo "# Growth of the training step on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- command: \`tools/bench/growth.sh $steps ${axes[*]}\`; median of $steps steps; memory is what tensors take at most"
  echo "- base: ResNet-18 of width 16, 32 px, 128 pairs, 1 head, adaptive temperature, $(nproc) threads; a row changes one setting"
  echo "- to be expected: time grows with batch, with size squared and between width and its square; heads add 4 batch^2"
  echo "  similarities each; memory grows with batch, width and size squared (activations): the loss holds a tile of the pairs only"
  echo
  echo "| case | step ms | peak MiB | setting x | time x | memory x |"
  echo "| --- | --- | --- | --- | --- | --- |"
  for axis in "${axes[@]}"; do rows "$axis"; done
} | tee "$results"
echo "written to $results" >&2
