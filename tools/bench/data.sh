#!/usr/bin/env bash
# Augmented views per second and core beside torchvision on this machine: ours and theirs in turn, so that a drift of
# the machine meets both. Prints a table of medians, ratios and spread, and writes it to
# tools/bench/results/DATE-data.md.
#   usage: tools/bench/data.sh [PAIRS]     pairs of runs (default 3)
#   environment: AMCL_TORCH   a Python with torch, torchvision and numpy (default: a virtual environment in
#                             ~/.cache/amcl, made when missing)
# torchvision is measured on PIL images and on tensors of 8 bits and of floats; the best median counts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

pairs=${1:-3}
amcl=build/release/bin/amcl
[[ -x $amcl ]] || { echo "data.sh: no $amcl; build it first: tools/demo.sh, or the preset release" >&2; exit 66; }

python=${AMCL_TORCH:-${XDG_CACHE_HOME:-$HOME/.cache}/amcl/torch/bin/python}
[[ -x $python ]] || python3 -m venv "${python%/bin/python}"
"$python" -c 'import torchvision' 2>/dev/null || "$python" -m pip install --quiet torch torchvision numpy

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for ((pair = 0; pair < pairs; ++pair)); do
  "$amcl" bench data --workers 1 >>"$work/ours"
  "$python" tools/bench/data_torchvision.py >>"$work/theirs"
done

# Median (minimum to maximum) of the lines of file $1 that match all further arguments.
rates() {
  local lines
  lines=$(cat "$work/$1")
  for pattern in "${@:2}"; do lines=$(grep "\"$pattern\"" <<<"$lines"); done
  field views_per_s_per_core <<<"$lines" | spread
}

results=tools/bench/results/$(date +%F)-data.md
mkdir -p tools/bench/results
{
  echo "# Augmented views on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- torchvision $("$python" -c 'import torchvision; print(torchvision.__version__)')"
  echo "- command: \`tools/bench/data.sh $pairs\`, runs in turn, one core, views per second: median (minimum to maximum)"
  echo "- the recipe of SimCLR with blur; 32 px from 32 x 32, 224 px from decoded images of 500 x 375"
  echo
  echo "| case | amcl | torchvision, PIL | tensors, 8 bits | tensors, float | amcl / best of these | share of the floor |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
  for case in views_32 views_224; do
    read -r low ours high < <(rates ours "$case")
    row="| $case | $(printf '%.0f (%.0f to %.0f)' "$ours" "$low" "$high") |"
    best=0
    for way in pil v2_uint8 v2_float; do
      read -r low middle high < <(rates theirs "$case" "$way")
      row+=" $(printf '%.0f (%.0f to %.0f)' "$middle" "$low" "$high") |"
      best=$(awk -v a="$best" -v b="$middle" 'BEGIN {print (a > b ? a : b)}')
    done
    ratio=$(awk -v a="$ours" -v b="$best" 'BEGIN {printf "%.1f", a / b}')
    read -r _ share _ < <(grep "\"$case\"" "$work/ours" | field share_of_floor | spread)
    echo "$row $ratio | $(printf '%.2f' "$share") |"
  done
} | tee "$results"
echo "written to $results" >&2
